package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"weft/internal/atomicfile"
)

// format names the file format; the number rises when old readers would go wrong.
const format = "weft-chat/1"

// maxFile bounds what Load reads into memory.
const maxFile = 64 << 20

// ErrFile is wrapped when a file is no conversation.
var ErrFile = errors.New("not a saved conversation")

// File is a conversation as Save writes it: one JSON object,
//
//	{"format":"weft-chat/1","model":"…","template":"chatml",
//	 "messages":[{"role":"system","content":"…"},{"role":"user","content":"…"},…]}
//
// with "reasoning", "tool_calls", "tool_call_id" and "name" where a message has
// them. Text that is not UTF-8, which JSON cannot hold, stands as base64 under
// "content_base64" or "reasoning_base64" instead.
type File struct {
	Model, Template string // with which it was held; for people
	Conversation
}

type fileJSON struct {
	Format   string        `json:"format"`
	Model    string        `json:"model,omitempty"`
	Template string        `json:"template,omitempty"`
	Messages []messageJSON `json:"messages"`
}

type messageJSON struct {
	Role            Role       `json:"role"`
	Content         *string    `json:"content,omitempty"`
	Base64          []byte     `json:"content_base64,omitempty"`
	Reasoning       string     `json:"reasoning,omitempty"`
	ReasoningBase64 []byte     `json:"reasoning_base64,omitempty"`
	ToolCalls       []callJSON `json:"tool_calls,omitempty"`
	ToolCallID      string     `json:"tool_call_id,omitempty"`
	Name            string     `json:"name,omitempty"`
}

// callJSON has the arguments as text, so that they come back byte for byte.
type callJSON struct {
	ID        string `json:"id,omitempty"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

func toJSON(m Message) messageJSON {
	j := messageJSON{
		Role: m.Role, Content: &m.Content, Reasoning: m.Reasoning, ToolCallID: m.ToolCallID, Name: m.Name,
	}
	for _, c := range m.ToolCalls {
		j.ToolCalls = append(j.ToolCalls, callJSON{c.ID, c.Name, string(c.Arguments)})
	}
	if !utf8.ValidString(m.Content) {
		j.Content, j.Base64 = nil, []byte(m.Content)
	}
	if !utf8.ValidString(m.Reasoning) {
		j.Reasoning, j.ReasoningBase64 = "", []byte(m.Reasoning)
	}
	return j
}

func (j messageJSON) message(i int) (Message, error) {
	m := Message{
		Role: j.Role, Content: string(j.Base64), Reasoning: j.Reasoning + string(j.ReasoningBase64),
		ToolCallID: j.ToolCallID, Name: j.Name,
	}
	for _, c := range j.ToolCalls {
		if !json.Valid([]byte(c.Arguments)) {
			return m, fmt.Errorf("%w: the arguments of a call in message %d are no JSON", ErrFile, i+1)
		}
		m.ToolCalls = append(m.ToolCalls, ToolCall{c.ID, c.Name, json.RawMessage(c.Arguments)})
	}
	if (j.Content == nil) == (j.Base64 == nil) {
		return m, fmt.Errorf("%w: message %d needs either content or content_base64", ErrFile, i+1)
	}
	if j.Content != nil {
		m.Content = *j.Content
	}
	return m, nil
}

// Save writes a conversation to path, whole or not at all.
func Save(path string, f File) error {
	out := fileJSON{Format: format, Model: f.Model, Template: f.Template, Messages: []messageJSON{}}
	for _, m := range f.Messages() {
		out.Messages = append(out.Messages, toJSON(m))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("save conversation: %w", err)
	}
	if err := atomicfile.WriteBytes(path, b.Bytes()); err != nil {
		return fmt.Errorf("save conversation: %w", err)
	}
	return nil
}

// Load reads what Save wrote.
func Load(path string) (File, error) {
	data, err := read(path)
	if err != nil {
		return File{}, fmt.Errorf("load conversation: %w", err)
	}
	f, err := parse(data)
	if err != nil {
		return File{}, fmt.Errorf("load conversation %s: %w", path, err)
	}
	return f, nil
}

func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%w: %s is larger than %d MiB", ErrFile, path, maxFile>>20)
	}
	return data, err
}

func parse(data []byte) (File, error) {
	var in fileJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if in.Format != format {
		return File{}, fmt.Errorf("%w: its format is %q, this reads %q", ErrFile, in.Format, format)
	}
	var messages []Message
	for i, j := range in.Messages {
		m, err := j.message(i)
		if err != nil {
			return File{}, err
		}
		messages = append(messages, m)
	}
	c, err := split(messages)
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return File{Model: in.Model, Template: in.Template, Conversation: *c}, nil
}
