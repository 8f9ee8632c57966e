package train

import (
	"math"

	"weft/internal/kernel"
	"weft/internal/par"
	"weft/model"
	"weft/tensor"
)

// Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): the momentum of
// a matrix's gradient, made nearly orthogonal, is the step. Every direction of
// the matrix is then learned at the same speed, however weak its gradient.

// Newton–Schulz's iteration X <- (a + b·XXᵀ + c·(XXᵀ)²)·X, whose coefficients
// push singular values in (0,1] to about 0.7–1.2 in five rounds.
const (
	schulzA, schulzB, schulzC = 3.4445, -4.7750, 2.0315
	schulzRounds              = 5
)

// muonScratch is one worker's memory for orthogonalising one matrix.
type muonScratch struct {
	x, next    []float32 // the matrix before and after a round
	gram, poly []float32 // smaller side squared
}

// muonCost orders matrices by the work that they make.
func muonCost(p model.Param) int { return p.Rows * p.Cols * min(p.Rows, p.Cols) }

// byMatrix says whether there are enough matrices to give each to one worker;
// otherwise workers share each product. The bits are the same.
func (s *optimizer) byMatrix() bool { return len(s.muon) >= 2*s.pool.Threads() }

func (s *optimizer) makeScratch() {
	size, side := 0, 0
	for _, sl := range s.muon {
		size, side = max(size, len(sl.Data)), max(side, min(sl.Rows, sl.Cols))
	}
	if size == 0 {
		return
	}
	workers := 1
	if s.byMatrix() {
		workers = s.pool.Threads()
	}
	s.scratch = make([]muonScratch, workers)
	for i := range s.scratch {
		s.scratch[i] = muonScratch{make([]float32, size), make([]float32, size), make([]float32, side*side), make([]float32, side*side)}
	}
}

// stepMuon steps every matrix that is Muon's; gradients count scale times.
func (s *optimizer) stepMuon(share float64, scale float32) {
	if s.byMatrix() {
		s.pool.Run(len(s.muon), func(worker, i int) { s.stepMatrix(nil, s.muon[i], &s.scratch[worker], share, scale) })
		return
	}
	for _, sl := range s.muon {
		s.stepMatrix(s.pool, sl, &s.scratch[0], share, scale)
	}
}

func (s *optimizer) stepMatrix(pool *par.Pool, sl *slot, scratch *muonScratch, share float64, scale float32) {
	momentum := float32(s.Momentum)
	kernel.Scale(sl.grad, scale*(1-momentum))
	kernel.Scale(sl.m, momentum)
	kernel.AddTo(sl.m, sl.grad)
	x := tensor.Of(scratch.x[:len(sl.Data)], sl.Rows, sl.Cols)
	copy(x.Data, sl.grad) // Nesterov's look ahead: one more step of the same mean
	kernel.Axpy(x.Data, momentum, sl.m)
	clear(sl.grad)
	x = orthogonalize(pool, x, scratch)
	lr := s.MuonLR * share
	kernel.Scale(sl.Data, float32(1-lr*s.WeightDecay))
	kernel.Axpy(sl.Data, float32(-lr*muonScale(sl.Param)), x.Data)
}

// muonScale makes steps of matrices of different shapes alike.
func muonScale(p model.Param) float64 {
	return math.Sqrt(max(1, float64(p.Rows)/float64(p.Cols)))
}

// orthogonalize returns x with its singular values moved near 1, in scratch.
func orthogonalize(pool *par.Pool, x tensor.Mat, scratch *muonScratch) tensor.Mat {
	norm := math.Sqrt(kernel.SumSquares(x.Data))
	kernel.Scale(x.Data, float32(1/(norm+1e-7)))
	n := min(x.Rows, x.Cols)
	gram, poly := tensor.Of(scratch.gram[:n*n], n, n), tensor.Of(scratch.poly[:n*n], n, n)
	next := tensor.Of(scratch.next[:len(x.Data)], x.Rows, x.Cols)
	for range schulzRounds {
		wide := x.Rows <= x.Cols
		if wide {
			tensor.Gemm(pool, gram, x, x.T(), false)
		} else {
			tensor.Gemm(pool, gram, x.T(), x, false)
		}
		tensor.Gemm(pool, poly, gram, gram, false)
		kernel.Scale(poly.Data, schulzC)
		kernel.Axpy(poly.Data, schulzB, gram.Data)
		for i := range n {
			poly.Data[i*n+i] += schulzA
		}
		if wide {
			tensor.Gemm(pool, next, poly, x, false)
		} else {
			tensor.Gemm(pool, next, x, poly, false)
		}
		x, next = next, x
	}
	return x
}
