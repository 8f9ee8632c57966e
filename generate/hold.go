package generate

import "strings"

// holder keeps tokens back while their text could still turn out to be the
// beginning of a stop text.
type holder struct {
	stops []string
	queue []Token // kept back, oldest first
	text  string  // their texts, one after the other
	out   []Token // certain; the caller takes these
}

// push adds a token and moves to out what is certain then. If the token
// completes a stop text, push returns that, and what comes before it is certain;
// the last token of it may lose the end of its text.
func (h *holder) push(t Token) (stop string) {
	h.queue = append(h.queue, t)
	h.text += t.Text
	at, stop := h.find()
	if stop == "" {
		h.release(len(h.text) - h.suspect())
		return ""
	}
	if rest := h.release(at); rest > 0 {
		part := h.queue[0]
		part.Text = part.Text[:rest]
		h.out = append(h.out, part)
	}
	h.queue, h.text = nil, ""
	return stop
}

// end makes everything certain. tail is text that belongs to no later token: the
// last one gets it, or if that is gone, a token of its own.
func (h *holder) end(tail string) {
	if n := len(h.queue); n > 0 {
		h.queue[n-1].Text += tail
	} else if tail != "" {
		h.queue = append(h.queue, Token{ID: -1, Text: tail})
	}
	h.out = append(h.out, h.queue...)
	h.queue, h.text = nil, ""
}

// release moves the tokens within the first n bytes to out and returns how many
// of these bytes are left, the beginning of a token that is not all within. A
// last token without text stays: its character may be completed at the end.
func (h *holder) release(n int) (rest int) {
	for len(h.queue) > 0 {
		size := len(h.queue[0].Text)
		if size > n || size == 0 && len(h.queue) == 1 {
			break
		}
		h.out = append(h.out, h.queue[0])
		h.queue, h.text, n = h.queue[1:], h.text[size:], n-size
	}
	return n
}

// find looks for the stop text that begins first.
func (h *holder) find() (at int, stop string) {
	for _, s := range h.stops {
		if i := strings.Index(h.text, s); i >= 0 && (stop == "" || i < at) {
			at, stop = i, s
		}
	}
	return at, stop
}

// suspect is the length of the longest end of the text that begins a stop text.
func (h *holder) suspect() int {
	longest := 0
	for _, s := range h.stops {
		for n := min(len(s)-1, len(h.text)); n > longest; n-- {
			if strings.HasSuffix(h.text, s[:n]) {
				longest = n
			}
		}
	}
	return longest
}
