package chat

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weft/tokenizer"
)

var turns = []Message{{Role: System, Content: "Be brief."}, {Role: User, Content: "Hi"}, {Role: Assistant, Content: "Hello."}, {Role: User, Content: "Bye"}}

func TestChatML(t *testing.T) {
	p, err := ChatML.Render(turns)
	if err != nil {
		t.Fatal(err)
	}
	want := "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n" +
		"<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n"
	if got := p.text(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestPlainIsOneText(t *testing.T) {
	for _, c := range []struct {
		messages []Message
		want     string
	}{
		{[]Message{{Role: User, Content: "To be, or"}}, "To be, or"},
		{[]Message{{Role: User, Content: "To be"}, {Role: Assistant, Content: ", or not"}, {Role: User, Content: "ROMEO:"}}, "To be, or not\nROMEO:"},
		{[]Message{{Role: User, Content: "a"}, {Role: Assistant, Content: "b\n"}, {Role: User, Content: "c"}}, "ab\nc"},
		{[]Message{{Role: System, Content: "A play."}, {Role: User, Content: "a"}}, "A play.\na"},
		{[]Message{{Role: User, Content: "a"}, {Role: Assistant, Content: ""}, {Role: User, Content: "b"}}, "a\nb"},
		{nil, ""},
	} {
		p, err := Plain.Render(c.messages)
		if err != nil || p.text() != c.want {
			t.Errorf("%v: %q, %v, want %q", c.messages, p.text(), err, c.want)
		}
	}
}

func TestUnknownRoles(t *testing.T) {
	for _, tm := range []Template{Plain, ChatML} {
		if _, err := tm.Render([]Message{{Role: User, Content: "a"}, {Role: "<|im_end|>", Content: "b"}}); !errors.Is(err, ErrMessages) {
			t.Errorf("%s: %v", tm.Name(), err)
		}
	}
}

func TestForPicksByTheTokenizer(t *testing.T) {
	if got := For(tokenizer.Bytes()); got != Plain {
		t.Errorf("without special tokens: %s", got.Name())
	}
	if got := For(tokenizer.Bytes(imStart)); got != Plain {
		t.Errorf("with one of two: %s", got.Name())
	}
	if got := For(tokenizer.Bytes(imStart, imEnd)); got != ChatML {
		t.Errorf("with both: %s", got.Name())
	}
}

// TestContentNeverBecomesSpecial: whatever people write, the prompt has exactly
// the template's special tokens, and the text is what was written.
func TestContentNeverBecomesSpecial(t *testing.T) {
	tok := tokenizer.Bytes(imStart, imEnd, "<s>")
	parts := rapid.SampledFrom([]string{imStart, imEnd, "<s>", "<|im_", "start|>", "end|>", "<", "|", "user\n", "\xff", "é", " "})
	rapid.Check(t, func(t *rapid.T) {
		var messages []Message
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			role := rapid.SampledFrom([]Role{System, User, Assistant}).Draw(t, "role")
			messages = append(messages, Message{Role: role, Content: strings.Join(rapid.SliceOf(parts).Draw(t, "content"), "")})
		}
		p, err := ChatML.Render(messages)
		if err != nil {
			t.Fatal(err)
		}
		ids := Encode(tok, p)
		specials := 0
		for _, id := range ids {
			if tok.IsSpecial(id) {
				specials++
			}
		}
		if want := 2*len(messages) + 1; specials != want {
			t.Fatalf("%d special tokens, the template has %d", specials, want)
		}
		if got := string(tok.Decode(ids)); got != p.text() {
			t.Fatalf("tokens spell %q, not %q", got, p.text())
		}
	})
}

// TestMarkupAndContentAreOneText: without special tokens between them they are
// encoded together, as a whole rendered prompt would be.
func TestMarkupAndContentAreOneText(t *testing.T) {
	tok, err := tokenizer.Train(slices.Values([][]byte{[]byte(strings.Repeat("aa bb ", 50))}), tokenizer.TrainOptions{
		Vocab: 262, Split: tokenizer.GPT2, Specials: []string{imStart, imEnd},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := Prompt{Pieces: []Piece{{imStart + "a", true}, {"a b", false}, {"b" + imEnd, true}}}
	want := tok.Encode(imStart+"aa bb"+imEnd, tokenizer.Encode{ParseSpecial: true})
	if got := Encode(tok, p); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestBOSOnce(t *testing.T) {
	tok := withBOS(t)
	p, _ := Plain.Render(turns[1:2])
	if got, want := Encode(tok, p), append([]int32{tok.BOS}, tok.Encode("Hi", tokenizer.Encode{})...); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	p.AddSpecial = false
	if got := Encode(tok, p); got[0] == tok.BOS {
		t.Errorf("%v has a BOS that nobody asked for", got)
	}
}

// TestTokensThatSwallowSpace: what a whole rendered prompt would give.
func TestTokensThatSwallowSpace(t *testing.T) {
	data, err := tokenizer.Bytes("<a>", "<b>").JSON()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), `"lstrip": false`, `"lstrip": true`, 1)
	text = strings.Replace(text, `"rstrip": false`, `"rstrip": true`, 2)
	if text == string(data) {
		t.Fatalf("the file says it otherwise: %.300s", text)
	}
	tok, err := tokenizer.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p := Prompt{Pieces: []Piece{{"x <a>", true}, {" \n y ", false}, {"<b>\n", true}, {" z", false}, {" <b>", true}, {" ", false}}}
	whole := ""
	for _, piece := range p.Pieces {
		whole += piece.Text
	}
	want := tok.Encode(whole, tokenizer.Encode{ParseSpecial: true})
	if got := Encode(tok, p); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", tok.Decode(got), tok.Decode(want))
	}
}

func TestFit(t *testing.T) {
	long := []Message{{Role: System, Content: "ssss"}, {Role: User, Content: "aaaa"}, {Role: Assistant, Content: "bbbb"}, {Role: User, Content: "cccc"}, {Role: Assistant, Content: "dddd"}, {Role: User, Content: "eeee"}}
	count := func(m []Message) (n int, err error) {
		for _, x := range m {
			n += len(x.Content)
		}
		return n, nil
	}
	for limit, want := range map[int]string{
		24: "ssssaaaabbbbccccddddeeee", 23: "ssssccccddddeeee", 16: "ssssccccddddeeee", 15: "sssseeee", 3: "sssseeee",
	} {
		kept, dropped, err := Fit(long, limit, count)
		got := ""
		for _, m := range kept {
			got += m.Content
		}
		if err != nil || got != want || len(kept)+dropped != len(long) {
			t.Errorf("limit %d: %q and %d dropped, want %q", limit, got, dropped, want)
		}
	}
	if kept, dropped, _ := Fit(long[3:], 8, count); dropped != 2 || len(kept) != 1 {
		t.Errorf("without a system text: kept %v", kept)
	}
	if kept, dropped, _ := Fit(nil, 8, count); dropped != 0 || len(kept) != 0 {
		t.Errorf("nothing: kept %v", kept)
	}
	bad := errors.New("no")
	if _, _, err := Fit(long, 8, func([]Message) (int, error) { return 0, bad }); !errors.Is(err, bad) {
		t.Errorf("%v", err)
	}
}

func TestConversation(t *testing.T) {
	c := Conversation{System: "s"}
	c.Ask("a")
	if c.Retract(Assistant) {
		t.Error("took back an answer that is not there")
	}
	c.Answer("b")
	if !c.Retract(Assistant) || !reflect.DeepEqual(c.Messages(), []Message{{Role: System, Content: "s"}, {Role: User, Content: "a"}}) {
		t.Errorf("%v", c.Messages())
	}
	if c.Reset(); len(c.Messages()) != 1 {
		t.Errorf("after reset: %v", c.Messages())
	}
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.json")
	f := File{Model: "m", Template: "chatml", Conversation: Conversation{System: "<b>", Turns: []Message{
		{Role: User, Content: "tab\tand \xff\xfe bytes"}, {Role: Assistant, Content: ""}, {
			Role: Assistant, Reasoning: "hm\xff", ToolCalls: []ToolCall{{"1", "f", json.RawMessage(`{"a":  [1]}`)}, {"", "g", json.RawMessage("{}")}},
		}, {Role: Tool, Content: "r", ToolCallID: "1", Name: "f"}, {Role: User, Content: "日本 \u2028 \x00"},
	}}}
	if err := Save(path, f); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil || got.Model != f.Model || got.Template != f.Template || !reflect.DeepEqual(got.Messages(), f.Messages()) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := Save(filepath.Join(path, "under-a-file"), f); err == nil {
		t.Error("saved below a file")
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"empty":         "",
		"no json":       "hello",
		"other format":  `{"format":"other/1","messages":[]}`,
		"newer":         `{"format":"weft-chat/2","messages":[]}`,
		"no content":    `{"format":"weft-chat/1","messages":[{"role":"user"}]}`,
		"both contents": `{"format":"weft-chat/1","messages":[{"role":"user","content":"a","content_base64":"YQ=="}]}`,
		"unknown role":  `{"format":"weft-chat/1","messages":[{"role":"clown","content":"a"}]}`,
		"bad arguments": `{"format":"weft-chat/1","messages":[{"role":"assistant","content":"","tool_calls":[{"name":"f","arguments":"{"}]}]}`,
		"late system":   `{"format":"weft-chat/1","messages":[{"role":"user","content":"a"},{"role":"system","content":"b"}]}`,
	} {
		path := filepath.Join(dir, "f.json")
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// withBOS is a tokenizer that begins every text with a token, and ends it with one.
func withBOS(t *testing.T) *tokenizer.Tokenizer {
	t.Helper()
	data, err := tokenizer.Bytes("<s>", "</s>").JSON()
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	special := func(text string) any { return map[string]any{"SpecialToken": map[string]any{"id": text, "type_id": 0}} }
	fields["post_processor"] = map[string]any{
		"type":   "TemplateProcessing",
		"single": []any{special("<s>"), map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}, special("</s>")},
		"pair":   []any{},
		"special_tokens": map[string]any{
			"<s>":  map[string]any{"id": "<s>", "ids": []int{256}, "tokens": []string{"<s>"}},
			"</s>": map[string]any{"id": "</s>", "ids": []int{257}, "tokens": []string{"</s>"}},
		},
	}
	if data, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if around := tok.Encode("a", tokenizer.Encode{AddSpecial: true}); len(around) != 3 {
		t.Fatalf("the tokenizer makes %v of a letter", around)
	}
	return tok
}
