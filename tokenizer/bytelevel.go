package tokenizer

import "sort"

// GPT-2 writes every byte as a printable character: printable Latin-1 as
// itself, the others counted up from U+0100. tokenizer.json stores tokens so.
var runeOfByte, byteOfRune = func() (r [256]rune, b map[rune]byte) {
	b = map[rune]byte{}
	next := rune(0x100)
	for i := range 256 {
		c := rune(i)
		if !(c >= '!' && c <= '~' || c >= 0xA1 && c <= 0xAC || c >= 0xAE && c <= 0xFF) {
			c, next = next, next+1
		}
		r[i], b[c] = c, byte(i)
	}
	return r, b
}()

// bytesByRune lists the bytes in the order of their characters.
func bytesByRune() []byte {
	list := make([]byte, 256)
	for i := range list {
		list[i] = byte(i)
	}
	sort.Slice(list, func(i, j int) bool { return runeOfByte[list[i]] < runeOfByte[list[j]] })
	return list
}

// printable writes bytes as characters.
func printable(bytes []byte) string {
	out := make([]rune, len(bytes))
	for i, b := range bytes {
		out[i] = runeOfByte[b]
	}
	return string(out)
}

// unprintable is printable backwards; ok is false if a character stands for no
// byte.
func unprintable(s string) (bytes []byte, ok bool) {
	for _, r := range s {
		b, known := byteOfRune[r]
		if !known {
			return nil, false
		}
		bytes = append(bytes, b)
	}
	return bytes, true
}
