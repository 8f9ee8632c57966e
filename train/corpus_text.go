package train

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pieceSize is about how much text is handled at once.
const pieceSize = 256 << 10

// readText reads a file as one document.
func readText(path string, yield func(piece) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return cutText(afterMark(f), pieceSize, yield)
}

// afterMark reads what follows a UTF-8 byte order mark at the start, if there is one.
func afterMark(r io.Reader) *bufio.Reader {
	in := bufio.NewReaderSize(r, pieceSize)
	if head, _ := in.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		in.Discard(len(head))
	}
	return in
}

const byteOrderMark = "\uFEFF"

// cutText cuts a long text into pieces of about size bytes: between two words
// that one space separates, before the space, or one line break, after it.
// There every pre-tokenizer has a border that what lies beyond does not move,
// so the pieces have the tokens of the whole. Where there is no such place the
// piece grows.
func cutText(r io.Reader, size int, yield func(piece) bool) error {
	var buf []byte
	for {
		old := len(buf)
		buf = append(buf, make([]byte, size)...)
		n, err := io.ReadFull(r, buf[old:])
		buf = buf[:old+n]
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return err
			}
			yield(piece{buf, true})
			return nil
		}
		cut := lastCut(buf, old)
		if cut == 0 {
			continue // no border yet: the piece grows
		}
		if !yield(piece{buf[:cut:cut], false}) {
			return nil
		}
		buf = append([]byte(nil), buf[cut:]...)
	}
}

// lastCut is the last place in buf[from:] where the text may be cut, or 0.
func lastCut(buf []byte, from int) int {
	for end := len(buf) - utf8.UTFMax; end > from; {
		at := bytes.LastIndexAny(buf[from:end], " \n") + from
		if at < from {
			return 0
		}
		before, _ := utf8.DecodeLastRune(buf[:at])
		after, _ := utf8.DecodeRune(buf[at+1:])
		if unicode.IsLetter(before) && unicode.IsLetter(after) {
			if buf[at] == '\n' {
				at++
			}
			return at
		}
		end = at
	}
	return 0
}

// unusable says why a file cannot be training text, or nothing.
func unusable(path string, info fs.FileInfo) string {
	switch {
	case !info.Mode().IsRegular():
		return "is not a regular file"
	case info.Size() == 0:
		return "is empty"
	case strings.EqualFold(filepath.Ext(path), ".parquet"):
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return "cannot be opened: " + err.Error()
	}
	defer f.Close()
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "cannot be read: " + err.Error()
	}
	return looksBinary(head[:n])
}

// magics are first bytes of files that people try.
var magics = []struct{ prefix, is string }{
	{"\x1f\x8b", "is compressed by gzip: unpack it first"},
	{"\x28\xb5\x2f\xfd", "is compressed by zstd: unpack it first"},
	{"\xfd7zXZ", "is compressed by xz: unpack it first"},
	{"BZh", "is compressed by bzip2: unpack it first"},
	{"PK\x03\x04", "is a zip archive (or an office document): extract its text first"},
	{"%PDF-", "is a PDF: extract its text first"},
	{"GGUF", "is a GGUF model, not text"},
	{"PAR1", "is a Parquet file: name it .parquet"},
	{"\xff\xfe", "is UTF-16 text: convert it to UTF-8 first"},
	{"\xfe\xff", "is UTF-16 text: convert it to UTF-8 first"},
}

// looksBinary says why these first bytes are not text, or nothing. Text has no
// zero bytes and few control characters; anything else, invalid UTF-8 too, is
// taken as it is.
func looksBinary(head []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.prefix)) {
			return m.is
		}
	}
	control := 0
	for _, b := range head {
		if b == 0 {
			return "is not text: it holds zero bytes"
		}
		if b < ' ' && !bytes.ContainsRune([]byte("\t\n\v\f\r\b\x1b"), rune(b)) {
			control++
		}
	}
	if control*20 > len(head) {
		return "is not text: it is full of control characters"
	}
	return ""
}
