package tensor

import (
	"fmt"
	"strings"

	"weft/internal/quant"
)

// DType is how numbers are stored in a file or in memory. The numeric values are Weft's own; files have theirs.
type DType uint8

// Plain numbers, and the block formats of GGUF. Weft reads the numbers of all but U16, U32, U64 and Bool, whose size it
// knows (see [DType.CanDecode]). It writes F32, F16, BF16, the Q types but Q8_1 and Q8_K, IQ4_NL, IQ4_XS and MXFP4 (see
// [DType.CanEncode]).
const (
	F32  = DType(quant.F32)
	F16  = DType(quant.F16)
	BF16 = DType(quant.BF16)
	F64  = DType(quant.F64)
	I8   = DType(quant.I8)
	I16  = DType(quant.I16)
	I32  = DType(quant.I32)
	I64  = DType(quant.I64)
	U8   = DType(quant.U8)
	U16  = DType(quant.U16)
	U32  = DType(quant.U32)
	U64  = DType(quant.U64)
	Bool = DType(quant.Bool)

	Q8_0 = DType(quant.Q8_0)
	Q4_0 = DType(quant.Q4_0)
	Q4_1 = DType(quant.Q4_1)

	Q5_0    = DType(quant.Q5_0)
	Q5_1    = DType(quant.Q5_1)
	Q8_1    = DType(quant.Q8_1)
	Q2_K    = DType(quant.Q2_K)
	Q3_K    = DType(quant.Q3_K)
	Q4_K    = DType(quant.Q4_K)
	Q5_K    = DType(quant.Q5_K)
	Q6_K    = DType(quant.Q6_K)
	Q8_K    = DType(quant.Q8_K)
	IQ1_S   = DType(quant.IQ1_S)
	IQ1_M   = DType(quant.IQ1_M)
	IQ2_XXS = DType(quant.IQ2_XXS)
	IQ2_XS  = DType(quant.IQ2_XS)
	IQ2_S   = DType(quant.IQ2_S)
	IQ3_XXS = DType(quant.IQ3_XXS)
	IQ3_S   = DType(quant.IQ3_S)
	IQ4_NL  = DType(quant.IQ4_NL)
	IQ4_XS  = DType(quant.IQ4_XS)
	TQ1_0   = DType(quant.TQ1_0)
	TQ2_0   = DType(quant.TQ2_0)
	MXFP4   = DType(quant.MXFP4)
)

// ParseDType finds a type by name, in either case: "f32", "Q8_0".
func ParseDType(name string) (DType, error) {
	for d := 1; d < 256; d++ {
		if f, ok := quant.Type(d).Format(); ok && strings.EqualFold(f.Name, name) {
			return DType(d), nil
		}
	}
	return 0, fmt.Errorf("unknown dtype %q", name)
}

// String is the name that files use, such as "F32" or "Q8_0".
func (d DType) String() string { return quant.Type(d).String() }

// Valid reports whether d is one of the types above.
func (d DType) Valid() bool { _, ok := quant.Type(d).Format(); return ok }

// CanDecode reports whether Weft can read numbers of this type.
func (d DType) CanDecode() bool { return quant.Type(d).CanDecode() }

// CanEncode reports whether Weft can write numbers as this type.
func (d DType) CanEncode() bool { return quant.Type(d).CanEncode() }

// BlockSize is the number of elements that are stored together: 1 for plain numbers, 32 or 256 for quantised ones,
// 0 for a type that does not exist.
func (d DType) BlockSize() int { f, _ := quant.Type(d).Format(); return f.Block }

// BlockBytes is the number of bytes that BlockSize elements take.
func (d DType) BlockBytes() int { f, _ := quant.Type(d).Format(); return f.Bytes }

// Bytes is the number of bytes that n elements take. It refuses part of a block, and what memory cannot address.
func (d DType) Bytes(n int) (int, error) { return quant.Type(d).Size(n) }
