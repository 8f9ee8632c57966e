//go:build !amd64 || purego

package cpu

func detect() Level { return Generic }

func detectDots(Level) (vnni, bf16 bool) { return false, false }
