package studio

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// query reads a request's parameters, and keeps the first thing that is wrong.
type query struct {
	values url.Values
	err    error
}

func newQuery(r *http.Request) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		err = bad("the query cannot be read: %s", err)
	}
	return &query{values: values, err: err}
}

func (q *query) fail(format string, args ...any) {
	if q.err == nil {
		q.err = bad(format, args...)
	}
}

func (q *query) has(name string) bool { return q.values.Get(name) != "" }

func (q *query) text(name string) string { return q.values.Get(name) }

// required is a text that may not be left out.
func (q *query) required(name string) string {
	if !q.has(name) {
		q.fail("the parameter %s is missing", name)
	}
	return q.text(name)
}

// int is a whole number between least and most, or usual if it is not there.
func (q *query) int(name string, usual, least, most int) int {
	if !q.has(name) {
		return usual
	}
	n, err := strconv.Atoi(q.text(name))
	if err != nil || n < least || n > most {
		q.fail("%s is %.20q, must be a whole number from %d to %d", name, q.text(name), least, most)
		return usual
	}
	return n
}

// id is a token ID, or nil if it is not there.
func (q *query) id(name string) *int32 {
	if !q.has(name) {
		return nil
	}
	id := int32(q.int(name, 0, 0, math.MaxInt32))
	return &id
}

// maxIDs is how many token IDs a parameter lists at most.
const maxIDs = 4096

// ids is a list of token IDs between commas.
func (q *query) ids(name string) []int32 {
	if !q.has(name) {
		return nil
	}
	words := strings.Split(q.text(name), ",")
	if len(words) > maxIDs {
		q.fail("%s lists %d token IDs, %d are the most", name, len(words), maxIDs)
		return nil
	}
	list := make([]int32, len(words))
	for i, word := range words {
		n, err := strconv.ParseInt(strings.TrimSpace(word), 10, 32)
		if err != nil || n < 0 {
			q.fail("%s lists %.20q, which is no token ID", name, word)
			return nil
		}
		list[i] = int32(n)
	}
	return list
}
