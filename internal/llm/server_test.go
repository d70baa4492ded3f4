package llm_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/llm"
)

// server speaks the protocol of one provider: it refuses what the provider would
// refuse, and answers what it is told to.
type server struct {
	*httptest.Server
	t        *testing.T
	provider string

	mu      sync.Mutex
	says    string           // the JSON of the next answers
	instead http.HandlerFunc // takes the place of an answer
	asked   []question
}

// question is what arrived.
type question struct {
	system, user string
	schema       json.RawMessage
	header       http.Header
	body         string
}

const apiKey = "sk-made-up-0123456789"

var shape = json.RawMessage(`{"type":"object","properties":{"title":{"type":"string"}},"required":["title"],"additionalProperties":false}`)

var ask = enrich.Question{Instructions: "Find the title.", Text: `{"text":"Mara Linden"}`, Name: "contact", Shape: shape, Most: 500}

func serve(t *testing.T, provider string) *server {
	s := &server{t: t, provider: provider, says: `{"title":"Head of Lamps"}`}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	q, refusal := s.understand(r, body)
	if refusal != "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","message":`+quote(refusal)+`}}`)
		return
	}
	q.header, q.body = r.Header.Clone(), string(body)
	s.mu.Lock()
	s.asked = append(s.asked, q)
	instead, says := s.instead, s.says
	s.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, s.answer(says))
}

// say sets the JSON of the next answers.
func (s *server) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.says = text
}

// do sets what takes the place of the next answers.
func (s *server) do(instead http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead = instead
}

// questions are those that arrived.
func (s *server) questions() []question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]question{}, s.asked...)
}

// understand reads a question as the provider documents it.
func (s *server) understand(r *http.Request, body []byte) (q question, refusal string) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		return q, "not a question"
	}
	strict := func(v any) string {
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.DisallowUnknownFields()
		if err := d.Decode(v); err != nil {
			return err.Error()
		}
		return ""
	}
	type message struct{ Role, Content string }
	switch s.provider {
	case enrich.OpenAI, enrich.Ollama:
		var v struct {
			Model               string
			Messages            []message
			Temperature         *float64
			Stream              bool
			MaxTokens           int `json:"max_tokens"`
			MaxCompletionTokens int `json:"max_completion_tokens"`
			ResponseFormat      struct {
				Type       string
				JSONSchema struct {
					Name   string
					Strict bool
					Schema json.RawMessage
				} `json:"json_schema"`
			} `json:"response_format"`
		}
		if refusal = strict(&v); refusal != "" {
			return q, refusal
		}
		switch {
		case r.URL.Path != "/v1/chat/completions":
			return q, "unknown path " + r.URL.Path
		case s.provider == enrich.OpenAI && (v.MaxTokens != 0 || v.Temperature != nil):
			return q, "unsupported_parameter" // as models that reason say
		case len(v.Messages) != 2 || v.Messages[0].Role != "system" || v.Messages[1].Role != "user":
			return q, "messages"
		case v.ResponseFormat.Type != "json_schema" || !v.ResponseFormat.JSONSchema.Strict || v.ResponseFormat.JSONSchema.Name == "":
			return q, "response_format"
		}
		return question{system: v.Messages[0].Content, user: v.Messages[1].Content, schema: v.ResponseFormat.JSONSchema.Schema}, ""
	case enrich.Anthropic:
		var v struct {
			Model     string
			MaxTokens int `json:"max_tokens"`
			System    string
			Messages  []message
			Tools     []struct {
				Name, Description string
				InputSchema       json.RawMessage `json:"input_schema"`
			}
			ToolChoice struct {
				Type, Name string
				Single     bool `json:"disable_parallel_tool_use"`
			} `json:"tool_choice"`
		}
		if refusal = strict(&v); refusal != "" {
			return q, refusal
		}
		switch {
		case r.URL.Path != "/v1/messages" || r.Header.Get("Anthropic-Version") == "":
			return q, "unknown path or version"
		case v.MaxTokens == 0 || len(v.Messages) != 1 || v.Messages[0].Role != "user":
			return q, "messages"
		case len(v.Tools) != 1 || v.ToolChoice.Type != "tool" || v.ToolChoice.Name != v.Tools[0].Name:
			return q, "tools"
		}
		return question{system: v.System, user: v.Messages[0].Content, schema: v.Tools[0].InputSchema}, ""
	}
	type content struct {
		Role  string
		Parts []struct{ Text string }
	}
	var v struct {
		SystemInstruction content
		Contents          []content
		GenerationConfig  struct {
			ResponseMimeType   string
			ResponseJSONSchema json.RawMessage `json:"responseJsonSchema"`
			MaxOutputTokens    int
			CandidateCount     int
			Temperature        float64
		}
	}
	if refusal = strict(&v); refusal != "" {
		return q, refusal
	}
	if r.URL.Path != "/v1beta/models/a-model:generateContent" || v.GenerationConfig.ResponseMimeType != "application/json" || len(v.Contents) != 1 {
		return q, "unknown path or shape"
	}
	return question{system: v.SystemInstruction.Parts[0].Text, user: v.Contents[0].Parts[0].Text, schema: v.GenerationConfig.ResponseJSONSchema}, ""
}

// answer wraps JSON as the provider does.
func (s *server) answer(text string) string {
	switch s.provider {
	case enrich.OpenAI, enrich.Ollama:
		return `{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":` + quote(text) + `,"refusal":null}}]}`
	case enrich.Anthropic:
		if !json.Valid([]byte(text)) {
			return `{"type":"message","stop_reason":"end_turn","content":[{"type":"text","text":` + quote(text) + `}]}`
		}
		return `{"type":"message","stop_reason":"tool_use","content":[{"type":"text","text":"Here it is."},{"type":"tool_use","id":"t1","name":"contact","input":` + text + `}]}`
	}
	return `{"candidates":[{"finishReason":"STOP","content":{"role":"model","parts":[{"text":"thinking","thought":true},{"text":` + quote(text) + `}]}}],"promptFeedback":{}}`
}

