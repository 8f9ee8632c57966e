// Package lanes computes with quantised weights. It holds them in an order of its
// own, one that a processor reads in a straight line: the same codes, scales and
// bits per weight as the file has, but with 16 rows side by side in the lanes of a
// vector, so that no sum ever runs across lanes.
//
//   - A strip is 16 rows of a matrix (form.go): [Form.Pack] makes it from a file's rows.
//   - A panel is up to [MaxCols] columns of activations, rounded to 8 bits in blocks
//     of 32 (panel.go): [Quantise] makes it.
//   - [Form.Dot] multiplies strips as they are by a panel of at most [DotCols] columns.
//   - Where that is sooner done ([Form.Unpacks]), a strip is unpacked for many columns ([Form.Unpack]: a byte per
//     weight, float32 scales), and [Kind.Tile] multiplies that by panel after panel.
//   - Outliers lose too much by 8 bits: a [Rest] is what was lost of them, a panel of few
//     blocks, whose products come after all others.
//
// Both ways compute every output with the same operations in the same order, so the
// bits do not depend on which is taken, nor on the columns beside. For block after
// block of 32 weights:
//
//	acc = fma(float32(Σ weight code · activation code), weight scale · activation scale, acc)
//	acc = fma(weight minimum, activation scale · Σ activation codes, acc)    // forms with minima
//
// Where a form has a scale for each 16, the activation's, which both halves share, comes last:
//
//	t   = float32(Σ of the first half) · its weight scale
//	acc = fma(its minimum, activation scale · Σ activation codes, acc)       // forms with minima
//	t   = fma(float32(Σ of the second half), its weight scale, t)
//	acc = fma(t, activation scale, acc)
//	acc = fma(its minimum, activation scale · Σ activation codes, acc)       // forms with minima
//
// The sum of products is an exact integer. acc starts from 0 or from the old output, so
// a long row may be cut into several calls.
//
// Generic Go computes everything (generic.go) and is what the assembly is tested
// against.
package lanes

// Rows is how many rows of a matrix a strip holds, MaxCols how many columns of
// activations a panel has at most, BlockLen how many numbers share an activation
// scale.
const (
	Rows     = 16
	MaxCols  = 12
	BlockLen = 32
)
