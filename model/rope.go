package model

import (
	"fmt"
	"math"
	"slices"

	"weft/internal/kernel"
	"weft/tensor"
)

// Rope says how queries and keys turn with their position: number i of a head
// and number i + Dims/2 are a pair that turns by position · frequency(i).
type Rope struct {
	Theta   float64 // frequency(i) is Theta^(-2i/Dims) before scaling
	Dims    int     // leading numbers of a head that turn; 0: all
	Scaling Scaling
}

// Scaling stretches the rotations of a model for a context longer than it was
// first trained on.
type Scaling struct {
	Kind     ScalingKind
	Factor   float64 // how much longer
	Original int     // the context before

	Low, High  float64   // Llama 3: turns within Original below which a frequency is stretched in full, above which not at all
	Fast, Slow float64   // YaRN: the same, High and Low under their own names
	Plain      bool      // YaRN: the borders between pairs are not rounded to whole pairs
	Amplitude  float64   // YaRN, LongRope: multiplies cosines and sines; 0: 1
	Divisors   []float64 // Divided: one for each pair
	Long       []float64 // Divided: instead of Divisors, once the context is longer than Original; may be nil
}

// ScalingKind is how a Scaling changes the frequencies.
type ScalingKind uint8

const (
	NoScaling    ScalingKind = iota
	ScaleLinear              // all divided by Factor (Chen et al. 2023, arXiv 2306.15595)
	ScaleLlama3              // slow ones divided by Factor, fast ones kept, between them a mix (Llama 3.1)
	ScaleYaRN                // the same with other borders (Peng et al. 2023, arXiv 2309.00071)
	ScaleDivided             // each by its own divisor (LongRoPE, arXiv 2402.13753; GGUF's rope_freqs)
)

// dims is how many numbers of a head turn.
func (r Rope) dims(headDim int) int {
	if r.Dims > 0 {
		return r.Dims
	}
	return headDim
}

func (r Rope) check(headDim int) error {
	d, s := r.dims(headDim), r.Scaling
	switch {
	case d%2 != 0 || d > headDim:
		return fmt.Errorf("RoPE turns %d numbers of %d; it turns pairs", d, headDim)
	case !(r.Theta >= 1 && r.Theta < math.MaxFloat32):
		return fmt.Errorf("rope theta is %g", r.Theta)
	case s.Kind > ScaleDivided:
		return fmt.Errorf("unknown rope scaling")
	case s.Kind != NoScaling && s.Kind != ScaleDivided && !(s.Factor > 0 && s.Factor < 1e9):
		return fmt.Errorf("rope scaling by %g", s.Factor)
	case (s.Kind == ScaleLlama3 || s.Kind == ScaleYaRN) && s.Original < 1:
		return fmt.Errorf("rope scaling from a context of %d", s.Original)
	case s.Kind == ScaleLlama3 && !(s.High > s.Low && s.Low > 0):
		return fmt.Errorf("rope scaling between %g and %g turns", s.Low, s.High)
	case s.Kind == ScaleYaRN && !(s.Fast > s.Slow && s.Slow > 0 && r.Theta > 1):
		return fmt.Errorf("rope scaling between %g and %g turns", s.Slow, s.Fast)
	case r.Dims < 0:
		return fmt.Errorf("rope turns %d numbers", r.Dims)
	case !(s.Amplitude >= 0 && s.Amplitude < 1e9):
		return fmt.Errorf("rope grows by %g", s.Amplitude)
	case !positive(s.Divisors) || !positive(s.Long):
		return fmt.Errorf("a rope divisor is not a positive number")
	case s.Kind == ScaleDivided && (len(s.Divisors) != d/2 || s.Long != nil && len(s.Long) != d/2):
		return fmt.Errorf("%d rope divisors for %d pairs", len(s.Divisors), d/2)
	}
	return nil
}

func positive(list []float64) bool {
	return !slices.ContainsFunc(list, func(f float64) bool { return !(f > 0 && f < math.MaxFloat32) })
}

// Frequencies are the angles per position of each pair, in radians; long says
// that the context is longer than Scaling.Original.
func (r Rope) Frequencies(headDim int, long bool) []float64 {
	d, s := r.dims(headDim), r.Scaling
	freq := make([]float64, d/2)
	for i := range freq {
		freq[i] = math.Pow(r.Theta, -2*float64(i)/float64(d))
	}
	switch s.Kind {
	case ScaleLinear:
		for i := range freq {
			freq[i] /= s.Factor
		}
	case ScaleLlama3:
		for i, f := range freq {
			turns := float64(s.Original) * f / (2 * math.Pi)
			freq[i] = mix(f, f/s.Factor, (turns-s.Low)/(s.High-s.Low))
		}
	case ScaleYaRN:
		low, high := s.borders(d, r.Theta)
		for i, f := range freq {
			freq[i] = mix(f, f/s.Factor, 1-(float64(i)-low)/(high-low))
		}
	case ScaleDivided:
		by := s.Divisors
		if long && s.Long != nil {
			by = s.Long
		}
		for i := range freq {
			freq[i] /= by[i]
		}
	}
	return freq
}

// mix is share of a and the rest of b; share is brought between 0 and 1.
func mix(a, b, share float64) float64 {
	share = max(0, min(1, share))
	return a*share + b*(1-share)
}

