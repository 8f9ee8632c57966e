package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// benchPeer is another program that is measured in turns with this one.
type benchPeer struct {
	command         string
	match           *regexp.Regexp // nil: its output is JSON
	prefill, decode []float64
}

type benchPeerJSON struct {
	Command      string      `json:"command"`
	Prefill      *spreadJSON `json:"prefill_tokens_per_s"` // null: its output does not say
	Decode       *spreadJSON `json:"decode_tokens_per_s"`
	PrefillRatio float64     `json:"prefill_ratio,omitempty"` // how many times as fast Weft is
	DecodeRatio  float64     `json:"decode_ratio,omitempty"`
}

func newPeers(commands []string, match string) ([]*benchPeer, error) {
	var re *regexp.Regexp
	if match != "" {
		var err error
		if re, err = regexp.Compile(match); err != nil {
			return nil, usagef("--match: %w", err)
		}
		if re.SubexpIndex("prefill") < 0 && re.SubexpIndex("decode") < 0 {
			return nil, usagef("--match has neither a group (?P<prefill>…) nor (?P<decode>…)")
		}
	}
	var peers []*benchPeer
	for _, c := range commands {
		peers = append(peers, &benchPeer{command: c, match: re})
	}
	return peers, nil
}

// run runs the command once and reads its figures.
func (p *benchPeer) run(ctx context.Context) error {
	shell := []string{"sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/C"}
	}
	cmd := exec.CommandContext(ctx, shell[0], append(shell[1:], p.command)...)
	cmd.WaitDelay = time.Second // for what the shell started and has left behind
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &exit):
		return fmt.Errorf("%s: %w: %s", p.command, err, lastLine(exit.Stderr))
	case err != nil:
		return fmt.Errorf("%s: %w", p.command, err)
	}
	in, gen, err := p.read(out)
	if err != nil {
		return fmt.Errorf("%s: %w", p.command, err)
	}
	if in > 0 {
		p.prefill = append(p.prefill, in)
	}
	if gen > 0 {
		p.decode = append(p.decode, gen)
	}
	return nil
}

// lastLine is where a program says why it failed.
func lastLine(output []byte) string {
	text := strings.TrimSpace(string(output))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// read finds tokens per second in a program's output; 0 is none.
func (p *benchPeer) read(output []byte) (prefill, decode float64, err error) {
	switch {
	case p.match != nil:
		prefill, decode = matched(p.match, string(output))
	case strings.HasPrefix(strings.TrimSpace(string(output)), "["):
		prefill, decode, err = readLlamaBench(output)
	default:
		var doc benchJSON
		err = json.Unmarshal(output, &doc)
		prefill, decode = doc.Prefill, doc.Decode
	}
	if err != nil {
		return 0, 0, fmt.Errorf("the output is no JSON that says how fast it was (--match can find it elsewhere): %w", err)
	}
	if prefill <= 0 && decode <= 0 {
		return 0, 0, errors.New("the output does not say how fast it was")
	}
	return prefill, decode, nil
}

// readLlamaBench reads what llama-bench -o json prints: an object per test.
func readLlamaBench(output []byte) (prefill, decode float64, err error) {
	var tests []struct {
		Prompt int     `json:"n_prompt"`
		Gen    int     `json:"n_gen"`
		Rate   float64 `json:"avg_ts"`
	}
	if err := json.Unmarshal(output, &tests); err != nil {
		return 0, 0, err
	}
	for _, t := range tests {
		switch {
		case t.Gen == 0:
			prefill = t.Rate
		case t.Prompt == 0:
			decode = t.Rate
		}
	}
	return prefill, decode, nil
}

// matched is what the named groups found, the last time that each did.
func matched(re *regexp.Regexp, text string) (prefill, decode float64) {
	for _, found := range re.FindAllStringSubmatch(text, -1) {
		for i, name := range re.SubexpNames() {
			x, err := strconv.ParseFloat(found[i], 64)
			switch {
			case err != nil:
			case name == "prefill":
				prefill = x
			case name == "decode":
				decode = x
			}
		}
	}
	return prefill, decode
}

// compare sets Weft's medians against the program's.
func (p *benchPeer) compare(d benchDepth) benchPeerJSON {
	j := benchPeerJSON{Command: p.command}
	if len(p.prefill) > 0 {
		s := spread(p.prefill)
		j.Prefill, j.PrefillRatio = &s, d.Prefill.Median/s.Median
	}
	if len(p.decode) > 0 {
		s := spread(p.decode)
		j.Decode, j.DecodeRatio = &s, d.Decode.Median/s.Median
	}
	return j
}

func (benchPeerJSON) line(what string, s *spreadJSON, ratio float64) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%-16s  %s   Weft is %.2f times as fast\n", what, s, ratio)
}
