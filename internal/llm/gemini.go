package llm

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rapport/internal/enrich"
)

// gemini is models.generateContent with a response schema (Gemini API reference,
// GenerationConfig: responseMimeType, responseJsonSchema).
type gemini struct{}

// geminiRefusals are finish reasons by which it does not want to answer (Gemini API
// reference, FinishReason).
var geminiRefusals = []string{"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "OTHER"}

func (gemini) request(m *model, q enrich.Question) (string, http.Header, any) {
	header := http.Header{}
	header.Set("X-Goog-Api-Key", m.settings.Key.Reveal())
	name := strings.TrimPrefix(m.settings.Model, "models/")
	return "/models/" + url.PathEscape(name) + ":generateContent", header, object{
		"systemInstruction": object{"parts": []object{{"text": q.Instructions}}},
		"contents":          []object{{"role": "user", "parts": []object{{"text": q.Text}}}},
		"generationConfig": object{
			"responseMimeType": "application/json", "responseJsonSchema": q.Shape, "maxOutputTokens": q.Most, "candidateCount": 1, "temperature": 0,
		},
	}
}

func (gemini) read(body []byte) (json.RawMessage, error) {
	var a struct {
		PromptFeedback struct{ BlockReason string }
		Candidates     []struct {
			FinishReason string
			Content      struct {
				Parts []struct {
					Text    string
					Thought bool
				}
			}
		}
	}
	if json.Unmarshal(body, &a) != nil {
		return nil, garbled("is not one of generateContent")
	}
	if a.PromptFeedback.BlockReason != "" {
		return nil, refused()
	}
	if len(a.Candidates) == 0 {
		return nil, garbled("is empty")
	}
	c := a.Candidates[0]
	switch {
	case slices.Contains(geminiRefusals, c.FinishReason):
		return nil, refused()
	case c.FinishReason != "STOP" && c.FinishReason != "":
		return nil, garbled("was cut off")
	}
	var text strings.Builder
	for _, p := range c.Content.Parts {
		if !p.Thought {
			text.WriteString(p.Text)
		}
	}
	return json.RawMessage(text.String()), nil
}
