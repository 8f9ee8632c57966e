package weft_test

import (
	"context"
	"errors"
	"testing"

	"weft"
	"weft/model"
)

func TestBench(t *testing.T) {
	m, ctx := tiny(t, 64), context.Background()
	b, err := m.Bench(ctx, weft.BenchOptions{Prompt: 40, Gen: 8, Depth: 20})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		prefill, err := b.Read(ctx)
		if err != nil || prefill <= 0 {
			t.Fatalf("%v tokens/s, %v", prefill, err)
		}
		if decode, err := b.Generate(ctx); err != nil || decode <= 0 {
			t.Fatalf("%v tokens/s, %v", decode, err)
		}
	}
	// In each of 2 blocks queries and output, a head's keys and values, the MLP's three; half of 8 tokens came before on average.
	blocks, head := 2*(2*16*16+2*8*16+3*24*16), m.Core.Config.Vocab*16
	if want := float64(4*(blocks+head) + 2*25*4*(8+8)); b.DecodeBytes() != want {
		t.Errorf("a token reads %v bytes, want %v", b.DecodeBytes(), want)
	}
	if want := (model.FLOPs{2 * (float64(blocks) + float64(head)/40)}); b.PrefillFLOPs() != want {
		t.Errorf("a token of the prompt takes %v, want %v", b.PrefillFLOPs(), want)
	}
}

func TestBenchRefuses(t *testing.T) {
	m := tiny(t, 64)
	for _, o := range []weft.BenchOptions{{}, {Prompt: 1}, {Gen: 1}, {Prompt: 1, Gen: 1, Depth: -1}} {
		if _, err := m.Bench(context.Background(), o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	if _, err := m.Bench(context.Background(), weft.BenchOptions{Prompt: 60, Gen: 1, Depth: 5}); !errors.Is(err, model.ErrContext) {
		t.Errorf("65 tokens in a context of 64: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Bench(ctx, weft.BenchOptions{Prompt: 1, Gen: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
