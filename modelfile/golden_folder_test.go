package modelfile

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weft/model"
	"weft/safetensors"
	"weft/tensor"
)

var writeFolders = flag.String("write-folders", "", "keep the goldens' folders in this folder")

// TestArchitecturesFolder: a golden's model written as a folder has the tensors that transformers wrote, and a config
// that says the same. With -write-folders the folders stay there, for testdata/arch/check_folder.py.
func TestArchitecturesFolder(t *testing.T) {
	root := *writeFolders
	if root == "" {
		root = t.TempDir()
	}
	paths, _ := filepath.Glob("testdata/arch/*.json")
	written := map[string]bool{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if _, ok := refusedGoldens[name]; ok {
			continue
		}
		g := readArchGolden(t, path)
		c, _, err := parseConfig(g.Config)
		if err != nil {
			t.Fatal(err)
		}
		written[c.Arch] = true
		t.Run(name, func(t *testing.T) {
			m := g.open(t)
			dir := filepath.Join(root, name)
			if err := writeBareFolder(dir, m.W); err != nil {
				t.Fatal(err)
			}
			f, err := safetensors.Open(filepath.Join(dir, weightsName))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if name != "gpt_oss-mxfp4" { // which is written in float32
				sameTensors(t, f, g.weights())
			}
			text, err := os.ReadFile(filepath.Join(dir, configName))
			if err != nil {
				t.Fatal(err)
			}
			c, _, err := parseConfig(text)
			if err != nil {
				t.Fatal(err)
			}
			if names := differing(c, m.Config); len(names) > 0 {
				t.Errorf("it reads as another model: %v", names)
			}
		})
	}
	for _, a := range architectures {
		if !written[a.name] {
			t.Errorf("no model of the architecture %s was written", a.name)
		}
	}
}

// writeBareFolder writes a model without a vocabulary.
func writeBareFolder(dir string, w *model.Weights) error {
	config, err := makeConfig(w.Config, hfCommon{})
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(config, "", " ")
	if err != nil {
		return err
	}
	l, err := hfLayout(w.Config, nil)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, configName), text, 0o644); err != nil {
		return err
	}
	return safetensors.Write(filepath.Join(dir, weightsName), l.tensors(w, func(slot) tensor.DType { return tensor.F32 }, asItIs), nil)
}

// sameTensors: what Gemma's gains lose when 1 is added and taken away again is a rounding.
func sameTensors(t *testing.T, got, want model.WeightSource) {
	t.Helper()
	names, wanted := got.Names(), want.Names()
	slices.Sort(names)
	slices.Sort(wanted)
	if !slices.Equal(names, wanted) {
		t.Fatalf("it has the tensors %q, want %q", names, wanted)
	}
	for _, name := range names {
		a, _ := got.Tensor(name)
		b, _ := want.Tensor(name)
		x, y := make([]float32, a.Elements()), make([]float32, b.Elements())
		if !slices.Equal(a.Shape, b.Shape) || a.Float32s(x) != nil || b.Float32s(y) != nil {
			t.Fatalf("%s has the shape %v, want %v", name, a.Shape, b.Shape)
		}
		for i := range x {
			if math.Abs(float64(x[i]-y[i])) > 1e-7 || x[i] != y[i] && !strings.Contains(name, "norm") {
				t.Fatalf("%s has %g at %d, want %g", name, x[i], i, y[i])
			}
		}
	}
}
