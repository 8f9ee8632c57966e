package studio

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
)

// cellJSON is where one number came from.
type cellJSON struct {
	Value     number  `json:"value"`
	ValueText string  `json:"value_text"` // also what JSON has no number for
	Point     string  `json:"point"`
	Layer     int     `json:"layer"`
	Head      *int    `json:"head"`
	Row       int     `json:"row"`
	Col       int     `json:"col"`
	Formula   string  `json:"formula"`
	Terms     []term  `json:"terms"`       // the largest
	Total     int     `json:"terms_total"` // of them
	TermsSum  number  `json:"terms_sum"`   // of all terms
	Then      string  `json:"then"`        // what is done to their sum, written with Σ; "": nothing
	Sum       number  `json:"sum"`         // after that: what the value should be
	Inputs    []input `json:"inputs"`
	Error     number  `json:"error"` // |sum - value|
	Tolerance number  `json:"tolerance"`
	OK        bool    `json:"ok"`
	Arith     string  `json:"arithmetic"`
	None      string  `json:"no_formula,omitempty"` // why there is no formula
	Go        string  `json:"go"`
	Curl      string  `json:"curl"`
}

// term is one product of a sum.
type term struct {
	Label   string `json:"label"`
	A       number `json:"a"`
	B       number `json:"b"`
	Product number `json:"product"`
}

// input is what a number was made of: part of a point or of a tensor. Columns count
// within the head where there is one.
type input struct {
	Point  string `json:"point,omitempty"`
	Tensor string `json:"tensor,omitempty"`
	Head   *int   `json:"head,omitempty"`
	Rows   [2]int `json:"rows"` // first, and behind the last
	Cols   [2]int `json:"cols"`
}

// maxTerms is how many terms are shown.
const maxTerms = 8

// cell answers with where one number came from.
func (s *Studio) cell(w http.ResponseWriter, req *http.Request) error {
	return s.withRun(w, req, func(ctx context.Context, o *opened, r *run) error {
		q, c := newQuery(req), o.Core.Config
		name := q.required("point")
		if name == "logits" {
			name = finalLogits
		}
		head := q.int("head", -1, 0, c.Heads-1)
		row, col := q.int("row", -1, 0, len(r.ids)-1), q.int("col", -1, 0, math.MaxInt32)
		if q.err == nil && (row < 0 || col < 0) {
			q.fail("the parameters row and col say which number; one is missing")
		}
		if q.err != nil {
			return q.err
		}
		out, err := s.derive(ctx, o, r, name, head, row, col)
		if err != nil {
			return err
		}
		out.Go, out.Curl = goCode(o, r, out), curlCode(req.Host, o, r, out)
		return writeJSON(w, http.StatusOK, out)
	})
}

// derive finds a number and what it was made of.
func (s *Studio) derive(ctx context.Context, o *opened, r *run, name string, head, row, col int) (*cellJSON, error) {
	c := o.Core.Config
	if err := known(c, name, head); err != nil {
		return nil, err
	}
	shape := c.PointShape(name, 1, len(r.ids))
	if most := shape[len(shape)-1]; col >= most {
		return nil, bad("col is %d; %s has %d columns, counted from 0", col, name, most)
	}
	d := &deriver{ctx: ctx, s: s, o: o, r: r, c: c, row: row, col: col, head: head, name: name, out: &cellJSON{Point: name, Row: row, Col: col, Terms: []term{}, Inputs: []input{}}}
	d.layer, d.point = split(name)
	d.out.Layer = d.layer
	if headsOf(c, name) > 0 {
		d.out.Head = &d.head
	}
	value := d.value()
	d.out.Value, d.out.ValueText = number(value), fmt.Sprint(float32(value))
	d.out.Arith = "float32"
	d.explain()
	if d.err != nil {
		return nil, d.err
	}
	d.judge(value)
	return d.out, nil
}

// judge compares the sum with the value.
func (d *deriver) judge(value float64) {
	if d.out.None != "" {
		return
	}
	off := math.Abs(float64(d.out.Sum) - value)
	if float64(d.out.Sum) == value { // infinities have no difference
		off = 0
	}
	d.out.Error = number(off)
	d.out.OK = off <= float64(d.out.Tolerance)
}

