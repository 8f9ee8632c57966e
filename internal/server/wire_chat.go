package server

import "encoding/json"

// chatRequest is what /v1/chat/completions honours. Pointers are fields whose absence
// means the model's own.
type chatRequest struct {
	Model    string        `json:"model"`
	Messages []chatMessage `json:"messages"`

	Stream        bool           `json:"stream"`
	StreamOptions *streamOptions `json:"stream_options"`

	MaxTokens           *int  `json:"max_tokens"` // the older name
	MaxCompletionTokens *int  `json:"max_completion_tokens"`
	Stop                texts `json:"stop"`

	Temperature      *float32 `json:"temperature"`
	TopP             *float32 `json:"top_p"`
	PresencePenalty  *float32 `json:"presence_penalty"`
	FrequencyPenalty *float32 `json:"frequency_penalty"`
	Seed             *int64   `json:"seed"`
	TopK             *int     `json:"top_k"`          // these three are not OpenAI's; llama.cpp's server
	MinP             *float32 `json:"min_p"`          // has them under the same names
	RepeatPenalty    *float32 `json:"repeat_penalty"` //

	LogProbs    bool `json:"logprobs"`
	TopLogProbs int  `json:"top_logprobs"`

	Tools      []json.RawMessage `json:"tools"`
	ToolChoice json.RawMessage   `json:"tool_choice"`

	ReasoningEffort json.RawMessage            `json:"reasoning_effort"`     // a variable of the template
	TemplateVars    map[string]json.RawMessage `json:"chat_template_kwargs"` // more of them, as llama.cpp and vLLM have it
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// chatMessage is a message as it comes. Content is a text or a list of parts.
type chatMessage struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content"`
	Refusal    string          `json:"refusal"`
	Reasoning  string          `json:"reasoning_content"`
	Name       string          `json:"name"`
	ToolCalls  []toolCall      `json:"tool_calls"`
	ToolCallID string          `json:"tool_call_id"`

	Audio        json.RawMessage `json:"audio"`         // these two are not supported
	FunctionCall json.RawMessage `json:"function_call"` //
}

type contentPart struct {
	Type    string `json:"type"`
	Text    string `json:"text"`
	Refusal string `json:"refusal"`
}

type toolCall struct {
	Index    *int     `json:"index,omitempty"` // in a stream
	ID       string   `json:"id"`
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // JSON, as text
}

// texts is a text or a list of them.
type texts []string

func (t *texts) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var one string
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// completion is an answer, chunk a piece of one that is streamed.
type completion struct {
	ID          string   `json:"id"`
	Object      string   `json:"object"` // chat.completion, or chat.completion.chunk
	Created     int64    `json:"created"`
	Model       string   `json:"model"`
	Fingerprint string   `json:"system_fingerprint"`
	Choices     []choice `json:"choices"`
	Usage       *usage   `json:"usage"`
}

type chunk struct {
	ID          string        `json:"id"`
	Object      string        `json:"object"`
	Created     int64         `json:"created"`
	Model       string        `json:"model"`
	Fingerprint string        `json:"system_fingerprint"`
	Choices     []chunkChoice `json:"choices"`
	Usage       any           `json:"usage,omitempty"` // a *usage, which is null but in the last chunk, if it was asked for
}

type choice struct {
	Index        int       `json:"index"`
	Message      message   `json:"message"`
	LogProbs     *logProbs `json:"logprobs"`
	FinishReason string    `json:"finish_reason"`
}

type chunkChoice struct {
	Index        int       `json:"index"`
	Delta        delta     `json:"delta"`
	LogProbs     *logProbs `json:"logprobs"`
	FinishReason *string   `json:"finish_reason"`
}

type message struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"`
	Refusal   *string    `json:"refusal"` // never: a model's refusal is content
	Reasoning string     `json:"reasoning_content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

type delta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	Reasoning string     `json:"reasoning_content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

// logProbs has every token of the answer, thoughts and calls included.
type logProbs struct {
	Content []tokenLogProb `json:"content"`
	Refusal []tokenLogProb `json:"refusal"`
}

type tokenLogProb struct {
	candidate
	Top []candidate `json:"top_logprobs"`
}

type candidate struct {
	Token   string  `json:"token"`
	LogProb float64 `json:"logprob"`
	Bytes   octets  `json:"bytes"`
}

// octets are written as numbers, since a token need not be whole characters.
type octets []byte

func (b octets) MarshalJSON() ([]byte, error) {
	numbers := make([]int, len(b))
	for i, x := range b {
		numbers[i] = int(x)
	}
	return json.Marshal(numbers)
}

type usage struct {
	PromptTokens     int           `json:"prompt_tokens"`
	CompletionTokens int           `json:"completion_tokens"`
	TotalTokens      int           `json:"total_tokens"`
	PromptDetails    promptDetails `json:"prompt_tokens_details"`
}

type promptDetails struct {
	CachedTokens int `json:"cached_tokens"` // of the prompt, not run again since an earlier one began the same
}
