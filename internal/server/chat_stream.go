package server

import (
	"encoding/json"
	"net/http"
	"time"

	"weft/chat"
)

// events writes server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html.
type events struct {
	w   http.ResponseWriter
	out *http.ResponseController
	err error // of the first that could not be sent
}

func newEvents(w http.ResponseWriter) *events {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // of a proxy in between
	return &events{w: w, out: http.NewResponseController(w)}
}

// send sends a document, and says whether it could.
func (e *events) send(doc any) bool {
	data, err := json.Marshal(doc)
	if err != nil {
		e.err = err
		return false
	}
	return e.line(string(data))
}

func (e *events) line(data string) bool {
	if e.err == nil {
		_, e.err = e.w.Write([]byte("data: " + data + "\n\n"))
	}
	if e.err == nil {
		e.err = e.out.Flush()
	}
	return e.err == nil
}

// stream gives an answer as it comes. What goes wrong on the way is an event with an
// error in it: the status has been said already.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, a *ask) *apiError {
	e := newEvents(w)
	c := chunk{
		ID: newID("chatcmpl-"), Object: "chat.completion.chunk", Created: time.Now().Unix(), Model: a.engine.Name, Fingerprint: s.fingerprint(),
	}
	counted := a.req.StreamOptions != nil && a.req.StreamOptions.IncludeUsage
	if counted {
		c.Usage = (*usage)(nil)
	}
	choose := func(one chunkChoice) bool {
		c.Choices = []chunkChoice{one}
		return e.send(c)
	}
	nothing := ""
	choose(chunkChoice{Delta: delta{Role: string(chat.Assistant), Content: &nothing}})
	done, err := a.run(r.Context(), func(p part) bool {
		return p.empty() || choose(chunkChoice{Delta: p.delta(), LogProbs: p.logProbs(len(p.tokens) > 0)})
	})
	done.report(r)
	if err != nil {
		e.send(errorDoc{err})
		return nil
	}
	if r.Context().Err() != nil || e.err != nil {
		return nil
	}
	reason := done.reason()
	choose(chunkChoice{FinishReason: &reason})
	if counted {
		c.Choices, c.Usage = []chunkChoice{}, done.usage()
		e.send(c)
	}
	e.line("[DONE]")
	return nil
}

// delta is a part in a stream.
func (p *part) delta() delta {
	d := delta{Reasoning: p.reasoning, ToolCalls: p.calls}
	if p.content != "" {
		d.Content = &p.content
	}
	return d
}
