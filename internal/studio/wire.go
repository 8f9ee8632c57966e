package studio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"weft/chat"
	"weft/generate"
	"weft/inspect"
	"weft/model"
)

// handler answers a request, or says why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// apiError is a refusal: one sentence with a next step.
type apiError struct {
	Status  int    `json:"-"`
	Message string `json:"message"`
	Code    string `json:"code"` // bad_request, not_found, too_large, over_budget, busy, gone, refuted or internal
}

func (e *apiError) Error() string { return e.Message }

func problem(status int, code, format string, args ...any) error {
	return &apiError{status, fmt.Sprintf(format, args...), code}
}

// bad is a request that makes no sense.
func bad(format string, args ...any) error {
	return problem(http.StatusBadRequest, "bad_request", format, args...)
}

// refusal is an error as the page is told it.
func refusal(err error) *apiError {
	var e *apiError
	var long *generate.ContextError
	var large *inspect.BudgetError
	as := func(status int, code string) *apiError { return &apiError{status, err.Error(), code} }
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &large): // whoever reads the page cannot raise the budget
		return &apiError{http.StatusRequestEntityTooLarge, fmt.Sprintf("%s would take %d MiB, and %d MiB are there for it; shorten the text or ask for less of it",
			large.What, mib(large.Need), large.Budget>>20), "over_budget"}
	case errors.As(err, &long), errors.Is(err, model.ErrContext):
		return as(http.StatusRequestEntityTooLarge, "too_large")
	case errors.Is(err, inspect.ErrCheck):
		return as(http.StatusUnprocessableEntity, "refuted")
	case errors.Is(err, inspect.ErrAsk), errors.Is(err, inspect.ErrArch), errors.Is(err, inspect.ErrHead),
		errors.Is(err, model.ErrToken), errors.Is(err, chat.ErrMessages), errors.Is(err, generate.ErrRequest):
		return as(http.StatusBadRequest, "bad_request")
	}
	return as(http.StatusInternalServerError, "internal")
}

// answer makes an HTTP handler of h.
func (s *Studio) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if err := h(w, r); err != nil {
			s.refuse(w, r, err)
		}
	})
}

// refuse writes an error, unless who asked is gone.
func (s *Studio) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	e := refusal(err)
	if e.Status >= http.StatusInternalServerError {
		s.o.Log.Error("studio", "path", r.URL.Path, "error", err)
	}
	writeJSON(w, e.Status, map[string]any{"error": e})
}

// writeJSON writes v, which never holds what JSON has no word for.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(data) // an error means that nobody reads any more
	return nil
}

// maxBody is the most bytes of a request's body, as in package server.
const maxBody = 8 << 20

// readJSON reads a request's body into v; what v does not know is refused, so that
// a misspelt option is not silently left out.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem(http.StatusRequestEntityTooLarge, "too_large", "the request is longer than %d bytes; send less text", maxBody)
	case errors.Is(err, io.EOF):
		return bad("the request has no body; send a JSON object")
	case err != nil:
		return bad("the request is not the JSON that belongs here: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return bad("there is more than one JSON value in the request; send one object")
	}
	return nil
}

// number is a float that may be what JSON has no word for: then it is null.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// jsonText is a text as JSON has it.
func jsonText(s string) string {
	data, _ := json.Marshal(s) // a string cannot fail
	return string(data)
}
