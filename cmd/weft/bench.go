package main

import (
	"context"
	"errors"
	"fmt"

	"weft/internal/par"
	"weft/tensor"
	"weft/train"
)

type benchCommand struct {
	Model benchModelCommand `cmd:"" default:"withargs" help:"Measure how fast a model runs (this is what bench alone does)."`
	Train benchTrainCommand `cmd:"" help:"Measure how fast training is."`
}

func (benchCommand) Help() string {
	return `"weft bench" alone measures a model: "weft bench model --help" has its flags.`
}

type benchTrainCommand struct {
	Preset    string `help:"What to train: nano, micro, mini, small or gpt2." default:"small" placeholder:"P"`
	Config    string `help:"A recipe of your own instead." type:"path" placeholder:"FILE.json"`
	Precision string `help:"Numbers to compute with." default:"f32" placeholder:"f32"`
	Repeat    int    `help:"Steps to take the median of." default:"5" placeholder:"N"`
}

func (benchTrainCommand) Help() string {
	return `Trains on random tokens and measures whole steps: forward, backward, optimiser. The share is of what this machine's
threads reach in f32 multiply-adds, measured first. Counted are 6 operations per token for every weight of a matrix
product (the head's too, embeddings not), and 12 per layer, head width and attended position, half of them masked.

Example:

    weft bench train --preset micro`
}

type benchTrainJSON struct {
	TokensPerS float64 `json:"tokens_per_s"`
	FlopsShare float64 `json:"flops_share"`
	StepS      float64 `json:"step_s"`
	RSSBytes   int64   `json:"rss_bytes"`
	GFLOPS     float64 `json:"gflops"`
	PeakGFLOPS float64 `json:"peak_gflops"`
	Params     int     `json:"params"`
	Threads    int     `json:"threads"`
}

func (c *benchTrainCommand) Run(a *app) error {
	if err := checkPrecision(c.Precision); err != nil {
		return err
	}
	if c.Repeat < 1 {
		return usagef("--repeat is %d, must be 1 or more", c.Repeat)
	}
	recipe, err := findRecipe(c.Preset, c.Config)
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	pool := par.New(a.Threads)
	defer pool.Close()
	peak := tensor.MeasurePeak(pool)
	speed, err := train.Bench(ctx, recipe, pool, c.Repeat)
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	} else if err != nil {
		return err
	}
	doc := benchTrainJSON{
		TokensPerS: speed.TokensPerS, FlopsShare: speed.FLOPs / (peak * 1e9), StepS: speed.StepS, RSSBytes: peakMemory(),
		GFLOPS: speed.FLOPs / 1e9, PeakGFLOPS: peak, Params: speed.Params, Threads: pool.Threads(),
	}
	if a.JSON {
		return a.writeJSON(doc)
	}
	_, err = fmt.Fprintf(a.stdout, "%d parameters, %d threads\nstep     %.3g s (%d × %d tokens)\nspeed    %.0f tokens/s\ncompute  %.0f GFLOP/s, %.0f %% of the measured %.0f\nmemory   %.2f GB\n",
		doc.Params, doc.Threads, doc.StepS, recipe.Batch, recipe.Seq, doc.TokensPerS, doc.GFLOPS, 100*doc.FlopsShare, peak, float64(doc.RSSBytes)/1e9)
	return err
}
