package train

// memory is about how many bytes training takes: parameters and gradients,
// what the optimiser remembers, and activations.
func (t *trainer) memory() int64 {
	c := t.model.Config
	numbers := 2 * int64(c.ParamCount())
	if c.TiedHead { // the two parts of its gradient are kept apart
		numbers += int64(c.Vocab * c.Dim)
	}
	for _, s := range t.opt.slots {
		numbers += int64(len(s.m) + len(s.v))
	}
	for _, s := range t.opt.scratch {
		numbers += int64(len(s.x) + len(s.next) + len(s.gram) + len(s.poly))
	}
	hidden := 2 * c.Hidden
	if c.Gated {
		hidden += c.Hidden
	}
	perToken := 4*c.Dim + 2*c.QDim() + 2*c.KVDim() + hidden // of a layer, kept for the backward pass
	tokens := int64(t.micro * t.seq)
	numbers += tokens * int64(perToken*(c.Layers+1)+3*c.Dim)
	return 4*numbers + 4*min(tokens*int64(c.Vocab), 4<<20)
}
