package main

import "fmt"

// word writes an instruction that Go's assembler does not know: its bits and how Arm
// writes it. The encodings are those of the Arm Architecture Reference Manual, C7.2.
func (w *writer) word(bits uint32, format string, args ...any) {
	w.f("WORD $0x%08x // %s", bits, fmt.Sprintf(format, args...))
}

// three is an instruction of three registers.
func (w *writer) three(base uint32, name, d, n, m string, vd, vn, vm int) {
	w.word(base|uint32(vm)<<16|uint32(vn)<<5|uint32(vd), "%s v%d.%s, v%d.%s, v%d.%s", name, vd, d, vn, n, vm, m)
}

// two is an instruction of two registers.
func (w *writer) two(base uint32, name, d, n string, vd, vn int) {
	w.word(base|uint32(vn)<<5|uint32(vd), "%s v%d.%s, v%d.%s", name, vd, d, vn, n)
}

// element is an instruction whose last operand is 32 bits of a register.
func (w *writer) element(base uint32, name, n, m string, vd, vn, vm, i int) {
	bits := base | uint32(i>>1)<<11 | uint32(i&1)<<21 | uint32(vm)<<16 | uint32(vn)<<5 | uint32(vd)
	w.word(bits, "%s v%d.4s, v%d.%s, v%d.%s[%d]", name, vd, vn, n, vm, m, i)
}

// sdot adds to each dword of vd the products of its bytes in vn and of vm's dword i.
func (w *writer) sdot(vd, vn, vm, i int) { w.element(0x4f80e000, "sdot", "16b", "4b", vd, vn, vm, i) }

// fmulElement and fmlaElement multiply by vm's number i; fmla adds to vd.
func (w *writer) fmulElement(vd, vn, vm, i int) {
	w.element(0x4f809000, "fmul", "4s", "s", vd, vn, vm, i)
}
func (w *writer) fmlaElement(vd, vn, vm, i int) {
	w.element(0x4f801000, "fmla", "4s", "s", vd, vn, vm, i)
}
func (w *writer) fmla(vd, vn, vm int) { w.three(0x4e20cc00, "fmla", "4s", "4s", "4s", vd, vn, vm) }

// scvtf converts int32 to float32.
func (w *writer) scvtf(vd, vn int) { w.two(0x4e21d800, "scvtf", "4s", "4s", vd, vn) }

// smull and smlal multiply the lower bytes (upper: the others) to words, and add them.
func (w *writer) smull(upper bool, vd, vn, vm int) { w.long(0x0e20c000, "smull", upper, vd, vn, vm) }
func (w *writer) smlal(upper bool, vd, vn, vm int) { w.long(0x0e208000, "smlal", upper, vd, vn, vm) }

func (w *writer) long(base uint32, name string, upper bool, vd, vn, vm int) {
	if upper {
		w.three(base|1<<30, name+"2", "8h", "16b", "16b", vd, vn, vm)
	} else {
		w.three(base, name, "8h", "8b", "8b", vd, vn, vm)
	}
}

// saddlp sums pairs of words to dwords, sadalp adds them to vd.
func (w *writer) saddlp(vd, vn int) { w.two(0x4e602800, "saddlp", "4s", "8h", vd, vn) }
func (w *writer) sadalp(vd, vn int) { w.two(0x4e606800, "sadalp", "4s", "8h", vd, vn) }

// addp sums pairs of dwords, those of vn and then those of vm.
func (w *writer) addp(vd, vn, vm int) { w.three(0x4ea0bc00, "addp", "4s", "4s", "4s", vd, vn, vm) }
