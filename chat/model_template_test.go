package chat

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"weft/chat/jinja"
	"weft/tokenizer"
)

// everything writes every field in many ways.
const everything = `{{ bos_token }}{% for t in tools or [] %}<|tool|>{{ t | tojson }}{{ t.function.name }}{{ t.function.description.upper() }}{{ t | string }}<|end|>{% endfor %}
{%- for m in messages %}<|turn|>{{ m.role }}|{{ m['role'] | upper }}|{% set ns = namespace(s='') %}
{%- for c in m.content or '' %}{% set ns.s = ns.s ~ c %}{% endfor %}{{ ns.s }}{{ '<' ~ m.content ~ '>' }}{{ m.content | trim | replace(' ', '') }}{{ (m.content or '').split('|') | join('|') }}
{{- m.reasoning_content }}{{ m.name }}{{ m.tool_call_id }}{{ '%s' % m.content }}{{ '{}'.format(m.content) }}{{ m | tojson(indent=2) }}{{ m.content.splitlines() | list }}
{%- for c in m.tool_calls or [] %}{{ c.id }}{{ c.function.name }}{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}{{ v | tojson }}{% endfor %}{{ c | tojson }}{% endfor %}<|end|>
{%- endfor %}{{ extra }}{{ extra | title | lower }}<|turn|>`

