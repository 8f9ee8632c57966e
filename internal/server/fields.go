package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// fields say what becomes of the fields of a request that its type does not have.
type fields struct {
	ignored []string            // they change nothing of an answer
	refused map[string][]string // they would, except with these values
}

var chatFields = fields{
	ignored: []string{
		"metadata", "moderation", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier",
		"service_tier", "store", "user",
		"cache_prompt", "verbose",
	},
	refused: map[string][]string{
		"audio":               nil,
		"function_call":       {`"none"`},
		"functions":           {`[]`},
		"logit_bias":          {`{}`},
		"modalities":          {`["text"]`},
		"n":                   {`1`},
		"parallel_tool_calls": {`true`},
		"prediction":          nil,
		"response_format":     {`{"type":"text"}`},
		"verbosity":           {`"medium"`},
		"web_search_options":  nil,
	},
}

// decode reads a request's document. Nothing that would change the answer is passed
// over: a field that is not honoured is refused by its name, and so is one that
// nobody knows, which may be a known one with a slip of the pen.
func (f fields) decode(r *http.Request, into any) *apiError {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return unread(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return malformed(err)
	}
	known := fieldNames(into)
	for name, value := range all {
		if err := f.check(name, value, known); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(data, into); err != nil {
		return malformed(err)
	}
	return nil
}

func (f fields) check(name string, value json.RawMessage, known []string) *apiError {
	defaults, refused := f.refused[name]
	switch {
	case slices.Contains(known, name), slices.Contains(f.ignored, name), string(value) == "null":
		return nil
	case !refused:
		return invalid(name, "unknown_parameter", "unknown field %.100q", name)
	case slices.Contains(defaults, compact(value)):
		return nil
	}
	only := ""
	if len(defaults) > 0 {
		only = ", except " + strings.Join(defaults, " or ")
	}
	return invalid(name, "unsupported_parameter", "%s is not supported%s", name, only)
}

// compact is a value without white space between its parts.
func compact(value json.RawMessage) string {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return ""
	}
	text, _ := json.Marshal(v) // it has just been read
	return string(text)
}

// fieldNames are the fields that a document's type has.
func fieldNames(doc any) (all []string) {
	t := reflect.TypeOf(doc).Elem()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all = append(all, name)
	}
	return all
}

// unread is a body that did not come.
func unread(err error) *apiError {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return newError(http.StatusRequestEntityTooLarge, invalidRequest, "request_too_large",
			"the request is larger than %d MiB", large.Limit>>20)
	}
	return invalid("", "", "the request did not come whole: %s", err)
}

// malformed is a body that is not what it should be.
func malformed(err error) *apiError {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return invalid(wrong.Field, "", "%s is a JSON %s, want %s", wrong.Field, wrong.Value, kind(wrong.Type))
	}
	return invalid("", "", "the request is not the JSON object that it should be: %s", err)
}

// kind is what a Go type is called in JSON.
func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	}
	return "a number"
}
