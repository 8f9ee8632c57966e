package train

// tokenReader is the part of a token file that windows read.
type tokenReader interface {
	Len() int
	At(i int) int32
}

// windows cuts a ring of tokens into training examples of seq tokens and the
// seq tokens that follow each of them.
//
// The order is a function of the seed alone. Example g (counted from the start
// of the run over all batches) belongs to epoch g / perEpoch. An epoch cuts the
// ring at a random offset into windows side by side and visits them in a random
// permutation, so that every token is a target exactly once per epoch and
// windows are cut elsewhere in the next. The last window of an epoch is short
// unless seq divides the ring; what it lacks has target -1, which no loss counts.
// The step is all that a resumed run must know.
type windows struct {
	tokens tokenReader
	seq    int
	seed   uint64
}

// perEpoch is how many windows show every token once.
func (w windows) perEpoch() int { return (w.tokens.Len() + w.seq - 1) / w.seq }

// locate says where example g starts in the ring and how many targets it has.
func (w windows) locate(g int) (start, targets int) {
	n, per := w.tokens.Len(), w.perEpoch()
	epoch := uint64(g / per)
	i := int(permute(draw(w.seed, forOrder, epoch), uint64(g%per), uint64(per)))
	offset := int(draw(w.seed, forOffset, epoch) % uint64(n))
	return (offset + i*w.seq) % n, min(w.seq, n-i*w.seq)
}

// fill writes the examples first, first+1, … into tokens and targets, whose
// length is a multiple of seq, and returns how many targets count.
func (w windows) fill(tokens, targets []int32, first int) (count int) {
	n := w.tokens.Len()
	for lo := 0; lo < len(tokens); lo += w.seq {
		start, valid := w.locate(first + lo/w.seq)
		next := w.tokens.At(start)
		for j := range w.seq {
			tokens[lo+j] = next
			next = w.tokens.At((start + j + 1) % n)
			targets[lo+j] = next
			if j >= valid {
				targets[lo+j] = -1
			}
		}
		count += valid
	}
	return count
}

// fillInOrder writes the windows from number first on as validation reads them:
// side by side from the start, no ring, every token but the first a target once.
func (w windows) fillInOrder(tokens, targets []int32, first int) {
	n := w.tokens.Len()
	for j := range tokens {
		at := first*w.seq + j
		tokens[j], targets[j] = 0, -1
		if at < n {
			tokens[j] = w.tokens.At(at)
		}
		if at+1 < n {
			targets[j] = w.tokens.At(at + 1)
		}
	}
}
