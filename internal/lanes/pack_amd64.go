//go:build !purego

package lanes

func (f *Form) pack(strip []byte, rows [][]byte, units, size int) {
	f.packGeneric(strip, rows, units, size)
}
