package jinja

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxJSONDepth bounds how deep JSON from outside may nest.
const maxJSONDepth = 90

// JSON reads a value from outside. Objects keep their order, integers stay
// integers, and all text counts as outside.
func JSON(data []byte) (Value, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := readJSON(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more text follows the JSON value")
	}
	return v, nil
}

func readJSON(dec *json.Decoder, depth int) (Value, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("%w: the JSON nests deeper than %d", ErrLimit, maxJSONDepth)
	}
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case string:
		return Text(t), nil
	case json.Number:
		return readNumber(t.String())
	case json.Delim:
		if t == '[' {
			return readArray(dec, depth)
		}
		return readObject(dec, depth)
	default: // nil or bool
		return t, nil
	}
}

func readNumber(s string) (Value, error) {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i, nil
		}
		return number(s), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil // infinite, as in Python
	}
	return f, err
}

func readArray(dec *json.Decoder, depth int) (Value, error) {
	l := NewList()
	for dec.More() {
		v, err := readJSON(dec, depth+1)
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, v)
	}
	_, err := dec.Token()
	return l, err
}

func readObject(dec *json.Decoder, depth int) (Value, error) {
	d := NewDict()
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key := t.(string) // the decoder has checked
		v, err := readJSON(dec, depth+1)
		if err != nil {
			return nil, err
		}
		d.put(Text(key), key, v)
	}
	_, err := dec.Token()
	return d, err
}
