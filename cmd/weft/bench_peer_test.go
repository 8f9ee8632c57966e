package main

import (
	"regexp"
	"testing"
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

// TestShare: a speed that needs all there is has the share 1.
func TestShare(t *testing.T) {
	limits := limitsJSON{Read: 10, F32: 2, BF16: 4, Int8: 8}
	d := benchDepth{Prefill: spreadJSON{Median: 100}, Decode: spreadJSON{Median: 20}, bytes: 0.5e9, flops: [...]float64{1e7, 1e7, 2e7}}
	if d.share(limits); d.Share != (shareJSON{Prefill: 1, Decode: 1}) {
		t.Errorf("%+v", d.Share)
	}
}
