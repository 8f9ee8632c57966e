package studio

import (
	"cmp"
	"math"
	"slices"
	"sync"
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
	coarse := count(m, 1<<16, func(counts []int, v float32) { counts[order(v)>>16]++ })
	n := 0
	for _, c := range coarse {
		n += c
	}
	out := make([]float32, len(shares))
	if n == 0 {
		return out
	}
	// The share-th number is the rest-th of those whose upper bits are upper.
	upper, rest := make([]int, len(shares)), make([]int, len(shares))
	place := make([]int32, 1<<16) // of an upper half's counts; 0: it is not in question
	places := int32(0)
	for i, q := range shares {
		rest[i] = int(math.Round(q * float64(n-1)))
		for rest[i] >= coarse[upper[i]] {
			rest[i] -= coarse[upper[i]]
			upper[i]++
		}
		if place[upper[i]] == 0 {
			places++
			place[upper[i]] = places
		}
	}
	fine := count(m, int(places)<<16, func(counts []int, v float32) {
		u := order(v)
		if p := place[u>>16]; p > 0 {
			counts[int(p-1)<<16|int(u&0xffff)]++
		}
	})
	for i := range shares {
		lower, counts := 0, fine[int(place[upper[i]]-1)<<16:]
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
	buf := make([]float32, m.width)
	for i := range m.rows {
		for _, v := range m.row(buf, i) {
			if v-v == 0 {
				f(v)
			}
		}
	}
}

// count counts a matrix's finite numbers, with one list of counts for each goroutine.
func count(m matrix, bins int, add func(counts []int, v float32)) []int {
	var mu sync.Mutex
	all := make([]int, bins)
	m.parts(m.rows, func(buf []float32, lo, hi int) {
		counts := make([]int, bins)
		for i := lo; i < hi; i++ {
			for _, v := range m.row(buf, i) {
				if v-v == 0 {
					add(counts, v)
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for i, n := range counts {
			all[i] += n
		}
	})
	return all
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
	h := histogram{Lo: lo, Hi: hi}
	width := (float64(hi) - float64(lo)) / float64(bins)
	all := count(m, bins+2, func(counts []int, v float32) {
		switch {
		case v < lo:
			counts[bins]++
		case v > hi:
			counts[bins+1]++
		case width == 0:
			counts[0]++
		default:
			counts[min(bins-1, int((float64(v)-float64(lo))/width))]++
		}
	})
	h.Counts, h.Below, h.Above = all[:bins], all[bins], all[bins+1]
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
	rows := make([]rowSums, m.rows)
	m.parts(m.rows, func(buf []float32, lo, hi int) {
		for i := lo; i < hi; i++ {
			rows[i] = sumsOf(m.row(buf, i))
		}
	})
	n, sum, squares := 0, 0.0, 0.0
	for _, r := range rows { // in order, whoever has added up what
		n, sum, squares = n+r.n, sum+r.sum, squares+r.squares
		s.Zeros, s.NotFinite = s.Zeros+r.zeros, s.NotFinite+m.cols-r.n
		if m.rows > 1 && m.rows <= maxRowNorms {
			s.RowNorms = append(s.RowNorms, math.Sqrt(r.squares))
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
	return s
}

// rowSums is what is added up of a row; what is not finite does not count.
type rowSums struct {
	n, zeros     int
	sum, squares float64
}

func sumsOf(row []float32) (s rowSums) {
	for _, v := range row {
		if v-v != 0 {
			continue
		}
		if v == 0 {
			s.zeros++
		}
		s.n, s.sum, s.squares = s.n+1, s.sum+float64(v), s.squares+float64(v)*float64(v)
	}
	return s
}
