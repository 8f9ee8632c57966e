package studio

import (
	"math"
	"slices"
	"strings"
	"testing"

	"weft/train"
)

// aboutOf is the run that a request describes.
func aboutOf(t *testing.T, q trainRequest) about {
	t.Helper()
	a, _, err := q.about()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestMeasuredAreThePresets: when a preset or the text changes, what was measured says
// nothing any more: run scripts/expected.go again.
func TestMeasuredAreThePresets(t *testing.T) {
	all, err := allMeasured()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d files, %v", len(all), err)
	}
	for _, m := range all {
		a := aboutOf(t, trainRequest{Sample: sampleName, Preset: m.Preset})
		if m.Text != a.Text.SHA256 || !alike(m.Recipe, a.Recipe) || m.Recipe.Horizon != a.Recipe.Horizon {
			t.Errorf("%s was measured with another recipe or text", m.Preset)
		}
		if len(m.Seeds) < 3 || student[len(m.Seeds)-1] == 0 || len(m.BPB) != len(m.Seeds) {
			t.Errorf("%s: %d seeds, %d curves", m.Preset, len(m.Seeds), len(m.BPB))
		}
		for _, curve := range m.BPB {
			if len(curve) != len(m.Steps) || curve[len(curve)-1] < 1 || curve[len(curve)-1] > 3 || m.Steps[len(m.Steps)-1] != m.Recipe.Horizon.Steps {
				t.Errorf("%s: a curve of %d values at %d steps", m.Preset, len(curve), len(m.Steps))
			}
		}
	}
	if !slices.Contains(measuredPresets(), "nano") {
		t.Errorf("measured: %v", measuredPresets())
	}
}

func TestBand(t *testing.T) {
	seed := uint64(99)
	q := trainRequest{Sample: sampleName, Seed: &seed}
	b, err := bandOf(aboutOf(t, q))
	if err != nil || b.Why != "" || len(b.Low) != 30 || b.Low[29][0] != 300 || b.Seeds != 5 {
		t.Fatalf("%+v, %v", b, err)
	}
	all, _ := allMeasured()
	for i := range b.Low {
		low, high := b.Low[i][1], b.High[i][1]
		if !(low < high) || high-low > 0.5 || low < 1 || high > 6 {
			t.Errorf("after step %v from %v to %v", b.Low[i][0], low, high)
		}
		for _, m := range all {
			if m.Preset == "nano" && slices.ContainsFunc(m.BPB, func(c []float64) bool { return c[i] < low || c[i] > high }) {
				t.Errorf("after step %v a measured run lies outside", b.Low[i][0])
			}
		}
	}
	// Longer or by minutes, a run is the same until the way down of one begins.
	for _, q := range []trainRequest{{Sample: sampleName, Steps: 2000}, {Sample: sampleName, Minutes: 3}} {
		b, _ := bandOf(aboutOf(t, q))
		if n := len(b.Low); n != 15 || b.Low[n-1][0] != 150 || !strings.Contains(b.Why, "ends at step 150") {
			t.Errorf("%+v: %+v", q, b)
		}
	}
	for want, q := range map[string]trainRequest{
		"no runs with this recipe": {Sample: sampleName, LR: 0.1},
		"from the beginning":       {Sample: sampleName, Steps: 24},
		"your text is another":     {Text: strings.Replace(alice, "Alice", "Alica", 1), TextName: sampleName},
	} {
		if b, _ := bandOf(aboutOf(t, q)); len(b.Low) != 0 || !strings.Contains(b.Why, want) {
			t.Errorf("%q: %+v", want, b)
		}
	}
}

// TestPredictionInterval against a table: for 1, 2, 3, 4, 5 it is 3 ± 2.776·1.5811·√1.2.
func TestPredictionInterval(t *testing.T) {
	m := measured{Seeds: make([]uint64, 5), Steps: []int{7}, BPB: [][]float64{{1}, {2}, {3}, {4}, {5}}}
	b := m.band(7)
	if math.Abs(b.High[0][1]-7.8081) > 1e-3 || math.Abs(b.Low[0][1]+1.8081) > 1e-3 {
		t.Errorf("%+v", b)
	}
}

func TestThin(t *testing.T) {
	var log []trainEvent
	for i := range 1000 {
		log = append(log, trainEvent{ID: i, Name: "line", validated: i%10 == 0})
	}
	log = append(log, trainEvent{ID: 1000, Name: "sample"})
	for range 20 {
		log = thin(log)
	}
	kept := 0
	for i, e := range log {
		if i > 0 && e.ID <= log[i-1].ID {
			t.Fatalf("event %d after %d", e.ID, log[i-1].ID)
		}
		if e.validated || e.Name == "sample" {
			kept++
		}
	}
	if kept != 101 || len(log) > 250 {
		t.Errorf("%d of 101 events that stay, %d in all", kept, len(log))
	}
	log = nil
	for i := range 10 * mostEvents {
		if log = append(log, trainEvent{ID: i, Name: "line", validated: true}); len(log) > mostEvents {
			if log = thin(log); len(log) > mostEvents*3/4 {
				t.Fatalf("%d events stay", len(log))
			}
		}
	}
}

func TestAboutARun(t *testing.T) {
	a := aboutOf(t, trainRequest{Text: verse, TextName: strings.Repeat("ü", 200), Preset: "micro", LR: 0.05, Batch: 3})
	if a.Recipe.Optimizer.MuonLR != 0.05 || a.Recipe.Batch != 3 || a.Recipe.Horizon != (train.Horizon{Steps: 200}) || a.Recipe.EvalEvery != 6 || len([]rune(a.Text.Name)) != 80 {
		t.Errorf("%+v", a)
	}
	if a := aboutOf(t, trainRequest{Text: verse, Preset: "mini"}); a.Recipe.Horizon.Minutes != 10 || a.Recipe.EvalEvery != 25 {
		t.Errorf("%+v", a)
	}
}
