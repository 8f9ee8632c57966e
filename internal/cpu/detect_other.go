//go:build (!amd64 && !arm64) || purego

package cpu

func detect() []Level { return []Level{Generic} }

func detectDots() (vnni, bf16 bool) { return false, false }

func detectDotProd() bool { return false }

func detectI8MM() bool { return false }

func detectAVXVNNI() bool { return false }
