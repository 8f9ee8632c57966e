package studio

import (
	"net/http"

	"weft/model"
)

// param finds a parameter by name.
func (o *opened) param(name string) (model.Param, error) {
	o.naming.Do(func() {
		o.params = map[string]model.Param{}
		for _, p := range o.Core.W.Params() {
			o.params[p.Name] = p
		}
	})
	p, ok := o.params[name]
	if !ok {
		return p, problem(http.StatusNotFound, "not_found", "this model has no tensor %.80q; /api/model lists those it has", name)
	}
	return p, nil
}

// numbers is a parameter as a matrix, its rows decoded as they are read.
func (o *opened) numbers(p model.Param) matrix {
	m := dense(p.Data, p.Rows, p.Cols)
	if p.Stored != nil {
		m.width, m.row = p.Cols, func(buf []float32, i int) []float32 {
			p.Stored.Row(buf, i)
			return buf
		}
	}
	m.pool = o.Core.Pool
	return m
}

// row is one row of a parameter.
func (o *opened) row(p model.Param, i int) []float32 {
	return o.numbers(p).row(make([]float32, p.Cols), i)
}

// tensor answers with a region of a parameter.
func (s *Studio) tensor(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	name := q.required("name")
	if q.err != nil {
		return q.err
	}
	return s.with(r.Context(), q.text("model"), func(o *opened) error {
		p, err := o.param(name)
		if err != nil {
			return err
		}
		return writeTile(w, q, name, o.numbers(p), o.statistics(p).spread)
	})
}

// tensorStats answers with what is known of a parameter's numbers.
func (s *Studio) tensorStats(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	name := q.required("name")
	if q.err != nil {
		return q.err
	}
	return s.with(r.Context(), q.text("model"), func(o *opened) error {
		p, err := o.param(name)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, o.statistics(p))
	})
}

// statistics is a parameter's, found once.
func (o *opened) statistics(p model.Param) *statistics {
	o.counting.Lock()
	defer o.counting.Unlock()
	if s := o.counted[p.Name]; s != nil {
		return s
	}
	s := statisticsOf(o.numbers(p))
	d := describe(p)
	s.Shape, s.Type = d.Shape, d.Type
	if o.counted == nil {
		o.counted = map[string]*statistics{}
	}
	o.counted[p.Name] = s
	return s
}
