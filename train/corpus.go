package train

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// ErrData is wrapped by every error that is about the training text.
var ErrData = errors.New("training data")

// Corpus is training text: documents from files, in a fixed order, read again
// for each pass rather than held in memory. Bytes are kept as they are: invalid
// UTF-8 and the line ends of every system too. Only a UTF-8 byte order mark at
// the start of a file is no part of its text.
type Corpus struct {
	Documents int      // how many
	Bytes     int64    // of text in all documents
	Hash      string   // SHA-256 of the documents and their borders, in hexadecimal
	Notes     []string // what was left out, and why

	files []source
	out   fs.FileInfo // of the folder that is passed over
}

// source is one file: its path and how documents are read from it.
type source struct {
	path string
	read func(path string, yield func(piece) bool) error
}

// piece is part of a document: all of it, unless it is long. The borders
// between pieces are places where every tokenizer splits anyway.
type piece struct {
	data []byte
	last bool // the document ends here
}

// OpenCorpus finds the files that paths name and reads them once to count and
// fingerprint them. A path is a text file, a JSONL file (.jsonl, .ndjson: the
// "text" of each line), a Parquet file (.parquet: the column "text"), or a
// folder, which is searched for all of these in the order of their names.
// A file that is named but is no text (empty, compressed, a picture) is an
// error; in a folder it is left out and noted. So is the folder out, if not "":
// a model that is made beside its text is not part of it when it is resumed.
func OpenCorpus(ctx context.Context, paths []string, out string) (*Corpus, error) {
	c := &Corpus{}
	if out != "" {
		c.out, _ = os.Stat(out) // nil while it is not there
	}
	for _, path := range paths {
		if err := c.add(path); err != nil {
			return nil, err
		}
	}
	if len(c.files) == 0 {
		return nil, fmt.Errorf("%w: no text in %s", ErrData, strings.Join(paths, ", "))
	}
	if err := c.scan(ctx); err != nil {
		return nil, err
	}
	if c.Bytes == 0 {
		return nil, fmt.Errorf("%w: %s: no text inside", ErrData, strings.Join(paths, ", "))
	}
	return c, nil
}

func (c *Corpus) add(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrData, err)
	}
	if c.isOut(path) {
		return fmt.Errorf("%w: %s is where the model goes: keep the text in another folder", ErrData, path)
	}
	if info.IsDir() {
		return c.addFolder(path)
	}
	if reason := unusable(path, info); reason != "" {
		return fmt.Errorf("%w: %s %s", ErrData, path, reason)
	}
	c.files = append(c.files, source{path, reader(path)})
	return nil
}

// addFolder walks in lexical order. Hidden files and folders (.git) are no text.
func (c *Corpus) addFolder(root string) error {
	found := len(c.files)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		hidden := path != root && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrData, err)
		case d.IsDir() && (hidden || c.isOut(path)):
			return filepath.SkipDir
		case d.IsDir() || hidden:
			return nil
		}
		info, err := os.Stat(path) // through a symbolic link
		reason := "leads nowhere"
		if err == nil {
			reason = unusable(path, info)
		}
		if reason != "" {
			c.Notes = append(c.Notes, fmt.Sprintf("left out: %s %s", path, reason))
			return nil
		}
		c.files = append(c.files, source{path, reader(path)})
		return nil
	})
	if err == nil && len(c.files) == found {
		return fmt.Errorf("%w: %s holds no text files", ErrData, root)
	}
	return err
}

func (c *Corpus) isOut(path string) bool {
	info, err := os.Stat(path)
	return err == nil && c.out != nil && os.SameFile(info, c.out)
}

func reader(path string) func(string, func(piece) bool) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jsonl", ".ndjson":
		return readJSONL
	case ".parquet":
		return readParquet
	}
	return readText
}

// scan is the first pass: it counts, hashes, and finds what cannot be read.
func (c *Corpus) scan(ctx context.Context) error {
	hash, length := sha256.New(), uint64(0)
	for p, err := range c.pieces(ctx) {
		if err != nil {
			return err
		}
		hash.Write(p.data)
		length += uint64(len(p.data))
		if p.last { // the length marks the border
			hash.Write(binary.LittleEndian.AppendUint64(nil, length))
			c.Bytes += int64(length)
			c.Documents++
			length = 0
		}
	}
	c.Hash = hex.EncodeToString(hash.Sum(nil))
	return nil
}

// pieces reads all documents. An error ends the sequence.
func (c *Corpus) pieces(ctx context.Context) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		for _, f := range c.files {
			stopped := false
			err := f.read(f.path, func(p piece) bool {
				stopped = ctx.Err() != nil || !yield(p, nil)
				return !stopped
			})
			switch {
			case ctx.Err() != nil:
				yield(piece{}, ctx.Err())
				return
			case err != nil:
				yield(piece{}, fmt.Errorf("%w: %s: %w", ErrData, f.path, err))
				return
			case stopped:
				return
			}
		}
	}
}

// cutAt is the byte where the validation part starts when it is to have that
// share: for one text file the usual first part and last part.
func (c *Corpus) cutAt(share float64) int64 { return int64(float64(c.Bytes) * (1 - share)) }

// part reads what lies before the cut, or what lies behind it. A document that
// the cut goes through ends there and starts again behind it. The cut moves
// back to the start of a UTF-8 character that it would split.
func (c *Corpus) part(ctx context.Context, cut int64, behind bool) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		at := int64(0)
		for p, err := range c.pieces(ctx) {
			if err != nil {
				yield(p, err)
				return
			}
			start, end := at, at+int64(len(p.data))
			at = end
			if start < cut && cut < end {
				k := charStart(p.data, int(cut-start))
				if behind {
					p.data = p.data[k:]
				} else {
					p = piece{p.data[:k], true}
				}
			} else if (start >= cut) != behind {
				if !behind {
					return
				}
				continue
			}
			if !yield(p, nil) {
				return
			}
			if !behind && at >= cut && p.last {
				return
			}
		}
	}
}

// charStart moves i back to the start of the valid UTF-8 character around it.
func charStart(data []byte, i int) int {
	for back := 1; back < utf8.UTFMax && back <= i; back++ {
		if !utf8.RuneStart(data[i-back]) {
			continue
		}
		if _, size := utf8.DecodeRune(data[i-back:]); size > back {
			return i - back
		}
		break
	}
	return i
}
