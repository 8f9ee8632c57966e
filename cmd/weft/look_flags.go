package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"weft/inspect"
)

// lookViews are the flags of `weft look` that ask one question each, and what
// belongs to them.
type lookViews struct {
	Lens      bool     `help:"What the model would say at every depth." group:"views"`
	Attribute choice   `help:"Who wrote a token's logit; without TOKEN, the predicted one's." group:"views" placeholder:"[TOKEN]"`
	Saliency  choice   `help:"What each token of the text does to a token's logit, by gradients; without TOKEN, the predicted one's." group:"views" placeholder:"[TOKEN]"`
	Heads     bool     `help:"What kind each head is: previous token, induction, sink… (needs no text)." group:"views"`
	Ablate    []string `help:"Silence parts, such as L5.H3, L5.mlp, L5.attn, L5.N120 or L5, and see what changes." group:"views" sep:"none" placeholder:"SITE"`
	Patch     pair     `help:"Put the clean text's activations into the corrupted one's run, place by place (in place of -p)." group:"views" placeholder:"CLEAN CORRUPTED"`
	Steer     string   `help:"Add a direction to the stream: FILE is a vector, or says what to steer toward and away from." group:"views" type:"path" placeholder:"FILE"`
	Words     *string  `help:"What is near a token, or near a sum such as \" king - man + woman\" (needs no text)." group:"views" placeholder:"TOKEN"`

	Jacobian  string  `help:"With --lens: first carry every depth to the end, as changes are on average on FILE's text (takes float32 weights, and long)." group:"views" type:"path" placeholder:"FILE"`
	Against   *string `help:"With --attribute or --saliency: rather than this token." group:"views" placeholder:"TOKEN"`
	Steps     *int    `help:"With --saliency: integrated gradients in N steps, whose shares sum to the change from an average token; refused where the way there is too rough, as in deep models." group:"views" placeholder:"N"`
	By        *string `help:"With --ablate: what to put there, zero, mean or resample (zero)." group:"views" enum:"zero,mean,resample" placeholder:"KIND"`
	Reference *string `help:"With --by: a text, a line each, whose activations to put there; else a built-in one." group:"views" placeholder:"FILE"`
	Corrupted *string `help:"With --patch: the corrupted text, if it is not behind the clean one." group:"views" placeholder:"TEXT"`
	Right     *string `help:"With --patch: the clean answer's token; else what is predicted." group:"views" placeholder:"TOKEN"`
	Wrong     *string `help:"With --patch: the corrupted answer's token; else what is predicted." group:"views" placeholder:"TOKEN"`
	Site      *string `help:"With --patch: what to move, stream, attn, mlp or heads (stream)." group:"views" enum:"stream,attn,mlp,heads" placeholder:"PLACE"`
	Budget    int     `help:"Most MiB that a view may hold beside the model." group:"views" default:"1024" placeholder:"MIB"`
}

// choice is a flag whose value may be left out.
type choice struct {
	Given bool
	Text  string
}

// Decode takes the value, if one follows.
func (c *choice) Decode(ctx *kong.DecodeContext) error {
	c.Given = true
	if !ctx.Scan.Peek().IsValue() {
		return nil
	}
	token, err := ctx.Scan.PopValue("text")
	if c.Text = token.String(); c.Text == "" && err == nil {
		return errors.New("the value is empty")
	}
	return err
}

// pair is a flag with two values, of which the second may be left out.
type pair []string

// Decode takes them.
func (p *pair) Decode(ctx *kong.DecodeContext) error {
	for len(*p) < 2 {
		if ctx.Scan.Peek().IsEOL() {
			return errNoValue
		}
		token, err := ctx.Scan.PopValue("a text")
		if err != nil {
			return err
		}
		*p = append(*p, token.String())
		if !ctx.Scan.Peek().IsValue() {
			break
		}
	}
	return nil
}

// named are the views asked for; none is the tour of everything.
func (c *lookCommand) named() (list []string) {
	for _, v := range []struct {
		name string
		on   bool
	}{
		{"--lens", c.Lens}, {"--attribute", c.Attribute.Given}, {"--saliency", c.Saliency.Given}, {"--attention", c.Attention.Given && c.Attention.Text == ""},
		{"--ablate", len(c.Ablate) > 0}, {"--steer", c.Steer != ""},
		{"--patch", len(c.Patch) > 0}, {"--heads", c.Heads}, {"--words", c.Words != nil},
	} {
		if v.on {
			list = append(list, v.name)
		}
	}
	if c.Attention.Text != "" && len(list) > 0 { // a head to show in the view
		list = append(list, "--attention")
	}
	return list
}

