// Package tensor holds numbers and multiplies them.
//
// [Mat] (matrix.go) is a strided view of float32; [Gemm] (gemm.go) is the matrix
// product that training and prefill spend their time in, [Pack] and [GemmPacked]
// (packed.go) the product with a matrix that is used many times over.
//
// Every element of a product is one chain of fused multiply-adds over ascending
// k, whatever the shape, the number of threads or the CPU. Nothing that a caller
// does to the blocking can change a bit of the result.
package tensor
