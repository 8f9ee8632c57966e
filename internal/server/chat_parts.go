package server

import (
	"weft"
	"weft/chat"
)

// part is a stretch of an answer as clients see it.
type part struct {
	content, reasoning string
	calls              []toolCall
	tokens             []tokenLogProb
}

func (p *part) empty() bool {
	return p.content == "" && p.reasoning == "" && len(p.calls) == 0 && len(p.tokens) == 0
}

// add puts another part after it.
func (p *part) add(q part) {
	p.content += q.content
	p.reasoning += q.reasoning
	p.calls = append(p.calls, q.calls...)
	p.tokens = append(p.tokens, q.tokens...)
}

// message is the whole answer, if the part is.
func (p *part) message() message {
	m := message{Role: string(chat.Assistant), Content: &p.content, Reasoning: p.reasoning, ToolCalls: p.calls}
	if p.content == "" && len(p.calls) > 0 {
		m.Content = nil
	}
	for i := range m.ToolCalls {
		m.ToolCalls[i].Index = nil
	}
	return m
}

// logProbs are the tokens', if they were asked for.
func (p *part) logProbs(wanted bool) *logProbs {
	if !wanted {
		return nil
	}
	l := &logProbs{Content: p.tokens}
	if l.Content == nil {
		l.Content = []tokenLogProb{}
	}
	return l
}

// speaker makes parts of tokens.
type speaker struct {
	*ask
	parser *chat.Parser
	calls  int
}

func (s *speaker) say(t weft.Token) part {
	p := s.parts(s.parser.Add(t.Text))
	if s.o.LogProbs && t.ID >= 0 {
		p.tokens = []tokenLogProb{s.logProb(t)}
	}
	return p
}

func (s *speaker) parts(parts []chat.Part) (p part) {
	for _, x := range parts {
		p.content += x.Content
		p.reasoning += x.Reasoning
		if x.Call != nil {
			at := s.calls
			s.calls++
			id := x.Call.ID
			if id == "" {
				id = newID("call_")
			}
			p.calls = append(p.calls, toolCall{&at, id, "function", function{x.Call.Name, string(x.Call.Arguments)}})
		}
	}
	return p
}

// impossible is what OpenAI has for the logarithm of a probability too small for a
// number.
const impossible = -9999

func (s *speaker) logProb(t weft.Token) tokenLogProb {
	out := tokenLogProb{s.candidate(t.ID, t.LogProb), []candidate{}}
	for _, c := range t.Top {
		out.Top = append(out.Top, s.candidate(c.ID, c.LogProb))
	}
	return out
}

func (s *speaker) candidate(id int32, logProb float64) candidate {
	piece := s.engine.Tokenizer.Piece(id)
	return candidate{string(piece), max(logProb, impossible), piece} // JSON has U+FFFD for bytes that are no characters
}
