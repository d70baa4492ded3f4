package llm

import (
	"encoding/json"
	"net/http"

	"rapport/internal/enrich"
)

// anthropic is the Messages API with one tool that has to be used (Anthropic API
// reference, "Messages"; "Tool use", tool_choice).
type anthropic struct{}

const anthropicVersion = "2023-06-01"

func (anthropic) request(m *model, q enrich.Question) (string, http.Header, any) {
	header := http.Header{}
	header.Set("X-Api-Key", m.settings.Key.Reveal())
	header.Set("Anthropic-Version", anthropicVersion)
	return "/messages", header, object{
		"model":       m.settings.Model,
		"max_tokens":  q.Most,
		"system":      q.Instructions,
		"messages":    []object{{"role": "user", "content": q.Text}},
		"tools":       []object{{"name": q.Name, "description": "Takes the answer.", "input_schema": q.Shape}},
		"tool_choice": object{"type": "tool", "name": q.Name, "disable_parallel_tool_use": true},
	}
}

func (anthropic) read(body []byte) (json.RawMessage, error) {
	var a struct {
		StopReason string `json:"stop_reason"`
		Content    []struct {
			Type  string
			Input json.RawMessage
		}
	}
	if json.Unmarshal(body, &a) != nil {
		return nil, garbled("is not one of the Messages API")
	}
	switch a.StopReason {
	case "refusal":
		return nil, refused()
	case "max_tokens", "model_context_window_exceeded":
		return nil, garbled("was cut off")
	}
	for _, c := range a.Content {
		if c.Type == "tool_use" {
			return c.Input, nil
		}
	}
	return nil, garbled("does not use the tool it was given")
}
