package server

import (
	"net/http"
	"strings"

	"weft"
)

// engine is a model with room to answer several requests at once.
type engine struct {
	Model
	batch *weft.Batch
	seats chan struct{} // of those that are answered or wait
	most  int           // bytes that can fit in the context: all tokens the longest there is
}

func newEngine(m Model, parallel, context, queue int) (*engine, error) {
	b, err := m.Batch(parallel, context)
	if err != nil {
		return nil, err
	}
	longest := 0
	for id := range int32(m.Tokenizer.Size()) {
		longest = max(longest, len(m.Tokenizer.Piece(id)))
	}
	return &engine{m, b, make(chan struct{}, parallel+queue), longest * b.Context()}, nil
}

// sit takes a seat, which leave gives back.
func (e *engine) sit() (leave func(), err *apiError) {
	select {
	case e.seats <- struct{}{}:
		return func() { <-e.seats }, nil
	default:
		_, waiting := e.batch.Load()
		return nil, tooMany("%d requests wait for %s already; try again in a moment", waiting, e.Name)
	}
}

// engine finds a model by its name; "" is the first.
func (s *Server) engine(name string) (*engine, *apiError) {
	for _, e := range s.engines {
		if e.Name == name || name == "" {
			return e, nil
		}
	}
	var all []string
	for _, e := range s.engines {
		all = append(all, e.Name)
	}
	err := newError(http.StatusNotFound, invalidRequest, "model_not_found",
		"there is no model %.100q here; there is %s", name, strings.Join(all, ", "))
	param := "model"
	err.Param = &param
	return nil, err
}
