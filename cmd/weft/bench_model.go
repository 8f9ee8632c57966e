package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"weft"
	"weft/cmd/weft/internal/view"
	"weft/internal/cpu"
	"weft/model"
	"weft/tensor"
)

type benchModelCommand struct {
	modelArg
	computeFlags
	Prompt   int      `help:"Tokens to read at once. Default: 512, or what the model can." default:"0" placeholder:"N"`
	Gen      int      `help:"Tokens to generate. Default: 128, or what the model can." default:"0" placeholder:"N"`
	Depth    []int    `help:"Tokens that are there before; several with commas." default:"0" placeholder:"N"`
	Repeat   int      `help:"Times to measure." default:"5" placeholder:"5"`
	Parallel int      `help:"Also generate so many answers at once." default:"0" placeholder:"N"`
	Vs       []string `help:"Another program's command, to run in turns with this one; may be given several times." sep:"none" placeholder:"CMD"`
	Match    string   `help:"Where its output says tokens per second: a regular expression with groups named prefill and decode." placeholder:"REGEXP"`

	probe *tensor.ReadProbe
	rss   int64 // at most before there was a probe
}

func (benchModelCommand) Help() string {
	return `Measures how fast a model reads a prompt and generates, on random tokens and without sampling, and what this machine could
do at most: reading memory with all threads, and multiply-adds in float32, in bfloat16 and of 8-bit integers. Figures are
medians, with the least and the most.

The share of decoding is the bytes that a token reads (the weights as memory holds them, keys and values) against what
memory gives. The share of prefill is 2 operations per weight of a matrix product and token against the peak of the
arithmetic that the weights use. Limits are measured right before and after what is compared with them, and the larger
counts.

--vs runs a command by the shell before each turn and compares the medians. It should measure once. Its output may be
llama-bench's (-o json), that of "weft bench --json" of another build, or anything that --match finds two numbers in.

Examples:

    weft bench
    weft bench model.gguf --depth 0,4096
    weft bench model.gguf --vs "llama-bench -m model.gguf -p 512 -n 128 -r 1 -o json"`
}

type benchJSON struct {
	Model    modelJSON       `json:"model"`
	Prefill  float64         `json:"prefill_tokens_per_s"` // of the first depth
	Decode   float64         `json:"decode_tokens_per_s"`
	Limits   limitsJSON      `json:"limits"`
	Share    shareJSON       `json:"share"`
	Prompt   int             `json:"prompt_tokens"`
	Gen      int             `json:"gen_tokens"`
	Repeat   int             `json:"repeat"`
	Depths   []benchDepth    `json:"depths"`
	Parallel *parallelJSON   `json:"parallel,omitempty"`
	Peers    []benchPeerJSON `json:"peers,omitempty"`
	RSS      int64           `json:"rss_bytes"`
	KV       string          `json:"kv"` // how keys and values are kept
	Threads  int             `json:"threads"`
	CPU      string          `json:"cpu"`
	Kernels  string          `json:"kernels"`
}

// parallelJSON is several answers generated at once, after as many tokens as the first depth has.
type parallelJSON struct {
	Answers int        `json:"answers"`
	Decode  spreadJSON `json:"decode_tokens_per_s"` // of all together
}

type limitsJSON struct {
	Read float64 `json:"read_gb_per_s"`
	F32  float64 `json:"f32_gflops"`
	BF16 float64 `json:"bf16_gflops"`
	Int8 float64 `json:"int8_gops"`
}

type shareJSON struct {
	Prefill float64 `json:"prefill"`
	Decode  float64 `json:"decode"`
}

type benchDepth struct {
	Depth   int        `json:"depth"`
	Prefill spreadJSON `json:"prefill_tokens_per_s"`
	Decode  spreadJSON `json:"decode_tokens_per_s"`
	Share   shareJSON  `json:"share"`

	bytes float64
	flops model.FLOPs
	peaks []interval // by round, tokens per second: what the peak of arithmetic would give
	reads []interval // and GB/s of reading
}

