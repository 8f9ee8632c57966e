package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// probe asks for a file's first byte and learns how large it is, whether parts
// of it can be had, and what tells one version of it from another. HEAD would
// say the same, but not every server that serves a file answers it.
func (c *client) probe(ctx context.Context, f file) (file, error) {
	err := c.retry(ctx, func() (bool, error) {
		resp, err := c.get(ctx, f.address, http.Header{"Range": {"bytes=0-0"}})
		var status *StatusError
		if errors.As(err, &status) && status.Code == http.StatusRequestedRangeNotSatisfiable {
			f.size, f.probed = 0, true // there is no first byte; reading it all will tell
			return true, nil
		} else if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		return true, f.learn(c, resp)
	})
	return f, err
}

// learn takes over what an answer to the request for the first byte says. What
// is known already comes from a better source and stays.
func (f *file) learn(c *client, resp *http.Response) error {
	if err := checkEncoding(resp); err != nil {
		return err
	}
	size := resp.ContentLength
	f.ranges = false
	if resp.StatusCode == http.StatusPartialContent {
		first, all, err := contentRange(resp.Header.Get("Content-Range"))
		if err != nil || first != 0 {
			return final(fmt.Errorf("%s: asked for the first byte, got %q", where(resp.Request.URL), printable(resp.Header.Get("Content-Range"))))
		}
		size, f.ranges = all, all >= 0
	}
	linked := c.linked(resp)
	if n, err := strconv.ParseInt(linked.Get("X-Linked-Size"), 10, 64); err == nil && n >= 0 {
		size = n
	}
	if f.size < 0 {
		f.size = size
	}
	if f.sum == "" {
		f.sum = sha256Sum(strings.Trim(linked.Get("X-Linked-Etag"), `"`))
	}
	if etag := resp.Header.Get("ETag"); strings.HasPrefix(etag, `"`) {
		f.etag = etag
	}
	f.probed = true
	return nil
}

// linked are the headers of the server that was asked, before it redirected:
// Hugging Face describes the file there (X-Linked-Size, X-Linked-Etag).
func (c *client) linked(resp *http.Response) http.Header {
	for r := resp; r != nil && r.Request != nil; r = r.Request.Response {
		if sameServer(r.Request.URL, c.base) && r.Header.Get("X-Linked-Etag") != "" {
			return r.Header
		}
	}
	return nil
}

// contentRange reads "bytes FIRST-LAST/ALL"; all is -1 for "*".
func contentRange(s string) (first, all int64, err error) {
	span, size, ok := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	from, to, ok2 := strings.Cut(span, "-")
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	all, err3 := int64(-1), error(nil)
	if size != "*" {
		all, err3 = strconv.ParseInt(size, 10, 64)
	}
	if !ok || !ok2 || errors.Join(err1, err2, err3) != nil || first < 0 || last < first || all >= 0 && last >= all {
		return 0, 0, fmt.Errorf("the range %q makes no sense", printable(s))
	}
	return first, all, nil
}

// checkEncoding refuses a body that is not the file itself.
func checkEncoding(resp *http.Response) error {
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return final(fmt.Errorf("%s sends the file encoded as %q, though asked not to", where(resp.Request.URL), printable(e)))
	}
	return nil
}
