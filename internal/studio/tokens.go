package studio

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"weft"
	"weft/chat"
	"weft/tokenizer"
)

// piece is a token as the page draws it.
type piece struct {
	ID      int32  `json:"id"`
	Text    string `json:"text"`
	Bytes   []int  `json:"bytes,omitempty"` // if the token is not valid UTF-8
	Special bool   `json:"special"`
}

func (o *opened) pieceOf(id int32) piece {
	raw := o.piece(id)
	p := piece{ID: id, Text: strings.ToValidUTF8(string(raw), "\uFFFD"), Special: o.Tokenizer.IsSpecial(id)}
	if p.Text != string(raw) {
		for _, b := range raw {
			p.Bytes = append(p.Bytes, int(b))
		}
	}
	return p
}

func (o *opened) pieces(ids []int32) []piece {
	list := make([]piece, len(ids))
	for i, id := range ids {
		list[i] = o.pieceOf(id)
	}
	return list
}

// text is a token's text in lists of candidates.
func (o *opened) text(id int32) string { return o.pieceOf(id).Text }

// turn is a message of a request.
type turn struct {
	Role    chat.Role `json:"role"`
	Content string    `json:"content"`
}

func messages(turns []turn) []chat.Message {
	list := make([]chat.Message, len(turns))
	for i, t := range turns {
		list[i] = chat.Message{Role: t.Role, Content: t.Content}
	}
	return list
}

// prompted is a prompt as a model reads it.
type prompted struct {
	ids      []int32
	added    []int  // indices of tokens that nobody typed: the beginning mark, the template's
	text     string // all of it, as the tokens spell it
	template string // that it went through; "": none
}

// plain makes tokens of a text as `weft look` does.
func (o *opened) plain(text string) prompted {
	ids := o.Encode(text, weft.Options{})
	bare := o.Encode(text, weft.Options{Raw: true})
	return prompted{ids: ids, added: outside(ids, bare), text: o.spell(ids)}
}

// outside are the indices of ids before and after those of bare.
func outside(ids, bare []int32) []int {
	before := 0
	for before+len(bare) < len(ids) && !slices.Equal(ids[before:before+len(bare)], bare) {
		before++
	}
	added := []int{}
	for i := range ids {
		if i < before || i >= before+len(bare) {
			added = append(added, i)
		}
	}
	return added
}

func (o *opened) spell(ids []int32) string {
	return strings.ToValidUTF8(string(o.Tokenizer.Decode(ids)), "\uFFFD")
}

// templated makes tokens of messages by way of the chat template.
func (o *opened) templated(list []chat.Message) (prompted, error) {
	p, err := o.Template.Render(list)
	if err != nil {
		return prompted{}, bad("the chat template refuses these messages: %s", err)
	}
	ids := chat.Encode(o.Tokenizer, p)
	if len(ids) == 0 {
		return prompted{}, bad("there are no tokens in these messages; write something")
	}
	text := o.spell(ids)
	return prompted{ids: ids, added: o.writtenBy(p, ids), text: text, template: o.Template.Name()}, nil
}

// writtenBy are the tokens of a rendered prompt without a byte of what people wrote.
func (o *opened) writtenBy(p chat.Prompt, ids []int32) []int {
	var typed []bool // per byte of the prompt
	for _, part := range p.Pieces {
		for range len(part.Text) {
			typed = append(typed, !part.Markup)
		}
	}
	added := []int{}
	spans := o.spans(ids, []byte(flat(p)))
	for i, at := range spans {
		if !slices.Contains(typed[at[0]:at[1]], true) {
			added = append(added, i)
		}
	}
	return added
}

func flat(p chat.Prompt) string {
	var b strings.Builder
	for _, part := range p.Pieces {
		b.WriteString(part.Text)
	}
	return b.String()
}

// spans are the bytes of text that each token stands for. Where a token's bytes are
// not found there, as a beginning mark's, or a normalised character's, its span is
// empty and the next goes on from the same place.
func (o *opened) spans(ids []int32, text []byte) [][2]int {
	list := make([][2]int, len(ids))
	at := 0
	for i, id := range ids {
		raw := o.piece(id)
		for _, try := range [][]byte{raw, []byte(strings.TrimPrefix(string(raw), " "))} {
			if len(try) > 0 && strings.HasPrefix(string(text[at:]), string(try)) {
				list[i] = [2]int{at, at + len(try)}
				at += len(try)
				break
			}
		}
		if list[i][1] == 0 {
			list[i] = [2]int{at, at}
		}
	}
	return list
}

type tokenizeRequest struct {
	Model    string `json:"model"`
	Text     string `json:"text"`
	Messages []turn `json:"messages"`
	Special  bool   `json:"special"` // text that spells a special token is that token
}

type tokenizeJSON struct {
	IDs        []int32  `json:"ids"`
	Pieces     []piece  `json:"pieces"`
	Added      []int    `json:"added"`
	Offsets    [][2]int `json:"offsets"`               // bytes of text or prompt_text, per token
	PromptText string   `json:"prompt_text,omitempty"` // what the template wrote
}

func (s *Studio) tokenize(w http.ResponseWriter, r *http.Request) error {
	var q tokenizeRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if q.Text != "" && q.Messages != nil {
		return bad("send text or messages, not both")
	}
	return s.with(r.Context(), q.Model, func(o *opened) error {
		out := tokenizeJSON{}
		if q.Messages != nil {
			p, err := o.Template.Render(messages(q.Messages))
			if err != nil {
				return bad("the chat template refuses these messages: %s", err)
			}
			out.PromptText = flat(p)
			out.IDs = chat.Encode(o.Tokenizer, p)
			out.Offsets = o.spans(out.IDs, []byte(out.PromptText))
			out.Added = o.writtenBy(p, out.IDs)
		} else {
			e := tokenizer.Encode{ParseSpecial: q.Special, AddSpecial: true}
			out.IDs = append([]int32{}, o.Tokenizer.Encode(q.Text, e)...)
			e.AddSpecial = false
			out.Added = outside(out.IDs, o.Tokenizer.Encode(q.Text, e))
			out.Offsets = o.spans(out.IDs, []byte(q.Text))
		}
		out.Pieces = o.pieces(out.IDs)
		return writeJSON(w, http.StatusOK, out)
	})
}

// with runs f with a model that stays open meanwhile.
func (s *Studio) with(ctx context.Context, name string, f func(o *opened) error) error {
	o, done, err := s.models.use(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	return f(o)
}
