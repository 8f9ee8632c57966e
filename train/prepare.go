package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"weft/internal/atomicfile"
	"weft/internal/par"
	"weft/tokenizer"
)

// documentToken starts every document in the token files, and so also ends the
// one before. Text that spells it is text.
const documentToken = "<|endoftext|>"

// dataset is a run's data, ready to train on.
type dataset struct {
	print      fingerprint
	tokenizer  *tokenizer.Tokenizer
	sum        string // SHA-256 of the tokenizer's JSON
	document   int32
	bytes      []int32    // of text that each token stands for
	train, val *TokenFile // val is nil when there is no validation part
}

func (d *dataset) close() {
	if d.train != nil {
		d.train.Close()
	}
	if d.val != nil {
		d.val.Close()
	}
}

// prepare makes the tokenizer and the token files in dir, or takes those that
// an earlier process of this run (resumed, if not nil) left there. corpus may
// then be nil.
func prepare(ctx context.Context, dir string, r Recipe, corpus *Corpus, resumed *state, pool *par.Pool, note func(string, ...any)) (*dataset, error) {
	d := &dataset{}
	if corpus != nil {
		d.print = fingerprint{corpus.Hash, corpus.cutAt(r.Val)}
	}
	if resumed != nil {
		if corpus != nil && d.print != resumed.Data {
			return nil, fmt.Errorf("%w: not what this run was started with (its fingerprint differs); resume with the same data, or with none named", ErrData)
		}
		d.print = resumed.Data
	}
	if err := d.prepareTokenizer(ctx, dir, r, corpus, resumed, pool, note); err != nil {
		return nil, err
	}
	var err error
	if d.train, err = d.tokens(ctx, dir, "train.bin", corpus, false, pool, note); err != nil {
		return nil, err
	}
	if r.Val > 0 {
		if d.val, err = d.tokens(ctx, dir, "val.bin", corpus, true, pool, note); err != nil {
			d.close()
			return nil, err
		}
	}
	if d.train.TextBytes == 0 || (d.val != nil && d.val.TextBytes == 0) {
		d.close()
		return nil, fmt.Errorf("%w: too little text to have a training and a validation part", ErrData)
	}
	return d, nil
}

func (d *dataset) prepareTokenizer(ctx context.Context, dir string, r Recipe, corpus *Corpus, resumed *state, pool *par.Pool, note func(string, ...any)) error {
	path := filepath.Join(dir, "tokenizer.json")
	data, err := os.ReadFile(path)
	if resumed == nil || err != nil || hashOf(data) != resumed.Tokenizer {
		if corpus == nil {
			return fmt.Errorf("tokenizer: %s is lost or damaged (name the data again, and it is made again)", path)
		}
		if resumed != nil {
			note("made again: %s, which is lost or damaged", path)
		}
		if data, err = writeTokenizer(ctx, path, r.Tokenizer, corpus, d.print.Cut, pool, note); err != nil {
			return err
		}
	}
	d.sum = hashOf(data)
	if resumed != nil && d.sum != resumed.Tokenizer {
		return fmt.Errorf("tokenizer: %s: made from the same data, it is not the one that this run was started with", path)
	}
	if d.tokenizer, err = tokenizer.Parse(data); err != nil {
		return fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return d.measure()
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// writeTokenizer makes the tokenizer that spec asks for and returns what it wrote.
func writeTokenizer(ctx context.Context, path string, spec Tokens, corpus *Corpus, cut int64, pool *par.Pool, note func(string, ...any)) ([]byte, error) {
	t, err := makeTokenizer(ctx, spec, corpus, cut, pool, note)
	if err != nil {
		return nil, err
	}
	data, err := t.JSON()
	if err == nil {
		err = atomicfile.WriteBytes(path, data)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return data, nil
}

// measure notes the document token and how much text each token stands for.
func (d *dataset) measure() error {
	t := d.tokenizer
	var ok bool
	if d.document, ok = t.SpecialID(documentToken); !ok {
		return fmt.Errorf("tokenizer: it has no %s", documentToken)
	}
	d.bytes = make([]int32, t.Size())
	for id := range d.bytes {
		if !t.IsSpecial(int32(id)) {
			d.bytes[id] = int32(len(t.Piece(int32(id))))
		}
	}
	return nil
}

func makeTokenizer(ctx context.Context, spec Tokens, corpus *Corpus, cut int64, pool *par.Pool, note func(string, ...any)) (*tokenizer.Tokenizer, error) {
	if spec.Kind == tokensBytes {
		return tokenizer.Bytes(documentToken), nil
	}
	note("training a tokenizer of %d tokens", spec.Vocab)
	var failed error
	text := func(yield func([]byte) bool) {
		for p, err := range corpus.part(ctx, cut, false) {
			if failed = err; err != nil || !yield(p.data) {
				return
			}
		}
	}
	t, err := tokenizer.Train(text, tokenizer.TrainOptions{Vocab: spec.Vocab, Split: splits[spec.Split], Specials: []string{documentToken}, Threads: pool.Threads()})
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, fmt.Errorf("train the tokenizer: %w", err)
	}
	if t.Size() < spec.Vocab {
		note("the text has pairs for a vocabulary of %d only, not %d", t.Size(), spec.Vocab)
	}
	return t, nil
}

// tokens opens a token file of this data, making it when it is not there yet
// or was made from something else.
func (d *dataset) tokens(ctx context.Context, dir, name string, corpus *Corpus, val bool, pool *par.Pool, note func(string, ...any)) (*TokenFile, error) {
	path, source := filepath.Join(dir, name), sha256.Sum256(fmt.Appendf(nil, "%s %d %s %v", d.print.Hash, d.print.Cut, d.sum, val))
	f, err := openTokens(path, d.tokenizer.Size(), source)
	if err == nil {
		return f, nil
	}
	if corpus == nil {
		return nil, fmt.Errorf("tokens: %w (name the data again, and they are made again)", err)
	}
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, errStale) {
		note("made again: %v", err)
	}
	enc := encoding{document: d.document, vocab: d.tokenizer.Size(), encode: func(dst []int32, text []byte) []int32 {
		return d.tokenizer.AppendEncode(dst, text, tokenizer.Encode{})
	}}
	if err := writeTokens(path, corpus.part(ctx, d.print.Cut, val), enc, source, pool); err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	if f, err = openTokens(path, d.tokenizer.Size(), source); err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return f, nil
}
