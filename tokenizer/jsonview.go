package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// A tokenizer.json is mostly vocabulary, megabytes of it. What follows walks
// such a text where it lies, where encoding/json would copy parts to keep them.
// The text must be valid.

// members visits the members of an object in order.
func members(object []byte, visit func(key string, value []byte) error) error {
	if len(object) == 0 || object[0] != '{' {
		return errors.New("not an object")
	}
	for at := skipSpace(object, 1); object[at] != '}'; {
		end := valueEnd(object, at)
		key, err := unquote(object[at:end])
		if err != nil {
			return err
		}
		at = skipSpace(object, skipSpace(object, end)+1) // behind the colon
		end = valueEnd(object, at)
		if err := visit(key, object[at:end]); err != nil {
			return err
		}
		at = nextValue(object, end)
	}
	return nil
}

// elements visits the elements of a list in order.
func elements(list []byte, visit func(value []byte) error) error {
	if len(list) == 0 || list[0] != '[' {
		return errors.New("not a list")
	}
	for at := skipSpace(list, 1); list[at] != ']'; {
		end := valueEnd(list, at)
		if err := visit(list[at:end]); err != nil {
			return err
		}
		at = nextValue(list, end)
	}
	return nil
}

func skipSpace(s []byte, at int) int {
	for at < len(s) && (s[at] == ' ' || s[at] == '\n' || s[at] == '\t' || s[at] == '\r') {
		at++
	}
	return at
}

// nextValue is where the next value begins after one that ends at at, or where
// the last one's bracket closes.
func nextValue(s []byte, at int) int {
	if at = skipSpace(s, at); s[at] == ',' {
		at = skipSpace(s, at+1)
	}
	return at
}

// valueEnd is where the value that begins at at ends.
func valueEnd(s []byte, at int) int {
	depth := 0
	for at < len(s) {
		switch s[at] {
		case '"':
			at = stringEnd(s, at)
		case '{', '[':
			depth++
			at++
		case '}', ']':
			depth--
			at++
		case ' ', '\n', '\t', '\r', ',', ':':
			at++
		default:
			for at < len(s) && !bytes.ContainsRune([]byte(",]} \n\t\r"), rune(s[at])) {
				at++
			}
		}
		if depth == 0 {
			break
		}
	}
	return at
}

func stringEnd(s []byte, at int) int {
	for at++; at < len(s); at++ {
		switch s[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return at
}

// unquote is the text of a JSON string.
func unquote(s []byte) (text string, err error) {
	if len(s) >= 2 && s[0] == '"' && bytes.IndexByte(s, '\\') < 0 && utf8.Valid(s) {
		return string(s[1 : len(s)-1]), nil
	}
	if err := json.Unmarshal(s, &text); err != nil {
		return "", fmt.Errorf("%s is no text", shorten(s))
	}
	return text, nil
}

// shorten is a value for a message.
func shorten(s []byte) []byte {
	if len(s) > 100 {
		return append(s[:97:97], "..."...)
	}
	return s
}