// borders are the pairs between which YaRN goes from kept to stretched.
func (s Scaling) borders(dims int, theta float64) (low, high float64) {
	pair := func(turns float64) float64 {
		return float64(dims) * math.Log(float64(s.Original)/(turns*2*math.Pi)) / (2 * math.Log(theta))
	}
	low, high = pair(s.Fast), pair(s.Slow)
	if !s.Plain {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(dims-1))
	if low == high {
		high += 0.001
	}
	return low, high
}

// rotations are the cosines and sines of a pass, a row for each position: one
// sequence after the other, or once for all if they begin alike.
type rotations struct {
	cos, sin tensor.Mat // positions × pairs; room for more than n
	n        int
	runs     []turnRun
	freq     [2][]float64 // for a usual context and for a long one
}

// turnRun is the positions of one sequence, for a context that is long or not.
type turnRun struct {
	first, n int
	long     bool
}

// fill tabulates runs, unless that is what it holds.
func (t *rotations) fill(r Rope, headDim int, runs []turnRun) {
	if slices.Equal(t.runs, runs) {
		return
	}
	t.runs, t.n = append(t.runs[:0], runs...), 0
	for _, run := range runs {
		t.n += run.n
	}
	if t.freq[0] == nil {
		t.freq = [2][]float64{r.Frequencies(headDim, false), r.Frequencies(headDim, true)}
	}
	if t.cos.Rows < t.n {
		t.cos, t.sin = tensor.New(t.n, len(t.freq[0])), tensor.New(t.n, len(t.freq[0]))
	}
	amplitude := r.Scaling.Amplitude
	if amplitude == 0 {
		amplitude = 1
	}
	at := 0
	for _, run := range runs {
		freq := t.freq[0]
		if run.long {
			freq = t.freq[1]
		}
		for i := range run.n {
			for j, f := range freq {
				sin, cos := math.Sincos(float64(run.first+i) * f)
				row(t.cos, at)[j], row(t.sin, at)[j] = float32(cos*amplitude), float32(sin*amplitude)
			}
			at++
		}
	}
}

// prepareTurns tabulates the rotations that a pass needs.
func (m *Model) prepareTurns(a *Activations, p *pass) {
	if m.Config.Position != RoPE {
		return
	}
	for i, r := range m.Config.ropes() {
		runs := a.runs[:0]
		for seq := range p.seqs {
			runs = append(runs, turnRun{p.start(seq), p.seqLen, r.Scaling.Original > 0 && p.capacity(seq) > r.Scaling.Original})
		}
		a.runs = runs
		if !slices.ContainsFunc(runs, func(t turnRun) bool { return t != runs[0] }) {
			runs = runs[:1]
		}
		a.turns[i].fill(r, m.Config.HeadDim, runs)
	}
}

// turns is the table of a block, nil when it does not turn.
func (m *Model) turns(a *Activations, layer int) *rotations {
	switch b := m.Config.Block(layer); {
	case m.Config.Position != RoPE || b.NoRope:
		return nil
	case b.Local:
		return &a.turns[1]
	}
	return &a.turns[0]
}

// rotate turns every query and key by its position, so that their products
// depend on distance.
func (m *Model) rotate(a *Activations, s layerActs, p *pass) error {
	c := m.Config
	turns := m.turns(a, p.layer)
	for _, x := range []struct {
		name  string
		data  tensor.Mat
		width int
	}{{"attn.hook_q", s.q, c.HeadDim}, {"attn.hook_k", s.k, c.HeadDim}, {"attn.hook_v", s.v, c.VHead()}} {
		if err := p.fire(x.name, x.data.Data, x.data.Cols/x.width, x.width); err != nil {
			return err
		}
	}
	if turns == nil {
		return nil
	}
	m.eachHead(s.q, turns, p, kernel.RoPE)
	m.eachHead(s.k, turns, p, kernel.RoPE)
	if err := p.fire("attn.hook_rot_q", s.q.Data, c.Heads, c.HeadDim); err != nil {
		return err
	}
	return p.fire("attn.hook_rot_k", s.k.Data, c.KVHeads, c.HeadDim)
}

func (m *Model) rotateBack(dq, dk tensor.Mat, a *Activations, p *pass) {
	if turns := m.turns(a, p.layer); turns != nil {
		m.eachHead(dq, turns, p, kernel.RoPEBack)
		m.eachHead(dk, turns, p, kernel.RoPEBack)
	}
}

// eachHead turns the leading numbers of every head of every row of x by the
// row's position.
func (m *Model) eachHead(x tensor.Mat, t *rotations, p *pass, turn func(x, cos, sin []float32)) {
	d := m.Config.HeadDim
	if few(x) {
		t.rows(x, d, turn, 0, x.Rows)
		return
	}
	m.Pool.Range(x.Rows, rowGrain(x.Cols), func(lo, hi int) { t.rows(x, d, turn, lo, hi) })
}

func (t *rotations) rows(x tensor.Mat, headDim int, turn func(x, cos, sin []float32), lo, hi int) {
	turned := 2 * t.cos.Cols
	for i := lo; i < hi; i++ {
		cos, sin := row(t.cos, i%t.n), row(t.sin, i%t.n)
		for h := 0; h < x.Cols; h += headDim {
			turn(row(x, i)[h:h+turned], cos, sin)
		}
	}
}
