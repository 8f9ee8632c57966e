package inspect

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"weft/model"
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
	Budget int64 // most bytes that an analysis may hold beside the model; 0: 1 GiB

	held  int64 // of the budget: weights that were made for analyses
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
	u := &Subject{Model: s.Model.Until(ctx), About: s.About, Budget: s.Budget, held: s.held}
	s.Provenance(nil)
	u.once.Do(func() { u.facts = s.facts })
	return u
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
	if s.held > 0 && bytes+s.held > budget {
		return fmt.Errorf("%w: %s holds %d MiB and the weights in float32 %d, the budget is %d MiB; ask for fewer tokens, or raise the budget",
			ErrBudget, what, ceilMiB(bytes), ceilMiB(s.held), budget>>20)
	}
	if bytes > budget {
		return &BudgetError{what, bytes, budget}
	}
	return nil
}

// BudgetError is an ErrBudget with what it is about.
type BudgetError struct {
	What         string
	Need, Budget int64 // bytes
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("%s: %s holds %d MiB, the budget is %d MiB; ask for fewer tokens, layers or points, or raise the budget",
		ErrBudget, e.What, ceilMiB(e.Need), e.Budget>>20)
}

func (e *BudgetError) Unwrap() error { return ErrBudget }

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
			return fmt.Errorf("%w: %s: %s: off by %.3g, allowed %.3g", ErrCheck, c.Name, c.What, c.Error, c.Tolerance)
		}
	}
	return nil
}
