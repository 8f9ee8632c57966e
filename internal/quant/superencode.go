package quant

import "math"

// Writing the formats with scales of scales. First every sub-block says which scale (and minimum) it would like; then
// a d (and m) is found of which those are multiples, nearly; then each sub-block takes the small scale and minimum
// that really suit it best, and least squares finds a better d and m for the codes that came out.

// shape says how a format spends its bits.
type shape struct {
	format   Type
	bytes    int   // in a super-block
	sub      int   // numbers that share a small scale
	levels   *grid // what the numbers become
	scales   *grid // what the small scales become
	minimums *grid // what the small minimums become; nil: there are none
}

// work is a super-block being encoded.
type work struct {
	x, w          [super]float64
	scale, offset [16]float64 // what each sub-block would like: x = scale·l - offset
	sw            [16]float64 // the weight of each
	best, trial   stored
}

// stored is a way to store the block.
type stored struct {
	d, m  float64 // halves
	s, t  [16]int // the codes of the small scales and minimums
	codes codes
	err   float64
}

func encodeSuper(f *shape, dst []byte, src, importance []float32) int {
	var k work
	for n := 0; len(src) > 0; n++ {
		if !k.encode(f, src[:super], importance) {
			return n
		}
		clear(dst[:f.bytes])
		pack(f.format, dst[:f.bytes], &k.best)
		dst, src = dst[f.bytes:], src[super:]
		if importance != nil {
			importance = importance[super:]
		}
	}
	return -1
}

// encode finds a good way to store x, in k.best. It reports false if the numbers do not fit.
func (k *work) encode(f *shape, x, importance []float32) bool {
	if !weigh(k.x[:], k.w[:], x, importance) {
		return false
	}
	k.start(f)
	if !k.assign(f) {
		return false
	}
	k.best = k.trial
	k.refit(f)
	if k.assign(f) && k.trial.err < k.best.err {
		k.best = k.trial
	}
	return true
}

// start asks the sub-blocks and sets the trial's d and m, and the small scales and minimums near to what they want.
func (k *work) start(f *shape) {
	n := super / f.sub
	for j := range n {
		x, w := k.part(f, j)
		k.sw[j] = 0
		for _, v := range w {
			k.sw[j] += v
		}
		if f.minimums == nil {
			k.scale[j] = f.levels.fit(x, w)
		} else {
			k.scale[j], k.offset[j] = f.levels.fitOffset(x, w, false)
			k.offset[j] = -k.offset[j]
		}
	}
	k.trial.d = f.scales.multiples(k.trial.s[:n], k.scale[:n], k.sw[:n])
	if f.minimums != nil {
		k.trial.m = f.minimums.multiples(k.trial.t[:n], k.offset[:n], k.sw[:n])
	}
}

func (k *work) part(f *shape, j int) (x, w []float64) {
	return k.x[j*f.sub : (j+1)*f.sub], k.w[j*f.sub : (j+1)*f.sub]
}

// multiples is the unit of which x are nearly multiples, and by how much.
func (g *grid) multiples(by []int, x, w []float64) float64 {
	unit := g.fit(x, w)
	inverse := inverseOf(unit)
	for i, v := range x {
		by[i] = g.cell(v * inverse)
	}
	return unit
}

// assign rounds the trial's d and m to halves, which they may be too large for, and chooses everything else for them.
func (k *work) assign(f *shape) bool {
	r := &k.trial
	r.d, r.m = asHalf(r.d), asHalf(r.m)
	if math.IsInf(r.d, 0) || math.IsInf(r.m, 0) {
		return false
	}
	r.err = 0
	for j := range super / f.sub {
		r.err += k.assignPart(f, j)
		scale, low := r.scaled(f, r.s[j], r.t[j])
		inverse := inverseOf(scale)
		x, _ := k.part(f, j)
		for i, v := range x {
			r.codes[j*f.sub+i] = f.levels.code[f.levels.cell(float64((v+low)*inverse))]
		}
	}
	return true
}

// assignPart tries the small scales around the one that sub-block j has, each with the minimum that then fits best,
// and keeps the best in the trial. It returns the error.
func (k *work) assignPart(f *shape, j int) float64 {
	r := &k.trial
	x, w := k.part(f, j)
	best, s0, t0 := math.Inf(1), r.s[j], r.t[j]
	for s := max(0, s0-1); s <= min(s0+1, len(f.scales.level)-1); s++ {
		t := t0
		for range 2 {
			scale, low := r.scaled(f, s, t)
			err, wanted := f.levels.err(x, w, scale, low)
			if err < best {
				best, r.s[j], r.t[j] = err, s, t
			}
			if r.m == 0 {
				break
			}
			next := f.minimums.cell(wanted / k.sw[j] / r.m)
			if next == t {
				break
			}
			t = next
		}
	}
	return best
}

// scaled is what codes of a small scale and minimum mean.
func (r *stored) scaled(f *shape, s, t int) (scale, low float64) {
	if f.minimums != nil {
		low = r.m * f.minimums.level[t]
	}
	return r.d * f.scales.level[s], low
}

// err is the weighted error of x stored as scale·l - low, and the weighted sum of scale·l - x, whose mean low should
// be.
func (g *grid) err(x, w []float64, scale, low float64) (err, wanted float64) {
	inverse := inverseOf(scale)
	w = w[:len(x)]
	for i, v := range x {
		diff := float64(scale*g.level[g.cell(float64((v+low)*inverse))]) - v
		wanted += float64(w[i] * diff)
		diff -= low
		err += float64(w[i] * float64(diff*diff))
	}
	return err, wanted
}

// refit sets the trial's d and m to what least squares wants for its codes.
func (k *work) refit(f *shape) {
	r := &k.trial
	var aa, at, tt, ax, tx float64 // x = d·a - m·t
	for j := range super / f.sub {
		s, t := (&stored{d: 1, m: 1}).scaled(f, r.s[j], r.t[j])
		for i := j * f.sub; i < (j+1)*f.sub; i++ {
			a, w := s*f.levels.decoded[r.codes[i]], k.w[i]
			aa += float64(w * float64(a*a))
			at += float64(w * float64(a*t))
			tt += float64(w * float64(t*t))
			ax += float64(w * float64(a*k.x[i]))
			tx += float64(w * float64(t*k.x[i]))
		}
	}
	if det := float64(aa*tt) - float64(at*at); det > 0 {
		r.d, r.m = (float64(ax*tt)-float64(tx*at))/det, max(0, (float64(ax*at)-float64(tx*aa))/det)
	} else if aa > 0 {
		r.d = (ax + float64(r.m*at)) / aa
	}
}

func asHalf(f float64) float64 { return float64(F16ToF32(F32ToF16(float32(f)))) }
