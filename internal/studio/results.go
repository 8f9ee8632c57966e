package studio

import (
	"context"
	"encoding/json"
	"net/http"

	"weft/inspect"
)

// maxResult is how large a result is at most that a run keeps.
const maxResult = 4 << 20

// result answers a question about a run, which runs the model, with its JSON. Answers
// are kept, since the page asks again when one comes back to a panel.
func (s *Studio) result(w http.ResponseWriter, req *http.Request, work func(ctx context.Context, o *opened, r *run, q *query, tell progress) (any, error)) error {
	key := req.URL.Path + "?" + req.URL.RawQuery
	return s.withRun(w, req, func(ctx context.Context, o *opened, r *run) error {
		q := newQuery(req)
		return s.long(w, req, func(ctx context.Context, tell progress) (any, error) {
			if kept := r.answered(key); kept != nil {
				return kept, nil
			}
			done, err := s.turn(ctx, tell)
			if err != nil {
				return nil, err
			}
			defer done()
			v, err := work(ctx, o, r, q, tell)
			if err != nil {
				return nil, err
			}
			data, err := json.Marshal(v)
			if err == nil && len(data) <= maxResult {
				r.keepAnswer(key, data)
				s.runs.shrinkFor(r)
			}
			return json.RawMessage(data), err
		})
	})
}

func (r *run) answered(key string) json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	if data := r.answers[key]; data != nil {
		return data
	}
	return nil
}

// keepAnswer files an answer; all the others go when they are many.
func (r *run) keepAnswer(key string, data json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := int64(len(data))
	for _, other := range r.answers {
		sum += int64(len(other))
	}
	if r.answers == nil || sum > 8*maxResult {
		for _, other := range r.answers {
			r.bytes -= int64(len(other))
		}
		r.answers = map[string]json.RawMessage{}
	}
	r.bytes += int64(len(data)) - int64(len(r.answers[key]))
	r.answers[key] = data
}

// subject is the model as it read the run's prompt, for a request.
func (r *run) subject(ctx context.Context, o *opened) *inspect.Subject { return o.in(ctx, r.template) }

// reading is inspect's with the candidates spelled.
type reading struct {
	inspect.Reading
	Top []candidate `json:"top"`
}

func (o *opened) reading(r inspect.Reading) reading { return reading{r, o.candidates(r.Top)} }
