package tensor

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weft/internal/kernel"
	"weft/internal/par"
)

// BenchmarkGemm reports GFLOP/s and the share of the machine's FMA peak. The peak
// is measured anew before every sample, and both figures are medians, because
// neighbours disturb each at other times. One sample per iteration: -benchtime 15x.
func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		name    string
		m, n, k int
		ta, tb  bool
		add     bool
	}{
		{"cube", 256, 256, 256, false, false, false},
		{"cube", 512, 512, 512, false, false, false},
		{"cube", 1024, 1024, 1024, false, false, false},
		{"cube", 2048, 2048, 2048, false, false, false},
		{"XWt", 4096, 1536, 384, false, true, false},
		{"XWt", 4096, 384, 1536, false, true, false},
		{"XWt", 256, 8192, 768, false, true, false},
		{"dX", 4096, 384, 1536, false, false, false},
		{"dX", 4096, 1536, 384, false, false, false},
		{"dX", 256, 768, 8192, false, false, false},
		{"dW", 384, 1536, 4096, true, false, true},
		{"dW", 1536, 384, 4096, true, false, true},
		{"dW", 8192, 768, 256, true, false, true},
		{"XWt", 768, 384, 128, false, true, false},
		{"XWt", 768, 128, 512, false, true, false},
		{"dW", 512, 128, 768, true, false, true},
		{"QKt", 64, 256, 64, false, true, false},
		{"QKt", 256, 256, 64, false, true, false},
		{"PV", 64, 64, 256, false, false, false},
		{"dV", 256, 64, 64, true, false, true},
		{"rows8", 8, 768, 768, false, true, false},
		{"rows16", 16, 768, 768, false, true, false},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d/t%d", s.name, s.m, s.n, s.k, threads), func(b *testing.B) {
				p := par.New(threads)
				defer p.Close()
				x, y, c := dense(s.m, s.k, s.ta), dense(s.k, s.n, s.tb), dense(s.m, s.n, false)
				benchProduct(b, p, s.m, s.n, s.k, func() { Gemm(p, c, x, y, s.add) })
			})
		}
	}
}

// BenchmarkGemmPacked is decoding: few rows times a packed matrix that does or
// does not fit the caches.
func BenchmarkGemmPacked(b *testing.B) {
	for _, s := range [][3]int{{1, 768, 768}, {1, 8192, 2048}, {2, 8192, 2048}, {4, 8192, 2048}, {8, 8192, 2048}, {512, 768, 768}} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dx%dx%d/t%d", s[0], s[1], s[2], threads), func(b *testing.B) {
				p := par.New(threads)
				defer p.Close()
				x, y, c := dense(s[0], s[2], false), Pack(p, dense(s[2], s[1], false)), dense(s[0], s[1], false)
				perOp := benchProduct(b, p, s[0], s[1], s[2], func() { GemmPacked(p, c, x, y, false) })
				b.ReportMetric(4*float64(s[1]*s[2])/perOp, "GB/s")
			})
		}
	}
}

// benchProduct returns the median ns of one product.
func benchProduct(b *testing.B, p *par.Pool, m, n, k int, f func()) float64 {
	flops := 2 * float64(m) * float64(n) * float64(k)
	times := max(1, int(2e9/flops)) // per sample: about 10 ms
	f()
	var ns, share []float64
	for b.Loop() {
		peak := measure(p, 2*time.Millisecond, kernel.PeakFMA)
		start := time.Now()
		for range times {
			f()
		}
		spent := float64(time.Since(start).Nanoseconds()) / float64(times)
		ns = append(ns, spent)
		share = append(share, 100*flops/spent/peak)
	}
	slices.Sort(ns)
	slices.Sort(share)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(flops/ns[len(ns)/2], "GFLOP/s")
	b.ReportMetric(share[len(share)/2], "%peak")
	return ns[len(ns)/2]
}

func dense(rows, cols int, transposed bool) Mat {
	if transposed {
		return dense(cols, rows, false).T()
	}
	r := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
	m := New(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(r.NormFloat64())
	}
	return m
}
