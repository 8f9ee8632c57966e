package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"weft"
	"weft/inspect"
)

// steerRecipe says how to make a steering vector: the mean difference of two sets of
// prompts after a block.
type steerRecipe struct {
	Toward   []string `json:"toward"`
	Away     []string `json:"away"`
	Layer    *int     `json:"layer"`    // the middle one unless given
	Strength *float64 `json:"strength"` // times the difference; 1 unless given
}

// steering is --steer: a file, and the model that it is for.
type steering struct {
	*app
	m    opened
	s    *inspect.Subject
	how  weft.Options // how texts become tokens
	path string
}

// read reads the file: a vector as the library writes it (and as --json has it in
// .steer.vector), or a recipe.
func (f steering) read(ctx context.Context) (*inspect.Steering, error) {
	data, err := f.readFile(f.path)
	if err != nil {
		return nil, err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	if keys["vector"] != nil {
		v := &inspect.Steering{}
		return v, f.strict(data, v)
	}
	var r steerRecipe
	if err := f.strict(data, &r); err != nil {
		return nil, err
	}
	if len(r.Toward) == 0 || len(r.Away) == 0 {
		return nil, fmt.Errorf(`%s: neither a vector nor a recipe, which is {"toward": ["…"], "away": ["…"], "layer": 3, "strength": 2}`, f.path)
	}
	for _, text := range slices.Concat(r.Toward, r.Away) {
		if text == "" {
			return nil, usagef("--steer %s: a text is empty", f.path)
		}
	}
	if slices.Equal(slices.Sorted(slices.Values(r.Toward)), slices.Sorted(slices.Values(r.Away))) {
		return nil, usagef("--steer %s: toward and away are the same, so there is no direction", f.path)
	}
	return f.cook(ctx, r)
}

func (f steering) strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err, kind := d.Decode(into), (*json.UnmarshalTypeError)(nil)
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("%s: %s cannot be a %s", f.path, kind.Field, kind.Value)
	case err != nil:
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return nil
}

func (f steering) cook(ctx context.Context, r steerRecipe) (*inspect.Steering, error) {
	layer := f.m.Core.Config.Layers / 2
	if r.Layer != nil {
		layer = *r.Layer
	}
	if most := f.m.Core.Config.Layers - 1; layer < 0 || layer > most {
		return nil, fmt.Errorf("%s: layer is %d; this model has layers 0 to %d", f.path, layer, most)
	}
	var sets [2][][]int32
	for i, texts := range [][]string{r.Toward, r.Away} {
		for _, text := range texts {
			ids, _, err := f.m.tokens(text, f.how)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.path, err)
			}
			sets[i] = append(sets[i], ids)
		}
	}
	v, err := f.s.NewSteering(ctx, sets[0], sets[1], fmt.Sprintf("blocks.%d.hook_resid_post", layer))
	if err == nil && r.Strength != nil {
		v.Strength = *r.Strength
	}
	return v, err
}
