package modelfile

import (
	"fmt"
	"slices"
	"strings"

	"weft/model"
	"weft/tensor"
)

// gpt-oss comes with its experts in MXFP4 (OCP Microscaling Formats 1.0): of every 32 numbers, 16 bytes of pairs in a
// tensor called NAME_blocks, and the exponent that they share in NAME_scales.
const (
	blocksSuffix = "_blocks"
	scalesSuffix = "_scales"
	pairBytes    = 16
)

// packedSource shows a source's pairs of blocks and scales as tensors NAME of the type MXFP4.
type packedSource struct {
	model.WeightSource
	names  []string
	made   map[string]tensor.Raw // of names; without Data until somebody asks
	copied int                   // bytes that they take once they are made
}

// unpacked is src, or what shows its packed tensors if it has any.
func unpacked(src model.WeightSource) (model.WeightSource, error) {
	p := &packedSource{WeightSource: src, made: map[string]tensor.Raw{}}
	for _, name := range src.Names() {
		stem, isBlocks := strings.CutSuffix(name, blocksSuffix)
		if of, isScales := strings.CutSuffix(name, scalesSuffix); isScales {
			if _, err := src.Tensor(of + blocksSuffix); err == nil {
				continue // comes with its blocks
			}
		}
		if !isBlocks {
			p.names = append(p.names, name)
			continue
		}
		blocks, scales, err := p.pair(stem)
		if err != nil {
			return nil, err
		}
		n := len(blocks.Shape) - 1
		shape := slices.Clone(blocks.Shape[:n])
		shape[n-1] *= 2 * pairBytes
		p.made[stem] = tensor.Raw{DType: tensor.MXFP4, Shape: shape}
		p.names = append(p.names, stem)
		p.copied += len(blocks.Data) + len(scales.Data)
	}
	if len(p.made) == 0 {
		return src, nil
	}
	return p, nil
}

// pair is a tensor's blocks and scales.
func (p *packedSource) pair(name string) (blocks, scales tensor.Raw, err error) {
	if blocks, err = p.WeightSource.Tensor(name + blocksSuffix); err != nil {
		return blocks, scales, err
	}
	if scales, err = p.WeightSource.Tensor(name + scalesSuffix); err != nil {
		return blocks, scales, err
	}
	n := len(blocks.Shape) - 1
	if n < 1 || blocks.DType != tensor.U8 || scales.DType != tensor.U8 || blocks.Shape[n] != pairBytes || !slices.Equal(blocks.Shape[:n], scales.Shape) {
		return blocks, scales, fmt.Errorf("tensor %q: blocks %v %v and scales %v %v do not make MXFP4", name, blocks.DType, blocks.Shape, scales.DType, scales.Shape)
	}
	return blocks, scales, nil
}

func (p *packedSource) has(name string) bool { _, ok := p.made[name]; return ok }

func (p *packedSource) Names() []string { return p.names }

func (p *packedSource) Tensor(name string) (tensor.Raw, error) {
	r, ok := p.made[name]
	if !ok {
		return p.WeightSource.Tensor(name)
	}
	if r.Data == nil {
		blocks, scales, err := p.pair(name)
		if err != nil {
			return r, err
		}
		r.Data = mxfp4(blocks.Data, scales.Data)
		p.made[name] = r
	}
	return r, nil
}

// untangled is a slot whose columns are rows: packed tensors are out × in, where gpt-oss's others are in × out.
func (s slot) untangled() slot {
	if s.columns == nil {
		return s
	}
	n := len(s.shape)
	c, width := s.columns, s.shape[n-1]
	s.columns, s.shape = nil, append(slices.Clone(s.shape[:n-2]), width, s.cols)
	s.order = make([]int32, s.rows)
	for i := range s.order {
		s.order[i] = int32(c.matrix*width + c.first + i*c.step)
	}
	return s
}

// mxfp4 brings blocks into GGUF's order: the exponent first, and in each byte the numbers i and i + 16 of a block, where
// these have its numbers 2i and 2i + 1.
func mxfp4(blocks, scales []byte) []byte {
	out := make([]byte, 0, len(blocks)+len(scales))
	for i, exponent := range scales {
		out = append(out, exponent)
		low, high := blocks[pairBytes*i:][:pairBytes/2], blocks[pairBytes*i+pairBytes/2:][:pairBytes/2]
		for j := range low {
			out = append(out, low[j]&15|high[j]<<4, low[j]>>4|high[j]&0xf0)
		}
	}
	return out
}
