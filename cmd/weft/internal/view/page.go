package view

import (
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

var page = template.Must(template.New("look").Funcs(template.FuncMap{
	"short": shortAny, "percent": percent, "tiny": tiny, "count": Count, "params": Params, "hex": hex,
	"float": func(v any) string {
		if p, ok := v.(*float64); ok {
			v = *p
		}
		return fmt.Sprintf("%.6g", v)
	},
	"share": func(v any) template.CSS { return template.CSS(fmt.Sprintf("%.4f", v)) },
	"wide":  func(v float64) template.CSS { return template.CSS(fmt.Sprintf("%.2f%%", 100*v)) },
	"whole": whole,
	"pct":   func(v float32) string { return fmt.Sprintf("%.0f", 100*v) },
	"abs":   math.Abs,
	"add":   func(a, b int) int { return a + b },
}).Parse(pageHTML))

// LookPage writes the pictures as one self-contained page: no network, no
// script from elsewhere, the same bytes for the same numbers.
func LookPage(w io.Writer, l *Look) error {
	p := newPage(l)
	data, err := json.Marshal(p.script())
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	p.CSS, p.JS, p.Data = template.CSS(pageCSS), template.JS(pageJS), template.JS(data)
	if err := page.Execute(w, p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// pageData is what the template reads: the Look, cut to the tokens that a page
// can hold, with what is awkward to work out in a template.
type pageData struct {
	*Look
	CSS  template.CSS
	JS   template.JS
	Data template.JS

	First  int // the first token shown
	Shown  []tokenRow
	Layers []layerRow // top first
	Looks  []lookRow
	Writes []writeRow
	Heads  []headRow
	Rest   float64 // probability of all tokens that have no bar
	Others int
	Cells  int // numbers per ribbon
	Thumbs []thumbRow
	Scale  [2]float64
}

type tokenRow struct {
	Token
	Visible string
	Index   int
	Norm    float64
	Loom    []loomCell // by block
}

// loomCell is how much a block's two parts changed a token's vector.
type loomCell struct {
	Layer               int
	Attn, MLP           float64 // lengths
	AttnShare, MLPShare float64 // of the largest share on the page
	AttnRatio, MLPRatio float64 // of the stream's length before
}

type layerRow struct {
	Name, Hook string
	Layer      int // -1: the embedding
	Cells      []lensCellData
}

type lensCellData struct {
	Visible string
	Index   int
	P       float64
	Locks   bool
	Title   string
}

type lookRow struct {
	Visible string
	Index   int
	Cells   []lookCell
}

type lookCell struct {
	P     float32
	Title string
}

type writeRow struct {
	Part
	Name  string
	Share float64 // of the largest, signed
	Left  float64 // where the bar begins, a share of the track
	Width float64
}

// thumbRow is a block's heads, to choose one.
type thumbRow struct {
	Layer int
	Heads []int
}

type headRow struct {
	Layer int
	Cells []headCell
}

type headCell struct {
	Head         int
	Value, Share float64
}

// Show is the token with nothing in it invisible.
func (t Token) Show() string { return t.visible }

// Show is the token with nothing in it invisible.
func (c Candidate) Show() string { return c.visible }

// shortAny is short for templates, where a number may be behind a pointer.
func shortAny(v any) string {
	switch v := v.(type) {
	case *float64:
		return short(*v)
	case float64:
		return short(v)
	}
	return fmt.Sprint(v)
}

func newPage(l *Look) *pageData {
	p := &pageData{Look: l, First: firstShown(len(l.Tokens), len(l.Blocks)), Rest: 1}
	n := len(l.Tokens) - p.First
	p.Cells = min(l.Embedding.Dim, 256, max(16, 60000/(n*(len(l.Blocks)+2))))
	p.loom()
	for i := len(l.Blocks) - 1; i >= 0; i-- {
		p.Layers = append(p.Layers, p.lensRow(fmt.Sprintf("block %d", i), i, l.Blocks[i].Lens))
	}
	p.Layers = append(p.Layers, p.lensRow("embedding", -1, l.Embedding.Lens))
	p.looks()
	for _, c := range l.Prediction {
		p.Rest -= c.P
	}
	p.Rest, p.Others = max(0, p.Rest), l.Model.Vocab-len(l.Prediction)
	p.writes()
	p.thumbs()
	return p
}

// firstShown keeps the page under about 5,000 elements, which any browser takes in its stride.
func firstShown(tokens, layers int) int {
	n := min(tokens, 64)
	for n > 8 && 3*n*(layers+1)+n*n/2+n*layers+10*n > 4500 { // elements of lens, attention, loom and the rest
		n--
	}
	return tokens - n
}

func (p *pageData) loom() {
	largest := 0.0
	for i := p.First; i < len(p.Tokens); i++ {
		row := tokenRow{Token: p.Tokens[i], Visible: p.Tokens[i].visible, Index: i, Norm: p.Embedding.Norms[i]}
		before := p.trace.Input.Norms[i]
		for _, b := range p.Blocks {
			c := loomCell{Layer: b.Layer, Attn: b.AttnNorm[i], MLP: b.MLPNorm[i]}
			c.AttnRatio, c.MLPRatio = c.Attn/math.Max(before, 1e-30), c.MLP/math.Max(before, 1e-30)
			before = b.ResidNorm[i]
			row.Loom = append(row.Loom, c)
			largest = max(largest, min(c.AttnRatio, 4), min(c.MLPRatio, 4))
		}
		p.Shown = append(p.Shown, row)
	}
	for _, row := range p.Shown {
		for i := range row.Loom {
			c := &row.Loom[i]
			c.AttnShare, c.MLPShare = min(1, c.AttnRatio/largest), min(1, c.MLPRatio/largest)
		}
	}
}

func (p *pageData) lensRow(name string, layer int, lens [][]Candidate) layerRow {
	hook := fmt.Sprintf("blocks.%d.hook_resid_post", layer)
	if layer < 0 {
		hook = "blocks.0.hook_resid_pre"
	}
	row := layerRow{Name: name, Hook: hook, Layer: layer}
	for i := p.First; i < len(p.Tokens); i++ {
		best := lens[i][0]
		row.Cells = append(row.Cells, lensCellData{Visible: best.visible, Index: i, P: best.P, Locks: p.LockIn[i] == layer,
			Title: fmt.Sprintf("%s[0, %d] → ln_final → unembed: “%s” %s", hook, i, best.visible, percent(best.P))})
	}
	return row
}

func (p *pageData) looks() {
	for i := p.First; i < len(p.Tokens); i++ {
		row := lookRow{Visible: p.Tokens[i].visible, Index: i}
		for j, v := range p.Attention.Pattern[i] {
			if j >= p.First {
				row.Cells = append(row.Cells, lookCell{v, fmt.Sprintf("%s[0, %d, %d, %d] = %.6g: “%s” takes %.1f%% from “%s”",
					p.Attention.Hook, p.Attention.Head, i, j, v, p.Tokens[i].visible, 100*v, p.Tokens[j].visible)})
			}
		}
		p.Looks = append(p.Looks, row)
	}
}

// maxPatterns is how many attention numbers a page carries, so that it stays
// under a megabyte or two; beyond, it has the one head alone.
const maxPatterns = 300_000

func (p *pageData) thumbs() {
	n, heads := len(p.Tokens)-p.First, len(p.Blocks)*p.Model.Heads
	if len(p.trace.Heads) != len(p.Blocks) || heads > 400 || n*(n+1)/2*heads > maxPatterns {
		return
	}
	for l, heads := range p.trace.Heads {
		row := thumbRow{Layer: l}
		for h := range heads {
			row.Heads = append(row.Heads, h)
		}
		p.Thumbs = append(p.Thumbs, row)
	}
}

// patterns packs the shown part of every head's pattern, 16 bits a number.
func (p *pageData) patterns() string {
	var raw []byte
	for _, row := range p.Thumbs {
		for _, h := range row.Heads {
			for i := p.First; i < len(p.Tokens); i++ {
				for _, v := range p.trace.Heads[row.Layer][h][i*(i+1)/2+p.First:][:i-p.First+1] {
					raw = binary.LittleEndian.AppendUint16(raw, uint16(math.Round(65535*float64(v))))
				}
			}
		}
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func (p *pageData) writes() {
	largest, largestHead := 1e-30, 1e-30
	for _, part := range p.Parts.Parts {
		largest = max(largest, math.Abs(part.Value))
		for _, h := range part.Heads {
			largestHead = max(largestHead, math.Abs(h))
		}
	}
	for _, part := range p.Parts.Parts {
		w := writeRow{Part: part, Name: partName(part), Share: part.Value / largest}
		w.Left, w.Width = 0.5, math.Abs(w.Share)/2
		if w.Share < 0 {
			w.Left -= w.Width
		}
		p.Writes = append(p.Writes, w)
		if part.Heads == nil {
			continue
		}
		row := headRow{Layer: part.Layer}
		for h, v := range part.Heads {
			row.Cells = append(row.Cells, headCell{h, v, v / largestHead})
		}
		p.Heads = append(p.Heads, row)
	}
}

// script is what the page's script needs: the numbers behind the pictures.
func (p *pageData) script() map[string]any {
	names := []string{p.Embedding.Hook, "blocks.0.hook_resid_pre"}
	depths := [][][]float32{p.trace.Embedding.Cells, p.trace.Input.Cells}
	for i, b := range p.trace.Blocks {
		names, depths = append(names, fmt.Sprintf("blocks.%d.hook_resid_post", i)), append(depths, b.After.Cells)
	}
	var raw []byte
	for _, d := range depths {
		for i := p.First; i < len(p.Tokens); i++ {
			for _, v := range d[i][:p.Cells] {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
			}
		}
	}
	p.Scale[0] = scaleOf(depths[0][p.First:]...)
	var streams [][]float32
	for _, d := range depths[1:] {
		streams = append(streams, d[p.First:]...)
	}
	p.Scale[1] = scaleOf(streams...)
	return map[string]any{"look": p.Look, "first": p.First, "cells": p.Cells, "hooks": names, "scale": p.Scale,
		"inputs": p.trace.Input.Norms, "patterns": p.patterns(), "vectors": base64.StdEncoding.EncodeToString(raw)}
}
