package httpapi

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/mail"
	"rapport/internal/mail/accounts"
	"rapport/internal/mail/export"
	"rapport/internal/mail/outbox"
	"rapport/internal/mail/push"
	"rapport/internal/org"
	"rapport/internal/records"
	"rapport/internal/records/linking"
	"rapport/internal/records/merging"
	"rapport/internal/vault"
	"rapport/internal/webhooks"
)

// Server answers HTTP. All fields are set before Handler is called.
type Server struct {
	Org         *org.Service
	Vault       *vault.Service
	Mail        *mail.Service
	Export      *export.Service
	Outbox      *outbox.Service
	Push        *push.Service
	Accounts    *accounts.Service
	Webhooks    *webhooks.Service
	Records     *records.Service
	Linking     *linking.Service
	Merging     *merging.Service
	Enrich      *enrich.Service
	Connections Connections
	Facts       Facts
	Queue       Queue
	Once        Once
	Doctor      Doctor
	Proxy       Proxy
	// SecurityEvents takes what Google tells about accounts.
	SecurityEvents SecurityEvents
	Now            func() time.Time
	Log            *slog.Logger

	PublicURL   string // address browsers use, without a slash at the end
	RedirectURI string // where Google sends people back after consent
	// GoogleSignIn reports whether an OAuth client can sign people in just now; nil: none.
	GoogleSignIn func(context.Context) bool
	Version      string
	Heartbeat    time.Duration   // between signs of life on the event stream
	Closing      <-chan struct{} // closed when the server stops: ends event streams

	Pages          fs.FS // the built web application
	AllowedOrigins []string
	TrustedProxies []netip.Prefix
	Checks         []Check
	// Trace makes a span of each request; nil: none. It sees addresses without the
	// secrets that some of them carry.
	Trace        func(http.Handler) http.Handler
	Metrics      *prometheus.Registry
	MetricsToken crm.Secret

	pages, docs http.Handler           // made by Handler
	signIns     pace                   // at Google, begun
	authorizing pace                   // of the token service, begun
	letters     *letterRooms           // requests with attachments being read
	listening   audience               // at the event stream
	description func() ([]byte, error) // of the API, made when it is asked for
}

// API registers every operation on a mux and gives the description.
func (s *Server) API(mux *http.ServeMux) (huma.API, []Route) {
	config := huma.DefaultConfig("Rapport", s.Version)
	config.Formats = formats()
	config.CreateHooks = nil // no $schema fields and Link headers
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.Info.Description = "Google Workspace for your CRM. Errors are application/problem+json with a stable code. Times are RFC 3339 in UTC. Lists take limit (default 50, at most 200) and cursor. Who may call an operation stands in its x-rapport-access; whoever may not gets 401, 403, or 404 for what is not theirs."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie},
		"bearer":  {Type: "http", Scheme: "bearer", Description: "A token from POST /api/v1/auth/token, or an API key."},
	}
	api := humago.New(mux, config)
	r := &router{mux: mux, api: api, server: s}
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
	keyRequest
)

// request is what every piece of code that answers one may want to know.
type request struct {
	id     string
	log    *slog.Logger // of the server
	hidden crm.Secret   // taken out of the path: see hide
}

var nowhere = &request{log: slog.New(slog.DiscardHandler)}

func requestOf(ctx context.Context) *request {
	if r, known := ctx.Value(keyRequest).(*request); known {
		return r
	}
	return nowhere
}

// logger writes lines that name the request.
func (r *request) logger() *slog.Logger {
	if r.id == "" {
		return r.log
	}
	return r.log.With("request_id", r.id)
}

func requestIDOf(ctx context.Context) string { return requestOf(ctx).id }