// sum is a·b over all i, and what is added besides.
type sum struct {
	a, b  []float64
	label func(i int) string
	more  []term
}

// add works a sum out. Of its terms the largest are shown.
func (d *deriver) add(s sum) float64 {
	total, sizes := 0.0, 0.0
	list := slices.Clone(s.more)
	for _, t := range s.more {
		total, sizes = total+float64(t.Product), sizes+math.Abs(float64(t.Product))
	}
	least := 0.0
	for i, a := range s.a {
		p := a * s.b[i]
		total, sizes = total+p, sizes+math.Abs(p)
		if len(list) > 4*maxTerms {
			list = largestTerms(list)
			least = math.Abs(float64(list[len(list)-1].Product))
		}
		if len(list) < maxTerms || math.Abs(p) > least {
			list = append(list, term{s.label(i), number(a), number(s.b[i]), number(p)})
		}
	}
	d.out.Terms, d.out.Total = largestTerms(list), len(s.a)+len(s.more)
	d.out.TermsSum, d.out.Sum = number(total), number(total)
	d.out.Tolerance = number(2e-6*sizes + 1e-30)
	return total
}

func largestTerms(list []term) []term {
	slices.SortStableFunc(list, func(x, y term) int {
		return cmp.Compare(math.Abs(float64(y.Product)), math.Abs(float64(x.Product)))
	})
	return slices.Clone(list[:min(maxTerms, len(list))])
}

// then does something to the sum; slope is by how much that enlarges an error.
func (d *deriver) then(what string, value, slope float64) {
	if d.out.Then != "" {
		what = strings.ReplaceAll(what, "Σ", "("+d.out.Then+")")
	}
	d.out.Then, d.out.Sum = what, number(value)
	d.out.Tolerance = number(float64(d.out.Tolerance)*math.Abs(slope) + 2e-6*math.Abs(value))
}

// goCode is a program's part that fetches the same number.
func goCode(o *opened, r *run, out *cellJSON) string {
	path, at := o.name, fmt.Sprintf("p.Mat().At(%d, %d)", out.Row, out.Col)
	if o.kind == kindBuiltIn {
		path = ""
	}
	switch {
	case isPattern(out.Point):
		at = fmt.Sprintf("p.Mat().At(%d, %d) // head %d", *out.Head*len(r.ids)+out.Row, out.Col, *out.Head)
	case out.Head != nil:
		heads := headsOf(o.Core.Config, out.Point)
		at = fmt.Sprintf("p.Mat().At(%d, %d) // token %d, head %d", out.Row*heads+*out.Head, out.Col, out.Row, *out.Head)
	}
	logits := ""
	if out.Point == finalLogits {
		logits = ", Logits: model.AllLogits"
	}
	value, note, _ := strings.Cut(at, " // ")
	if note != "" {
		note = " // " + note
	}
	return fmt.Sprintf(`m, err := weft.Open(%q)
if err != nil {
	return err
}
defer m.Close()
var hooks model.Hooks
hooks.On(%q, func(p *model.Point) error {
	fmt.Println(%s)%s
	return nil
})
_, err = m.Core.Forward([]int32{%s}, &model.Run{Hooks: &hooks%s})
return err
`, path, out.Point, value, note, listIDs(r.ids, ", "), logits)
}

func listIDs(ids []int32, between string) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = fmt.Sprint(id)
	}
	return strings.Join(words, between)
}

// curlCode asks this server for the same number.
func curlCode(host string, o *opened, r *run, out *cellJSON) string {
	head := ""
	if out.Head != nil {
		head = fmt.Sprintf("&head=%d", *out.Head)
	}
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	body := fmt.Sprintf(`{"model":%s,"ids":[%s]}`, jsonText(o.name), listIDs(r.ids, ","))
	return fmt.Sprintf("curl -s %s -d %s >/dev/null\ncurl -s %s\n", quote("http://"+host+"/api/run"), quote(body),
		quote(fmt.Sprintf("http://%s/api/run/%s/cell?point=%s%s&row=%d&col=%d", host, r.id, out.Point, head, out.Row, out.Col)))
}
