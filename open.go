package weft

import (
	"fmt"

	"weft/chat"
	"weft/internal/builtin"
	"weft/internal/par"
	"weft/kvcache"
	"weft/model"
	"weft/modelfile"
	"weft/sample"
)

// Opener opens models. The zero value uses one thread per core.
type Opener struct {
	Threads  int  // 0: one per core
	Exact    bool // compute in float32 throughout, whatever the weights are: slower, for looking closely
	Unpacked bool // leave the weights as the files have them: opens at once, and runs slowly

	// KV is how sessions keep keys and values, as [kvcache.ParseType] reads it: "f32",
	// "f16", "bf16" or "q8_0". Empty is "f16", or "f32" with Exact.
	KV string
}

// Open opens a model: a .gguf file, or a folder as Hugging Face transformers and
// `weft train` write it. Path "" is the built-in one. Close it.
func Open(path string) (*Model, error) { return Opener{}.Open(path) }

// Open is described at the function of this name.
func (o Opener) Open(path string) (*Model, error) {
	b, err := read(path)
	if err != nil {
		return nil, err
	}
	m, err := o.Model(b)
	if err != nil {
		b.Close()
	}
	return m, err
}

func read(path string) (*modelfile.Bundle, error) {
	if path == "" {
		return modelfile.OpenBytes("built-in", builtin.Model())
	}
	return modelfile.Open(path)
}

// packLimit is the most memory that may go to matrices decoded to float32 for speed. A
// model that needs more decodes them as it goes.
const packLimit = 2 << 30

// Model makes a bundle, from a file or made in memory, ready to run. Closing the
// model closes the bundle.
func (o Opener) Model(b *modelfile.Bundle) (*Model, error) {
	kv, err := o.kv()
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	template, err := chat.ForModel(b.ChatTemplate, b.Tokenizer)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	pool := par.New(o.Threads)
	core, err := model.New(b.Weights, pool)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open model: %w", err)
	}
	core.KV = kv
	if !o.Unpacked {
		core.Pack(model.Packing{Exact: o.Exact, Decode: 4*b.Config().ParamCount() <= packLimit, Release: b.DropPages})
	}
	m := &Model{
		Name: b.Name, License: b.License, Core: core, Tokenizer: b.Tokenizer, Template: template, Jinja: b.ChatTemplate,
		Sampling: recommended(b.Generation), Stored: b.Tensors, pool: pool, bundle: b,
	}
	if m.End, err = ends(b.Tokenizer, m.Template, b.Generation.EOS); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open model: %w", err)
	}
	return m, nil
}

func (o Opener) kv() (kvcache.Type, error) {
	switch {
	case o.KV != "":
		return kvcache.ParseType(o.KV)
	case o.Exact:
		return kvcache.F32, nil
	}
	return kvcache.F16, nil
}

// recommended is how the model's makers say to sample, else the default.
func recommended(g modelfile.Generation) sample.Options {
	o := sample.Default()
	set := func(to, from *float32) {
		if from != nil {
			*to = *from
		}
	}
	set(&o.Temp, g.Temperature)
	set(&o.TopP, g.TopP)
	set(&o.MinP, g.MinP)
	set(&o.RepeatPenalty, g.RepeatPenalty)
	if g.TopK != nil {
		o.TopK = *g.TopK
	}
	return o
}
