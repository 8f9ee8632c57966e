package weft_test

import (
	"context"
	"fmt"
	"log"

	"weft"
	"weft/inspect"
	"weft/model"
	"weft/sample"
)

// glass opens the built-in model, puts it under the glass and makes tokens of a text.
func glass(text string) (*weft.Model, *inspect.Subject, []int32) {
	m, err := weft.Open("") // or a .gguf file, or a folder
	if err != nil {
		log.Fatal(err)
	}
	about := inspect.About{Name: m.Name, BOS: m.Tokenizer.BOS}
	return m, inspect.NewSubject(m.Core, about), m.Encode(text, weft.Options{})
}

// The logit lens: what the model would say at every depth.
func ExampleModel_lens() {
	m, s, tokens := glass("To be, or not to be")
	defer m.Close()
	lens, err := s.Lens(context.Background(), tokens, inspect.LensOptions{Positions: []int{len(tokens) - 1}})
	if err != nil {
		log.Fatal(err)
	}
	for _, depth := range lens.Depths {
		best := depth.Readings[0].Top[0]
		fmt.Printf("%s %q\n", depth.Point, m.Tokenizer.Piece(best.ID))
	}
	fmt.Println("proved:", lens.Checks[0].OK)
	// Output:
	// blocks.0.hook_resid_pre " be"
	// blocks.0.hook_resid_post "long"
	// blocks.1.hook_resid_post "\n"
	// blocks.2.hook_resid_post "\n"
	// blocks.3.hook_resid_post "\n"
	// blocks.4.hook_resid_post "\n"
	// blocks.5.hook_resid_post " so"
	// proved: true
}

// Direct logit attribution: who wrote " so" rather than " not".
func ExampleModel_attribute() {
	m, s, tokens := glass("To be, or not to be")
	defer m.Close()
	so, not := m.Encode(" so", weft.Options{Raw: true})[0], m.Encode(" not", weft.Options{Raw: true})[0]
	a, err := s.Attribute(context.Background(), tokens, inspect.AttributeOptions{Token: &so, Against: &not})
	if err != nil {
		log.Fatal(err)
	}
	most := a.Parts[0]
	for _, p := range a.Parts {
		if p.Value > most.Value {
			most = p
		}
	}
	fmt.Printf("%d parts sum to %.1f; the most is by block %d's %s\n", len(a.Parts), a.Sum, most.Layer, most.Part)
	// Output:
	// 13 parts sum to 2.6; the most is by block 4's mlp
}

// Where every head looked.
func ExampleModel_attention() {
	m, s, tokens := glass("To be, or not to be")
	defer m.Close()
	maps, err := s.Attention(context.Background(), tokens, inspect.AttentionOptions{Layers: []int{5}})
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range maps.Heads {
		if h.First > 0.6 {
			fmt.Printf("head %d.%d rests on the first token\n", h.Layer, h.Head)
		}
	}
	// Output:
	// head 5.3 rests on the first token
}

