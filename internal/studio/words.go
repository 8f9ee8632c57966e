package studio

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"weft"
	"weft/inspect"
)

type near struct {
	inspect.Neighbour
	Text string `json:"text"`
}

type nearJSON struct {
	*inspect.Neighbours
	Near        []near  `json:"near"`
	PlusPieces  []piece `json:"plus_pieces"`
	MinusPieces []piece `json:"minus_pieces"`
	Other       []piece `json:"other_forms"` // of a single token: with and without a space, in the other case
}

// spaces are whose vectors tokens have, by the page's names and inspect's.
var spaces = map[string]inspect.Space{"": inspect.Embedding, "embed": inspect.Embedding, "unembed": inspect.Unembedding,
	"embedding": inspect.Embedding, "unembedding": inspect.Unembedding}

func (q *query) space() inspect.Space {
	space, ok := spaces[q.text("space")]
	if !ok {
		q.fail("space is %.20q, must be embed or unembed", q.text("space"))
	}
	return space
}

// wordsNear answers with the tokens that are near some, or near a sum of them.
func (s *Studio) wordsNear(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	space, n := q.space(), q.int("n", 10, 1, 1000)
	q.required("plus")
	if q.err != nil {
		return q.err
	}
	return s.with(r.Context(), q.text("model"), func(o *opened) error {
		plus, minus := o.words(q, "plus"), o.words(q, "minus")
		if q.err != nil {
			return q.err
		}
		found, err := o.in(r.Context(), "").Neighbours(space, plus, minus, n)
		if err != nil {
			return err
		}
		out := nearJSON{Neighbours: found, PlusPieces: o.pieces(plus), MinusPieces: o.pieces(minus), Other: []piece{}}
		for _, x := range found.Near {
			out.Near = append(out.Near, near{x, o.text(x.ID)})
		}
		if len(plus) == 1 && len(minus) == 0 {
			out.Other = o.pieces(o.otherForms(plus[0]))
		}
		return writeJSON(w, http.StatusOK, out)
	})
}

// words reads tokens between commas: IDs, or texts of one token each. A text stands for
// the token with a space before it if there is none without.
func (o *opened) words(q *query, name string) []int32 {
	if !q.has(name) {
		return nil
	}
	var list []int32
	for _, word := range strings.Split(q.text(name), ",") {
		id, ok := o.word(word)
		if !ok {
			q.fail("%s: %.40q is no single token of this model; /api/words/find?q= looks for some", name, word)
			return nil
		}
		if list = append(list, id); len(list) > 64 {
			q.fail("%s lists more than 64 words", name)
			return nil
		}
	}
	return list
}

func (o *opened) word(text string) (int32, bool) {
	if id, err := strconv.ParseInt(text, 10, 32); err == nil {
		return int32(id), id >= 0 && int(id) < o.Core.Config.Vocab
	}
	for _, form := range []string{text, " " + text} {
		if ids := o.Encode(form, weft.Options{Raw: true, ParseSpecial: true}); len(ids) == 1 && text != "" {
			return ids[0], true
		}
	}
	return 0, false
}

// otherForms are the tokens that differ in the space before, or in the case.
func (o *opened) otherForms(id int32) (list []int32) {
	bare := strings.TrimPrefix(string(o.piece(id)), " ")
	if bare == "" {
		return nil
	}
	seen := map[int32]bool{id: true}
	for _, word := range []string{bare, strings.ToLower(bare), capital(bare), strings.ToUpper(bare)} {
		for _, space := range []string{"", " "} {
			if ids := o.Encode(space+word, weft.Options{Raw: true}); len(ids) == 1 && !seen[ids[0]] {
				seen[ids[0]] = true
				list = append(list, ids[0])
			}
		}
	}
	return list
}

// capital is a word with its first letter in upper case.
func capital(word string) string {
	first, size := utf8.DecodeRuneInString(word)
	if first == utf8.RuneError {
		return word
	}
	return string(unicode.ToUpper(first)) + word[size:]
}

