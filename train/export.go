package train

import (
	"path/filepath"

	"weft/model"
	"weft/modelfile"
)

// export writes the model folder as transformers has it.
func (r *run) export() error {
	return modelfile.SaveFolder(r.opts.Out, &modelfile.Bundle{Name: r.name(), Weights: r.trainer.model.W, Tokenizer: r.data.tokenizer})
}

// name is what the model is called.
func (r *run) name() string {
	if abs, err := filepath.Abs(r.opts.Out); err == nil {
		return filepath.Base(abs)
	}
	return filepath.Base(r.opts.Out)
}

// exported loads the weights that the folder holds.
func (r *run) exported() (*model.Weights, error) {
	b, err := modelfile.Open(r.opts.Out)
	if err != nil {
		return nil, err
	}
	return b.Weights, nil
}
