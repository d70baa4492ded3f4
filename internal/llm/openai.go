package llm

import (
	"encoding/json"
	"net/http"

	"rapport/internal/enrich"
)

// openAI is Chat Completions with Structured Outputs (OpenAI API reference, "Create
// chat completion", response_format json_schema). Ollama and most servers of one's
// own speak it.
type openAI struct {
	local bool // Ollama: older names of settings, and as exact as it can be
}

type object = map[string]any

func (o openAI) request(m *model, q enrich.Question) (string, http.Header, any) {
	body := object{
		"model": m.settings.Model,
		"messages": []object{
			{"role": "system", "content": q.Instructions},
			{"role": "user", "content": q.Text},
		},
		"response_format": object{"type": "json_schema", "json_schema": object{"name": q.Name, "strict": true, "schema": q.Shape}},
	}
	if o.local {
		body["max_tokens"], body["temperature"], body["stream"] = q.Most, 0, false
	} else {
		body["max_completion_tokens"] = q.Most
	}
	header := http.Header{}
	if !m.settings.Key.IsZero() {
		header.Set("Authorization", "Bearer "+m.settings.Key.Reveal())
	}
	return "/chat/completions", header, body
}

func (openAI) read(body []byte) (json.RawMessage, error) {
	var a struct {
		Choices []struct {
			FinishReason string `json:"finish_reason"`
			Message      struct {
				Content   *string
				Refusal   *string
				ToolCalls []json.RawMessage `json:"tool_calls"`
			}
		}
	}
	if json.Unmarshal(body, &a) != nil || len(a.Choices) == 0 {
		return nil, garbled("is not one of Chat Completions")
	}
	c := a.Choices[0]
	switch {
	case c.FinishReason == "content_filter", c.Message.Refusal != nil && *c.Message.Refusal != "":
		return nil, refused()
	case c.FinishReason == "length":
		return nil, garbled("was cut off")
	case len(c.Message.ToolCalls) > 0:
		return nil, garbled("calls tools that nobody offered")
	case c.Message.Content == nil:
		return nil, garbled("is empty")
	}
	return json.RawMessage(*c.Message.Content), nil
}
