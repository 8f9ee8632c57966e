package tensor

import "weft/internal/lanes"

// cut is rows of an A that make a panel.
type cut struct {
	a           Mat
	first, rows int
}

// rounded is the cuts as panels.
type rounded struct {
	acts   []int32 // the panels, one after the other
	panels []lanes.Panel
	rests  []lanes.Rest // of the panels; some more, for their memory
	ready  []bool       // which panels are there, of a worker's own
}

// layOut makes room for the panels, of each worker's own or for all.
func (g *gemmQ) layOut(own bool, threads int) {
	if !own {
		threads = 1
	}
	for len(g.rounded) < threads {
		g.rounded = append(g.rounded, rounded{})
	}
	for i := range threads {
		g.rounded[i].layOut(g.cuts)
	}
	g.own = own
}

// layOut makes panels that nothing was rounded to yet, and one of the rest for each.
func (r *rounded) layOut(cuts []cut) {
	size := 0
	for _, c := range cuts {
		size += lanes.PanelLen(c.a.Cols, c.rows)
	}
	if cap(r.acts) < size {
		r.acts = make([]int32, size)
	}
	acts := r.acts[:size]
	r.panels, r.ready = r.panels[:0], r.ready[:0]
	for _, c := range cuts {
		n := lanes.PanelLen(c.a.Cols, c.rows)
		r.panels = append(r.panels, lanes.PanelOf(acts[:n], c.a.Cols, c.rows))
		r.ready = append(r.ready, false)
		acts = acts[n:]
	}
	for len(r.rests) < len(r.panels) {
		r.rests = append(r.rests, lanes.Rest{})
	}
}

func (g *gemmQ) quantise(_, i int) { g.rounded[0].fill(g.cuts[i], i) }

// fill rounds a cut to panel i.
func (r *rounded) fill(c cut, i int) {
	panel := r.panels[i]
	for j := range c.rows {
		panel.Quantise(j, c.a.Row(c.first+j))
	}
	r.rests[i].Of(panel, func(j int) []float32 { return c.a.Row(c.first + j) })
}

// roundedBy is the panels as a worker finds them, those of a job ready.
func (g *gemmQ) roundedBy(worker int, j job) *rounded {
	if !g.own {
		return &g.rounded[0]
	}
	r := &g.rounded[worker]
	for i := j.from; i < j.to; i++ {
		if !r.ready[i] {
			r.fill(g.cuts[i], i)
			r.ready[i] = true
		}
	}
	return r
}
