//go:build !amd64 || purego

package lanes

func (f *Form) rest([]float32, []byte, int, *Rest, int) bool { return false }

func (k Kind) rest([]float32, int, []byte, int, *Rest, int) bool { return false }
