package server

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// apiError is an error as OpenAI's clients read it.
type apiError struct {
	status int

	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"` // the field that is wrong
	Code    *string `json:"code"`
}

func (e *apiError) Error() string { return e.Message }

func newError(status int, kind, code, format string, args ...any) *apiError {
	e := &apiError{status: status, Type: kind, Message: fmt.Sprintf(format, args...)}
	if code != "" {
		e.Code = &code
	}
	return e
}

const invalidRequest = "invalid_request_error"

// invalid is a request that can be corrected; param is the field to look at.
func invalid(param, code, format string, args ...any) *apiError {
	e := newError(http.StatusBadRequest, invalidRequest, code, format, args...)
	if param != "" {
		e.Param = &param
	}
	return e
}

func forbidden(format string, args ...any) *apiError {
	return newError(http.StatusForbidden, invalidRequest, "forbidden", format, args...)
}

func unauthorized() *apiError {
	return newError(http.StatusUnauthorized, invalidRequest, "invalid_api_key",
		"this server asks for a key, in the header Authorization: Bearer KEY; this one is missing or wrong")
}

func notFound(path string) *apiError {
	return newError(http.StatusNotFound, invalidRequest, "not_found", "there is nothing at %.100s", path)
}

func tooMany(format string, args ...any) *apiError {
	return newError(http.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded", format, args...)
}

func unavailable() *apiError {
	return newError(http.StatusServiceUnavailable, "server_error", "shutting_down", "%s", errShutdown)
}

func internal(err error) *apiError {
	return newError(http.StatusInternalServerError, "server_error", "internal_error", "%s", err)
}

// retryAfter is when one may try again whom there was no room for, in seconds.
const retryAfter = "1"

// fail answers with an error.
func fail(w http.ResponseWriter, e *apiError) {
	switch e.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	}
	if t, ok := w.(*watched); ok {
		t.notes = append(t.notes, "error", e.Message)
	}
	reply(w, e.status, errorDoc{e})
}

// errorDoc is the document around an error.
type errorDoc struct {
	Error *apiError `json:"error"`
}

// reply answers with a document.
func reply(w http.ResponseWriter, status int, doc any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	write(w, doc) // the peer may have left, which its request's context says
}

// write writes a document on a line.
func write(w http.ResponseWriter, doc any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}