// says of each provider for the same things.
var (
	refusals = map[string]string{
		enrich.OpenAI:    `{"choices":[{"finish_reason":"stop","message":{"content":null,"refusal":"I cannot help."}}]}`,
		enrich.Ollama:    `{"choices":[{"finish_reason":"content_filter","message":{"content":""}}]}`,
		enrich.Anthropic: `{"stop_reason":"refusal","content":[]}`,
		enrich.Gemini:    `{"promptFeedback":{"blockReason":"SAFETY"}}`,
	}
	cuts = map[string]string{
		enrich.OpenAI:    `{"choices":[{"finish_reason":"length","message":{"content":"{\"title\":"}}]}`,
		enrich.Ollama:    `{"choices":[{"finish_reason":"length","message":{"content":"{\"title\":"}}]}`,
		enrich.Anthropic: `{"stop_reason":"max_tokens","content":[{"type":"tool_use","input":{}}]}`,
		enrich.Gemini:    `{"candidates":[{"finishReason":"MAX_TOKENS","content":{"parts":[{"text":"{"}]}}]}`,
	}
)

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// model is one that asks the server.
func (s *server) model(change ...func(*enrich.ModelSettings)) enrich.Model {
	s.t.Helper()
	version := "/v1"
	if s.provider == enrich.Gemini {
		version = "/v1beta"
	}
	settings := enrich.ModelSettings{Provider: s.provider, Model: "a-model", BaseURL: s.URL + version + "/", Key: crm.NewSecret(apiKey), Trusted: true, Timeout: time.Minute}
	for _, c := range change {
		c(&settings)
	}
	m, err := door().Open(settings)
	require.NoError(s.t, err)
	return m
}

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func door(change ...func(*llm.Options)) *llm.Door {
	o := llm.Options{UserAgent: "Rapport/test", Now: func() time.Time { return noon }}
	for _, c := range change {
		c(&o)
	}
	return llm.New(o)
}
