// Command weft trains language models, runs them, talks through them and shows
// what they do. Run it with --help for its commands.
//
// Every command is a file of this package: a struct that kong fills from the
// arguments, with a Run method. What commands share is in app.go (streams and
// errors), model.go (opening a model) and sampling.go (flags).
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"weft/internal/cpu"
)

func main() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// commands is everything that can be asked for.
type commands struct {
	common

	Chat     chatCommand     `cmd:"" help:"Talk to a model."`
	Run      runCommand      `cmd:"" help:"Let a model continue a text."`
	Look     lookCommand     `cmd:"" help:"See inside a model while it reads a text."`
	Info     infoCommand     `cmd:"" help:"Show what a model is made of."`
	Serve    serveCommand    `cmd:"" help:"Answer requests over HTTP, as OpenAI's API has them."`
	Studio   studioCommand   `cmd:"" help:"Open the page that shows a model at work."`
	Train    trainCommand    `cmd:"" help:"Train a model from text."`
	Eval     evalCommand     `cmd:"" help:"Measure how well a model predicts a text."`
	Compare  compareCommand  `cmd:"" help:"Show how two models differ."`
	Imatrix  imatrixCommand  `cmd:"" help:"Find out which weights matter most, for quantising."`
	Pull     pullCommand     `cmd:"" help:"Download a model into the local store."`
	List     listCommand     `cmd:"" help:"List the models that are here."`
	Rm       rmCommand       `cmd:"" help:"Remove a model that was pulled."`
	Convert  convertCommand  `cmd:"" help:"Write a model in the other format, smaller if you like."`
	Bench    benchCommand    `cmd:"" help:"Measure how fast this machine is."`
	Tokenize tokenizeCommand `cmd:"" help:"Show the tokens of a text."`
	Version  versionCommand  `cmd:"" help:"Show the version, and what of this machine is used."`
}

// common are the flags that every command has.
type common struct {
	Threads int     `help:"Worker threads; 0 is one per core." default:"0" placeholder:"N"`
	Seed    *uint64 `help:"Same seed, same result. Random unless given." placeholder:"N"`
	JSON    bool    `name:"json" help:"Print one JSON document."`
	Quiet   bool    `short:"q" help:"Print results and errors only."`
}

const description = `Weft trains language models, runs them, talks through them, and shows every thread.

MODEL is a .gguf file, a model folder (config.json, *.safetensors, tokenizer.json), which is also what "weft train"
writes, or the name of a model in the local store ("weft pull", "weft list"). Without one, the built-in model is used.`

// Main runs one command and returns the exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	var cmds commands
	helped := false
	parser, err := kong.New(&cmds, append(mappers,
		kong.Name("weft"), kong.Description(description),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }),
		kong.ExplicitGroups([]kong.Group{
			{Key: "views", Title: "Views, a question each, in place of the tour of everything:"},
			{Key: "sampling", Title: "Sampling (unless given, as the model's files say):"},
			{Key: "live", Title: "Changing the model while it writes (weft look shows what that does to a text):"},
			{Key: "speculation", Title: "Guessing ahead (changes no answer):"},
		}),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true}),
	)...)
	if err != nil {
		return a.report("weft", err)
	}
	if len(args) == 0 {
		parser.Stdout = stderr // nothing was asked for, so this is no result
		parser.Parse([]string{"--help"})
		return exitUsage
	}
	ctx, err := parser.Parse(glued(args))
	switch {
	case helped:
		return exitDone
	case err != nil:
		return a.report(commandOf(err), usageError{err})
	}
	a.common = cmds.common
	name := nameOf(ctx.Selected())
	if err := errors.Join(a.check(), cpu.Check()); err != nil {
		return a.report(name, err)
	}
	return a.report(name, a.guard(func() error { return ctx.Run(a) }))
}

// commandOf is the command whose arguments are wrong.
func commandOf(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		return nameOf(parse.Context.Selected())
	}
	return ""
}

// nameOf is a command as the user types it: `bench train`, and `bench` for what it does by default.
func nameOf(n *kong.Node) string {
	if n.Parent.DefaultCmd == n {
		n = n.Parent
	}
	_, name, _ := strings.Cut(n.FullPath(), " ")
	return name
}

// maxThreads is more than any machine has cores that one model could use.
const maxThreads = 1024

// check refuses values that no command can use.
func (c common) check() error {
	if c.Threads < 0 || c.Threads > maxThreads {
		return usagef("--threads is %d, must be between 0 and %d", c.Threads, maxThreads)
	}
	return nil
}

// guard turns a bug into an error: users get one line, WEFT_DEBUG=1 the stack.
func (a *app) guard(run func() error) (err error) {
	if os.Getenv("WEFT_DEBUG") == "" {
		defer func() {
			if bug := recover(); bug != nil {
				err = fmt.Errorf("this is a bug in weft: %v (WEFT_DEBUG=1 shows where)", bug)
			}
		}()
	}
	return run()
}

// report prints what went wrong, if anything, on one line and picks the exit code.
func (a *app) report(command string, err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	}
	line := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
	where := ""
	if command != "" {
		where = command + ": "
		line = strings.TrimPrefix(line, where) // a package may have the command's name
	}
	if errors.As(err, &usage) {
		fmt.Fprintf(a.stderr, "weft: %s%s (see: weft %s)\n", where, line, strings.TrimSpace(command+" --help"))
		return exitUsage
	}
	fmt.Fprintf(a.stderr, "weft: %s%s\n", where, line)
	return exitFailed
}
