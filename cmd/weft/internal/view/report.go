package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"weft/inspect"
)

// Report is what the views of `weft look` show, as data: its JSON is the command's
// --json, [Sheet.Text] and [Sheet.Page] draw it. Every result is the library's, as
// it came; Texts spells the token IDs in them.
type Report struct {
	Model  inspect.Provenance `json:"model"`
	Prompt string             `json:"prompt,omitempty"`
	BOS    bool               `json:"added_bos"` // the first token is not the prompt's but the model's own beginning mark
	Tokens []int32            `json:"tokens,omitempty"`

	Lens        *inspect.Lens             `json:"lens,omitempty"`
	LensFit     *LensFit                  `json:"lens_fit,omitempty"` // of a Jacobian lens
	Attribution *inspect.LogitAttribution `json:"attribute,omitempty"`
	Saliency    *inspect.Saliency         `json:"saliency,omitempty"`
	Attention   *inspect.AttentionMaps    `json:"attention,omitempty"`
	Heads       *inspect.HeadCard         `json:"heads,omitempty"`
	Ablation    *Effect                   `json:"ablate,omitempty"`
	Patching    *inspect.PatchGrid        `json:"patch,omitempty"`
	Steering    *Effect                   `json:"steer,omitempty"`
	Words       *Words                    `json:"words,omitempty"`

	Texts map[int32]string `json:"texts"`

	Sheet `json:"-"`
	piece func(int32) []byte
}

// NewReport begins a report. piece gives a token's bytes; prompt and tokens are
// empty for what has no prompt.
func NewReport(command, prompt string, tokens []int32, addedBOS bool, piece func(int32) []byte) *Report {
	r := &Report{Prompt: strings.ToValidUTF8(prompt, "\uFFFD"), BOS: addedBOS, Tokens: tokens, Texts: map[int32]string{}, piece: piece}
	r.Sheet.command = command
	for _, id := range tokens {
		r.Sheet.prompt = append(r.Sheet.prompt, r.show(id))
	}
	return r
}

// show spells a token, with nothing in it invisible, and notes it in Texts.
func (r *Report) show(id int32) string {
	piece := r.piece(id)
	r.Texts[id] = text(piece)
	return Visible(piece)
}

func (r *Report) shown(ids []int32) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = r.show(id)
	}
	return list
}

// add ends a view: its section, with what it was made of and its checks.
func (r *Report) add(p inspect.Provenance, checks inspect.CheckList, s section) {
	r.addMade(p, p, checks, s)
}

// addMade ends a view that may have been computed otherwise than the model that the
// report is about computes: gradients are.
func (r *Report) addMade(p, made inspect.Provenance, checks inspect.CheckList, s section) {
	r.Model = p
	s.Checks = checks
	a := about{Name: "model", From: p, Origin: origin(p, r.BOS, r.show), Idle: true}
	if len(r.Sheet.about) > 0 {
		a.Idle, a.Made = r.Sheet.about[0].Idle, r.Sheet.about[0].Made
	}
	if made.Hash == p.Hash && made.Arithmetic == p.Arithmetic && made.Cache == p.Cache {
		a.Idle = false
	} else {
		a.Made = &about{From: made}
	}
	r.Sheet.about = []about{a}
	r.Sheet.sections = append(r.Sheet.sections, s)
}

// origin says how a text came to be tokens.
func origin(p inspect.Provenance, added bool, show func(int32) string) string {
	switch {
	case p.BOS == nil:
		return "this model has no beginning mark"
	case !p.Begins:
		return fmt.Sprintf("without the beginning mark %s", show(*p.BOS))
	case added:
		return fmt.Sprintf("begins with %s, which was put before the text", show(*p.BOS))
	}
	return fmt.Sprintf("begins with %s", show(*p.BOS))
}

// Sheet is what is drawn, in the terminal or as a page.
type Sheet struct {
	command  string
	about    []about
	prompt   []string // visible tokens
	sections []section
}

// about is a model and how its text was made.
type about struct {
	Name   string
	From   inspect.Provenance
	Origin string
	Idle   bool   // no view was computed as this model computes
	Made   *about // what gradients were computed with, if not with this
}

// MarshalJSON leaves what is for people out.
func (a about) MarshalJSON() ([]byte, error) { return json.Marshal(a.From) }

// Types says how the parameters are stored, most first.
func (a about) Types() string {
	names := slices.SortedFunc(maps.Keys(a.From.Types), func(x, y string) int {
		return cmp.Or(cmp.Compare(a.From.Types[y], a.From.Types[x]), cmp.Compare(x, y))
	})
	for i, name := range names {
		if len(names) > 1 {
			names[i] += " " + strings.TrimSpace(percent(float64(a.From.Types[name])/float64(a.From.Params)))
		}
	}
	return strings.Join(names, ", ")
}

// Template says whether the text went through a chat template.
func (a about) Template() string {
	if a.From.Template == "" {
		return "no chat template"
	}
	return "chat template " + cut(a.From.Template, 30)
}

// Computed says what the products compute with.
func (a about) Computed() string {
	return fmt.Sprintf("computed in %s, cache %s", a.From.Arithmetic, a.From.Cache)
}

// section is one picture or a few with a title, and the proofs of its numbers.
type section struct {
	Title   string
	Say     string
	Figures []figure
	After   string // what to know when reading it
	Checks  inspect.CheckList
}

// figure draws itself.
type figure interface {
	text(d *sheetText)
	Name() string // of its template in report.html
}

// table has a row per thing.
type table struct {
	Title   string
	Columns []column
	Rows    [][]cell
}

// Headed says whether any column has a name.
func (t table) Headed() bool {
	return slices.ContainsFunc(t.Columns, func(c column) bool { return c.Head != "" })
}

type column struct {
	Head string
	Kind columnKind
}

type columnKind int

const (
	word   columnKind = iota
	number            // to the right
	bar               // a share from 0 to 1
	both              // −1 to 1
)

// cell is one entry: what is written, how strong it is, and where it comes from.
type cell struct {
	Text  string
	V     float64
	Mark  bool
	Title string
}

// grid is a matrix: the stronger, the more colour. Rows may be short.
type grid struct {
	Title   string
	Corner  string
	Names   []string // of rows
	Columns []string
	Cells   [][]cell
	Hue     Kind
	Wide    int    // columns of the terminal for a cell, with a blank between
	Bands   bool   // too wide, it goes on below; else the first columns are left out
	Marks   string // what a mark says
}

// patterns are small pictures of triangles, on the page only: the terminal has
// their figures in a table.
type patterns struct {
	Title   string
	Columns int
	List    []pattern
}

type pattern struct {
	Title string
	N     int
	Data  []float32
}

// cloud is points in two dimensions.
type cloud struct {
	Title  string
	Points []spot
}

type spot struct {
	X, Y  float64
	Label string
	Hue   Kind
}

// relative makes values −1 to 1 by the largest.
func relative(values ...float64) func(float64) float64 {
	largest := 1e-30
	for _, v := range values {
		if !math.IsNaN(v) {
			largest = max(largest, math.Abs(v))
		}
	}
	return func(v float64) float64 { return v / largest }
}

func numbered(what string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(what, i)
	}
	return list
}
