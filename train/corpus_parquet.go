package train

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
)

// readParquet reads a document per row: the column "text". Rows where it is
// null or empty hold no document.
func readParquet(path string, yield func(piece) bool) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	inside := true // of the decoder, which panics on some damaged files
	defer func() {
		if !inside {
			return
		}
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged Parquet file: %v", r)
		}
	}()
	give := func(p piece) bool {
		inside = false
		more := yield(p)
		inside = true
		return more
	}
	file, err := parquet.OpenFile(f, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return fmt.Errorf("not a Parquet file: %w", err)
	}
	column, ok := file.Schema().Lookup("text")
	if !ok || column.Node.Type().Kind() != parquet.ByteArray || column.Node.Repeated() {
		return errors.New(`no column "text" of strings`)
	}
	for _, group := range file.RowGroups() {
		if more, err := readColumn(group.ColumnChunks()[column.ColumnIndex], give); err != nil || !more {
			return err
		}
	}
	return nil
}

// readColumn yields the values of one column chunk; more is false when yield
// wants no more.
func readColumn(chunk parquet.ColumnChunk, yield func(piece) bool) (more bool, err error) {
	pages := chunk.Pages()
	defer pages.Close()
	values := make([]parquet.Value, 256)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return true, nil
		} else if err != nil {
			return false, err
		}
		in := page.Values()
		for err == nil {
			var n int
			n, err = in.ReadValues(values)
			for _, v := range values[:n] {
				text := v.Clone().ByteArray()
				if !v.IsNull() && len(text) > 0 && !yield(piece{text, true}) {
					parquet.Release(page)
					return false, nil
				}
			}
		}
		parquet.Release(page)
		if !errors.Is(err, io.EOF) {
			return false, err
		}
	}
}