// alone are the views that read no text of -p, and so stand by themselves.
var alone = map[string]string{
	"--patch": "has its own two texts", "--heads": "reads random tokens", "--words": "looks at learned vectors alone",
}

// checkViews refuses what does not go together.
func (c *lookCommand) checkViews(views []string) error {
	for _, v := range views {
		why, is := alone[v]
		switch {
		case is && len(views) > 1:
			return usagef("%s %s, so it goes with no other view: ask for one at a time", v, why)
		case is && c.Prompt != nil:
			return usagef("%s %s, so it goes without -p", v, why)
		}
	}
	if len(views) > 0 && c.Layer != nil {
		return usagef("--layer shows vectors, which is not part of %s", views[0])
	}
	if err := checkBudget(c.Budget); err != nil {
		return err
	}
	for _, of := range []struct {
		name, view string
		given, on  bool
	}{
		{"--against", "--attribute or --saliency", c.Against != nil, c.Attribute.Given || c.Saliency.Given},
		{"--steps", "--saliency", c.Steps != nil, c.Saliency.Given},
		{"--jacobian", "--lens", c.Jacobian != "", c.Lens},
		{"--by", "--ablate", c.By != nil, len(c.Ablate) > 0},
		{"--reference", "--by mean or --by resample", c.Reference != nil, c.By != nil && *c.By != "zero"},
		{"--corrupted", "--patch", c.Corrupted != nil, len(c.Patch) > 0},
		{"--right", "--patch", c.Right != nil, len(c.Patch) > 0},
		{"--wrong", "--patch", c.Wrong != nil, len(c.Patch) > 0},
		{"--site", "--patch", c.Site != nil, len(c.Patch) > 0},
	} {
		if of.given && !of.on {
			return usagef("%s needs %s", of.name, of.view)
		}
	}
	if c.Steps != nil && (*c.Steps < 1 || *c.Steps > maxSteps) {
		return usagef("--steps is %d, must be between 1 and %d", *c.Steps, maxSteps)
	}
	if c.Corrupted != nil {
		c.Patch = append(c.Patch, *c.Corrupted)
	}
	if n := len(c.Patch); n == 1 || n > 2 {
		return usagef("--patch needs two texts, the clean and the corrupted one, and got %d", n)
	}
	return nil
}

func checkBudget(mib int) error {
	if mib < 1 || mib > 1<<24 {
		return usagef("--budget is %d MiB, must be between 1 and %d", mib, 1<<24)
	}
	return nil
}

// overBudget says how to allow what was refused.
func overBudget(err error) error {
	if errors.Is(err, inspect.ErrBudget) {
		return fmt.Errorf("%w (--budget)", err)
	}
	return err
}

// maxSteps bounds the work of integrated gradients.
const maxSteps = 1000

// parseSites reads the values of --ablate, each of them one site or several with
// commas.
func parseSites(list []string) (targets []inspect.Target, err error) {
	for _, text := range strings.Split(strings.Join(list, ","), ",") {
		t, err := parseSite(text)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// sitePattern is L5, L5.H3, L5.N120, L5.attn or L5.mlp.
var sitePattern = regexp.MustCompile(`^[Ll](\d+)(?:\.(?:([Hh]|[Nn])(\d+)|(attn|mlp)))?$`)

// parseSite reads L5.H3, L5.mlp and so on, or what inspect.ParseTarget reads.
func parseSite(text string) (inspect.Target, error) {
	if m := sitePattern.FindStringSubmatch(text); m != nil {
		switch {
		case m[2] != "":
			kind := map[string]string{"h": "head ", "n": "neuron "}[strings.ToLower(m[2])]
			text = kind + m[1] + "." + m[3]
		case m[4] != "":
			text = m[4] + " " + m[1]
		default:
			text = "layer " + m[1]
		}
	}
	t, err := inspect.ParseTarget(text)
	if err != nil {
		return t, usagef("--ablate is %q, must be such as L5.H3 (a head), L5.mlp, L5.attn, L5.N120 (a neuron) or L5 (a block)", text)
	}
	return t, nil
}