// The card of heads: what kind each one is.
func ExampleModel_heads() {
	m, s, _ := glass("")
	defer m.Close()
	card, err := s.Heads(context.Background(), inspect.HeadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("previous token:", card.Found[inspect.KindPrevious])
	fmt.Println("induction:", card.Found[inspect.KindInduction])
	// Output:
	// previous token: [4.0 3.5 3.4]
	// induction: []
}

// Ablation: a head silenced, in one pass and while the model goes on.
func ExampleModel_ablate() {
	m, s, tokens := glass("To be, or not to be")
	defer m.Close()
	ablation := inspect.Ablation{Targets: []inspect.Target{{Kind: inspect.TargetMLP, Layer: 2}}}
	effect, err := s.Ablate(context.Background(), tokens, ablation, inspect.EffectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %q becomes %q\n", effect.What, m.Tokenizer.Piece(effect.Before.Top[0].ID), m.Tokenizer.Piece(effect.After.Top[0].ID))

	var hooks model.Hooks
	if err := s.AddAblation(&hooks, ablation); err != nil {
		log.Fatal(err)
	}
	r, err := m.Complete(context.Background(), "To be, or not to be", weft.Options{Sampling: &sample.Options{}, MaxTokens: 6, Hooks: &hooks}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", r.Text)
	// Output:
	// ablate mlp 2 (zero): " so" becomes " a"
	// " a man of his\nb"
}

// Activation patching: where "king" rather than "girl" comes from.
func ExampleModel_patch() {
	m, s, clean := glass("The king said that the")
	defer m.Close()
	corrupted := m.Encode("The girl said that the", weft.Options{})
	king, girl := m.Encode(" king", weft.Options{Raw: true})[0], m.Encode(" girl", weft.Options{Raw: true})[0]
	grid, err := s.Patch(context.Background(), clean, corrupted, inspect.PatchOptions{Right: &king, Wrong: &girl})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the texts differ at token", grid.Differ)
	for l, row := range grid.Grid {
		if row[1] > 0.6 {
			fmt.Printf("before block %d it is still there\n", l)
		}
	}
	// Output:
	// the texts differ at token [1]
	// before block 0 it is still there
	// before block 1 it is still there
	// before block 2 it is still there
}

// Steering: a direction added to the stream.
func ExampleModel_steer() {
	m, s, tokens := glass("I think that this is")
	defer m.Close()
	ctx, o := context.Background(), weft.Options{}
	v, err := s.NewSteering(ctx, [][]int32{m.Encode("I love this", o)}, [][]int32{m.Encode("I hate this", o)}, "blocks.2.hook_resid_post")
	if err != nil {
		log.Fatal(err)
	}
	v.Strength = 2
	effect, err := s.Steer(ctx, tokens, v, inspect.EffectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("moved:", effect.After.KL > 0.1)
	fmt.Println("with strength 0:", effect.Checks[0].Error)
	// Output:
	// moved: true
	// with strength 0: 0
}

// Words: what is near, and arithmetic with vectors.
func ExampleModel_words() {
	m, s, _ := glass("")
	defer m.Close()
	id := func(word string) int32 { return m.Encode(word, weft.Options{Raw: true})[0] }
	near, err := s.Neighbours(inspect.Embedding, []int32{id(" man"), id(" girl")}, []int32{id(" boy")}, 3)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range near.Near {
		fmt.Printf("%q\n", m.Tokenizer.Piece(n.ID))
	}
	// Output:
	// " woman"
	// " lady"
	// " gentleman"
}

// Saliency: what each token of the text did to the answer, by integrated gradients.
func ExampleModel_saliency() {
	m, s, tokens := glass("To be, or not to be")
	defer m.Close()
	exact, err := s.Floats() // gradients need float32 weights
	if err != nil {
		log.Fatal(err)
	}
	sal, err := exact.Saliency(context.Background(), tokens, inspect.SaliencyOptions{Steps: 64})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sal.Method, "of", len(sal.Shares), "tokens")
	// Output:
	// integrated gradients of 7 tokens
}

// Two models on the same text: here one and itself.
func Example_compare() {
	m, a, tokens := glass("If every number in a list grows by two, its mean grows by two as well.")
	defer m.Close()
	b := inspect.NewSubject(m.Core, a.About)
	windows := [][]int32{tokens}
	c, err := inspect.Compare(context.Background(), a, b, windows, nil)
	if err != nil {
		log.Fatal(err)
	}
	losses, err := inspect.MeasureLayerLosses(context.Background(), a, b, windows, nil)
	if err != nil {
		log.Fatal(err)
	}
	match, err := inspect.MatchUnits(context.Background(), a, b, windows, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("same likeliest %.0f%%, KL %g, all layers cost %g, neurons apart %g\n", 100*c.Top1, c.KL.Mean, losses.Whole, match.Layers[0].WeightAfter)
	// Output:
	// same likeliest 100%, KL 0, all layers cost 0, neurons apart 0
}
