package chat

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// formats are what FormatOf sees of the templates of families.
var formats = map[string]Format{
	"none":    FormatOf("{{ messages }}"),
	"hermes":  FormatOf("<tool_call>\n</tool_call> <think></think>"),
	"llama":   FormatOf(`<|start_header_id|> <|python_tag|> {"name": "f", "parameters": {}}`),
	"mistral": FormatOf("[TOOL_CALLS] [THINK][/THINK]"),
	"deep":    FormatOf("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜><｜tool▁sep｜><｜tool▁calls▁end｜></think><think>"),
	"granite": FormatOf("<|tool_call|>"),
	"kimi":    FormatOf("<|tool_calls_section_begin|><|tool_call_begin|><|tool_calls_section_end|>"),
	"funct":   FormatOf("<function="),
	"harmony": FormatOf("<|channel|><|message|>"),
}

func call(name, args string) ToolCall { return ToolCall{Name: name, Arguments: json.RawMessage(args)} }

// nasty is an argument that contains every marker.
const nasty = `{"s": "</tool_call> \" [ARGS] } <|call|> [TOOL_CALLS] </think> <｜tool▁call▁end｜> \\", "n": [1, {}]}`

var parses = []struct {
	format, text string
	opened       bool
	want         Message
}{
	{"none", " <think>x</think> <tool_call> \n", false, Message{Content: " <think>x</think> <tool_call> \n"}},
	{"hermes", "Hello < there \n", false, Message{Content: "Hello < there \n"}},
	{"hermes", "<think>\nHm.\n\nSo.\n</think>\n\nHi.", false, Message{Reasoning: "Hm.\n\nSo.", Content: "Hi."}},
	{"hermes", "Hm. <tool_call>\n</think>\n\nHi.", true, Message{Reasoning: "Hm. <tool_call>", Content: "Hi."}},
	{"hermes", "never closed", true, Message{Reasoning: "never closed"}},
	{"hermes", "Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\n<tool_call>\n{\"name\": \"g\"}\n</tool_call>", false,
		Message{Content: "Let me see.", ToolCalls: []ToolCall{call("f", `{"a": 1}`), call("g", "{}")}}},
	{"hermes", "<tool_call>{\"name\": \"f\", \"arguments\": " + nasty + "}</tool_call>", false, Message{ToolCalls: []ToolCall{call("f", nasty)}}},
	{"hermes", `<tool_call>{"name": "f", "arguments": "{\"a\": 1}"}`, false, Message{ToolCalls: []ToolCall{call("f", `{"a": 1}`)}}},
	{"hermes", "The mark <tool_call> begins calls, {like} this.", false, Message{Content: "The mark <tool_call> begins calls, {like} this."}},
	{"hermes", `<tool_call>{"name": "f", "argu`, false, Message{Content: `<tool_call>{"name": "f", "argu`}},
	{"hermes", `<tool_call>{"name": 5}</tool_call>`, false, Message{Content: `<tool_call>{"name": 5}</tool_call>`}},
	{"hermes", "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n<parameter=b>\nx\n y \"\n</parameter>\n</function>\n</tool_call>", false,
		Message{ToolCalls: []ToolCall{call("f", `{"a":1,"b":"x\n y \""}`)}}},
	{"llama", `{"name": "f", "parameters": {"a": "}"}}`, false, Message{ToolCalls: []ToolCall{call("f", `{"a": "}"}`)}}},
	{"llama", `{"name": "f", "parameters": {}}; {"name": "g", "parameters": {}}<|eot_id|>`, false, Message{ToolCalls: []ToolCall{call("f", "{}"), call("g", "{}")}, Content: "<|eot_id|>"}},
	{"llama", `<|python_tag|>{"type": "function", "name": "f", "parameters": ` + nasty + `}<|eom_id|>`, false, Message{ToolCalls: []ToolCall{call("f", nasty)}}},
	{"llama", `{"answer": 42}`, false, Message{Content: `{"answer": 42}`}},
	{"llama", `{"name": "Ann"} is an object.`, false, Message{Content: `{"name": "Ann"} is an object.`}},
	{"llama", `So {"name": "f", "parameters": {}}`, false, Message{Content: `So {"name": "f", "parameters": {}}`}},
	{"llama", `<|python_tag|>brave_search.call(query="x")`, false, Message{Content: `<|python_tag|>brave_search.call(query="x")`}},
	{"mistral", `[TOOL_CALLS] [{"name": "f", "arguments": ` + nasty + `, "id": "abcdef123"}, {"name": "g", "arguments": {}}]`, false,
		Message{ToolCalls: []ToolCall{{"abcdef123", "f", json.RawMessage(nasty)}, call("g", "{}")}}},
	{"mistral", `ok[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]xyz[ARGS]` + nasty, false,
		Message{Content: "ok", ToolCalls: []ToolCall{call("f", `{"a": 1}`), {"xyz", "g", json.RawMessage(nasty)}}}},
	{"mistral", "[THINK]Hm.[/THINK]Yes.", false, Message{Reasoning: "Hm.", Content: "Yes."}},
	{"deep", "Hm.\n</think>\n\nOne.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>" + nasty + "<｜tool▁call▁end｜><｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", true,
		Message{Reasoning: "Hm.", Content: "One.", ToolCalls: []ToolCall{call("f", nasty), call("g", "{}")}}},
	{"deep", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": 1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", false,
		Message{ToolCalls: []ToolCall{call("f", `{"a": 1}`), call("g", "{}")}}},
	{"granite", `<|tool_call|>[{"name": "f", "arguments": ` + nasty + `}]`, false, Message{ToolCalls: []ToolCall{call("f", nasty)}}},
	{"granite", `<|tool_call|>[{"name": "f", "arguments": {}}]<|/tool_call|>`, false, Message{ToolCalls: []ToolCall{call("f", "{}")}}},
	{"kimi", "I look.<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>" + nasty + "<|tool_call_end|><|tool_calls_section_end|>", false,
		Message{Content: "I look.", ToolCalls: []ToolCall{{"functions.f:0", "f", json.RawMessage(nasty)}}}},
	{"funct", `<function=f>{"a": "</function>"}</function>`, false, Message{ToolCalls: []ToolCall{call("f", `{"a": "</function>"}`)}}},
	{"harmony", "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes <b>.<|return|>", false, Message{Reasoning: "Hm.", Content: "Yes <b>."}},
	{"harmony", "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>" + nasty + "<|call|>", false,
		Message{Reasoning: "Hm.", ToolCalls: []ToolCall{call("f", nasty)}}},
	{"harmony", "<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{}", false, Message{ToolCalls: []ToolCall{call("f", "{}")}}},
	{"harmony", "<|channel|>commentary<|message|>I look.<|end|>", false, Message{Content: "I look."}},
}

