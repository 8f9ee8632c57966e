package studio

import (
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

func inf(sign int) float32 { return float32(math.Inf(sign)) }

func TestReduce(t *testing.T) {
	m := dense([]float32{
		1, -2, 3, 4, 0,
		5, 6, -9, 8, 0,
		inf(-1), inf(-1), 1, inf(-1), -7,
	}, 3, 5)
	for _, x := range []struct {
		region
		want []float32
	}{
		{region{0, 3, 0, 5, 3, 5}, []float32{1, -2, 3, 4, 0, 5, 6, -9, 8, 0, inf(-1), inf(-1), 1, inf(-1), -7}},
		{region{0, 3, 0, 5, 1, 1}, []float32{-9}},
		{region{0, 2, 0, 4, 1, 2}, []float32{6, -9}},
		{region{2, 3, 0, 2, 1, 1}, []float32{inf(-1)}},
		{region{1, 3, 0, 3, 2, 1}, []float32{-9, 1}},
		{region{0, 3, 4, 5, 2, 1}, []float32{0, -7}},
		{region{0, 1, 0, 5, 1, 2}, []float32{-2, 4}}, // columns 0 and 1, then 2 to 4
	} {
		if got := x.reduce(m); !slices.Equal(got, x.want) {
			t.Errorf("%+v: %v, want %v", x.region, got, x.want)
		}
	}
}

// TestReduceKeepsOutliers: whatever the size, the number of largest size is there, and
// nothing is that was not.
func TestReduceKeepsOutliers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		rows, cols := 1+rng.IntN(40), 1+rng.IntN(40)
		data := make([]float32, rows*cols)
		for i := range data {
			data[i] = float32(rng.NormFloat64())
		}
		most := slices.MaxFunc(data, func(a, b float32) int {
			if abs(a) < abs(b) {
				return -1
			}
			return 1
		})
		g := region{0, rows, 0, cols, 1 + rng.IntN(rows), 1 + rng.IntN(cols)}
		cells := g.reduce(dense(data, rows, cols))
		if !slices.Contains(cells, most) {
			t.Fatalf("%+v lost %g", g, most)
		}
		for _, v := range cells {
			if !slices.Contains(data, v) {
				t.Fatalf("%+v made %g", g, v)
			}
		}
	}
}

func TestThumb(t *testing.T) {
	got := thumb(dense([]float32{1, 0, 0.25, 0.75}, 2, 2), 2)
	if !slices.Equal(got, []byte{255, 0, 64, 191}) {
		t.Errorf("%v", got)
	}
}

// TestQuantiles: counting gives what sorting does.
func TestQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	shares := []float64{0, 0.001, 0.01, 0.25, 0.5, 0.75, 0.99, 0.999, 1}
	for range 5 {
		rows, cols := 300, 257
		data := make([]float32, rows*cols)
		for i := range data {
			data[i] = float32(math.Round(rng.NormFloat64()*1e4) / 1e4)
			if rng.IntN(50) == 0 {
				data[i] = []float32{inf(1), inf(-1), float32(math.NaN()), 0, float32(math.Copysign(0, -1))}[rng.IntN(5)]
			}
		}
		m := dense(data, rows, cols)
		got, want := quantiles(m, shares...), sorted(m, shares)
		for i := range got {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
				t.Errorf("quantile %g is %g, want %g", shares[i], got[i], want[i])
			}
		}
	}
	if got := quantiles(dense([]float32{inf(1)}, 1, 1), 0.5); got[0] != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestStatistics(t *testing.T) {
	s := statisticsOf(dense([]float32{3, 4, 0, 0, -5, 12}, 3, 2))
	if s.Min != -5 || s.Max != 12 || s.Zeros != 2 || math.Abs(s.Mean-14.0/6) > 1e-12 || !slices.Equal(s.RowNorms, []float64{5, 0, 13}) {
		t.Errorf("%+v", s)
	}
	want := math.Sqrt((9+16+25+144)/6.0 - s.Mean*s.Mean)
	if math.Abs(s.Std-want) > 1e-12 {
		t.Errorf("std %g, want %g", s.Std, want)
	}
	n := s.Histogram.Below + s.Histogram.Above
	for _, c := range s.Histogram.Counts {
		n += c
	}
	if n != 6 || s.Quantiles["0.5"] != 3 {
		t.Errorf("histogram of %d, median %g", n, s.Quantiles["0.5"])
	}
}

// FuzzRegion: whatever a query says, the tile is refused or fits.
func FuzzRegion(f *testing.F) {
	for _, q := range []string{"", "r0=1&r1=2&c0=0&c1=9&h=2&w=2", "h=99999999999", "r0=-1", "r0=NaN", "w=4294967296&h=4294967296", "r1=9223372036854775807", "c0=5&c1=5", "h=0", "%zz", "format=f64"} {
		f.Add(q, 7, 9)
	}
	f.Fuzz(func(t *testing.T, raw string, rows, cols int) {
		rows, cols = 1+abs63(rows)%1000, 1+abs63(cols)%1000
		q := newQuery(&http.Request{URL: &url.URL{RawQuery: raw}})
		g := q.region(rows, cols)
		if q.err != nil {
			if refusal(q.err).Code != "bad_request" {
				t.Fatal(q.err)
			}
			return
		}
		if g.r0 < 0 || g.r0 >= g.r1 || g.r1 > rows || g.c0 < 0 || g.c0 >= g.c1 || g.c1 > cols || g.h < 1 || g.w < 1 || g.h > g.r1-g.r0 || g.w > g.c1-g.c0 {
			t.Fatalf("%q of %d × %d: %+v", raw, rows, cols, g)
		}
		if g.check() == nil {
			if got := len(g.reduce(dense(make([]float32, rows*cols), rows, cols))); got != g.h*g.w || got > maxTile {
				t.Fatalf("%d cells", got)
			}
		}
	})
}

func abs63(n int) int { return n & math.MaxInt }

// FuzzQuery: no parameter makes the reader panic or give what it must not.
func FuzzQuery(f *testing.F) {
	f.Add("ids=1,2,3&n=5&id=7&space=embed")
	f.Add("ids=,&n=&id=-1")
	f.Add("ids=99999999999&n=1e3&id=0x1&space=%00")
	f.Fuzz(func(t *testing.T, raw string) {
		q := newQuery(&http.Request{URL: &url.URL{RawQuery: raw}})
		ids, n, id := q.ids("ids"), q.int("n", 3, 1, 10), q.id("id")
		q.space()
		if q.err != nil {
			return
		}
		if len(ids) > maxIDs || n < 1 || n > 10 || id != nil && *id < 0 || slices.ContainsFunc(ids, func(i int32) bool { return i < 0 }) {
			t.Fatalf("%q: %v %d %v", raw, ids, n, id)
		}
	})
}
