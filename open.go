package weft

import (
	"fmt"
	"slices"

	"weft/chat"
	"weft/internal/builtin"
	"weft/internal/par"
	"weft/kvcache"
	"weft/model"
	"weft/modelfile"
	"weft/sample"
	"weft/tensor"
)

// Opener opens models. The zero value uses one thread per core.
type Opener struct {
	Threads int  // 0: one per core
	Exact   bool // compute in float32 throughout, whatever the weights are: slower, for looking closely

	// Load is how weights get into memory. "auto", or empty, arranges them for speed, in huge
	// pages as far as the system has some at hand. "huge" insists on these: it is an error if
	// less than nine tenths of the weights that could be in huge pages are, and [Model.Huge]
	// says how much is. "map" leaves weights as the files have them: the model opens at once,
	// shares memory with other processes that have the files open, computes as Exact does, and runs slowly.
	Load string

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
	if !slices.Contains([]string{"", "auto", "huge", "map"}, o.Load) {
		return nil, fmt.Errorf("open model: there is no way %q to load, only auto, huge and map", o.Load)
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
	huge, err := o.pack(core, b)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open model: %w", err)
	}
	m := &Model{
		Name: b.Name, License: b.License, Core: core, Tokenizer: b.Tokenizer, Template: template, Jinja: b.ChatTemplate,
		Sampling: recommended(b.Generation), Stored: b.Tensors, Huge: huge, pool: pool, bundle: b,
	}
	if m.End, err = ends(b.Tokenizer, m.Template, b.Generation.EOS); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open model: %w", err)
	}
	return m, nil
}

// pack arranges the weights, and returns how many bytes of them lie in huge pages if it is to insist on that.
func (o Opener) pack(core *model.Model, b *modelfile.Bundle) (huge int, err error) {
	var a tensor.Arena
	if o.Load != "map" {
		core.Pack(model.Packing{Exact: o.Exact, Decode: 4*b.Config().ParamCount() <= packLimit, Arena: &a, Release: b.DropPages})
	}
	if o.Load != "huge" {
		return 0, nil
	}
	is, could, err := a.Huge()
	if err == nil && is < could/10*9 {
		err = fmt.Errorf("only %d of %d MiB of weights are in huge pages: the system has no more, or gives none (on Linux /sys/kernel/mm/transparent_hugepage says)", is>>20, could>>20)
	}
	return is, err
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