func TestNothingButTheTemplateBecomesSpecial(t *testing.T) {
	specials := []string{"<s>", "</s>", "<|turn|>", "<|end|>", "<|tool|>", "<|TURN|>", "1", "true"}
	tok := tokenizer.Bytes(specials...)
	all := "a " + strings.Join(specials, " ") + strings.Join(specials, "")
	raw := func(format string) json.RawMessage {
		quoted, _ := json.Marshal(all)
		return json.RawMessage(strings.ReplaceAll(format, "$", string(quoted)))
	}
	tm, err := Jinja(everything, JinjaOptions{BOS: "<s>", EOS: "</s>"})
	if err != nil {
		t.Fatal(err)
	}
	tm, err = With(tm, Extra{
		Tools: []json.RawMessage{raw(`{"type": $, "function": {"name": $, "description": $, "parameters": {$: [$, 1, true, {"a": $}]}}, $: $}`)},
		Vars:  map[string]json.RawMessage{"extra": raw("$")},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := tm.Render([]Message{
		{Role: System, Content: all}, {Role: User, Content: all, Name: all},
		{Role: Role(all), Content: all, Reasoning: all, ToolCalls: []ToolCall{{ID: all, Name: all, Arguments: raw(`{$: $, "b": [$], "c": 1, "d": true}`)}}},
		{Role: Tool, Content: all, Name: all, ToolCallID: all},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, id := range Encode(tok, p) {
		if tok.IsSpecial(id) {
			got = append(got, string(tok.Piece(id)))
		}
	}
	want := []string{"<s>", "<|tool|>", "<|end|>"}
	for range 4 {
		want = append(want, "<|turn|>", "<|end|>")
	}
	if want = append(want, "<|turn|>"); !slices.Equal(got, want) {
		t.Errorf("special tokens %q, want %q", got, want)
	}
}

// addedByQwen3 are the added tokens of Qwen3's tokenizer.json; those after the first fourteen are not special there.
var addedByQwen3 = []string{
	"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>",
	"<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
	"<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
	"<tool_response>", "</tool_response>", "<think>", "</think>",
}

// TestMarksThatPeopleTypeStayText: a token need not be called special to steer a model.
func TestMarksThatPeopleTypeStayText(t *testing.T) {
	tok := marked(t, append(slices.Clone(addedByQwen3), "\n\n", "é"), 14)
	tm, err := Jinja("{% for m in messages %}<|im_start|>{{ m.role }}\n<think>\n\n</think>\n\n{{ m.content }}<|im_end|>\n{% endfor %}", JinjaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(addedByQwen3, "")
	for _, typed := range append(slices.Clone(addedByQwen3), all, "<"+all+">", "think>"+all+"<thi", strings.Join(addedByQwen3, "\n")) {
		p, err := tm.Render([]Message{{Role: User, Content: typed}, {Role: Assistant, Content: typed}})
		if err != nil {
			t.Fatal(err)
		}
		ids := Encode(tok, p)
		var got []string
		for _, id := range ids {
			if a := tok.AddedToken(id); a != nil && a.IsMark() {
				got = append(got, a.Text)
			}
		}
		if want := []string{"<|im_start|>", "<think>", "</think>", "<|im_end|>"}; !slices.Equal(got, slices.Concat(want, want)) {
			t.Errorf("%q became %q", typed, got)
		}
		if text := string(tok.Decode(ids)); text != p.text() {
			t.Errorf("%q became %q", p.text(), text)
		}
	}
	p := Prompt{Pieces: []Piece{{Text: "é\n\n<think>"}}}
	want := append([]int32{int32(256 + len(addedByQwen3) + 1), int32(256 + len(addedByQwen3))}, tok.Encode("<think", tokenizer.Encode{})...)
	if got := Encode(tok, p); !slices.Equal(got[:len(want)], want) {
		t.Errorf("white space and letters are %v, want %v", got, want)
	}
}

// TestTextGoesOnAfterMarks: what a whole rendered prompt would give, also where the tokenizer begins texts with a space.
func TestTextGoesOnAfterMarks(t *testing.T) {
	doc := map[string]any{}
	data, err := tokenizer.Bytes("<a>", "<b>").JSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	doc["pre_tokenizer"] = map[string]any{"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": false}
	doc["decoder"] = map[string]any{"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": false}
	model := doc["model"].(map[string]any)
	model["unk_token"] = "?"
	if data, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, markup := range []string{"<a>", "x<a>", "<a><b>"} {
		p := Prompt{Pieces: []Piece{{markup, true}, {"y", false}, {"<b>z", true}}}
		want := tok.Encode(markup+"y<b>z", tokenizer.Encode{ParseSpecial: true})
		if got := Encode(tok, p); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", markup, tok.Decode(got), tok.Decode(want))
		}
	}
}

// marked is a tokenizer of bytes and added tokens, of which the first few are special.
func marked(t *testing.T, added []string, specials int) *tokenizer.Tokenizer {
	t.Helper()
	data, err := tokenizer.Bytes(added...).JSON()
	if err != nil {
		t.Fatal(err)
	}
	doc := map[string]any{}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for _, a := range doc["added_tokens"].([]any)[specials:] {
		a.(map[string]any)["special"] = false
	}
	if data, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestRolesMayMakeTokens(t *testing.T) {
	tok := tokenizer.Bytes("<|user|>", "<|system|>")
	tm, err := Jinja("{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}{% endfor %}", JinjaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := tm.Render([]Message{{Role: System, Content: "<|user|>"}, {Role: User}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, id := range Encode(tok, p) {
		if tok.IsSpecial(id) {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d special tokens in %v, want 2", n, p.Pieces)
	}
}

func TestBOSOfTheTemplate(t *testing.T) {
	tok := withBOS(t)
	for source, want := range map[string]int{
		"{{ bos_token }}{{ messages[-1].content }}": 1, "<s>{{ messages[-1].content }}": 1, "{{ messages[-1].content }}": 1,
	} {
		tm, err := ForModel(source, tok)
		if err != nil {
			t.Fatal(err)
		}
		p, err := tm.Render([]Message{{Role: User, Content: "<s>x"}})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, id := range Encode(tok, p) {
			if id == tok.BOS {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d BOS, want %d", source, n, want)
		}
	}
}

func TestTemplateRefuses(t *testing.T) {
	system := []Message{{Role: System, Content: "s"}, {Role: User, Content: "u"}}
	render := func(source string, messages []Message) error {
		tm, err := Jinja(source, JinjaOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = tm.Render(messages)
		return err
	}
	var raised *jinja.Raised
	err := render("{% for m in messages %}\n{% if m.role == 'system' %}{{ raise_exception('No system here') }}{% endif %}{{ m.content }}{% endfor %}", system)
	if !errors.Is(err, ErrMessages) || !errors.As(err, &raised) || raised.Message != "No system here" || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
	if err := render("{{ messages[-1].content }}", system); !errors.Is(err, ErrMessages) {
		t.Errorf("a system message left out: %v", err)
	}
	if err := render("{{ messages[-1].content }}", system[1:]); err != nil {
		t.Errorf("without a system message: %v", err)
	}
	if err := render("{% for m in messages %}{{ m.content[0].text }}{% endfor %}", system); !errors.Is(err, ErrMessages) {
		t.Errorf("content left out: %v", err)
	}
	if err := render("{% for m in messages %}{{ m.content }}{{ m.content + 1 }}{% endfor %}", system); err == nil || errors.Is(err, ErrMessages) {
		t.Errorf("a broken template: %v", err)
	}
	if _, err := Jinja("{% if %}", JinjaOptions{}); !errors.Is(err, jinja.ErrSyntax) {
		t.Errorf("%v", err)
	}
}

// TestShapes has templates that each need another form of calls.
func TestShapes(t *testing.T) {
	call := []Message{{Role: User, Content: "u"}, {Role: Assistant, ToolCalls: []ToolCall{{Name: "f", Arguments: json.RawMessage(`{"b": 1, "a": "x"}`)}}}}
	const loop = "{% for m in messages %}{% if m.tool_calls %}{% for c in m.tool_calls %}"
	const rest = "{% endfor %}{% else %}{{ m.content }}{% endif %}{% endfor %}"
	for source, want := range map[string]string{
		loop + "{{ c.function.name }}{{ c.function.arguments | tojson }}" + rest:                                              `uf{"b": 1, "a": "x"}`,
		loop + "{{ c.function.name ~ '(' }}{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }};{% endfor %}" + rest: `uf(b=1;a=x;`,
		loop + "{{ c.function.name + c.function.arguments }}" + rest:                                                          `uf{"b": 1, "a": "x"}`,
		loop + "{{ c.function.name }} {{ c.function.arguments }}" + rest:                                                      `uf {"b": 1, "a": "x"}`,
		loop + "{% if m.content is none %}{{ c.function.name + c.function.arguments }}{% endif %}" + rest:                     `uf{"b": 1, "a": "x"}`,
		loop + "{% if m.content is none %}{{ c.function | tojson }}{% endif %}" + rest:                                        `u{"name": "f", "arguments": {"b": 1, "a": "x"}}`,
	} {
		tm, err := Jinja(source, JinjaOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := tm.Render(call); err != nil || p.text() != want {
			t.Errorf("%s: %q, %v, want %q", source, p.text(), err, want)
		}
	}
	tm, err := Jinja("{% for m in messages %}{{ m.content }}{% endfor %}", JinjaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tm.Render(call); !errors.Is(err, ErrTools) {
		t.Errorf("a template without calls: %v", err)
	}
	for _, tm := range []Template{Plain, ChatML} {
		if _, err := tm.Render(call); !errors.Is(err, ErrMessages) {
			t.Errorf("%s: %v", tm.Name(), err)
		}
	}
}

func TestWith(t *testing.T) {
	tools := Extra{Tools: []json.RawMessage{json.RawMessage(`{"type": "function", "function": {"name": "f"}}`)}}
	vars := Extra{Vars: map[string]json.RawMessage{"enable_thinking": json.RawMessage("false")}}
	const source = "{% if tools %}{{ tools[0].function.name }}{% endif %}{{ messages[-1].content }}" +
		"{% if enable_thinking is defined and not enable_thinking %}!{% endif %}{% if add_generation_prompt %}>{% endif %}"
	tm, err := Jinja(source, JinjaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for want, x := range map[string]Extra{"u>": {}, "fu>": tools, "u!>": vars, "u": {Closed: true}} {
		with, err := With(tm, x)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := with.Render([]Message{{Role: User, Content: "u"}}); err != nil || p.text() != want {
			t.Errorf("%q, %v, want %q", p.text(), err, want)
		}
	}
	plain, err := Jinja("{{ messages[-1].content }}", JinjaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tm := range []Template{plain, Plain, ChatML} {
		if _, err := With(tm, tools); !errors.Is(err, ErrTools) {
			t.Errorf("%s: %v", tm.Name(), err)
		}
		if _, err := With(tm, vars); err == nil {
			t.Errorf("%s took a variable that it does not have", tm.Name())
		}
		if same, err := With(tm, Extra{}); err != nil || same != tm {
			t.Errorf("%s: nothing to add: %v", tm.Name(), err)
		}
	}
}

func TestForModel(t *testing.T) {
	tok := tokenizer.Bytes("<eos>", "<turn>", "<end>")
	tm, err := ForModel("{% for m in messages %}<turn>{{ m.content }}<end>\n{% endfor %}<turn>", tok)
	if err != nil {
		t.Fatal(err)
	}
	if got := tm.End(); !slices.Equal(got, []string{"<eos>", "<end>"}) {
		t.Errorf("turns end with %q", got)
	}
	if tm, err := ForModel("", tokenizer.Bytes(imStart, imEnd)); err != nil || tm != ChatML {
		t.Errorf("without a template: %v, %v", tm, err)
	}
	if _, err := ForModel("{{", tok); err == nil {
		t.Error("took a broken template")
	}
}
