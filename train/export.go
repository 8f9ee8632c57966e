package train

import (
	"path/filepath"

	"weft/internal/atomicfile"
	"weft/model"
	"weft/safetensors"
	"weft/tensor"
)

// export writes the model folder: weights and tokenizer. The full layout comes
// with package modelfile.
func (r *run) export() error {
	var tensors []tensor.Named
	for _, p := range r.trainer.model.W.Params() {
		tensors = append(tensors, tensor.Named{Name: p.Name, Raw: tensor.RawOf(p.Data, p.Rows, p.Cols)})
	}
	if err := safetensors.Write(filepath.Join(r.opts.Out, "model.safetensors"), tensors, nil); err != nil {
		return err
	}
	data, err := r.data.tokenizer.JSON()
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(r.opts.Out, "tokenizer.json"), data)
}

// exported loads the weights that the folder holds.
func (r *run) exported() (*model.Weights, error) {
	f, err := safetensors.Open(filepath.Join(r.opts.Out, "model.safetensors"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return model.Load(r.trainer.model.Config, f, nil)
}
