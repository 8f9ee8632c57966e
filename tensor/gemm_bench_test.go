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
				benchProduct(b, p, s.m, s.n, s.k, kernel.PeakFMA, func() { Gemm(p, c, x, y, s.add) })
			})
		}
	}
}

var packedTypes = []DType{F32, F16, BF16}

// peakOf is the peak of the arithmetic that products with that type do.
func peakOf(d DType) func(rounds int) float64 {
	if d == BF16 {
		return kernel.PeakBF16
	}
	return kernel.PeakFMA
}

// weights packs a random n×k matrix.
func weights(b *testing.B, d DType, n, k int) *Packed {
	raw, err := Encode(d, dense(n, k, false).Data, n, k)
	if err != nil {
		b.Fatal(err)
	}
	s, err := NewStored(raw, nil)
	if err != nil {
		b.Fatal(err)
	}
	return PackStored(nil, s, false)
}

// BenchmarkGemmPacked is reading a prompt, with the matrices of a model of 1.2
// billion parameters.
func BenchmarkGemmPacked(b *testing.B) {
	for _, d := range packedTypes {
		for _, s := range [][3]int{{1, 768, 768}, {12, 2048, 2048}, {64, 2048, 2048}, {512, 512, 2048}, {512, 2048, 2048}, {512, 8192, 2048}, {512, 2048, 8192}} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%v/%dx%dx%d/t%d", d, s[0], s[1], s[2], threads), func(b *testing.B) {
					p := par.New(threads)
					defer p.Close()
					x, y, c := dense(s[0], s[2], false), weights(b, d, s[1], s[2]), New(s[0], s[1])
					benchProduct(b, p, s[0], s[1], s[2], peakOf(d), func() { GemmPacked(p, PackedProduct{x, c, y, false}) })
				})
			}
		}
	}
}

// BenchmarkLayer is reading a prompt of 512 tokens: the products of a layer of the
// 1.2B Llama shape, of several layers in turn, so that weights come from memory.
func BenchmarkLayer(b *testing.B) {
	const rows, layers = 512, 3
	shapes := [][2]int{{2048, 2048}, {512, 2048}, {512, 2048}, {2048, 2048}, {8192, 2048}, {8192, 2048}, {2048, 8192}}
	for _, d := range packedTypes {
		var y [layers][]*Packed
		for i := range y {
			for _, s := range shapes {
				y[i] = append(y[i], weights(b, d, s[0], s[1]))
			}
		}
		x, c := map[int]Mat{2048: dense(rows, 2048, false), 8192: dense(rows, 8192, false)}, New(rows, 8192)
		flops := 0.0
		for _, s := range shapes {
			flops += 2 * rows * float64(s[0]) * float64(s[1])
		}
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%v/t%d", d, threads), func(b *testing.B) {
				p := par.New(threads)
				defer p.Close()
				layer := 0
				benchProducts(b, p, flops, 1, peakOf(d), func() {
					for _, y := range y[layer%layers] {
						GemmPacked(p, PackedProduct{x[y.K], Of(c.Data, rows, y.N), y, false})
					}
					layer++
				})
			})
		}
	}
}

// BenchmarkDecode goes through more weights than any cache holds, with few rows, and
// reports the share of the bandwidth that reading alone reaches just before.
func BenchmarkDecode(b *testing.B) {
	const n, k, matrices = 8192, 2048, 8
	for _, d := range packedTypes {
		y := make([]*Packed, matrices)
		for i := range y {
			y[i] = weights(b, d, n, k)
		}
		memory := aligned(matrices * n * k)
		kernel.AddTo(memory, memory) // so that its pages exist
		for _, rows := range []int{1, 2, 4, 8} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%v/%d/t%d", d, rows, threads), func(b *testing.B) {
					p := par.New(threads)
					defer p.Close()
					x, c := dense(rows, k, false), New(rows, n)
					var speed, share []float64
					for b.Loop() {
						read := readOnce(p, memory)
						start := time.Now()
						for _, y := range y {
							GemmPacked(p, PackedProduct{x, c, y, false})
						}
						s := float64(matrices*y[0].Bytes()) / float64(time.Since(start).Nanoseconds())
						speed, share = append(speed, s), append(share, 100*s/read)
					}
					slices.Sort(speed)
					slices.Sort(share)
					b.ReportMetric(0, "ns/op")
					b.ReportMetric(speed[len(speed)/2], "GB/s")
					b.ReportMetric(share[len(share)/2], "%read")
				})
			}
		}
	}
}

// BenchmarkPackStored is opening a model.
func BenchmarkPackStored(b *testing.B) {
	for _, d := range []DType{F16, BF16} {
		for _, s := range [][2]int{{8192, 2048}, {2048, 8192}} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%v/%dx%d/t%d", d, s[0], s[1], threads), func(b *testing.B) {
					p := par.New(threads)
					defer p.Close()
					raw, err := Encode(d, dense(s[0], s[1], false).Data, s[0], s[1])
					if err != nil {
						b.Fatal(err)
					}
					m, err := NewStored(raw, nil)
					if err != nil {
						b.Fatal(err)
					}
					b.SetBytes(int64(len(raw.Data)))
					for b.Loop() {
						PackStored(p, m, false)
					}
				})
			}
		}
	}
}

// benchProduct is benchProducts of one product, as often as makes 10 ms.
func benchProduct(b *testing.B, p *par.Pool, m, n, k int, peakWork func(rounds int) float64, f func()) {
	flops := 2 * float64(m) * float64(n) * float64(k)
	benchProducts(b, p, flops, max(1, int(2e9/flops)), peakWork, f)
}

// benchProducts reports medians: GFLOP/s and their share of the peak that is measured
// just before.
func benchProducts(b *testing.B, p *par.Pool, flops float64, times int, peakWork func(rounds int) float64, f func()) {
	f()
	var speed, share []float64
	for b.Loop() {
		peak := measure(p, 2*time.Millisecond, peakWork)
		start := time.Now()
		for range times {
			f()
		}
		s := flops * float64(times) / float64(time.Since(start).Nanoseconds())
		speed, share = append(speed, s), append(share, 100*s/peak)
	}
	slices.Sort(speed)
	slices.Sort(share)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(speed[len(speed)/2], "GFLOP/s")
	b.ReportMetric(share[len(share)/2], "%peak")
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
