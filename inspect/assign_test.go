package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"weft/tensor"
)

// worth is the sum of the values that an assignment picks.
func worth(value tensor.Mat, columns []int) (sum float64) {
	for i, j := range columns {
		sum += float64(value.At(i, j))
	}
	return sum
}

// assigned fails unless the assignment is one to one and its prices prove it.
func assigned(t *testing.T, value tensor.Mat) []int {
	t.Helper()
	a, err := assign(background, value)
	if err != nil {
		t.Fatal(err)
	}
	for i, j := range slices.Sorted(slices.Values(a.columns)) {
		if i != j {
			t.Fatalf("not one to one: %v", a.columns)
		}
	}
	if gap := a.gap(value); !(gap <= 1e-9*(1+largest(value.Data))*float64(value.Rows)) {
		t.Errorf("another assignment may be worth %g more", gap)
	}
	return a.columns
}

// TestAssignBrute compares with every order there is, of values that are all
// different and of such as often are the same.
func TestAssignBrute(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := 1; n <= 7; n++ {
		for round := range 60 {
			value := tensor.New(n, n)
			for i := range value.Data {
				value.Data[i] = float32(rng.NormFloat64())
				if round%2 == 0 {
					value.Data[i] = float32(rng.IntN(4))
				}
			}
			best := math.Inf(-1)
			var try func(columns []int)
			try = func(columns []int) {
				if len(columns) == n {
					best = max(best, worth(value, columns))
				}
				for j := range n {
					if !slices.Contains(columns, j) {
						try(append(columns, j))
					}
				}
			}
			try(make([]int, 0, n))
			if got := worth(value, assigned(t, value)); math.Abs(got-best) > 1e-6 {
				t.Fatalf("n = %d: the assignment is worth %g, the best %g", n, got, best)
			}
		}
	}
}

// TestAssignGolden compares with scipy.optimize.linear_sum_assignment.
func TestAssignGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/assign.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name  string
		Value [][]float32
		Best  float64
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 4 {
		t.Fatal(len(cases), err)
	}
	for _, c := range cases {
		value := tensor.New(len(c.Value), len(c.Value))
		for i, row := range c.Value {
			copy(value.Row(i), row)
		}
		if got := worth(value, assigned(t, value)); math.Abs(got-c.Best) > 1e-5 {
			t.Errorf("%s: the assignment is worth %.9g, scipy's %.9g", c.Name, got, c.Best)
		}
	}
}

// correlated is what neurons of two models look like: weak correlations all over,
// and partners that stand elsewhere; alike is how strongly partners go together.
func correlated(n int, alike float64) tensor.Mat {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	value, order := tensor.New(n, n), rng.Perm(n)
	for i := range n {
		row := value.Row(i)
		for j := range row {
			row[j] = float32(0.2 * rng.NormFloat64())
		}
		row[order[i]] += float32(alike)
	}
	for i := 0; i < n; i += 50 { // neurons that never fire go with nothing
		clear(value.Row(i))
	}
	return value
}

// TestAssignFast: thousands of neurons take seconds, partners or none. The bound is
// ten times what it takes, for machines that are slow or busy.
func TestAssignFast(t *testing.T) {
	for _, alike := range []float64{0.9, 0} {
		start := time.Now()
		assigned(t, correlated(1536, alike))
		took := time.Since(start)
		t.Logf("1536 neurons, partners alike by %g: %v", alike, took)
		if took > 20*time.Second {
			t.Errorf("1536 neurons took %v", took)
		}
	}
}

// TestAssignStops soon after it is told to.
func TestAssignStops(t *testing.T) {
	ctx, stop := context.WithCancel(background)
	value := correlated(2000, 0)
	var told time.Time
	time.AfterFunc(20*time.Millisecond, func() { told = time.Now(); stop() })
	_, err := assign(ctx, value)
	if late := time.Since(told); !errors.Is(err, context.Canceled) || late > 200*time.Millisecond {
		t.Errorf("stopped after %v with %v", late, err)
	}
}

func BenchmarkAssign(b *testing.B) {
	for name, value := range map[string]tensor.Mat{"alike": correlated(3072, 0.9), "apart": correlated(3072, 0)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := assign(background, value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