type spreadJSON struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spread(all []float64) spreadJSON {
	s := slices.Sorted(slices.Values(all))
	n := len(s)
	return spreadJSON{(s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]}
}

func (c *benchModelCommand) check() (peers []*benchPeer, err error) {
	switch {
	case c.Prompt < 0 || c.Gen < 0:
		return nil, usagef("--prompt and --gen must be 1 or more")
	case len(c.Depth) == 0:
		return nil, usagef("--depth needs a number")
	case slices.Min(c.Depth) < 0:
		return nil, usagef("--depth is %d, must be 0 or more", slices.Min(c.Depth))
	case c.Parallel < 0:
		return nil, usagef("--parallel is %d, must be 0 or more", c.Parallel)
	case c.Repeat < 1:
		return nil, usagef("--repeat is %d, must be 1 or more", c.Repeat)
	case len(c.Vs) > 0 && len(c.Depth) > 1:
		return nil, usagef("--vs goes with one --depth, not %d", len(c.Depth))
	case c.Match != "" && len(c.Vs) == 0:
		return nil, usagef("--match is for the output of --vs")
	}
	return newPeers(c.Vs, c.Match)
}

func (c *benchModelCommand) Run(a *app) error {
	peers, err := c.check()
	if err != nil {
		return err
	}
	m, err := a.openModel(c.Model, c.computeFlags)
	if err != nil {
		return err
	}
	defer m.Close()
	ctx, stop := interruptible()
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait for the prompt that is being read
	room := max(1, m.Core.Config.Context-min(m.Core.Config.Context, slices.Max(c.Depth)))
	c.Prompt, c.Gen = cmp.Or(c.Prompt, min(512, room)), cmp.Or(c.Gen, min(128, room))
	doc, err := c.measure(ctx, a, m, peers)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return errInterrupted
	} else if err != nil {
		return err
	}
	if a.JSON {
		return a.writeJSON(doc)
	}
	_, err = fmt.Fprint(a.stdout, doc.text())
	return err
}

func (c *benchModelCommand) measure(ctx context.Context, a *app, m opened, peers []*benchPeer) (benchJSON, error) {
	doc := benchJSON{
		Model: m.json(), Prompt: c.Prompt, Gen: c.Gen, Repeat: c.Repeat,
		KV: m.Core.KV.String(), Threads: m.Core.Pool.Threads(), CPU: cpu.Name(), Kernels: cpu.Active().String(),
	}
	for _, depth := range c.Depth {
		d, err := c.depth(ctx, a, m, depth, peers)
		if err != nil {
			return doc, err
		}
		doc.Depths = append(doc.Depths, d)
	}
	if c.Parallel > 0 {
		var err error
		if doc.Parallel, err = c.parallel(ctx, a, m); err != nil {
			return doc, err
		}
	}
	doc.RSS = c.memory()
	doc.Limits = measureLimits(m.Core.Pool, doc.Depths)
	first := doc.Depths[0]
	doc.Prefill, doc.Decode, doc.Share = first.Prefill.Median, first.Decode.Median, first.Share
	for _, p := range peers {
		doc.Peers = append(doc.Peers, p.compare(first))
	}
	return doc, nil
}

// memory is the most that running the model took, without what measures the memory's speed.
func (c *benchModelCommand) memory() int64 {
	if c.probe == nil {
		return peakMemory()
	}
	return max(c.rss, peakMemory()-tensor.ReadProbeBytes)
}

