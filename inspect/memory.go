package inspect

import (
	"runtime"

	"weft/kvcache"
	"weft/model"
)

// The functions named …Bytes say what is alive at an analysis' worst moment, besides
// the weights: an upper bound, and not far above. A garbage collector may let the
// process take as much again.

// floats is how many bytes so many float32 take.
func floats(n ...int) int64 {
	product := int64(4)
	for _, v := range n {
		product *= int64(v)
	}
	return product
}

// forwardBytes is the working memory of a pass over sequences of n tokens that keeps
// nothing of its layers, without logits. patterns is how many whole ones are there
// at once: 0 if nobody watches attention, 1 for its pattern, 3 for its scores.
func forwardBytes(c model.Config, seqs, n, patterns int) int64 {
	rows := seqs * n
	widest := max(c.Dim, c.Hidden, c.ZDim())
	total := floats(rows, 8*c.Dim+8+layerWidth(c)) + productBytes(rows, widest, widest)
	total += floats(rows, c.Latent.Q+c.Latent.KV+c.Latent.Rope)
	if c.Latent.KV > 0 {
		total += floats(rows, c.Heads, c.HeadDim)
	}
	if e := c.Experts; e.Count > 0 { // all rows may choose one of them
		total += floats(rows, 3*e.Count+3*e.Hidden+2*c.Dim+3*e.Shared+c.Dim)
	}
	total += floats(n, 2*c.HeadDim) // turns
	if c.Position == model.LearnedPositions {
		total += floats(rows, c.Dim)
	}
	return rounded(total+cacheBytes(c, seqs, n)+tileBytes(c, seqs, n)) + int64(patterns)*patternBytes(c, seqs, n)
}

// rounded is what Go takes for many allocations of so many bytes in all.
func rounded(bytes int64) int64 { return bytes + bytes/8 }

// productBytes is what a product of rows of k numbers with a matrix that has cols
// columns arranges before it reads it: the rows, rounded or not, or parts of both.
func productBytes(rows, k, cols int) int64 {
	const whole, packed, part, deep, wide = 256 << 10, 2 << 20, 1 << 20, 768, 64 // as in package tensor
	total := max(2*int64(rows)*int64(k), floats(min(rows*k, packed)))
	if rows*min(k, deep) > whole {
		total += floats(min(k*cols, part))
	}
	return total + int64(runtime.GOMAXPROCS(0))*floats(min(k, deep), min(cols, wide))
}

// layerWidth is how many numbers a block makes of a token, besides streams and norms.
func layerWidth(c model.Config) int {
	return c.QDim() + c.KVDim() + c.VDim() + c.ZDim() + 3*c.Hidden
}

// patternBytes is one layer's whole patterns.
func patternBytes(c model.Config, seqs, n int) int64 { return floats(seqs, c.Heads, n, n) }

// triangleBytes is as much of one sequence's as the future leaves.
func triangleBytes(c model.Config, n int) int64 { return floats(c.Heads, n, n+1) / 2 }

// cacheBytes is one layer's keys and values.
func cacheBytes(c model.Config, seqs, n int) int64 {
	const block = 256 // positions are taken by so many
	if n > block {
		n = (n + block - 1) / block * block
	}
	shape := kvcache.Shape{Layers: 1, Heads: c.KVHeads, KeyDim: c.HeadDim, ValueDim: c.VHead(), Type: kvcache.F32}
	return int64(seqs) * int64(shape.Bytes(n, n))
}

// tileBytes is the part of the patterns that every thread works on: of a few hundred
// queries, or of fewer the more positions they see.
func tileBytes(c model.Config, seqs, n int) int64 {
	const numbers, queries = 192 << 10, 256 // with room to spare
	n += kvcache.Columns
	rows := min(queries, n*c.Heads)
	each := floats(min(rows*n*3/2, max(numbers, 2*kvcache.MaxRows*n))) + floats(rows, 3*(c.HeadDim+c.VHead()))
	return min(int64(runtime.GOMAXPROCS(0))*each, 2*floats(seqs, c.Heads, n, n+2*(c.HeadDim+c.VHead())))
}

// unembedBytes is the head on so many rows of a stream, and what is read of them.
func unembedBytes(c model.Config, rows int) int64 {
	return rounded(floats(rows, 2*c.Dim+2+c.Vocab) + productBytes(rows, c.Dim, c.Vocab) + answerBytes(c, 2*min(rows, runtime.GOMAXPROCS(0))))
}

// answerBytes is so many distributions, or as many places to compare with one.
func answerBytes(c model.Config, n int) int64 { return floats(n, c.Vocab) }
