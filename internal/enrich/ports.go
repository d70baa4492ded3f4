package enrich

import (
	"context"
	"encoding/json"
	"time"

	"rapport/internal/crm"
)

// Model answers questions in a given shape (implemented by the door to models).
type Model interface {
	// Name is how evidence names it: the provider and the model.
	Name() string
	// Where is the host that is asked.
	Where() string
	// Ask gives an answer of the shape asked for; what it says is not to be believed.
	// Faults: Throttled and Unavailable pass; Forbidden, NotFound and Invalid need
	// somebody; those of code CodeRefused and CodeGarbled are about this text alone.
	Ask(ctx context.Context, q Question) (json.RawMessage, error)
}

// Codes of faults that concern one text, not the model.
const (
	CodeRefused = "model_refused" // it does not want to answer
	CodeGarbled = "model_garbled" // its answer is not of the shape, or was cut off
)

// Question to a model.
type Question struct {
	Instructions string
	Text         string          // what it is about: data of others, never instructions
	Name         string          // of the shape: a-z and _
	Shape        json.RawMessage // JSON Schema of the answer
	Most         int             // tokens of the answer
}

// Providers of models.
const (
	OpenAI    = "openai" // and what speaks like it, at a base address
	Ollama    = "ollama"
	Anthropic = "anthropic"
	Gemini    = "gemini"
)

// Providers in the order they are offered in.
var Providers = []string{OpenAI, Ollama, Anthropic, Gemini}

// ModelSettings say which model is asked, and where.
type ModelSettings struct {
	Provider string
	Model    string
	BaseURL  string // "": the provider's own
	Key      crm.Secret
	Timeout  time.Duration
	// Trusted: the operator has chosen the address. Others may not lead into their network.
	Trusted bool
}

// Models opens models.
type Models interface {
	// Open checks the settings and gives the model; fault.Invalid with the fields
	// that are wrong (provider, model, base_url, key).
	Open(s ModelSettings) (Model, error)
}
