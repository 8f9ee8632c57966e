package quant

// Type is a storage type. The numbers are Weft's own and may change between versions: files have their own.
type Type uint8

const (
	Unknown Type = iota // so that a forgotten type is an error and not float32

	F32
	F16
	BF16
	F64
	I8
	I16
	I32
	I64
	U8
	U16
	U32
	U64
	Bool

	Q8_0
	Q4_0
	Q4_1

	Q5_0
	Q5_1
	Q8_1
	Q2_K
	Q3_K
	Q4_K
	Q5_K
	Q6_K
	Q8_K
	IQ1_S
	IQ1_M
	IQ2_XXS
	IQ2_XS
	IQ2_S
	IQ3_XXS
	IQ3_S
	IQ4_NL
	IQ4_XS
	TQ1_0
	TQ2_0
	MXFP4

	numTypes
)

// formats has a row for every Type. Block sizes and bytes are those of the GGUF format; a row without a function is of
// a type that we cannot read, or not write, and whose size we know, so that a file holding it can be listed.
var formats = [numTypes]Format{
	F32:  {"F32", 1, 4, decodeF32, encodeF32},
	F16:  {"F16", 1, 2, decodeF16, encodeF16},
	BF16: {"BF16", 1, 2, decodeBF16, encodeBF16},
	F64:  {"F64", 1, 8, decodeF64, nil},
	I8:   {"I8", 1, 1, decodeI8, nil},
	I16:  {"I16", 1, 2, decodeI16, nil},
	I32:  {"I32", 1, 4, decodeI32, nil},
	I64:  {"I64", 1, 8, decodeI64, nil},
	U8:   {"U8", 1, 1, decodeU8, nil},
	U16:  {"U16", 1, 2, nil, nil},
	U32:  {"U32", 1, 4, nil, nil},
	U64:  {"U64", 1, 8, nil, nil},
	Bool: {"BOOL", 1, 1, nil, nil},

	Q8_0: {"Q8_0", 32, 34, decodeQ8_0, encodeQ8_0},
	Q4_0: {"Q4_0", 32, 18, decodeQ4_0, encodeQ4_0},
	Q4_1: {"Q4_1", 32, 20, decodeQ4_1, encodeQ4_1},

	Q5_0:    {"Q5_0", 32, 22, decodeQ5_0, encodeQ5_0},
	Q5_1:    {"Q5_1", 32, 24, decodeQ5_1, encodeQ5_1},
	Q8_1:    {"Q8_1", 32, 36, decodeQ8_1, nil},
	Q2_K:    {"Q2_K", 256, 84, decodeQ2K, encodeQ2K},
	Q3_K:    {"Q3_K", 256, 110, decodeQ3K, encodeQ3K},
	Q4_K:    {"Q4_K", 256, 144, decodeQ4K, encodeQ4K},
	Q5_K:    {"Q5_K", 256, 176, decodeQ5K, encodeQ5K},
	Q6_K:    {"Q6_K", 256, 210, decodeQ6K, encodeQ6K},
	Q8_K:    {"Q8_K", 256, 292, decodeQ8K, nil},
	IQ1_S:   {"IQ1_S", 256, 50, decodeIQ1S, nil},
	IQ1_M:   {"IQ1_M", 256, 56, decodeIQ1M, nil},
	IQ2_XXS: {"IQ2_XXS", 256, 66, decodeIQ2XXS, nil},
	IQ2_XS:  {"IQ2_XS", 256, 74, decodeIQ2XS, nil},
	IQ2_S:   {"IQ2_S", 256, 82, decodeIQ2S, nil},
	IQ3_XXS: {"IQ3_XXS", 256, 98, decodeIQ3XXS, nil},
	IQ3_S:   {"IQ3_S", 256, 110, decodeIQ3S, nil},
	IQ4_NL:  {"IQ4_NL", 32, 18, decodeIQ4NL, encodeIQ4NL},
	IQ4_XS:  {"IQ4_XS", 256, 136, decodeIQ4XS, encodeIQ4XS},
	TQ1_0:   {"TQ1_0", 256, 54, decodeTQ1_0, nil},
	TQ2_0:   {"TQ2_0", 256, 66, decodeTQ2_0, nil},
	MXFP4:   {"MXFP4", 32, 17, decodeMXFP4, encodeMXFP4},
}
