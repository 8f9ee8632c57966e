package modelfile

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"weft/gguf"
	"weft/model"
	"weft/tensor"
)

// settingList collects an architecture's settings.
type settingList struct {
	arch string
	list []gguf.Setting
}

func (l *settingList) put(key string, v gguf.Value) {
	l.list = append(l.list, gguf.Setting{Key: l.arch + "." + key, Value: v})
}
func (l *settingList) int(key string, n int)       { l.put(key, gguf.Of(uint32(n))) }
func (l *settingList) float(key string, f float64) { l.put(key, gguf.Of(float32(f))) }

// makeConfigGGUF lists the architecture's settings, and the tensors that stand for some. A config that GGUF's readers
// would understand otherwise is refused.
func makeConfigGGUF(c model.Config) ([]gguf.Setting, []tensor.Named, error) {
	if err := c.Validate(); err != nil {
		return nil, nil, err
	}
	a, err := byName(c.Arch)
	if err != nil {
		return nil, nil, err
	}
	l := &settingList{arch: a.gguf.name, list: []gguf.Setting{{Key: archKey, Value: gguf.Of(a.gguf.name)}}}
	l.int("vocab_size", c.Vocab)
	l.int("context_length", c.Context)
	l.int("embedding_length", c.Dim)
	l.int("block_count", c.Layers)
	l.int("feed_forward_length", c.Hidden)
	l.int("attention.head_count", c.Heads)
	if c.Latent.KV > 0 {
		l.int("attention.head_count_kv", 1) // whose key and value all heads share
	} else {
		l.int("attention.head_count_kv", c.KVHeads)
	}
	if c.Norm == model.LayerNorm {
		l.float("attention.layer_norm_epsilon", float64(c.NormEps))
	} else {
		l.float("attention.layer_norm_rms_epsilon", float64(c.NormEps))
	}
	if c.Latent.KV > 0 {
		l.latent(c)
	} else if c.Position == model.RoPE {
		l.int("attention.key_length", c.HeadDim)
		l.int("attention.value_length", c.VHead())
	}
	if c.Experts.Count > 0 {
		l.experts(c)
	}
	l.scales(c)
	tensors := l.rope(c)
	if err := l.proof(c, tensors); err != nil {
		return nil, nil, err
	}
	return l.list, tensors, nil
}

// proof reads the settings back.
func (l *settingList) proof(c model.Config, extra []tensor.Named) error {
	layout, err := ggufLayout(c, nil)
	if err != nil {
		return err
	}
	d := draft{settings: l.list, tensors: map[string]tensor.Raw{}}
	for _, s := range layout.slots {
		d.tensors[s.file] = tensor.Raw{DType: tensor.F32, Shape: s.shape}
	}
	for _, t := range extra {
		d.tensors[t.Name] = t.Raw
	}
	again, err := configGGUF(newSettings(d))
	if err != nil {
		return fmt.Errorf("GGUF cannot hold this %s model: %w", c.Arch, err)
	}
	if l.arch == "gpt2" { // readers give it all biases, and the file has zeros for them
		again.NormBias, again.QKVBias, again.OutBias, again.MLPBias = c.NormBias, c.QKVBias, c.OutBias, c.MLPBias
	}
	if names := differing(c, again); len(names) > 0 {
		return fmt.Errorf("GGUF cannot hold this %s model: it would be read with another %s: %w", c.Arch, strings.Join(names, ", "), ErrUnsupported)
	}
	return nil
}

// draft is a GGUF file that is not written yet, as far as its settings need it.
type draft struct {
	settings []gguf.Setting
	tensors  map[string]tensor.Raw
}

func (d draft) Settings() []gguf.Setting { return d.settings }

func (d draft) Get(key string) (gguf.Value, bool) {
	for _, s := range d.settings {
		if s.Key == key {
			return s.Value, true
		}
	}
	return gguf.Value{}, false
}

func (d draft) Tensor(name string) (tensor.Raw, error) {
	r, ok := d.tensors[name]
	if !ok {
		return r, fmt.Errorf("there is no tensor %q", name)
	}
	return r, nil
}

func (l *settingList) latent(c model.Config) {
	a := c.Latent
	l.int("attention.q_lora_rank", a.Q)
	l.int("attention.kv_lora_rank", a.KV)
	l.int("attention.key_length_mla", c.HeadDim)
	l.int("attention.value_length_mla", c.VHead())
	l.int("attention.key_length", a.KV+a.Rope) // of the one head that all share
	l.int("attention.value_length", a.KV)
}

func (l *settingList) experts(c model.Config) {
	e := c.Experts
	l.int("expert_count", e.Count)
	l.int("expert_used_count", e.Used)
	if l.arch != "llama" && l.arch != "olmoe" {
		l.int("expert_feed_forward_length", e.Hidden)
	}
	switch c.Arch {
	case "qwen2moe":
		l.int("expert_shared_feed_forward_length", e.Shared)
	case "deepseek2", "deepseek3":
		l.int("expert_shared_count", e.Shared/e.Hidden)
		l.float("expert_weights_scale", float64(orOne(e.Scale)))
		l.put("expert_weights_norm", gguf.Of(e.Normed))
		l.int("expert_gating_func", map[bool]int{false: softmaxGating, true: sigmoidGating}[e.Sigmoid])
		if e.Groups > 0 {
			l.int("expert_group_count", e.Groups)
			l.int("expert_group_used_count", e.GroupsUsed)
		}
		dense := 0
		for dense < c.Layers && c.Block(dense).Dense {
			dense++
		}
		l.int("leading_dense_block_count", dense)
	case "gpt-oss":
		l.int("expert_gating_func", chosenGating)
	}
}

