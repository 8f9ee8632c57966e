// Points prints every number of a forward pass of the built-in model, as JSON: what
// the page shows is compared with it, without the server between.
package main

import (
	"encoding/json"
	"log"
	"os"
	"slices"
	"strings"

	"weft"
	"weft/model"
)

type point struct {
	Shape []int     `json:"shape"`
	Data  []float32 `json:"data"`
}

func main() {
	log.SetFlags(0)
	m, err := weft.Open("")
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	points := map[string]point{}
	var hooks model.Hooks
	for _, name := range m.Core.Config.HookPoints() {
		if strings.HasSuffix(name, "attn_scores") {
			continue // -Inf, which JSON has not
		}
		hooks.On(name, func(p *model.Point) error {
			points[p.Name] = point{slices.Clone(p.Shape[1:]), slices.Clone(p.Data)}
			return nil
		})
	}
	session := m.Core.NewSession(0)
	if err := session.Watch(&hooks); err != nil {
		log.Fatal(err)
	}
	ids := m.Encode(os.Args[1], weft.Options{})
	if _, err := session.AppendAll(ids); err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"ids": ids, "points": points}); err != nil {
		log.Fatal(err)
	}
}
