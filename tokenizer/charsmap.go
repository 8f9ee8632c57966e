package tokenizer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// charsmap is SentencePiece's compiled normalization: a double-array trie
// (Aoe 1989, as Darts-clone packs it) from byte strings to replacements.
type charsmap struct {
	units []uint32
	texts []byte // replacements, each ended by a zero byte
}

func parseCharsmap(b []byte) (*charsmap, error) {
	if len(b) < 4 {
		return nil, errors.New("charsmap is too short")
	}
	size := binary.LittleEndian.Uint32(b)
	if size%4 != 0 || uint64(size) > uint64(len(b)-4) {
		return nil, errors.New("charsmap's trie is larger than the map")
	}
	c := &charsmap{units: make([]uint32, size/4), texts: b[4+size:]}
	for i := range c.units {
		c.units[i] = binary.LittleEndian.Uint32(b[4+4*i:])
	}
	return c, nil
}

// longest is the replacement of the longest prefix of s that has one.
func (c *charsmap) longest(s []byte) (text []byte, n int) {
	at := uint32(0)
	unit, ok := c.unit(0)
	for i := 0; ok && i < len(s); i++ {
		at ^= offset(unit) ^ uint32(s[i])
		if unit, ok = c.unit(at); !ok || unit&0x800000FF != uint32(s[i]) { // the unit's label
			break
		}
		if unit>>8&1 == 1 { // a string ends here, and its value is behind
			value, ok := c.unit(at ^ offset(unit))
			if from := value &^ (1 << 31); ok && uint64(from) < uint64(len(c.texts)) {
				if end := bytes.IndexByte(c.texts[from:], 0); end >= 0 {
					text, n = c.texts[from:int(from)+end], i+1
				}
			}
		}
	}
	return text, n
}

func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

func (c *charsmap) unit(at uint32) (uint32, bool) {
	if uint64(at) >= uint64(len(c.units)) {
		return 0, false
	}
	return c.units[at], true
}

func (c *charsmap) normalize(s []byte) []byte {
	out := make([]byte, 0, len(s)+8)
	for len(s) > 0 {
		text, n := c.longest(s)
		if n == 0 {
			_, n = utf8.DecodeRune(s)
			text = s[:n]
		}
		out, s = append(out, text...), s[n:]
	}
	return out
}
