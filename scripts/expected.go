//go:build ignore

// Expected measures what runs on the studio's sample text come to, so that its page
// can show the band in which a run should lie. It trains a preset with several seeds
// and writes the validation bits per byte of each:
//
//	go run scripts/expected.go -preset nano -steps 300 -seeds 5 -out internal/studio/expected/nano.json
//	go run scripts/expected.go -preset micro -steps 200 -seeds 3 -out internal/studio/expected/micro.json
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"runtime"

	"weft/internal/atomicfile"
	"weft/train"
)

const text = "internal/studio/alice.txt"

// measured is what the file holds; package studio reads it.
type measured struct {
	Made   string       `json:"made"` // how
	Preset string       `json:"preset"`
	Text   string       `json:"text_sha256"`
	Recipe train.Recipe `json:"recipe"` // of the first seed
	Seeds  []uint64     `json:"seeds"`
	Steps  []int        `json:"steps"`   // after which was evaluated
	BPB    [][]float64  `json:"val_bpb"` // by seed, by step
}

func main() {
	preset := flag.String("preset", "nano", "")
	steps := flag.Int("steps", 300, "")
	seeds := flag.Int("seeds", 3, "")
	every := flag.Int("every", 10, "steps between evaluations")
	out := flag.String("out", "", "file to write")
	flag.Parse()
	m, err := measure(*preset, *steps, *every, *seeds)
	if err != nil {
		log.Fatal(err)
	}
	data, err := json.Marshal(m)
	if err == nil {
		err = atomicfile.WriteBytes(*out, append(data, '\n'))
	}
	if err != nil {
		log.Fatal(err)
	}
}

func measure(preset string, steps, every, seeds int) (measured, error) {
	p, err := train.FindPreset(preset)
	if err != nil {
		return measured{}, err
	}
	data, err := os.ReadFile(text)
	if err != nil {
		return measured{}, err
	}
	sum := sha256.Sum256(data)
	m := measured{Made: fmt.Sprintf("scripts/expected.go -preset %s -steps %d -every %d -seeds %d, %s", preset, steps, every, seeds, runtime.GOARCH), Preset: preset, Text: hex.EncodeToString(sum[:]), Recipe: p.Recipe}
	m.Recipe.Horizon, m.Recipe.EvalEvery = train.Horizon{Steps: steps}, every
	for seed := range uint64(seeds) {
		m.Recipe.Seed = seed + 1
		if err := m.run(); err != nil {
			return m, err
		}
	}
	m.Recipe.Seed = 1
	return m, nil
}

// run trains with the recipe's seed.
func (m *measured) run() error {
	dir, err := os.MkdirTemp("", "expected")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var steps []int
	var curve []float64
	recipe := m.Recipe
	result, err := train.Run(context.Background(), train.Options{Data: []string{text}, Out: filepath.Join(dir, "m"), Recipe: &recipe,
		OnEvent: func(e train.Event) {
			if line, ok := e.(train.Line); ok && line.ValBPB != nil {
				steps, curve = append(steps, line.Step), append(curve, math.Round(*line.ValBPB*1e4)/1e4)
			}
		}})
	if err != nil {
		return err
	}
	fmt.Printf("%s, seed %d: %.4f bits per byte after %d steps, %.0f s\n", m.Preset, recipe.Seed, result.ValBPB, result.Steps, result.ElapsedS)
	m.Seeds, m.Steps, m.BPB = append(m.Seeds, recipe.Seed), steps, append(m.BPB, curve)
	return nil
}
