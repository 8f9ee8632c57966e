package studio

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"weft/inspect"
	"weft/model"
)

type lensJSON struct {
	*inspect.Lens
	Depths []lensDepth `json:"depths"`
	Pieces []piece     `json:"pieces"`
}

type lensDepth struct {
	inspect.LensDepth
	Readings []reading `json:"readings"`
}

// lens answers with what the model would say at every depth.
func (s *Studio) lens(w http.ResponseWriter, req *http.Request) error {
	return s.result(w, req, func(ctx context.Context, o *opened, r *run, q *query, tell progress) (any, error) {
		n := len(r.ids)
		options := inspect.LensOptions{Top: q.int("top", 5, 1, maxTop), Targets: q.ids("targets"), Mid: q.int("mid", 0, 0, 1) == 1, Streams: r.streams}
		from, to := q.int("from", 0, 0, n-1), q.int("to", n, 1, n)
		if q.err == nil && from >= to {
			q.fail("positions from %d to %d are none; to is behind the last", from, to)
		}
		if q.err != nil {
			return nil, q.err
		}
		for at := from; at < to; at++ {
			options.Positions = append(options.Positions, at)
		}
		options.OnRead = func(done, total int) { tell("reading the streams", done, total) }
		l, err := r.subject(ctx, o).Lens(ctx, r.ids, options)
		if err != nil {
			return nil, err
		}
		return o.spellLens(l), nil
	})
}

func (o *opened) spellLens(l *inspect.Lens) lensJSON {
	out := lensJSON{Lens: l, Depths: make([]lensDepth, len(l.Depths)), Pieces: o.pieces(l.Tokens)}
	for i, d := range l.Depths {
		out.Depths[i] = lensDepth{d, make([]reading, len(d.Readings))}
		for j, r := range d.Readings {
			out.Depths[i].Readings[j] = o.reading(r)
		}
	}
	return out
}

type attributionJSON struct {
	*inspect.LogitAttribution
	Text         string  `json:"text"`
	Bytes        []int   `json:"bytes,omitempty"` // if the token is not valid UTF-8
	AgainstText  *string `json:"against_text"`
	AgainstBytes []int   `json:"against_bytes,omitempty"`
	Pieces       []piece `json:"pieces"`
}

// attribution answers with who wrote a logit.
func (s *Studio) attribution(w http.ResponseWriter, req *http.Request) error {
	return s.result(w, req, func(ctx context.Context, o *opened, r *run, q *query, tell progress) (any, error) {
		options := inspect.AttributeOptions{Token: q.id("token"), Against: q.id("against"), Neurons: q.int("neurons", 10, -1, 1000)}
		if q.has("position") {
			at := q.int("position", 0, 0, len(r.ids)-1)
			options.Position = &at
		}
		if q.err != nil {
			return nil, q.err
		}
		if options.Neurons == 0 {
			options.Neurons = -1 // 0 means the usual number there, and none here
		}
		a, err := r.subject(ctx, o).Attribute(ctx, r.ids, options)
		if err != nil {
			return nil, err
		}
		token := o.pieceOf(a.Token)
		out := attributionJSON{LogitAttribution: a, Text: token.Text, Bytes: token.Bytes, Pieces: o.pieces(r.ids)}
		if a.Against != nil {
			against := o.pieceOf(*a.Against)
			out.AgainstText, out.AgainstBytes = &against.Text, against.Bytes
		}
		return out, nil
	})
}

type saliencyJSON struct {
	*inspect.Saliency
	Text   string  `json:"text"`
	Pieces []piece `json:"pieces"`
}

// saliency answers with what each token did to a logit, by gradients.
func (s *Studio) saliency(w http.ResponseWriter, req *http.Request) error {
	return s.result(w, req, func(ctx context.Context, o *opened, r *run, q *query, tell progress) (any, error) {
		options := inspect.SaliencyOptions{Token: q.id("token"), Against: q.id("against"), Baseline: q.id("baseline"), Steps: q.int("steps", 0, 0, 256)}
		if q.err != nil {
			return nil, q.err
		}
		tell("decoding the weights", 0, 0)
		subject, err := s.differentiable(ctx, o)
		if err != nil {
			return nil, err
		}
		tell("gradients", 0, 0)
		subject.About.Template = r.template
		a, err := subject.Saliency(ctx, r.ids, options)
		if err != nil {
			return nil, err
		}
		return saliencyJSON{a, o.text(a.Token), o.pieces(r.ids)}, nil
	})
}

// differentiable is the model in float32, made once, which has gradients.
func (s *Studio) differentiable(ctx context.Context, o *opened) (*inspect.Subject, error) {
	switch err := o.Core.Differentiable(); {
	case err == nil:
		return o.in(ctx, ""), nil
	case !errors.Is(err, model.ErrStored):
		return nil, fmt.Errorf("%w: %w", inspect.ErrArch, err)
	}
	o.floats.Lock()
	defer o.floats.Unlock()
	if o.floated == nil {
		f, err := o.subject.Floats()
		if err != nil {
			return nil, err
		}
		o.floated = f
		s.models.grow(o, inspect.FloatsBytes(o.Core.Config))
	}
	return o.floated.Until(ctx), nil
}
