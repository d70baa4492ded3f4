package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/org"
)

// Server answers HTTP. All fields are set before Handler is called.
type Server struct {
	Org         *org.Service
	Google      Google
	Connections Connections
	Mail        Mail
	Facts       Facts
	Now         func() time.Time

	PublicURL string // address browsers use, without a slash at the end
	Version   string
	Heartbeat time.Duration   // between signs of life on the event stream
	Closing   <-chan struct{} // closed when the server stops: ends event streams

	GoogleSignIn bool // an OAuth client is configured
}

// API registers every operation on a mux and gives the description.
func (s *Server) API(mux *http.ServeMux) (huma.API, []Route) {
	config := huma.DefaultConfig("Rapport", s.Version)
	config.CreateHooks = nil // no $schema fields and Link headers
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.Info.Description = "Google Workspace for your CRM. Errors are application/problem+json with a stable code. Times are RFC 3339 in UTC. Lists take limit (default 50, at most 200) and cursor."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie},
		"bearer":  {Type: "http", Scheme: "bearer", Description: "A token from POST /api/v1/auth/token, or an API key."},
	}
	api := humago.New(mux, config)
	r := &router{api: api, server: s}
	s.register(r)
	return api, r.routes
}

// OpenAPI is the description as JSON, with its stable order and indentation.
func (s *Server) OpenAPI() ([]byte, error) {
	api, _ := s.API(http.NewServeMux())
	return indentJSON(api.OpenAPI())
}

type contextKey int

const (
	keyCaller contextKey = iota
	keyRequestID
)

func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(keyRequestID).(string)
	return id
}
