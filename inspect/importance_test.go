package inspect

import (
	"context"
	"fmt"
	"math"
	"testing"

	"weft/model"
)

// TestImportanceByHooks: what is added up is what the hooks show.
func TestImportanceByHooks(t *testing.T) {
	m := randomModel(t, compared, 1)
	text := randomText(64, 60)
	got, err := Importance(context.Background(), m, [][]int32{text[:40], text[40:]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Entries) != 2*7+1-1 || got.Chunks != 2 || got.ChunkSize != 40 {
		t.Errorf("%d entries, %d chunks of %d", len(got.Entries), got.Chunks, got.ChunkSize)
	}
	want := map[string][]float64{}
	for _, w := range [][]int32{text[:40], text[40:]} {
		h := &model.Hooks{}
		for l := range 2 {
			for point, name := range map[string]string{"attn.hook_z": "attn_output", "mlp.hook_post": "ffn_down"} {
				name := fmt.Sprintf("blk.%d.%s.weight", l, name)
				h.On(fmt.Sprintf("blocks.%d.%s", l, point), func(p *model.Point) error {
					cols := len(p.Data) / len(w)
					if want[name] == nil {
						want[name] = make([]float64, cols)
					}
					for i, v := range p.Data {
						want[name][i%cols] += float64(v) * float64(v)
					}
					return nil
				})
			}
		}
		if _, err := m.Forward(w, &model.Run{Hooks: h, Logits: model.NoLogits}); err != nil {
			t.Fatal(err)
		}
	}
	for name, sums := range want {
		e := got.Entries[name]
		if len(e.Sums) != len(sums) || e.Counts[0] != 64 {
			t.Fatalf("%s: %d sums over %v tokens", name, len(e.Sums), e.Counts)
		}
		for i, s := range sums {
			if math.Abs(float64(e.Sums[i])-s) > 1e-4*s {
				t.Errorf("%s: column %d is %g, want %g", name, i, e.Sums[i], s)
			}
		}
	}
}

// TestImportanceOfExperts: each expert counts the tokens that it was sent.
func TestImportanceOfExperts(t *testing.T) {
	c := compared
	c.Experts = model.Experts{Count: 4, Used: 2, Hidden: 16, Normed: true}
	m := randomModel(t, c, 1)
	got, err := Importance(context.Background(), m, [][]int32{randomText(50, 60)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, sum := got.Entries["blk.1.ffn_up_exps.weight"], float32(0)
	for _, n := range e.Counts {
		sum += n
	}
	if len(e.Counts) != 4 || len(e.Sums) != 4*c.Dim || sum != 100 {
		t.Errorf("%d matrices with %d sums saw %g tokens", len(e.Counts), len(e.Sums), sum)
	}
}
