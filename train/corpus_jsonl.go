package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// readJSONL reads a document per line: the "text" of its object.
func readJSONL(path string, yield func(piece) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := afterMark(f)
	for line := 1; ; line++ {
		raw, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("line %d: %w", line, err)
		}
		if len(bytes.TrimSpace(raw)) > 0 {
			text, bad := lineText(raw)
			if bad != nil {
				return fmt.Errorf("line %d: %w", line, bad)
			}
			if text != "" && !yield(piece{[]byte(text), true}) {
				return nil
			}
		}
		if err != nil {
			return nil
		}
	}
}

// maxLine bounds the memory that one document of a JSONL file may take.
const maxLine = 64 << 20

// readLine reads up to and with the next line break, or the end with io.EOF.
func readLine(in *bufio.Reader) (line []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLine {
			return nil, fmt.Errorf("more than %d MB: make a text file of such a document", maxLine>>20)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// lineText is the text of one line. Where JSON decoding would quietly put
// U+FFFD for what it cannot represent, this is an error.
func lineText(raw []byte) (string, error) {
	if !utf8.Valid(raw) {
		return "", errors.New("invalid UTF-8, which JSON does not allow")
	}
	var object struct {
		Text     json.RawMessage `json:"text"`
		Messages json.RawMessage `json:"messages"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return "", fmt.Errorf("not a JSON object: %w", err)
	}
	var text *string
	if err := json.Unmarshal(object.Text, &text); err != nil || text == nil {
		if object.Messages != nil {
			return "", errors.New(`conversations ("messages") are for fine-tuning; training reads "text"`)
		}
		return "", errors.New(`no "text" in this object`)
	}
	written := strings.Count(string(object.Text), "\uFFFD") + strings.Count(strings.ToLower(string(object.Text)), `\ufffd`)
	if strings.Count(*text, "\uFFFD") > written {
		return "", errors.New("an escape names half of a character (a lone surrogate)")
	}
	return *text, nil
}
