package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseDocument reads exactly one JSON document that ends with a line break, or
// JSON lines, as a list.
func parseDocument(text string, lines bool) (any, error) {
	if !strings.HasSuffix(text, "\n") {
		return nil, errors.New("no line break at the end")
	}
	if !lines {
		var doc any
		return doc, json.Unmarshal([]byte(text), &doc)
	}
	list := []any{}
	for line := range strings.Lines(text) {
		var doc any
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(list)+1, err)
		}
		list = append(list, doc)
	}
	return list, nil
}

// lookup follows a path: .name is a member, [2] or [-1] an element, [*] or .*
// every one, of which there must be at least one.
func lookup(doc any, path string) ([]any, error) {
	at := []any{doc}
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		var next []any
		for _, v := range at {
			found, err := follow(v, step)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			next = append(next, found...)
		}
		at = next
	}
	return at, nil
}

func follow(v any, step string) ([]any, error) {
	switch v := v.(type) {
	case map[string]any:
		if step == "*" && len(v) > 0 {
			var all []any
			for _, e := range v {
				all = append(all, e)
			}
			return all, nil
		}
		if e, ok := v[step]; ok {
			return []any{e}, nil
		}
	case []any:
		if step == "*" && len(v) > 0 {
			return v, nil
		}
		if i, err := strconv.Atoi(step); err == nil && len(v) > 0 && i < len(v) && i >= -len(v) {
			return []any{v[(i+len(v))%len(v)]}, nil
		}
	}
	return nil, fmt.Errorf("there is no %q in %.200v", step, v)
}

// typed checks a value's type: string, number, int (a whole number), share
// (0 to 1), bool, null, array, object, or several with | between.
func typed(v any, want string) error {
	for _, t := range strings.Split(want, "|") {
		if isType(v, t) {
			return nil
		}
	}
	return fmt.Errorf("%.200v is not %s", v, want)
}

func isType(v any, name string) bool {
	switch v := v.(type) {
	case string:
		return name == "string"
	case bool:
		return name == "bool"
	case nil:
		return name == "null"
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	case float64:
		return name == "number" || name == "int" && v == math.Trunc(v) || name == "share" && v >= 0 && v <= 1
	}
	return false
}

// valueOf writes a value as scripts do: plain, and a list's or object's as its
// length.
func valueOf(v any) string {
	switch v := v.(type) {
	case []any:
		return strconv.Itoa(len(v))
	case map[string]any:
		return strconv.Itoa(len(v))
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}