func TestParse(t *testing.T) {
	for _, c := range parses {
		c.want.Role = Assistant
		if got := formats[c.format].Parse(c.text, c.opened); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q:\n got %+v\nwant %+v", c.format, c.text, got, c.want)
		}
	}
}

// inParts parses a text that arrives n bytes at a time.
func inParts(f Format, text string, opened bool, n int) Message {
	p := f.Parser(opened)
	var parts []Part
	for len(text) > 0 {
		k := min(n, len(text))
		parts = append(parts, p.Add(text[:k])...)
		text = text[k:]
	}
	return message(append(parts, p.End()...))
}

func TestParsesInParts(t *testing.T) {
	for _, c := range parses {
		whole := formats[c.format].Parse(c.text, c.opened)
		for n := 1; n < len(c.text); n++ {
			if got := inParts(formats[c.format], c.text, c.opened, n); !reflect.DeepEqual(got, whole) {
				t.Errorf("%s: %q, %d bytes at a time:\n got %+v\nwant %+v", c.format, c.text, n, got, whole)
			}
		}
	}
}

// TestGivesOutSoon: text that cannot be a marker does not wait.
func TestGivesOutSoon(t *testing.T) {
	p := formats["hermes"].Parser(false)
	if got := p.Add("Hello <tool"); len(got) != 1 || got[0].Content != "Hello" {
		t.Errorf("%+v", got)
	}
	if got := p.Add("s are"); len(got) != 1 || got[0].Content != " <tools are" {
		t.Errorf("%+v", got)
	}
	p = formats["llama"].Parser(false)
	if got := p.Add(`{"answer": 4`); len(got) != 1 || got[0].Content != `{"answer": 4` {
		t.Errorf("JSON that is no call waits: %+v", got)
	}
}

func TestOpened(t *testing.T) {
	f := formats["hermes"]
	for _, c := range []struct {
		p    Prompt
		want bool
	}{
		{Prompt{Pieces: []Piece{{"a<|im_start|>assistant\n<think>\n", true}}}, true},
		{Prompt{Pieces: []Piece{{"<|im_start|>assistant\n<think>\n\n</think>\n\n", true}}}, false},
		{Prompt{Pieces: []Piece{{"a", true}, {"<think>", false}}}, false},
		{Prompt{Pieces: []Piece{{"x", false}, {"<th", true}, {"ink>", true}}}, true},
		{Prompt{}, false},
	} {
		if got := f.Opened(c.p); got != c.want {
			t.Errorf("%v: %v", c.p, got)
		}
	}
}

// TestHostileAnswers: what looks like many calls and is none takes no more than
// linear time, and arrives.
func TestHostileAnswers(t *testing.T) {
	for _, text := range []string{
		strings.Repeat(`<tool_call>{`, 100_000),
		strings.Repeat(`<tool_call>{`, 50_000) + strings.Repeat("}", 50_000),
		`<tool_call>{"` + strings.Repeat("a", 2*maxCall),
		`<tool_call><function=f>` + strings.Repeat("a", 2*maxCall),
	} {
		if got := inParts(formats["hermes"], text, false, 4096); got.Content != text || got.ToolCalls != nil {
			t.Errorf("%.40q: %d bytes became %d", text, len(text), len(got.Content))
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range parses {
		f.Add(c.text, c.opened, 3)
	}
	f.Fuzz(func(t *testing.T, text string, opened bool, n int) {
		text = text[:min(len(text), 1<<12)]
		for name, format := range formats {
			whole := format.Parse(text, opened)
			if got := inParts(format, text, opened, 1+(n&15)); !reflect.DeepEqual(got, whole) {
				t.Errorf("%s: %q in parts of %d:\n got %+v\nwant %+v", name, text, 1+(n&15), got, whole)
			}
			for _, c := range whole.ToolCalls {
				if c.Name == "" || !json.Valid(c.Arguments) {
					t.Errorf("%s: call %q %s", name, c.Name, c.Arguments)
				}
			}
		}
	})
}
