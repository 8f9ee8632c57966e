//go:build !amd64 || purego

package lanes

func (f *Form) rest([]float32, int, []byte, int, *Rest, int) bool { return false }
