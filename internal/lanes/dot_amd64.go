//go:build !purego

package lanes

func (f *Form) dot(c []float32, ldc int, strip []byte, p Panel, rows int, add bool) {
	f.dotGeneric(c, ldc, strip, p, rows, add)
}
