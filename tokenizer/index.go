package tokenizer

import "hash/maphash"

// index finds tokens by their text. It holds IDs alone, in a hash table with
// open addressing that is at most three quarters full, and asks for the texts:
// a map would hold all of them again.
type index struct {
	slots []int32 // an ID plus 1; 0 is free
	n     int
	text  func(id int32) string
	seed  maphash.Seed
}

func newIndex(text func(id int32) string, n int) *index {
	return &index{slots: make([]int32, slotsFor(n)), text: text, seed: maphash.MakeSeed()}
}

// slotsFor is the size of a table for n entries, a power of two.
func slotsFor(n int) int {
	size := 4
	for 3*size < 4*n {
		size *= 2
	}
	return size
}

func (x *index) get(text string) (id int32, ok bool) {
	id = x.slots[x.slot(text)] - 1
	return max(id, 0), id >= 0
}

// put has a text mean this ID, the last of two.
func (x *index) put(text string, id int32) {
	if 4*(x.n+1) > 3*len(x.slots) {
		x.grow()
	}
	at := x.slot(text)
	if x.slots[at] == 0 {
		x.n++
	}
	x.slots[at] = id + 1
}

// slot is where a text is, or where it would be.
func (x *index) slot(text string) int {
	mask := uint64(len(x.slots) - 1)
	i := maphash.String(x.seed, text) & mask
	for x.slots[i] != 0 && x.text(x.slots[i]-1) != text {
		i = (i + 1) & mask
	}
	return int(i)
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]int32, 2*len(old))
	for _, s := range old {
		if s != 0 {
			x.slots[x.slot(x.text(s-1))] = s
		}
	}
}
