package studio

import (
	"cmp"
	"math"
	"slices"
)

// spread is where a matrix's numbers lie; what is not finite does not count.
type spread struct {
	Min, Max float32
	Lo, Hi   float32 // the 1st and 99th percentile
}

// spreadOf goes through a matrix twice.
func spreadOf(m matrix) spread {
	q := quantiles(m, 0, 0.01, 0.99, 1)
	return spread{Min: q[0], Max: q[3], Lo: q[1], Hi: q[2]}
}

// order maps floats to integers that are in the same order.
func order(v float32) uint32 {
	b := math.Float32bits(v)
	if b>>31 == 1 {
		return ^b
	}
	return b | 1<<31
}

func unorder(u uint32) float32 {
	if u>>31 == 1 {
		return math.Float32frombits(u &^ (1 << 31))
	}
	return math.Float32frombits(^u)
}

// quantiles are the numbers of a matrix with a share q of the others below: of n in
// order the one at q·(n-1), rounded. They are exact, and take no memory for the
// numbers: one pass counts them by their upper 16 bits, the next counts the lower 16
// bits of those in question. What is not finite does not count; of nothing all are 0.
func quantiles(m matrix, shares ...float64) []float32 {
	if m.rows*m.cols <= fewNumbers {
		return sorted(m, shares)
	}
	coarse := make([]int, 1<<16)
	n := 0
	eachFinite(m, func(v float32) {
		coarse[order(v)>>16]++
		n++
	})
	out := make([]float32, len(shares))
	if n == 0 {
		return out
	}
	upper, rest := make([]int, len(shares)), make([]int, len(shares))
	fine := map[int][]int{}
	for i, q := range shares {
		rest[i] = int(math.Round(q * float64(n-1)))
		for rest[i] >= coarse[upper[i]] {
			rest[i] -= coarse[upper[i]]
			upper[i]++
		}
		fine[upper[i]] = make([]int, 1<<16)
	}
	eachFinite(m, func(v float32) {
		u := order(v)
		if counts := fine[int(u>>16)]; counts != nil {
			counts[u&0xffff]++
		}
	})
	for i := range shares {
		lower, counts := 0, fine[upper[i]]
		for rest[i] >= counts[lower] {
			rest[i] -= counts[lower]
			lower++
		}
		out[i] = unorder(uint32(upper[i])<<16 | uint32(lower))
	}
	return out
}

// fewNumbers is how many are sorted rather than counted.
const fewNumbers = 1 << 16

// sorted is quantiles of few numbers.
func sorted(m matrix, shares []float64) []float32 {
	var all []float32
	eachFinite(m, func(v float32) { all = append(all, v) })
	slices.SortFunc(all, func(a, b float32) int { return cmp.Compare(order(a), order(b)) })
	out := make([]float32, len(shares))
	for i, q := range shares {
		if len(all) > 0 {
			out[i] = all[int(math.Round(q*float64(len(all)-1)))]
		}
	}
	return out
}

func eachFinite(m matrix, f func(v float32)) {
	for i := range m.rows {
		for _, v := range m.row(i) {
			if v-v == 0 {
				f(v)
			}
		}
	}
}

// histogram counts numbers in bins of equal width from Lo to Hi, the last bin with
// its end; Below and Above are those outside.
type histogram struct {
	Lo     float32 `json:"lo"`
	Hi     float32 `json:"hi"`
	Counts []int   `json:"counts"`
	Below  int     `json:"below"`
	Above  int     `json:"above"`
}

func histogramOf(m matrix, lo, hi float32, bins int) histogram {
	h := histogram{Lo: lo, Hi: hi, Counts: make([]int, bins)}
	width := (float64(hi) - float64(lo)) / float64(bins)
	eachFinite(m, func(v float32) {
		switch {
		case v < lo:
			h.Below++
		case v > hi:
			h.Above++
		case width == 0:
			h.Counts[0]++
		default:
			h.Counts[min(bins-1, int((float64(v)-float64(lo))/width))]++
		}
	})
	return h
}

// statistics is what is known of a tensor's numbers.
type statistics struct {
	Shape     []int              `json:"shape"`
	Type      string             `json:"type"`
	Min       float32            `json:"min"`
	Max       float32            `json:"max"`
	Mean      float64            `json:"mean"`
	Std       float64            `json:"std"`
	Zeros     int                `json:"zeros"`
	NotFinite int                `json:"not_finite"`
	Quantiles map[string]float32 `json:"quantiles"`
	Histogram histogram          `json:"histogram"` // from quantile 0.001 to 0.999
	RowNorms  []float64          `json:"row_norms,omitempty"`

	spread spread
}

// maxRowNorms is how many rows' lengths are listed at most.
const maxRowNorms = 8192

// statisticsOf goes through a matrix some times.
func statisticsOf(m matrix) *statistics {
	s := &statistics{Quantiles: map[string]float32{}}
	n, sum, squares := 0, 0.0, 0.0
	for i := range m.rows {
		row := 0.0
		for _, v := range m.row(i) {
			if v-v != 0 {
				s.NotFinite++
				continue
			}
			if v == 0 {
				s.Zeros++
			}
			n, sum, row = n+1, sum+float64(v), row+float64(v)*float64(v)
		}
		squares += row
		if m.rows > 1 && m.rows <= maxRowNorms {
			s.RowNorms = append(s.RowNorms, math.Sqrt(row))
		}
	}
	if n > 0 {
		s.Mean = sum / float64(n)
		s.Std = math.Sqrt(max(0, squares/float64(n)-s.Mean*s.Mean))
	}
	names := []string{"0.01", "0.25", "0.5", "0.75", "0.99"}
	q := quantiles(m, 0.01, 0.25, 0.5, 0.75, 0.99, 0, 1, 0.001, 0.999)
	for i, name := range names {
		s.Quantiles[name] = q[i]
	}
	s.Min, s.Max = q[5], q[6]
	s.spread = spread{q[5], q[6], q[0], q[4]}
	s.Histogram = histogramOf(m, q[7], q[8], 64)
	if !slices.ContainsFunc(s.RowNorms, func(v float64) bool { return v > 0 }) {
		s.RowNorms = nil
	}
	return s
}
