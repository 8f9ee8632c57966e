package tokenizer

// trie holds byte strings with a number each, and finds all that a text begins
// with in one walk. Its edges are a hash table (node<<8 | byte, plus 1, to
// node), at most half full.
type trie struct {
	keys  []uint64
	nodes []int32
	value []int32 // by node; -1: nothing ends here
}

func newTrie() *trie {
	return &trie{keys: make([]uint64, 16), nodes: make([]int32, 16), value: []int32{-1}}
}

// slot is where an edge is, or where it would be.
func (t *trie) slot(key uint64) int {
	mask := uint64(len(t.keys) - 1)
	i := hash64(key) & mask
	for t.keys[i] != key && t.keys[i] != 0 {
		i = (i + 1) & mask
	}
	return int(i)
}

func edge(node int32, b byte) uint64 { return uint64(node)<<8 | uint64(b) + 1 }

// step goes on from a node by a byte; ok is false where no string goes on.
func (t *trie) step(node int32, b byte) (next int32, ok bool) {
	i := t.slot(edge(node, b))
	return t.nodes[i], t.keys[i] != 0
}

// add puts a string in; the last of two equal ones counts.
func (t *trie) add(text string, value int32) {
	node := int32(0)
	for i := range len(text) {
		key := edge(node, text[i])
		at := t.slot(key)
		if t.keys[at] == 0 {
			t.keys[at], t.nodes[at] = key, int32(len(t.value))
			t.value = append(t.value, -1)
		}
		node = t.nodes[at]
		if 2*len(t.value) > len(t.keys) {
			t.grow()
		}
	}
	t.value[node] = value
}

func (t *trie) grow() {
	keys, nodes := t.keys, t.nodes
	t.keys, t.nodes = make([]uint64, 2*len(keys)), make([]int32, 2*len(keys))
	for i, key := range keys {
		if key != 0 {
			at := t.slot(key)
			t.keys[at], t.nodes[at] = key, nodes[i]
		}
	}
}

// longest is the longest string that s begins with; n is its length, or 0.
func (t *trie) longest(s []byte) (value int32, n int) {
	node, ok := int32(0), true
	for i, b := range s {
		if node, ok = t.step(node, b); !ok {
			break
		}
		if v := t.value[node]; v >= 0 {
			value, n = v, i+1
		}
	}
	return value, n
}
