package main

import (
	"math"
	"regexp"
	"testing"

	"weft/model"
)

func TestPeerOutput(t *testing.T) {
	re := regexp.MustCompile(`(?P<decode>[\d.]+) t/s`)
	for _, test := range []struct {
		output          string
		match           *regexp.Regexp
		prefill, decode float64
		ok              bool
	}{
		{output: `[{"n_prompt":512,"n_gen":0,"avg_ts":300.5},{"n_prompt":0,"n_gen":128,"avg_ts":40.25}]`, prefill: 300.5, decode: 40.25, ok: true},
		{output: "\n[{\"n_prompt\":0,\"n_gen\":128,\"avg_ts\":40}]", decode: 40, ok: true},
		{output: `[{"n_prompt":512,"n_gen":128,"avg_ts":99}]`}, // both together are neither
		{output: `{"prefill_tokens_per_s":7,"decode_tokens_per_s":3,"share":{}}`, prefill: 7, decode: 3, ok: true},
		{output: "1 t/s, 2 t/s and 2.5 t/s", match: re, decode: 2.5, ok: true},
		{output: "1..2 t/s", match: re},
		{output: `{"decode_tokens_per_s":3}`, match: re},
		{output: `{}`}, {output: `[]`}, {output: ``}, {output: `[`}, {output: `{"prefill_tokens_per_s":-1}`},
	} {
		p := benchPeer{match: test.match}
		prefill, decode, err := p.read([]byte(test.output))
		if prefill != test.prefill || decode != test.decode || (err == nil) != test.ok {
			t.Errorf("%q: %v and %v, %v; want %v and %v", test.output, prefill, decode, err, test.prefill, test.decode)
		}
	}
}

func TestSpread(t *testing.T) {
	if got, want := spread([]float64{4, 1, 3}), (spreadJSON{3, 1, 4}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := spread([]float64{4, 1}), (spreadJSON{2.5, 1, 4}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestShare: a speed that needs all there is has the share 1; rounds in which the limit moved do not count, if there are others.
func TestShare(t *testing.T) {
	d := benchDepth{bytes: 0.5e9, reads: []interval{{10, 10}, {5, 10}, {4, 10}}, peaks: []interval{{50, 100}, {60, 100}}}
	if got := d.decodeShare([]float64{20, 2, 3}); got != 1 {
		t.Errorf("decode: %v", got)
	}
	if got := share([]float64{100, 50}, d.peaks); got != 0.75 {
		t.Errorf("prefill: %v", got)
	}
}

// TestPeaks: what needs no arithmetic has no limit, and what needs some has one.
func TestPeaks(t *testing.T) {
	if got := peaks(nil, model.FLOPs{}); !math.IsInf(got, 1) {
		t.Errorf("nothing: %v", got)
	}
	if got := peaks(nil, model.FLOPs{1e9, 0, 1e9}); !(got > 0 && got < 1e6) {
		t.Errorf("a gigaflop and a gigaop: %v per second", got)
	}
}
