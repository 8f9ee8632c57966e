// Package builtin holds the model that is part of the program, so that there is
// something to talk to and to look into before anything is downloaded.
// docs/builtin.md tells what it was trained on and how to make it again.
package builtin

import _ "embed"

//go:embed model.gguf
var model []byte

// Model is the built-in model as a .gguf file. The caller must not change it.
func Model() []byte { return model }
