package inspect

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math"
	"slices"

	"weft/model"
	"weft/tensor"
)

// Provenance says what a result was made of.
type Provenance struct {
	Name       string         `json:"name"`
	Arch       string         `json:"arch"`
	Params     int            `json:"params"`
	Types      map[string]int `json:"types"`      // parameters by the type that they are stored in
	Hash       string         `json:"hash"`       // SHA-256 over the SHA-256s of the parameters as they are stored, in the model's order
	Arithmetic string         `json:"arithmetic"` // what most products compute with: "float32", "bfloat16", "int8"
	Cache      string         `json:"cache"`      // how keys and values are kept
	Template   string         `json:"template"`   // the chat template; "": none
	BOS        *int32         `json:"bos"`        // the token that begins texts; null: there is none
	Begins     bool           `json:"begins_with_bos"`
}

// Provenance says what a result about a prompt is made of; nil tokens: one about the
// weights. The first call reads all of them, to hash them.
func (s *Subject) Provenance(tokens []int32) Provenance {
	s.once.Do(func() { s.facts = s.describe() })
	p := s.facts
	if s.About.BOS >= 0 {
		bos := s.About.BOS
		p.BOS, p.Begins = &bos, len(tokens) > 0 && tokens[0] == bos
	}
	p.Name, p.Template = s.About.Name, s.About.Template
	return p
}

func (s *Subject) describe() Provenance {
	m := s.Model
	p := Provenance{Arch: m.Config.Arch, Params: m.Config.ParamCount(), Types: map[string]int{}, Cache: m.KV.String(),
		Arithmetic: arithmetic(m), Hash: hashOf(m)}
	for _, param := range m.W.Params() {
		kind := tensor.F32
		if param.Stored != nil {
			kind = param.Stored.DType()
		}
		p.Types[kind.String()] += param.Rows * param.Cols
	}
	return p
}

// arithmetic is what most products compute with.
func arithmetic(m *model.Model) string {
	blocks, _ := m.Cost()
	return model.Arithmetic(slices.Index(blocks.FLOPs[:], slices.Max(blocks.FLOPs[:]))).String()
}

// hashOf is a tree of two levels, so that parameters are hashed side by side: the
// SHA-256 of the parameters' SHA-256s, 32 bytes each, in the model's order. A
// parameter's is of its bytes as they are stored, row after row; vectors are
// float32 in little endian.
func hashOf(m *model.Model) string {
	params := m.W.Params()
	sums := make([][sha256.Size]byte, len(params))
	m.Pool.Run(len(params), func(_, i int) { sums[i] = hashParam(params[i]) })
	whole := sha256.New()
	for _, s := range sums {
		whole.Write(s[:])
	}
	return "sha256:" + hex.EncodeToString(whole.Sum(nil))
}

func hashParam(p model.Param) (sum [sha256.Size]byte) {
	h := sha256.New()
	if p.Stored == nil {
		hashFloats(h, p.Data)
	} else {
		for i := range p.Stored.Rows {
			h.Write(p.Stored.RowBytes(i))
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func hashFloats(h io.Writer, data []float32) {
	buf := make([]byte, 0, 4<<10)
	for part := range slices.Chunk(data, 1<<10) {
		buf = buf[:0]
		for _, v := range part {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		h.Write(buf)
	}
}
