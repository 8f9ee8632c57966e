package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"

	"weft/internal/atomicfile"
	"weft/internal/par"
	"weft/tensor"
)

// A token file is token IDs, little-endian, two bytes each (four if the
// vocabulary is larger than 65536), and then a trailer of trailerSize bytes.
// It comes last because the counts and the hash are known last, and because the
// IDs then lie aligned at the start of the mapping:
//
//	0  magic, 8 bytes       8  bytes per ID, uint32    12  vocabulary, uint32
//	16 IDs, uint64         24  bytes of text, uint64   32  SHA-256 of what it was made from
//	64 SHA-256 of the IDs  96  SHA-256 of the trailer so far
const (
	tokenMagic  = "weft-tok"
	trailerSize = 128
)

// errStale means that a token file was made from something else.
var errStale = errors.New("made from other text or with another tokenizer")

// TokenFile is a mapped token file. It satisfies what windows read.
type TokenFile struct {
	TextBytes int64 // of the text that the tokens stand for

	mapping *tensor.Mapping
	ids     []byte
	wide    bool
	n       int
}

// Len is the number of tokens.
func (f *TokenFile) Len() int { return f.n }

// At is token i.
func (f *TokenFile) At(i int) int32 {
	if f.wide {
		return int32(binary.LittleEndian.Uint32(f.ids[4*i:]))
	}
	return int32(binary.LittleEndian.Uint16(f.ids[2*i:]))
}

// Close unmaps the file.
func (f *TokenFile) Close() error { return f.mapping.Close() }

// openTokens maps a token file and checks all of it: size, hashes, that every
// ID is below vocab, and that it was made from source.
func openTokens(path string, vocab int, source [32]byte) (*TokenFile, error) {
	m, err := tensor.Map(path)
	if err != nil {
		return nil, err
	}
	f := &TokenFile{mapping: m}
	if err := f.parse(m.Bytes(), vocab, source); err != nil {
		m.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func (f *TokenFile) parse(data []byte, vocab int, source [32]byte) error {
	if len(data) < trailerSize || string(data[len(data)-trailerSize:][:8]) != tokenMagic {
		return errors.New("not a token file, or cut short")
	}
	ids, t := data[:len(data)-trailerSize], data[len(data)-trailerSize:]
	if sum := sha256.Sum256(t[:96]); !bytes.Equal(sum[:], t[96:]) {
		return errors.New("damaged: the trailer's checksum differs")
	}
	width, count := binary.LittleEndian.Uint32(t[8:]), binary.LittleEndian.Uint64(t[16:])
	if (width != 2 && width != 4) || uint64(len(ids)) != count*uint64(width) || count > uint64(len(ids)) {
		return fmt.Errorf("damaged: %d IDs of %d bytes in %d bytes", count, width, len(ids))
	}
	if !bytes.Equal(t[32:64], source[:]) || int(binary.LittleEndian.Uint32(t[12:])) != vocab {
		return errStale
	}
	if sum := sha256.Sum256(ids); !bytes.Equal(sum[:], t[64:96]) {
		return errors.New("damaged: the checksum of the IDs differs")
	}
	f.ids, f.wide, f.n = ids, width == 4, int(count)
	f.TextBytes = int64(binary.LittleEndian.Uint64(t[24:]))
	for i := range f.n {
		if id := f.At(i); id < 0 || int(id) >= vocab {
			return fmt.Errorf("token %d is %d, the vocabulary has %d", i, id, vocab)
		}
	}
	return nil
}

// encoding is how text becomes tokens.
type encoding struct {
	encode   func(dst []int32, text []byte) []int32 // safe for concurrent use
	document int32                                  // the token that starts every document
	vocab    int
}

// writeTokens encodes text into a token file, pieces in parallel. Every
// document starts with its token, a document that the split cut in half too:
// so each byte of text is part of a target.
func writeTokens(path string, text iter.Seq2[piece, error], enc encoding, source [32]byte, pool *par.Pool) error {
	return atomicfile.WriteFile(path, func(w io.Writer) error {
		t := tokenWriter{enc: enc, hash: sha256.New(), wide: enc.vocab > 1<<16}
		t.out = io.MultiWriter(w, t.hash)
		if err := t.writeAll(text, pool); err != nil {
			return err
		}
		_, err := w.Write(t.trailer(source))
		return err
	})
}

type tokenWriter struct {
	enc   encoding
	out   io.Writer
	hash  hash.Hash
	wide  bool
	count uint64
	bytes uint64
	buf   []byte
}

// encodeAtOnce is how many pieces are encoded side by side, unless they are long.
const encodeAtOnce = 32

func (t *tokenWriter) writeAll(text iter.Seq2[piece, error], pool *par.Pool) error {
	var group []piece
	size := 0      // of its text
	starts := true // of a document
	flush := func() error {
		lists := make([][]int32, len(group))
		pool.Run(len(group), func(_, i int) { lists[i] = t.enc.encode(nil, group[i].data) })
		for i, p := range group {
			if starts {
				t.put(t.enc.document)
			}
			starts = p.last
			for _, id := range lists[i] {
				t.put(id)
			}
			t.bytes += uint64(len(p.data))
			if _, err := t.out.Write(t.buf); err != nil {
				return err
			}
			t.buf = t.buf[:0]
		}
		group, size = group[:0], 0
		return nil
	}
	for p, err := range text {
		if err != nil {
			return err
		}
		size += len(p.data)
		if group = append(group, p); len(group) == encodeAtOnce || size >= encodeAtOnce*pieceSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (t *tokenWriter) put(id int32) {
	t.count++
	if t.wide {
		t.buf = binary.LittleEndian.AppendUint32(t.buf, uint32(id))
	} else {
		t.buf = binary.LittleEndian.AppendUint16(t.buf, uint16(id))
	}
}

func (t *tokenWriter) trailer(source [32]byte) []byte {
	width := uint32(2)
	if t.wide {
		width = 4
	}
	b := []byte(tokenMagic)
	b = binary.LittleEndian.AppendUint32(b, width)
	b = binary.LittleEndian.AppendUint32(b, uint32(t.enc.vocab))
	b = binary.LittleEndian.AppendUint64(b, t.count)
	b = binary.LittleEndian.AppendUint64(b, t.bytes)
	b = append(b, source[:]...)
	b = t.hash.Sum(b)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}
