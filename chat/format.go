package chat

import "strings"

// Format is how a model writes thoughts and tool calls into its answers. The zero
// value takes everything as content.
type Format struct {
	content  []marker // what can follow content
	thinking []marker // what can end a thought
	bare     bool     // an answer that begins with { may be a call
	think    string   // begins a thought
}

// marker is a text that ends what came before it.
type marker struct {
	text string
	to   state
	form *callForm // of the call that begins
}

// callForm is how a call is written after the marker that begins it: as JSON, an
// object with name and arguments or a list of them; or, if sep is set, as the name,
// sep, and the arguments as JSON.
type callForm struct {
	open string
	sep  string
	ends []string // may follow, and are passed over
}

var deepSeekEnds = []string{"```", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"}

// callForms are the known ones. A marker that begins like another comes first if
// it is longer.
var callForms = []callForm{
	{"<tool_call>", "", []string{"</tool_call>"}},                                          // Hermes, Qwen, Granite 4
	{"<|tool_call|>", "", []string{"<|/tool_call|>"}},                                      // Granite 3, Phi-4
	{"<|python_tag|>", "", []string{"<|eom_id|>", "<|eot_id|>"}},                           // Llama 3
	{"[TOOL_CALLS]", "[ARGS]", nil},                                                        // Mistral
	{"<function=", ">", []string{"</function>"}},                                           // Functionary 3.1
	{"<｜tool▁call▁begin｜>function<｜tool▁sep｜>", "```json", deepSeekEnds},                   // DeepSeek R1
	{"<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", deepSeekEnds},                                  // DeepSeek V3.1
	{"<|tool_call_begin|>", "<|tool_call_argument_begin|>", []string{"<|tool_call_end|>"}}, // Kimi K2
}

// around are marks around calls that say nothing.
var around = []string{"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"}

// thoughts are the marks around what a model thinks.
var thoughts = [][2]string{{"<think>", "</think>"}, {"[THINK]", "[/THINK]"}}

// FormatOf finds out the format of a model by the markers in its chat template.
func FormatOf(template string) Format {
	if strings.Contains(template, "<|channel|>") && strings.Contains(template, "<|message|>") {
		return harmony
	}
	f := Format{bare: strings.Contains(template, "<|start_header_id|>") && strings.Contains(template, `"parameters": `)}
	for i, form := range callForms {
		mark := form.open
		if strings.HasPrefix(mark, deepSeekCall) {
			mark = deepSeekCall
		}
		if strings.Contains(template, mark) {
			f.content = append(f.content, marker{form.open, inCall, &callForms[i]})
		}
	}
	for _, mark := range around {
		if strings.Contains(template, mark) {
			f.content = append(f.content, marker{mark, inContent, nil})
		}
	}
	for _, t := range thoughts {
		if f.think == "" && strings.Contains(template, t[1]) {
			f.think = t[0]
			f.content = append(f.content, marker{t[0], inThought, nil})
			f.thinking = []marker{{t[1], inContent, nil}}
		}
	}
	return f
}

const deepSeekCall = "<｜tool▁call▁begin｜>"

// harmony is OpenAI's format: <|channel|>analysis<|message|>…<|end|> is a thought,
// and what is addressed to=functions.NAME is a call. See
// https://cookbook.openai.com/articles/openai-harmony.
var harmony = Format{content: channelMarks, thinking: channelMarks}

var channelMarks = []marker{
	{"<|start|>", inHeader, nil}, {"<|channel|>", inHeader, nil},
	{"<|end|>", inContent, nil}, {"<|return|>", inContent, nil}, {"<|call|>", inContent, nil},
}

// Opened says whether a prompt ends inside a thought, so that the model's answer
// goes on with it.
func (f Format) Opened(p Prompt) bool {
	if f.think == "" {
		return false
	}
	end := ""
	for i := len(p.Pieces) - 1; i >= 0 && len(end) < 64 && p.Pieces[i].Markup; i-- {
		end = p.Pieces[i].Text + end
	}
	return strings.HasSuffix(strings.TrimSpace(end), f.think)
}
