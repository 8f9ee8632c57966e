package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// part makes one request for what is missing of a part, and says whether that
// brought something.
func (x *fetch) part(ctx context.Context, i int) (some bool, err error) {
	from, end := x.next(i)
	if from == end {
		return true, nil
	}
	whole := len(x.state.Done) == 1
	header := http.Header{}
	if end >= 0 && (!whole || from > 0) {
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, end-1))
		if x.file.sum == "" && x.file.etag != "" {
			header.Set("If-Range", x.file.etag)
		}
	}
	resp, err := x.c.get(ctx, x.file.address, header)
	var status *StatusError
	if errors.As(err, &status) && status.Code == http.StatusRequestedRangeNotSatisfiable {
		return false, final(errChanged)
	} else if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if err := x.checkAnswer(resp, whole, from); err != nil {
		return false, err
	}
	again := resp.StatusCode == http.StatusOK && from > 0
	if again {
		x.c.note("%s cannot go on in the middle of %s; starting over", resp.Request.URL.Host, x.file.name)
		x.add(i, -from)
		from = 0
	}
	n, err := x.copy(ctx, resp.Body, i, from, end)
	return n >= trickle && !again, err
}

// checkAnswer refuses a body that is not the bytes that were asked for.
func (x *fetch) checkAnswer(resp *http.Response, whole bool, from int64) error {
	if err := checkEncoding(resp); err != nil {
		return err
	}
	if etag := resp.Header.Get("ETag"); x.file.sum == "" && x.file.etag != "" && etag != "" && etag != x.file.etag {
		return final(errChanged)
	}
	if resp.StatusCode == http.StatusOK {
		switch {
		case !whole:
			return final(errChanged)
		case x.file.size >= 0 && resp.ContentLength >= 0 && resp.ContentLength != x.file.size:
			return final(fmt.Errorf("%s: %w: it has %d bytes, and should have %d", where(resp.Request.URL), errChanged, resp.ContentLength, x.file.size))
		}
		return nil
	}
	first, all, err := contentRange(resp.Header.Get("Content-Range"))
	switch {
	case err != nil:
		return err
	case first != from:
		return fmt.Errorf("%s: asked for what follows byte %d, got what follows %d", where(resp.Request.URL), from, first)
	case all >= 0 && all != x.file.size:
		return final(errChanged)
	}
	return nil
}

// copy writes a body to its place in the file.
func (x *fetch) copy(ctx context.Context, body io.Reader, i int, from, end int64) (n int64, err error) {
	most := end - from
	if end < 0 {
		most = x.limit
	}
	body = io.LimitReader(body, most)
	buf := make([]byte, min(256<<10, most+1))
	for {
		k, err := body.Read(buf)
		if k > 0 {
			if _, err := x.out.WriteAt(buf[:k], from+n); err != nil {
				return n, final(fmt.Errorf("write %s: %w", x.file.name, err))
			}
			n += int64(k)
			x.add(i, int64(k))
		}
		switch {
		case err == io.EOF && end >= 0 && n < most:
			return n, io.ErrUnexpectedEOF
		case err == io.EOF && end < 0 && n == most:
			return n, final(fmt.Errorf("%s does not end before the disk is full", x.file.name))
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, clean(ctx, err)
		}
	}
}
