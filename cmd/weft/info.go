package main

import (
	"fmt"

	"weft/cmd/weft/internal/view"
)

type infoCommand struct {
	modelArg
	Tensors bool `help:"List every stored tensor too."`
}

func (infoCommand) Help() string {
	return `Shows what was chosen by the model's designers, where its learned parameters are, how they are stored, and what memory
running it takes.

Example:

    weft info --tensors`
}

func (c *infoCommand) Run(a *app) error {
	m, err := a.readModel(c.Model)
	if err != nil {
		return err
	}
	defer m.Close()
	var tensors []view.Tensor
	for _, t := range m.Stored {
		tensors = append(tensors, view.Tensor(t))
	}
	info := view.NewInfo(m.Name, m.License, m.Core.Config, tensors)
	if a.JSON {
		if !c.Tensors {
			info.Tensors = nil
		}
		return a.writeJSON(info)
	}
	_, err = fmt.Fprint(a.stdout, view.InfoText(info, paint(a.stdout), c.Tensors))
	return err
}
