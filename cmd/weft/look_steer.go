package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

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

// steering reads --steer's file: a vector as the library writes it (and as --json
// has it in .steer.vector), or a recipe.
func (g *glass) steering(ctx context.Context) (*inspect.Steering, error) {
	data, err := g.readFile(g.Steer)
	if err != nil {
		return nil, err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, fmt.Errorf("%s: %w", g.Steer, err)
	}
	if keys["vector"] != nil {
		v := &inspect.Steering{}
		return v, g.strict(data, v)
	}
	var r steerRecipe
	if err := g.strict(data, &r); err != nil {
		return nil, err
	}
	if len(r.Toward) == 0 || len(r.Away) == 0 {
		return nil, fmt.Errorf(`%s: neither a vector nor a recipe, which is {"toward": ["…"], "away": ["…"], "layer": 3, "strength": 2}`, g.Steer)
	}
	return g.cook(ctx, r)
}

func (g *glass) strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", g.Steer, err)
	}
	return nil
}

func (g *glass) cook(ctx context.Context, r steerRecipe) (*inspect.Steering, error) {
	layer := g.m.Core.Config.Layers / 2
	if r.Layer != nil {
		layer = *r.Layer
	}
	var sets [2][][]int32
	for i, texts := range [][]string{r.Toward, r.Away} {
		for _, text := range texts {
			ids, _, err := g.encode(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", g.Steer, err)
			}
			sets[i] = append(sets[i], ids)
		}
	}
	v, err := g.s.NewSteering(ctx, sets[0], sets[1], fmt.Sprintf("blocks.%d.hook_resid_post", layer))
	if err == nil && r.Strength != nil {
		v.Strength = *r.Strength
	}
	return v, err
}