// depth measures at one depth, in turns with the peers.
func (c *benchModelCommand) depth(ctx context.Context, a *app, m opened, depth int, peers []*benchPeer) (benchDepth, error) {
	progress := status{app: a}
	defer progress.clear()
	runtime.GC() // a depth's cache is not to be there beside the next one's
	b, err := m.Bench(ctx, weft.BenchOptions{Prompt: c.Prompt, Gen: c.Gen, Depth: depth})
	if errors.Is(err, model.ErrContext) {
		return benchDepth{}, usageError{err}
	} else if err != nil {
		return benchDepth{}, err
	}
	d := benchDepth{Depth: depth, bytes: b.DecodeBytes(), flops: b.PrefillFLOPs()}
	if c.probe == nil {
		c.rss = c.memory()
		c.probe = tensor.NewReadProbe(m.Core.Pool)
	}
	var prefill, decode []float64
	for i := range c.Repeat {
		progress.show(func() string { return fmt.Sprintf("depth %d: %d of %d measurements", depth, i, c.Repeat) })
		for _, p := range peers {
			if err := p.run(ctx); err != nil {
				return benchDepth{}, err
			}
		}
		before := peaks(m.Core.Pool, d.flops)
		in, err := b.Read(ctx)
		if err != nil {
			return benchDepth{}, err
		}
		d.peaks = append(d.peaks, between(before, peaks(m.Core.Pool, d.flops)))
		start := c.probe.Measure()
		out, err := b.Generate(ctx)
		if err != nil {
			return benchDepth{}, err
		}
		d.reads = append(d.reads, between(start, c.probe.Measure()))
		prefill, decode = append(prefill, in), append(decode, out)
	}
	d.Prefill, d.Decode = spread(prefill), spread(decode)
	d.Share = shareJSON{Prefill: share(prefill, d.peaks), Decode: d.decodeShare(decode)}
	return d, nil
}

// parallel measures several answers at once.
func (c *benchModelCommand) parallel(ctx context.Context, a *app, m opened) (*parallelJSON, error) {
	progress := status{app: a}
	defer progress.clear()
	b, err := m.BenchParallel(ctx, c.Parallel, c.Gen, c.Depth[0])
	if err != nil {
		return nil, err
	}
	var all []float64
	for i := range c.Repeat {
		progress.show(func() string { return fmt.Sprintf("%d at once: %d of %d measurements", c.Parallel, i, c.Repeat) })
		speed, err := b.Round(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, speed)
	}
	return &parallelJSON{c.Parallel, spread(all)}, nil
}

// peak is what prefill is compared with, in words.
func (d *benchDepth) peak() string {
	var names []string
	for with, name := range []string{"float32", "bfloat16", "8-bit"} {
		if d.flops[with] > 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ") + " peak"
}

func (b benchJSON) text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s: %s parameters, %d threads, %s\n\n", b.Model.Name, view.Count(b.Model.Params), b.Threads, cmp.Or(b.CPU, "unknown CPU"))
	fmt.Fprintf(&s, "                  tokens/s   least – most\n")
	for _, d := range b.Depths {
		at := ""
		if d.Depth > 0 {
			at = fmt.Sprintf(", after %d tokens", d.Depth)
		}
		fmt.Fprintf(&s, "prefill %-8d  %s   %.0f %% of the %s%s\n", b.Prompt, d.Prefill, 100*d.Share.Prefill, d.peak(), at)
		fmt.Fprintf(&s, "decode  %-8d  %s   %.0f %% of reading %.4g MB%s\n", b.Gen, d.Decode, 100*d.Share.Decode, d.bytes/1e6, at)
	}
	if p := b.Parallel; p != nil {
		fmt.Fprintf(&s, "decode  %-8d  %s   %d answers at once, together\n", b.Gen, p.Decode, p.Answers)
	}
	for _, p := range b.Peers {
		fmt.Fprintf(&s, "\n%s\n%s%s", p.Command, p.line("prefill", p.Prefill, p.PrefillRatio), p.line("decode", p.Decode, p.DecodeRatio))
	}
	fmt.Fprintf(&s, "\nmemory   %s, keys and values in %s\nlimits   reads %.1f GB/s, float32 %.0f GFLOP/s, bfloat16 %.0f GFLOP/s, 8-bit %.0f GOP/s\n",
		view.Bytes(int(b.RSS)), b.KV, b.Limits.Read, b.Limits.F32, b.Limits.BF16, b.Limits.Int8)
	return s.String()
}

func (s spreadJSON) String() string {
	return fmt.Sprintf("%8s   %-14s", rate(s.Median), rate(s.Min)+" – "+rate(s.Max))
}

// rate is tokens per second with three digits or more.
func rate(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
