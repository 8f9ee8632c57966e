package quant

import "math"

// The search for scales. A format offers levels, and a block wants the scale (and offset) that brings them closest to
// its numbers, in weighted squares. For given codes, least squares tells the best scale; for a given scale, the best
// codes are the nearest levels. So the search tries some scales, takes for each the codes and the scale that these
// want, keeps what explains most, and then repeats the two steps from there while that helps.
//
// All of it is float64, and products are converted before a sum, so that every platform finds the same.

// grid is a set of levels. They may be uneven, so the line is cut into cells so fine that each belongs to one level.
type grid struct {
	mult, bias float64   // v is in cell v·mult + bias, rounded down
	last       float64   // cell
	level      []float64 // of each cell
	code       []uint8   // of each cell: how its level is stored
	decoded    []float64 // of each code
	tries      []float64 // where the search puts the number of the largest magnitude
}

// evenGrid has the levels lo to hi, stored as level - lo. A level is a cell, so cells are codes.
func evenGrid(lo, hi int, tries []float64) *grid {
	g := &grid{mult: 1, bias: 0.5 - float64(lo), tries: tries}
	for l := lo; l <= hi; l++ {
		g.level, g.code = append(g.level, float64(l)), append(g.code, uint8(l-lo))
	}
	g.decoded, g.last = g.level, float64(hi-lo)
	return g
}

// unevenGrid has whole numbers from -top to top as levels, stored as their index. Half a unit is a cell.
func unevenGrid(levels *[16]int8, top float64, tries []float64) *grid {
	g := &grid{mult: 2, bias: 2 * top, tries: tries}
	for _, l := range levels {
		g.decoded = append(g.decoded, float64(l))
	}
	for v := 0.25 - top; v < top; v += 0.5 {
		nearest := 0
		for c, l := range g.decoded {
			if math.Abs(v-l) < math.Abs(v-g.decoded[nearest]) {
				nearest = c
			}
		}
		g.level, g.code = append(g.level, g.decoded[nearest]), append(g.code, uint8(nearest))
	}
	g.last = float64(len(g.level) - 1)
	return g
}

// around is n numbers from end-width to end+width, for each end.
func around(width float64, n int, ends ...float64) (list []float64) {
	for _, end := range ends {
		for i := range n {
			list = append(list, end-width+2*width*float64(i)/float64(n-1))
		}
	}
	return list
}

// cell is where v falls; for what is outside, the nearest.
func (g *grid) cell(v float64) int {
	c := float64(v*g.mult) + g.bias
	if !(c > 0) {
		return 0
	}
	if c >= g.last {
		return len(g.level) - 1
	}
	return int(c)
}

// inverseOf is 1/scale, 0 for none.
func inverseOf(scale float64) float64 {
	if scale == 0 {
		return 0
	}
	return 1 / scale
}

// fit is the scale with which the levels come closest to x, 0 if nothing is better than zeros. It may be negative.
func (g *grid) fit(x, w []float64) (scale float64) {
	top := 0.0
	for _, v := range x {
		if math.Abs(v) > math.Abs(top) {
			top = v
		}
	}
	if top == 0 {
		return 0
	}
	best := 0.0 // how much of Σ w·x² is explained
	try := func(inverse float64) bool {
		lx, ll := g.sums(x, w, inverse)
		if !(lx*lx > best*ll) {
			return false
		}
		scale, best = lx/ll, lx*lx/ll
		return true
	}
	for _, t := range g.tries {
		try(t / top)
	}
	for range 4 {
		if scale == 0 || !try(1/scale) {
			break
		}
	}
	return scale
}

// sums are Σ w·l·x and Σ w·l², with the levels l nearest to x times inverse.
func (g *grid) sums(x, w []float64, inverse float64) (lx, ll float64) {
	w = w[:len(x)]
	for i, v := range x {
		l := g.level[g.cell(v*inverse)]
		wl := w[i] * l
		lx += float64(wl * v)
		ll += float64(wl * l)
	}
	return lx, ll
}

// line is what fitting scale·l + offset needs to know of x.
type line struct {
	lo, hi float64
	w, wx  float64 // Σ w, Σ w·x
}

// fitOffset is the scale and the offset with which scale·l + offset comes closest to x. Unless free, the offset is not
// positive. The grid's levels begin at 0.
func (g *grid) fitOffset(x, w []float64, free bool) (scale, offset float64) {
	a := line{lo: x[0], hi: x[0]}
	for i, v := range x {
		a.lo, a.hi = min(a.lo, v), max(a.hi, v)
		a.w += w[i]
		a.wx += float64(w[i] * v)
	}
	if !free {
		a.lo = min(a.lo, 0)
	}
	if a.lo == a.hi {
		return 0, a.lo
	}
	top := g.level[len(g.level)-1]
	scale, offset = (a.hi-a.lo)/top, a.lo
	best := math.Inf(-1)
	try := func(inverse, from float64) bool {
		s, o, gain := g.solve(&a, x, w, inverse, from, free)
		if !(gain > best) {
			return false
		}
		scale, offset, best = s, o, gain
		return true
	}
	for _, t := range g.tries {
		try(t/(a.hi-a.lo), a.lo)
	}
	for range 4 {
		if !(scale > 0) || !try(1/scale, offset) {
			break
		}
	}
	return scale, offset
}

// solve is least squares for the levels nearest to x - from times inverse: the scale, the offset, and how much of
// Σ w·x² they explain, which is -Inf if there is no answer.
func (g *grid) solve(a *line, x, w []float64, inverse, from float64, free bool) (scale, offset, gain float64) {
	var wl, wll, wlx float64
	w = w[:len(x)]
	for i, v := range x {
		l := g.level[g.cell(float64((v-from)*inverse))]
		p := w[i] * l
		wl += p
		wll += float64(p * l)
		wlx += float64(p * v)
	}
	det := float64(a.w*wll) - float64(wl*wl)
	if !(det > 0) {
		return 0, 0, math.Inf(-1)
	}
	scale = (float64(a.w*wlx) - float64(a.wx*wl)) / det
	offset = (float64(wll*a.wx) - float64(wl*wlx)) / det
	if offset > 0 && !free {
		scale, offset = wlx/wll, 0
	}
	return scale, offset, float64(scale*wlx) + float64(offset*a.wx)
}
