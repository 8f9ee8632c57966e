package modelfile

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"weft/tensor"
)

// TestMixes compares every choice with those of llama.cpp's own quantiser (testdata/mixes.py).
func TestMixes(t *testing.T) {
	data, err := os.ReadFile("testdata/mixes.json")
	if err != nil {
		t.Fatal(err)
	}
	var models []struct {
		Name, Arch                 string
		Layers, Heads, KV, Experts int
		Dense                      int // blocks that have no experts
		Tied, Imatrix              bool
		Shapes                     map[string][]int
		Mixes                      map[string]map[string]string
	}
	if err := json.Unmarshal(data, &models); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, g := range models {
		for name, kinds := range g.Mixes {
			m, err := findMix(strings.ToUpper(name))
			if err != nil {
				t.Fatal(err)
			}
			seen[name] = true
			x := &mixer{mix: m, arch: g.Arch, layers: g.Layers, grouped: g.Heads / g.KV, experts: g.Experts, tied: g.Tied,
				important: g.Imatrix}
			for kind, want := range kinds {
				first, end := 0, g.Layers
				switch {
				case !strings.HasPrefix(kind, "attn_") && !strings.HasPrefix(kind, "ffn_"):
					end = 1
				case strings.Contains(kind, "_exps") || strings.Contains(kind, "_inp"):
					first = g.Dense
				case strings.HasPrefix(kind, "ffn_") && g.Experts > 0:
					end = g.Dense
				}
				if got := runs(t, x, kind, g.Shapes[kind], first, end); got != want {
					t.Errorf("%s, %s, %s:\n%s, want\n%s", g.Name, name, kind, got, want)
				}
			}
		}
	}
	for _, m := range mixes {
		if !seen[m.name] && m.name != "f32" {
			t.Errorf("%s is not in the goldens", m.name)
		}
	}
}

// runs are the types of a kind of tensor from layer to layer, as the goldens write them.
func runs(t *testing.T, x *mixer, kind string, shape []int, first, end int) string {
	t.Helper()
	var list []string
	for i, n := first, 0; i < end; i++ {
		name := fmt.Sprintf("blk.%d.%s", i, kind)
		if !strings.HasPrefix(kind, "attn_") && !strings.HasPrefix(kind, "ffn_") {
			name = kind
		}
		d, err := x.dtype(name, shape)
		if err != nil {
			t.Fatal(err)
		}
		if n++; len(list) == 0 || !strings.HasPrefix(list[len(list)-1], d.String()+"*") {
			list, n = append(list, ""), 1
		}
		list[len(list)-1] = fmt.Sprintf("%v*%d", d, n)
	}
	return strings.Join(list, " ")
}

func TestFindMix(t *testing.T) {
	for name, want := range map[string]string{"Q4_K": "q4_k_m", "q3_k": "q3_k_m", "Q5_K": "q5_k_m", "q6_k": "q6_k", "Q4_K_S": "q4_k_s"} {
		if m, err := findMix(name); err != nil || m.name != want {
			t.Errorf("%s is %q, %v", name, m.name, err)
		}
	}
	for _, name := range []string{"", "q7_0", "iq2_xxs"} {
		if _, err := findMix(name); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
	m, _ := findMix("q4_k_m")
	x := &mixer{mix: m, layers: 2}
	if _, err := x.dtype("blk.x.ffn_down.weight", []int{256, 256}); err == nil {
		t.Error("a layer that is no number: no error")
	}
	if d, _ := x.dtype("blk.0.attn_norm.weight", []int{256}); d != tensor.F32 {
		t.Errorf("a norm is %v", d)
	}
}
