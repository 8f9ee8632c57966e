//go:build (!amd64 && !arm64) || purego

package lanes

func quantise(p Panel, c int, x []float32) { quantiseGeneric(p, c, x) }
