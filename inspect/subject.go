package inspect

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"weft/model"
	"weft/tensor"
)

// Subject is a model under the glass. Its methods are the analyses: each runs
// the model's one forward with hooks, returns plain data that says what it was
// made of ([Provenance]) and carries its own proofs ([CheckList]), and refuses
// with the reason rather than returning numbers that a check has refuted.
//
// The methods may be called by several goroutines at once.
type Subject struct {
	Model  *model.Model
	About  About
	Budget int64 // most bytes of activations that an analysis may hold; 0: 1 GiB

	once  sync.Once
	facts Provenance
}

// About is what the model itself does not know.
type About struct {
	Name     string
	BOS      int32  // the token that begins every text; -1: there is none
	Template string // the chat template that the prompts went through; "": none
}

// NewSubject puts a model under the glass.
func NewSubject(m *model.Model, about About) *Subject { return &Subject{Model: m, About: about} }

// Until is the same subject, whose analyses end between two blocks, with ctx's error,
// once ctx is done. It shares what takes time to find out: the weights' hash.
func (s *Subject) Until(ctx context.Context) *Subject {
	u := &Subject{Model: s.Model.Until(ctx), About: s.About, Budget: s.Budget}
	s.provenance(nil)
	u.once.Do(func() { u.facts = s.facts })
	return u
}

// Provenance says what a result was made of.
type Provenance struct {
	Name       string         `json:"name"`
	Arch       string         `json:"arch"`
	Params     int            `json:"params"`
	Types      map[string]int `json:"types"`      // parameters by the type that they are stored in
	Hash       string         `json:"hash"`       // SHA-256 of the parameters as they are stored, in the model's order
	Arithmetic string         `json:"arithmetic"` // what most products compute with: "float32", "bfloat16", "int8"
	Cache      string         `json:"cache"`      // how keys and values are kept
	Template   string         `json:"template"`   // the chat template; "": none
	BOS        *int32         `json:"bos"`        // the token that begins texts; null: there is none
	Begins     bool           `json:"begins_with_bos"`
}

// Provenance says what a result about a prompt is made of; nil tokens: one about the
// weights.
func (s *Subject) Provenance(tokens []int32) Provenance { return s.provenance(tokens) }

// provenance is that of a result about a prompt; nil tokens: about the weights.
func (s *Subject) provenance(tokens []int32) Provenance {
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
	p := Provenance{Arch: m.Config.Arch, Params: m.Config.ParamCount(), Types: map[string]int{}, Cache: m.KV.String()}
	sum := sha256.New()
	for _, param := range m.W.Params() {
		if param.Stored == nil {
			p.Types[tensor.F32.String()] += len(param.Data)
			hashFloats(sum.Write, param.Data)
			continue
		}
		p.Types[param.Stored.DType().String()] += param.Rows * param.Cols
		for i := range param.Stored.Rows {
			sum.Write(param.Stored.RowBytes(i))
		}
	}
	p.Hash = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	blocks, _ := m.Cost()
	best := slices.Index(blocks.FLOPs[:], slices.Max(blocks.FLOPs[:]))
	p.Arithmetic = [...]string{model.Float32: "float32", model.BFloat16: "bfloat16", model.Int8: "int8"}[best]
	return p
}

func hashFloats(write func([]byte) (int, error), data []float32) {
	buf := make([]byte, 0, 4<<10)
	for part := range slices.Chunk(data, 1<<10) {
		buf = buf[:0]
		for _, v := range part {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		write(buf)
	}
}

// Errors that callers may want to tell apart.
var (
	ErrCheck  = errors.New("the result does not prove itself")
	ErrBudget = errors.New("this needs more memory than allowed")
	ErrArch   = errors.New("not defined for this model")
	ErrAsk    = errors.New("cannot be asked")
)

const usualBudget = 1 << 30

// afford refuses what needs more memory than the budget.
func (s *Subject) afford(what string, bytes int64) error {
	budget := s.Budget
	if budget <= 0 {
		budget = usualBudget
	}
	if bytes > budget {
		return fmt.Errorf("%w: %s holds %d MiB, the budget is %d MiB; ask for fewer tokens, layers or points, or raise the budget",
			ErrBudget, what, ceilMiB(bytes), budget>>20)
	}
	return nil
}

func ceilMiB(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }

// Check is one proof of a result about itself: an error that exact arithmetic
// would make 0, and how much of it is still rounding.
type Check struct {
	Name      string  `json:"name"`
	What      string  `json:"what"` // in words
	Error     float64 `json:"error"`
	Tolerance float64 `json:"tolerance"`
	OK        bool    `json:"ok"`
}

// CheckList is the checks of one result.
type CheckList []Check

func (l *CheckList) add(name, what string, err, tolerance float64) {
	*l = append(*l, Check{name, what, err, tolerance, err <= tolerance}) // NaN is not OK
}

// err refuses a result that a check has refuted.
func (l CheckList) err() error {
	for _, c := range l {
		if !c.OK {
			return fmt.Errorf("%w: %s: %s: off by %.3g, rounding explains %.3g", ErrCheck, c.Name, c.What, c.Error, c.Tolerance)
		}
	}
	return nil
}
