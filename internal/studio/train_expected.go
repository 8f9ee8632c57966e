package studio

import (
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"

	"weft/train"
)

// expected holds what runs of presets on the sample text came to, with several
// seeds, as scripts/expected.go has measured it.
//
//go:embed expected/*.json
var expected embed.FS

// measured is such a file.
type measured struct {
	Made   string       `json:"made"` // how
	Preset string       `json:"preset"`
	Text   string       `json:"text_sha256"`
	Recipe train.Recipe `json:"recipe"` // of the first seed
	Seeds  []uint64     `json:"seeds"`
	Steps  []int        `json:"steps"`   // after which was evaluated
	BPB    [][]float64  `json:"val_bpb"` // by seed, by step
}

var allMeasured = sync.OnceValues(func() (list []measured, err error) {
	entries, err := expected.ReadDir("expected")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := expected.ReadFile("expected/" + e.Name())
		if err != nil {
			return nil, err
		}
		var m measured
		if err := json.Unmarshal(data, &m); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		list = append(list, m)
	}
	return list, nil
})

// bandJSON is where the validation bits per byte of 19 of 20 runs should lie, by how
// runs of the same recipe with other seeds went. Where it ends, or if there is none,
// Why says why.
type bandJSON struct {
	Low   [][2]float64 `json:"low"` // [step, bits per byte]
	High  [][2]float64 `json:"high"`
	Seeds int          `json:"seeds"`
	Why   string       `json:"why,omitempty"`
}

// bandOf is the band for a run.
func bandOf(a about) (bandJSON, error) {
	all, err := allMeasured()
	if err != nil {
		return bandJSON{}, err
	}
	b := bandJSON{Low: [][2]float64{}, High: [][2]float64{}}
	b.Why = "no band: how a run should go is known only for the sample text, where runs with several seeds were measured; your text is another"
	for _, m := range all {
		if m.Text != a.Text.SHA256 {
			continue
		}
		b.Why = "no band: no runs with this recipe were measured, only with the presets as they are: " + m.Preset
		if alike(m.Recipe, a.Recipe) {
			return m.band(sameRates(m.Recipe, a.Recipe)), nil
		}
	}
	return b, nil
}

// alike says whether two recipes differ only in what the band covers.
func alike(a, b train.Recipe) bool {
	b.Seed, b.EvalEvery, b.Horizon = a.Seed, a.EvalEvery, a.Horizon
	return a == b
}

// sameRates is for how many steps two runs of different length have the same learning
// rates: so far they are runs of one recipe.
func sameRates(a, b train.Recipe) int {
	n := 0
	for n < a.Horizon.Steps && a.Schedule.At(n, a.Horizon.Steps) == b.Schedule.At(n, b.Horizon.Steps) {
		n++
	}
	return n
}

// student is the 97.5 % quantile of Student's t with as many degrees of freedom.
var student = map[int]float64{2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}

// band is the 95 % prediction interval for one more run, mean ± t·s·√(1+1/n), up to a
// step.
func (m measured) band(until int) bandJSON {
	n := float64(len(m.Seeds))
	wide := student[len(m.Seeds)-1] * math.Sqrt(1+1/n)
	b := bandJSON{Low: [][2]float64{}, High: [][2]float64{}, Seeds: len(m.Seeds)}
	for i, step := range m.Steps {
		if step > until {
			b.Why = fmt.Sprintf("the band ends at step %d: the measured runs had %d steps, and there the learning rates part", until, m.Recipe.Horizon.Steps)
			break
		}
		sum, squares := 0.0, 0.0
		for _, curve := range m.BPB {
			sum += curve[i]
		}
		for _, curve := range m.BPB {
			squares += (curve[i] - sum/n) * (curve[i] - sum/n)
		}
		off := wide * math.Sqrt(squares/(n-1))
		b.Low, b.High = append(b.Low, [2]float64{float64(step), sum/n - off}), append(b.High, [2]float64{float64(step), sum/n + off})
	}
	if len(b.Low) == 0 {
		b.Why = fmt.Sprintf("no band: the measured runs had %d steps, and this one has other learning rates from the beginning", m.Recipe.Horizon.Steps)
	}
	return b
}

// measuredPresets are those with a band on the sample text.
func measuredPresets() (names []string) {
	all, _ := allMeasured()
	for _, m := range all {
		if m.Text == hashOf([]byte(alice)) && !slices.Contains(names, m.Preset) {
			names = append(names, m.Preset)
		}
	}
	return names
}
