// Package archtest keeps the building's plan: which packages exist, which
// level each is on, and that imports only go down. docs/architecture.md draws
// the same plan with words.
package archtest

// rooms lists every package of the module from the roof to the ground. A
// package may import those on the lines below its own, never its neighbours.
var rooms = [][]string{
	{"cmd/weft"},
	{"cmd/weft/internal/view"},
	{"internal/server", "internal/studio"},
	{""}, // the façade: what a Go program imports
	{"chat", "generate", "inspect", "train", "internal/hub", "internal/builtin"},
	{"modelfile", "chat/jinja"},
	{"internal/modeltest"},
	{"tokenizer", "sample", "model", "imatrix"},
	{"kvcache", "gguf", "safetensors"},
	{"tensor"},
	{"internal/lanes"},
	{"internal/kernel", "internal/par"},
	{"internal/cpu/cputest", "internal/guard"},
	{"internal/quant", "internal/cpu", "internal/atomicfile", "internal/filelock"},
	{"internal/archtest"},
}

// alone are rooms that import nothing of ours, so that they can be read, used
// and tested by themselves.
var alone = []string{"tokenizer", "sample", "chat/jinja", "internal/quant", "internal/cpu", "internal/atomicfile", "internal/filelock"}

// keptOut are packages that only the rooms named may import: what talks to a
// terminal, ends the process or writes a log belongs to the commands.
var keptOut = map[string][]string{
	"log":                        {"cmd/weft", "internal/server"},
	"log/slog":                   {"cmd/weft", "internal/server", "internal/studio"},
	"flag":                       {},
	"C":                          {},
	"github.com/alecthomas/kong": {"cmd/weft"},
	"charm.land/lipgloss/v2":     {"cmd/weft", "cmd/weft/internal/view"},
	"golang.org/x/term":          {"cmd/weft"},
}
