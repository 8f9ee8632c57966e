package studio

import (
	"context"
	"net/http"

	"weft/inspect"
)

type patchRequest struct {
	Model     string `json:"model"`
	Clean     string `json:"clean"`
	Corrupted string `json:"corrupted"`
	Site      string `json:"site"` // resid_pre, attn_out, mlp_out or z; "": resid_pre
	Chat      bool   `json:"chat"`
	Right     *int32 `json:"right"`
	Wrong     *int32 `json:"wrong"`
	Layers    []int  `json:"layers"`
}

type patchJSON struct {
	*inspect.PatchGrid
	CleanPieces     []piece `json:"clean_pieces"`
	CorruptedPieces []piece `json:"corrupted_pieces"`
	RightText       string  `json:"right_text"`
	WrongText       string  `json:"wrong_text"`
}

// patch answers with what restores one prompt's answer in the other's run.
func (s *Studio) patch(w http.ResponseWriter, r *http.Request) error {
	var q patchRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	return s.long(w, r, func(ctx context.Context, tell progress) (out any, err error) {
		err = s.with(ctx, q.Model, func(o *opened) error {
			out, err = s.patched(ctx, o, q, tell)
			return err
		})
		return out, err
	})
}

func (s *Studio) patched(ctx context.Context, o *opened, q patchRequest, tell progress) (any, error) {
	clean, err := o.asked(q.Clean, q.Chat, nil)
	if err != nil {
		return nil, err
	}
	corrupted, err := o.asked(q.Corrupted, q.Chat, nil)
	if err != nil {
		return nil, err
	}
	if a, b := len(clean.ids), len(corrupted.ids); a != b {
		return nil, bad("the texts must have the same number of tokens, and have %d and %d; /api/tokenize shows where they end", a, b)
	}
	done, err := s.turn(ctx, tell)
	if err != nil {
		return nil, err
	}
	defer done()
	grid, err := o.in(ctx, clean.template).Patch(ctx, clean.ids, corrupted.ids, inspect.PatchOptions{
		Site: inspect.Site(q.Site), Right: q.Right, Wrong: q.Wrong, Layers: q.Layers,
		OnRun: func(done, total int) { tell("patching", done, total) },
	})
	if err != nil {
		return nil, err
	}
	return patchJSON{grid, o.pieces(clean.ids), o.pieces(corrupted.ids), o.text(grid.Right), o.text(grid.Wrong)}, nil
}
