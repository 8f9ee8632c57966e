package inspect

import (
	"reflect"
	"slices"
	"testing"

	"weft/model"
)

// TestLensOfStreams: what an earlier pass gave reads the same, to the bit, as a pass of
// its own, whatever is missing of it.
func TestLensOfStreams(t *testing.T) {
	eachFamily(t, func(t *testing.T, s *Subject) {
		tokens, _ := sentences()
		streams, h := map[int][]float32{}, &model.Hooks{}
		for l := range s.Model.Config.Layers {
			h.On(block(l, "hook_resid_pre"), func(p *model.Point) error {
				streams[l] = slices.Clone(p.Data)
				return nil
			})
		}
		if _, err := s.Model.Forward(tokens, &model.Run{Hooks: h}); err != nil {
			t.Fatal(err)
		}
		some := LensOptions{Positions: []int{7, 2, 3}}
		want, err := s.Lens(background, tokens, some)
		if err != nil {
			t.Fatal(err)
		}
		for l := s.Model.Config.Layers; l > 0; l-- {
			some.Streams = streams
			got, err := s.Lens(background, tokens, some)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Depths, want.Depths) || !reflect.DeepEqual(got.Checks, want.Checks) {
				t.Fatalf("with %d streams the lens differs", l)
			}
			delete(streams, l-1)
		}
		streams[0] = make([]float32, len(tokens)*s.Model.Config.Dim) // is used, so a wrong one is seen
		got, err := s.Lens(background, tokens, some)
		if err == nil && reflect.DeepEqual(got.Depths, want.Depths) {
			t.Error("streams that were given are not read")
		}
	})
}

// TestLogitsOfRows: some rows' logits are those of the whole, and others are refused.
func TestLogitsOfRows(t *testing.T) {
	s := family(t, families()["llama"], 1)
	tokens, _ := sentences()
	whole, err := s.Model.Forward(tokens, &model.Run{Logits: model.AllLogits})
	if err != nil {
		t.Fatal(err)
	}
	rows := []int{10, 0, 4, 4}
	got, err := s.Model.Forward(tokens, &model.Run{Rows: rows})
	if err != nil || got.Rows != len(rows) {
		t.Fatal(got, err)
	}
	for i, at := range rows {
		if !slices.Equal(got.Row(i), whole.Row(at)) {
			t.Errorf("row %d differs", at)
		}
	}
	for _, wrong := range []model.Run{{Rows: []int{-1}}, {Rows: []int{11}}, {Rows: []int{1}, SeqLen: 1}} {
		if logits, err := s.Model.Forward(tokens, &wrong); err == nil {
			t.Errorf("%v gives %d logits", wrong.Rows, len(logits.Data))
		}
	}
}
