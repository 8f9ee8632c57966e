//go:build !amd64 || purego

package kernel

func peakFMA(rounds int) float64  { return peakGeneric(rounds) }
func peakBF16(rounds int) float64 { return peakGeneric(rounds) }
func peakInt8(rounds int) float64 { return peakInt8Generic(rounds) }
func read(x []float32)            { readGeneric(x) }
