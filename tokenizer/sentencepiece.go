package tokenizer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// SentencePiece's tokenizer.model is a protocol buffer (sentencepiece_model.proto).
// These are the fields that say how to tokenize.
const (
	fieldPieces     = 1 // of the file: repeated {1: text, 2: score, 3: kind}
	fieldTrainer    = 2
	fieldNormalizer = 3

	fieldModelType = 3 // of the trainer's settings
	fieldSuffix    = 24
	fieldBOS       = 41
	fieldEOS       = 42
	fieldCharsmap  = 2 // of the normalizer's
	fieldDummy     = 3
	fieldCollapse  = 4
	fieldEscape    = 5
	unigramType    = 1
	bpeType        = 2
	wireVarint     = 0
	wireFixed64    = 1
	wireBytes      = 2
	wireFixed32    = 5
	maxPieceLength = 1 << 10
)

// FromModel reads a SentencePiece tokenizer.model, of the types BPE and unigram.
func FromModel(data []byte) (*Tokenizer, error) {
	m := spModel{kind: unigramType, bos: 1, eos: 2, dummy: true, collapse: true, escape: true}
	if err := m.read(data); err != nil {
		return nil, fmt.Errorf("tokenizer.model: %w", err)
	}
	t, err := m.tokenizer()
	if err != nil {
		return nil, fmt.Errorf("tokenizer.model: %w", err)
	}
	return t, nil
}

// spModel is what we read of a tokenizer.model.
type spModel struct {
	Vocabulary
	kind                    uint64
	bos, eos                int32
	dummy, collapse, escape bool
	suffix                  bool
}

func (m *spModel) tokenizer() (*Tokenizer, error) {
	m.BOS, m.EOS, m.SEP, m.Unknown = m.known(m.bos), m.known(m.eos), -1, -1
	if err := m.check(); err != nil {
		return nil, err
	}
	t := &Tokenizer{BOS: m.BOS, EOS: m.EOS, unk: -1}
	switch {
	case m.kind != unigramType && m.kind != bpeType:
		return nil, unsupported("model_type %d", m.kind)
	case m.suffix:
		return nil, unsupported("treat_whitespace_as_suffix")
	case !m.escape:
		return nil, unsupported("escape_whitespaces = false")
	}
	t.spec = file{Normalizer: sentencePieceNormalizer(m.Charsmap, m.collapse, m.dummy), Decoder: sentencePieceDecoder(m.collapse, m.dummy),
		Model: fileModel{Type: "BPE", FuseUnk: true, ByteFallback: true}}
	if m.kind == unigramType {
		t.spec.Model.Type = "Unigram"
	}
	m.Model = "llama" // for byte tokens
	if err := m.sentencePieces(t); err != nil {
		return nil, err
	}
	for i := range t.added {
		t.added[i].Normalized = !t.added[i].Special
	}
	if err := m.score(t); err != nil {
		return nil, err
	}
	return t, t.build()
}

// known is an ID, or -1 if there is no such token.
func (m *spModel) known(id int32) int32 {
	if id < 0 || int(id) >= len(m.Tokens) || m.Kinds[id] != ControlToken {
		return -1
	}
	return id
}

func (m *spModel) score(t *Tokenizer) error {
	if m.kind == bpeType {
		return t.mergesByScore(m.Scores)
	}
	t.spec.Model.UnkID = &t.unk
	t.scores = make([]float64, len(m.Scores))
	for i, s := range m.Scores {
		t.scores[i] = float64(s)
	}
	return nil
}

func (m *spModel) read(data []byte) error {
	pieces := 0
	err := eachField(data, func(f field) error {
		if f.number == fieldPieces {
			pieces++
		}
		return nil
	})
	if err == nil && pieces > maxSize {
		err = fmt.Errorf("%d pieces are more than the limit of %d", pieces, maxSize)
	}
	if err != nil {
		return err
	}
	m.Tokens, m.Scores, m.Kinds = make([]string, 0, pieces), make([]float32, 0, pieces), make([]int32, 0, pieces)
	return eachField(data, func(f field) error {
		switch f.number {
		case fieldPieces:
			return m.readPiece(f.bytes)
		case fieldTrainer:
			return eachField(f.bytes, m.readTrainer)
		case fieldNormalizer:
			return eachField(f.bytes, m.readNormalizer)
		}
		return nil
	})
}

func (m *spModel) readPiece(data []byte) error {
	var text string
	var score float32
	kind := uint64(NormalToken)
	err := eachField(data, func(f field) error {
		switch {
		case f.number == 1 && f.wire == wireBytes:
			text = string(f.bytes)
		case f.number == 2 && f.wire == wireFixed32:
			score = math.Float32frombits(uint32(f.value))
		case f.number == 3 && f.wire == wireVarint:
			kind = f.value
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("piece %d: %w", len(m.Tokens), err)
	case len(text) > maxPieceLength:
		return fmt.Errorf("piece %d has %d bytes", len(m.Tokens), len(text))
	case score != score:
		return fmt.Errorf("piece %d has no number as its score", len(m.Tokens))
	case kind > uint64(ByteToken):
		return unsupported("piece %d of type %d", len(m.Tokens), kind)
	}
	m.Tokens, m.Scores, m.Kinds = append(m.Tokens, text), append(m.Scores, score), append(m.Kinds, int32(kind))
	return nil
}

func (m *spModel) readTrainer(f field) error {
	switch f.number {
	case fieldModelType:
		m.kind = f.value
	case fieldSuffix:
		m.suffix = f.value != 0
	case fieldBOS:
		m.bos = int32(f.value)
	case fieldEOS:
		m.eos = int32(f.value)
	}
	return nil
}

func (m *spModel) readNormalizer(f field) error {
	switch f.number {
	case fieldCharsmap:
		m.Charsmap = f.bytes
	case fieldDummy:
		m.dummy = f.value != 0
	case fieldCollapse:
		m.collapse = f.value != 0
	case fieldEscape:
		m.escape = f.value != 0
	}
	return nil
}

// field is one field of a protocol buffer.
type field struct {
	number uint64
	wire   uint64
	value  uint64 // of a number
	bytes  []byte // of a string or message; it shares the file's memory
}

var errTruncated = errors.New("the file ends inside a field")

// eachField passes the fields of a message to f, in order.
func eachField(data []byte, f func(field) error) error {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return errTruncated
		}
		x := field{number: tag >> 3, wire: tag & 7}
		data = data[n:]
		switch x.wire {
		case wireVarint:
			if x.value, n = binary.Uvarint(data); n <= 0 {
				return errTruncated
			}
		case wireFixed64, wireFixed32:
			n = map[uint64]int{wireFixed64: 8, wireFixed32: 4}[x.wire]
			if len(data) < n {
				return errTruncated
			}
			for i := n - 1; i >= 0; i-- {
				x.value = x.value<<8 | uint64(data[i])
			}
		case wireBytes:
			size, head := binary.Uvarint(data)
			if head <= 0 || size > uint64(len(data)-head) {
				return errTruncated
			}
			n = head + int(size)
			x.bytes = data[head:n]
		default:
			return fmt.Errorf("a field of the wire type %d", x.wire)
		}
		data = data[n:]
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}
