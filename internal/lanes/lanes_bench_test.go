package lanes

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"weft/internal/cpu"
	"weft/internal/kernel"
)

// BenchmarkDot reads strips of 2048 weights a row from memory and from the caches, and compares its speed
// with plain reading of the same bytes, turn by turn: GB/s and the share of it; for several columns the
// share of the peak of int8 products, too. Medians.
func BenchmarkDot(b *testing.B) {
	for _, f := range Forms() {
		for _, size := range []int{512 << 10, 8 << 20, 256 << 20} {
			for _, l := range cpu.Levels()[1:] {
				for cols := 1; cols <= dotCols(l); cols++ {
					b.Run(fmt.Sprintf("%v/%dK/%d/%v", f.Type, size>>10, cols, l), func(b *testing.B) { f.benchDot(b, size, cols, l) })
				}
			}
		}
	}
}

// dotCols is DotCols at a level.
func dotCols(l cpu.Level) int {
	defer cpu.Force(l)()
	return DotCols()
}

func (f *Form) benchDot(b *testing.B, size, cols int, l cpu.Level) {
	defer cpu.Force(l)()
	const k = 2048
	strips := max(1, size/f.StripBytes(k))
	memory := make([]float32, strips*f.StripBytes(k)/4)
	data := asBytes(memory)
	for i := range data {
		data[i] = byte(i*7) &^ 0x40
	}
	p, _ := filled(k, cols, rand.New(rand.NewPCG(1, 2)))
	c := make([]float32, Rows*cols)
	product := func() {
		for s := range strips {
			f.Dot(c, Rows, data[s*f.StripBytes(k):][:f.StripBytes(k)], p, Rows, false)
		}
	}
	repeat := max(1, 4<<20/size)
	var dot, read, peak []float64
	for b.Loop() {
		dot = append(dot, seconds(repeat, product))
		read = append(read, seconds(repeat, func() { kernel.Read(memory) }))
		ops := 0.0
		peak = append(peak, seconds(1, func() { ops = kernel.PeakInt8(4096) })/ops)
	}
	t, bytes := median(dot), float64(len(data)*repeat)
	b.ReportMetric(bytes/t/1e9, "GB/s")
	b.ReportMetric(100*median(read)/t, "%read")
	b.ReportMetric(100*2*float64(strips*repeat*Rows*k*cols)*median(peak)/t, "%peak")
	b.ReportMetric(0, "ns/op")
}

func seconds(n int, do func()) float64 {
	began := time.Now()
	for range n {
		do()
	}
	return time.Since(began).Seconds()
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// asBytes is the memory of numbers.
func asBytes(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))
}

// BenchmarkPack packs rows of 2048 weights, from the caches and from memory: GB/s of the file's bytes.
func BenchmarkPack(b *testing.B) {
	for _, f := range Forms() {
		for _, size := range []int{512 << 10, 64 << 20} {
			b.Run(fmt.Sprintf("%v/%dK", f.Type, size>>10), func(b *testing.B) { f.benchPack(b, size) })
		}
	}
}

func (f *Form) benchPack(b *testing.B, size int) {
	const k = 2048
	row, _ := f.Type.Size(k)
	strips := size / f.StripBytes(k)
	file, packed := make([]byte, strips*Rows*row), make([]byte, strips*f.StripBytes(k))
	for i := range packed { // pages are there
		packed[i] = 1
	}
	var t []float64
	rows := make([][]byte, Rows)
	for b.Loop() {
		t = append(t, seconds(1, func() {
			for s := range strips {
				for r := range rows {
					rows[r] = file[(s*Rows+r)*row:][:row]
				}
				f.Pack(packed[s*f.StripBytes(k):][:f.StripBytes(k)], rows, k)
			}
		}))
	}
	b.ReportMetric(float64(len(file))/median(t)/1e9, "GB/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkUnpack unpacks strips, from the caches and from memory, into the same place: GB/s of the strips' bytes.
func BenchmarkUnpack(b *testing.B) {
	for _, f := range Forms() {
		for _, size := range []int{512 << 10, 64 << 20} {
			for _, l := range cpu.Levels()[1:] {
				b.Run(fmt.Sprintf("%v/%dK/%v", f.Type, size>>10, l), func(b *testing.B) { f.benchUnpack(b, size, l) })
			}
		}
	}
}

func (f *Form) benchUnpack(b *testing.B, size int, l cpu.Level) {
	defer cpu.Force(l)()
	const k = 2048
	strips := size / f.StripBytes(k)
	packed, dst := make([]byte, strips*f.StripBytes(k)), make([]byte, k/BlockLen*f.Kind().BlockBytes())
	for i := range packed {
		packed[i] = byte(i) &^ 0x40
	}
	var t []float64
	for b.Loop() {
		t = append(t, seconds(1, func() {
			for s := range strips {
				f.Unpack(dst, packed[s*f.StripBytes(k):], 0, k/BlockLen)
			}
		}))
	}
	b.ReportMetric(float64(len(packed))/median(t)/1e9, "GB/s")
	b.ReportMetric(0, "ns/op")
}