func orOne(f float32) float32 {
	if f == 0 {
		return 1
	}
	return f
}

// scales are factors, caps, windows and switches.
func (l *settingList) scales(c model.Config) {
	if w := window(c); w > 0 {
		l.int("attention.sliding_window", w)
		if c.Arch == "gemma3" {
			l.pattern(c)
		}
	}
	switch c.Arch {
	case "gemma2", "gemma3":
		if c.AttnSoftCap > 0 {
			l.float("attn_logit_softcapping", float64(c.AttnSoftCap))
		}
		if c.LogitSoftCap > 0 {
			l.float("final_logit_softcapping", float64(c.LogitSoftCap))
		}
	case "granite":
		l.float("embedding_scale", float64(orOne(c.EmbedScale)))
		l.float("residual_scale", float64(orOne(c.ResidScale)))
		l.float("attention.scale", float64(c.AttnScale))
		l.float("logit_scale", 1/float64(orOne(c.LogitScale)))
	case "gptneox", "stablelm":
		l.put("use_parallel_residual", gguf.Of(c.Flow != model.Sequential))
	}
}

// pattern tells the blocks with a window: all but every n'th, or a list.
func (l *settingList) pattern(c model.Config) {
	list := make([]bool, c.Layers)
	for i := range list {
		list[i] = c.Block(i).Window > 0
	}
	every := slices.Index(list, false) + 1
	for i, has := range list {
		if every > 0 && has != ((i+1)%every != 0) {
			l.put("attention.sliding_window_pattern", gguf.ListOf(list))
			return
		}
	}
	l.int("attention.sliding_window_pattern", every)
}

// window is the window that blocks have, 0 if none has.
func window(c model.Config) int {
	for _, b := range c.Blocks {
		if b.Window > 0 {
			return b.Window
		}
	}
	return 0
}

func (l *settingList) rope(c model.Config) []tensor.Named {
	if c.Position != model.RoPE {
		return nil
	}
	dims := c.HeadDim
	if c.Rope.Dims > 0 {
		dims = c.Rope.Dims
	}
	l.int("rope.dimension_count", dims)
	l.float("rope.freq_base", c.Rope.Theta)
	if c.RopeLocal.Theta != 0 {
		l.float("rope.freq_base_swa", c.RopeLocal.Theta)
	}
	factors := func(name string, list []float64) tensor.Named {
		x := make([]float32, len(list))
		for i, v := range list {
			x[i] = float32(v)
		}
		return tensor.Named{Name: name, Raw: tensor.RawOf(x, len(x))}
	}
	switch s := c.Rope.Scaling; s.Kind {
	case model.ScaleLinear:
		l.put("rope.scaling.type", gguf.Of("linear"))
		l.float("rope.scaling.factor", s.Factor)
	case model.ScaleLlama3: // as divisors, which is how GGUF has it
		plain := model.Rope{Theta: c.Rope.Theta, Dims: c.Rope.Dims}.Frequencies(c.HeadDim, false)
		divisors := make([]float64, len(plain))
		for i, f := range c.Rope.Frequencies(c.HeadDim, false) {
			divisors[i] = plain[i] / f
		}
		return []tensor.Named{factors("rope_freqs.weight", divisors)}
	case model.ScaleDivided:
		if s.Amplitude != 0 {
			l.float("rope.scaling.attn_factor", s.Amplitude)
		}
		if s.Long == nil {
			return []tensor.Named{factors("rope_freqs.weight", s.Divisors)}
		}
		l.int("rope.scaling.original_context_length", s.Original)
		return []tensor.Named{factors("rope_factors_long.weight", s.Long), factors("rope_factors_short.weight", s.Divisors)}
	case model.ScaleYaRN:
		l.yarn(c)
	}
	return nil
}

func (l *settingList) yarn(c model.Config) {
	s := c.Rope.Scaling
	l.put("rope.scaling.type", gguf.Of("yarn"))
	l.float("rope.scaling.factor", s.Factor)
	l.int("rope.scaling.original_context_length", s.Original)
	if s.Fast != 32 || s.Slow != 1 {
		l.float("rope.scaling.yarn_beta_fast", s.Fast)
		l.float("rope.scaling.yarn_beta_slow", s.Slow)
	}
	if c.Latent.KV == 0 {
		if f := s.Amplitude / yarnScale(s.Factor, 1); math.Abs(f-1) > 1e-7 {
			l.float("rope.scaling.attn_factor", f)
		}
		return
	}
	sharp := 1.0
	if c.AttnScale > 0 {
		sharp = math.Sqrt(float64(c.AttnScale) * math.Sqrt(float64(c.HeadDim)))
	}
	l.float("rope.scaling.yarn_log_multiplier", (sharp-1)/math.Log(s.Factor))
}
