package neon

import "fmt"

// word writes an instruction that Go's assembler does not know: its bits and how Arm
// writes it. The encodings are those of the Arm Architecture Reference Manual, C7.2.
func (w *Writer) word(bits uint32, format string, args ...any) {
	w.F("WORD $0x%08x // %s", bits, fmt.Sprintf(format, args...))
}

// three is an instruction of three registers.
func (w *Writer) three(base uint32, name, d, n, m string, vd, vn, vm int) {
	w.word(base|uint32(vm)<<16|uint32(vn)<<5|uint32(vd), "%s v%d.%s, v%d.%s, v%d.%s", name, vd, d, vn, n, vm, m)
}

// two is an instruction of two registers.
func (w *Writer) two(base uint32, name, d, n string, vd, vn int) {
	w.word(base|uint32(vn)<<5|uint32(vd), "%s v%d.%s, v%d.%s", name, vd, d, vn, n)
}

// element is an instruction whose last operand is 32 bits of a register.
func (w *Writer) element(base uint32, name, n, m string, vd, vn, vm, i int) {
	bits := base | uint32(i>>1)<<11 | uint32(i&1)<<21 | uint32(vm)<<16 | uint32(vn)<<5 | uint32(vd)
	w.word(bits, "%s v%d.4s, v%d.%s, v%d.%s[%d]", name, vd, vn, n, vm, m, i)
}

// SDOT adds to each dword of vd the products of its bytes in vn and of vm's dword i.
func (w *Writer) SDOT(vd, vn, vm, i int) { w.element(0x4f80e000, "sdot", "16b", "4b", vd, vn, vm, i) }

// USMMLA adds to vd, 2×2 dwords, the products of vn's 2 rows of 8 bytes without sign and vm's 2
// of bytes with one.
func (w *Writer) USMMLA(vd, vn, vm int) {
	w.three(0x4e80ac00, "usmmla", "4s", "16b", "16b", vd, vn, vm)
}

// FMULElement and FMLAElement multiply by vm's number i; FMLA adds to vd.
func (w *Writer) FMULElement(vd, vn, vm, i int) {
	w.element(0x4f809000, "fmul", "4s", "s", vd, vn, vm, i)
}
func (w *Writer) FMLAElement(vd, vn, vm, i int) {
	w.element(0x4f801000, "fmla", "4s", "s", vd, vn, vm, i)
}
func (w *Writer) FMLA(vd, vn, vm int) { w.three(0x4e20cc00, "fmla", "4s", "4s", "4s", vd, vn, vm) }

// SCVTF converts int32 to float32.
func (w *Writer) SCVTF(vd, vn int) { w.two(0x4e21d800, "scvtf", "4s", "4s", vd, vn) }

// SMULL and SMLAL multiply the lower bytes (upper: the others) to words, and add them.
func (w *Writer) SMULL(upper bool, vd, vn, vm int) { w.long(0x0e20c000, "smull", upper, vd, vn, vm) }
func (w *Writer) SMLAL(upper bool, vd, vn, vm int) { w.long(0x0e208000, "smlal", upper, vd, vn, vm) }

func (w *Writer) long(base uint32, name string, upper bool, vd, vn, vm int) {
	if upper {
		w.three(base|1<<30, name+"2", "8h", "16b", "16b", vd, vn, vm)
	} else {
		w.three(base, name, "8h", "8b", "8b", vd, vn, vm)
	}
}

// SADDLP sums pairs of words to dwords, SADALP adds them to vd.
func (w *Writer) SADDLP(vd, vn int) { w.two(0x4e602800, "saddlp", "4s", "8h", vd, vn) }
func (w *Writer) SADALP(vd, vn int) { w.two(0x4e606800, "sadalp", "4s", "8h", vd, vn) }

// ADDP sums pairs of dwords, those of vn and then those of vm.
func (w *Writer) ADDP(vd, vn, vm int) { w.three(0x4ea0bc00, "addp", "4s", "4s", "4s", vd, vn, vm) }

// SADDLPBytes sums pairs of bytes to words, ADDV the dwords of vn to one.
func (w *Writer) SADDLPBytes(vd, vn int) { w.two(0x4e202800, "saddlp", "8h", "16b", vd, vn) }
func (w *Writer) ADDV(vd, vn int)        { w.across(0x4eb1b800, "addv", vd, vn) }

// UMAX is the larger dword, UMAXV the largest.
func (w *Writer) UMAX(vd, vn, vm int) { w.three(0x6ea06400, "umax", "4s", "4s", "4s", vd, vn, vm) }
func (w *Writer) UMAXV(vd, vn int)    { w.across(0x6eb0a800, "umaxv", vd, vn) }

func (w *Writer) across(base uint32, name string, vd, vn int) {
	w.word(base|uint32(vn)<<5|uint32(vd), "%s s%d, v%d.4s", name, vd, vn)
}

// FCVTNS rounds float32 to int32, ties to even; NaN becomes 0.
func (w *Writer) FCVTNS(vd, vn int) { w.two(0x4e21a800, "fcvtns", "4s", "4s", vd, vn) }

// XTNWords and XTNBytes cut numbers to half their width (upper: into the upper half).
func (w *Writer) XTNWords(upper bool, vd, vn int) {
	w.narrow(0x0e612800, upper, "4h", "8h", "4s", vd, vn)
}
func (w *Writer) XTNBytes(upper bool, vd, vn int) {
	w.narrow(0x0e212800, upper, "8b", "16b", "8h", vd, vn)
}

func (w *Writer) narrow(base uint32, upper bool, low, all, n string, vd, vn int) {
	if upper {
		w.two(base|1<<30, "xtn2", all, n, vd, vn)
	} else {
		w.two(base, "xtn", low, n, vd, vn)
	}
}

// FMUL multiplies float32.
func (w *Writer) FMUL(vd, vn, vm int) { w.three(0x6e20dc00, "fmul", "4s", "4s", "4s", vd, vn, vm) }

// FNEG changes signs, FCVTL makes 4 halves float32.
func (w *Writer) FNEG(vd, vn int)  { w.two(0x6ea0f800, "fneg", "4s", "4s", vd, vn) }
func (w *Writer) FCVTL(vd, vn int) { w.two(0x0e217800, "fcvtl", "4s", "4h", vd, vn) }

// SXTL and UXTL widen 4 bytes to dwords.
func (w *Writer) SXTL(vd, vn int) {
	w.two(0x0f08a400, "sxtl", "8h", "8b", vd, vn)
	w.two(0x0f10a400, "sxtl", "4s", "4h", vd, vd)
}

func (w *Writer) UXTL(vd, vn int) {
	w.two(0x2f08a400, "uxtl", "8h", "8b", vd, vn)
	w.two(0x2f10a400, "uxtl", "4s", "4h", vd, vd)
}

// SSHR shifts dwords right, keeping the sign.
func (w *Writer) SSHR(vd, vn, by int) {
	w.word(0x4f000400|uint32(64-by)<<16|uint32(vn)<<5|uint32(vd), "sshr v%d.4s, v%d.4s, #%d", vd, vn, by)
}

// CMHI sets the dwords of vd where vn's is above vm's, unsigned; USHL shifts vn's left by
// vm's.
func (w *Writer) CMHI(vd, vn, vm int) { w.three(0x6ea03400, "cmhi", "4s", "4s", "4s", vd, vn, vm) }
func (w *Writer) USHL(vd, vn, vm int) { w.three(0x6ea04400, "ushl", "4s", "4s", "4s", vd, vn, vm) }
