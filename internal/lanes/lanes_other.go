//go:build !amd64 || purego

package lanes

func (f *Form) pack(strip []byte, rows [][]byte, units, size int) {
	f.packRows(strip, rows, units, size)
}
