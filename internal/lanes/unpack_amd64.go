//go:build !purego

package lanes

func (f *Form) unpack(dst, strip []byte, units int) { f.unpackGeneric(dst, strip, units) }