type mapJSON struct {
	*inspect.Projection
	Pieces []piece `json:"pieces"`
}

// wordsMap answers with tokens on the two axes along which they differ most: those
// listed, those that contain a text, or the first n that are words.
func (s *Studio) wordsMap(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	space, n, ids := q.space(), q.int("n", 300, 3, maxIDs), q.ids("ids")
	if q.err != nil {
		return q.err
	}
	return s.with(r.Context(), q.text("model"), func(o *opened) error {
		if ids == nil {
			ids = o.find(q.text("q"), n)
		}
		if len(ids) < 3 {
			return bad("a map needs 3 tokens, there are %d; ask for more", len(ids))
		}
		p, err := o.in(r.Context(), "").Project(space, ids)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, mapJSON{p, o.pieces(ids)})
	})
}

// find is the first n tokens that contain a text, whatever the case; without one, those
// of two letters or more.
func (o *opened) find(text string, n int) []int32 {
	text = strings.ToLower(text)
	list := []int32{}
	for id := range int32(min(o.Tokenizer.Size(), o.Core.Config.Vocab)) {
		p := strings.ToLower(string(o.piece(id)))
		if text != "" && strings.Contains(p, text) || text == "" && isWord(p) && !o.Tokenizer.IsSpecial(id) {
			if list = append(list, id); len(list) == n {
				break
			}
		}
	}
	return list
}

func isWord(p string) bool {
	p = strings.TrimPrefix(p, " ")
	return len(p) >= 2 && strings.Trim(p, "abcdefghijklmnopqrstuvwxyz") == ""
}

// wordsFind answers with the tokens that contain a text.
func (s *Studio) wordsFind(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	text, n := q.required("q"), q.int("n", 50, 1, maxIDs)
	if q.err != nil {
		return q.err
	}
	return s.with(r.Context(), q.text("model"), func(o *opened) error {
		return writeJSON(w, http.StatusOK, map[string]any{"pieces": o.pieces(o.find(text, n))})
	})
}

type promotedRequest struct {
	Run      string `json:"run"`
	Point    string `json:"point"`
	Position int    `json:"position"`
	N        int    `json:"n"`
}

type promotionJSON struct {
	*inspect.Promotion
	Up   []weighed `json:"up"`
	Down []weighed `json:"down"`
}

type weighed struct {
	inspect.Weighed
	Text string `json:"text"`
}

func (o *opened) promotion(p *inspect.Promotion) *promotionJSON {
	out := &promotionJSON{Promotion: p}
	for _, x := range p.Up {
		out.Up = append(out.Up, weighed{x, o.text(x.ID)})
	}
	for _, x := range p.Down {
		out.Down = append(out.Down, weighed{x, o.text(x.ID)})
	}
	return out
}

// wordsPromoted answers with what a vector of a run would make likelier.
func (s *Studio) wordsPromoted(w http.ResponseWriter, r *http.Request) error {
	var q promotedRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if q.N == 0 {
		q.N = 10
	}
	if q.N < 0 || q.N > maxTop {
		return bad("n is %d, must be from 1 to %d", q.N, maxTop)
	}
	r.SetPathValue("id", q.Run)
	return s.withRun(w, r, func(ctx context.Context, o *opened, run *run) error {
		if q.Position < 0 || q.Position >= len(run.ids) {
			return bad("position is %d, must be from 0 to %d", q.Position, len(run.ids)-1)
		}
		c := o.Core.Config
		if headsOf(c, q.Point) > 0 {
			return bad("%s is by heads; a vector of the stream is one such as blocks.0.hook_resid_post", q.Point)
		}
		p, err := s.point(ctx, o, run, q.Point, 0)
		if err != nil {
			return err
		}
		if p.cols != c.Dim {
			return bad("%s has %d numbers a token, the stream %d", q.Point, p.cols, c.Dim)
		}
		found, err := o.in(ctx, run.template).Promoted(p.data[q.Position*p.cols:(q.Position+1)*p.cols], q.N)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, o.promotion(found))
	})
}
