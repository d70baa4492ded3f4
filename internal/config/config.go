// Package config is what an operator can decide: one struct, read from the
// environment and a .env file by cmd and app only. The reference and the example
// file are generated from it, and all mistakes are reported at once.
package config

import (
	"iter"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rapport/internal/crm"
)

// Config is every setting. Tags: env names the variable, envDefault its value
// when unset, doc says what it does, group orders the reference, example shows a
// value.
type Config struct {
	Host           string   `group:"Address" env:"SERVICE_HOST" envDefault:"127.0.0.1" doc:"Address to listen on. 0.0.0.0 listens on every interface."`
	Port           int      `group:"Address" env:"SERVICE_PORT" envDefault:"8000" doc:"Port to listen on; 0 lets the system choose one."`
	PublicURL      string   `group:"Address" env:"PUBLIC_URL" doc:"Address that browsers use, as Google has to know it for the redirect. Default http://localhost with the port." example:"https://crm.example.org"`
	AllowedOrigins []string `group:"Address" env:"ALLOWED_ORIGINS" envSeparator:"," doc:"Origins of other front ends that may call the API from a browser, separated by commas." example:"https://app.example.org"`
	TrustedProxies []string `group:"Address" env:"TRUSTED_PROXIES" envSeparator:"," doc:"Addresses or networks (CIDR) of proxies in front, whose X-Forwarded-For is believed." example:"10.0.0.0/8"`

	DataDir      string     `group:"Storage" env:"DATA_DIR" envDefault:"data" doc:"Folder for the database and the encryption key. Made at the first start."`
	DatabasePath string     `group:"Storage" env:"DATABASE_PATH" doc:"SQLite file. Default rapport.db in the data folder."`
	DatabaseURL  crm.Secret `group:"Storage" env:"DATABASE_URL" doc:"PostgreSQL 13 or newer instead of SQLite." example:"postgres://rapport:secret@db.example.org:5432/rapport"`

	EncryptionKey crm.Secret    `group:"Security" env:"ENCRYPTION_KEY" doc:"Fernet keys, separated by commas: the first encrypts, all decrypt. Default: the file encryption.key in the data folder, made at the first start." example:"nKf5ZBAb1lbYxA9DMSWZtqvVfMcUSUg6rKVFMsIyDWk="`
	SessionLife   time.Duration `group:"Security" env:"SESSION_LIFE" envDefault:"336h" doc:"How long a browser stays signed in without being used."`
	TokenLife     time.Duration `group:"Security" env:"TOKEN_LIFE" envDefault:"1h" doc:"How long a bearer token from POST /api/v1/auth/token is good for."`
	SignInDomains []string      `group:"Security" env:"SIGN_IN_DOMAINS" envSeparator:"," doc:"Google Workspace domains whose people may join by themselves. Everybody else has to be invited." example:"example.org"`
	BrokerOpen    bool          `group:"Security" env:"BROKER_OPEN" envDefault:"false" doc:"The token service hands tokens of the only workspace to whoever reaches the port, without a key. Possible only where SERVICE_HOST and PUBLIC_URL are loopback, and never for requests that came through a proxy; for development."`
	TokenServices string        `group:"Security" env:"TOKEN_SERVICES" doc:"Further services of the token service with their scopes: name=scope scope, separated by semicolons." example:"tasks=https://www.googleapis.com/auth/tasks; forms=https://www.googleapis.com/auth/forms.body"`
	AuditKept     time.Duration `group:"Security" env:"AUDIT_KEPT" envDefault:"0" doc:"How long rows of the audit log are kept: 8760h is a year. 0 keeps them for ever." example:"8760h"`
	MetricsToken  crm.Secret    `group:"Security" env:"METRICS_TOKEN" doc:"Bearer token that /metrics asks for. Without it /metrics is open to whoever reaches the port."`

	GoogleClientID     string        `group:"Google" env:"GOOGLE_CLIENT_ID" doc:"OAuth client registered with Google." example:"1234567890-abc.apps.googleusercontent.com"`
	GoogleClientSecret crm.Secret    `group:"Google" env:"GOOGLE_CLIENT_SECRET" doc:"Secret of that client."`
	GoogleRedirectURI  string        `group:"Google" env:"GOOGLE_REDIRECT_URI" doc:"Where Google sends people back after consent; register it with Google. Default /api/v1/integrations/google/callback under PUBLIC_URL."`
	GoogleQuota        string        `group:"Google" env:"GOOGLE_QUOTA" envDefault:"2026" doc:"Quota model of your Google Cloud project: 2026 (new projects: 6,000 units a minute and user), legacy (projects that used the Gmail API before 2026: 15,000), none."`
	RefreshAhead       time.Duration `group:"Google" env:"TOKEN_REFRESH_AHEAD" envDefault:"5m" doc:"How long before it ends an access token is refreshed."`

	PubSubTopic        string        `group:"Google" env:"GOOGLE_PUBSUB_TOPIC" doc:"Pub/Sub topic that Gmail tells about new mail, in the project of the OAuth client. Doctor checks that it is there and that Gmail may publish to it." example:"projects/acme-crm/topics/gmail"`
	PubSubSubscription string        `group:"Google" env:"GOOGLE_PUBSUB_SUBSCRIPTION" doc:"Subscription of that topic. With GOOGLE_APPLICATION_CREDENTIALS Rapport pulls it, which needs no public address; one that pushes is made by the command pubsub setup." example:"projects/acme-crm/subscriptions/rapport"`
	PushAccount        string        `group:"Google" env:"GOOGLE_PUSH_SERVICE_ACCOUNT" doc:"Service account that the subscription pushes with. Notifications posted to /webhooks/google/gmail are taken from it alone, and from nobody when it is empty." example:"rapport-push@acme-crm.iam.gserviceaccount.com"`
	PushAudience       string        `group:"Google" env:"GOOGLE_PUSH_AUDIENCE" doc:"Audience of the tokens that those notifications carry. Default: /webhooks/google/gmail under PUBLIC_URL."`
	PushFallback       time.Duration `group:"Google" env:"PUSH_FALLBACK" envDefault:"15m" doc:"How long notifications may be quiet before a mailbox is looked at nevertheless. It grows to 8h for mailboxes where nothing was missed."`
	GoogleCredentials  string        `group:"Google" env:"GOOGLE_APPLICATION_CREDENTIALS" doc:"Key file of a service account that may read GOOGLE_PUBSUB_SUBSCRIPTION; the command pubsub setup uses it as well." example:"/etc/rapport/pubsub.json"`

	GoogleBaseURL     string `group:"Google's addresses" env:"GOOGLE_BASE_URL" doc:"A Google-like server, a simulator for example, that takes the place of every address of Google." example:"http://127.0.0.1:8100"`
	GoogleAuthURL     string `group:"Google's addresses" env:"GOOGLE_AUTH_URL" doc:"Consent page. Wins over GOOGLE_BASE_URL, as do the following."`
	GoogleTokenURL    string `group:"Google's addresses" env:"GOOGLE_TOKEN_URL" doc:"Token endpoint."`
	GoogleRevokeURL   string `group:"Google's addresses" env:"GOOGLE_REVOKE_URL" doc:"Revocation endpoint."`
	GoogleUserinfoURL string `group:"Google's addresses" env:"GOOGLE_USERINFO_URL" doc:"OpenID Connect userinfo endpoint. Only doctor asks it: the id token says who somebody is."`
	GoogleJWKSURL     string `group:"Google's addresses" env:"GOOGLE_JWKS_URL" doc:"Keys that id tokens are signed with."`
	GoogleIssuer      string `group:"Google's addresses" env:"GOOGLE_ISSUER" doc:"Issuer of id tokens."`
	GoogleIMAP        string `group:"Google's addresses" env:"GOOGLE_IMAP_ADDRESS" doc:"Host and port that take the place of imap.gmail.com:993; its certificate has to be for imap.gmail.com." example:"127.0.0.1:8993"`
	GoogleSMTP        string `group:"Google's addresses" env:"GOOGLE_SMTP_ADDRESS" doc:"Host and port that take the place of smtp.gmail.com:465; its certificate has to be for smtp.gmail.com." example:"127.0.0.1:8465"`

	OutboundPrivate bool   `group:"Other servers" env:"OUTBOUND_ALLOW_PRIVATE" envDefault:"false" doc:"Webhooks, e-mail accounts and models that workspaces choose may go to addresses that are not on the public internet: loopback, private and link-local networks. For servers inside one's own network, and for tests."`
	MailCAFile      string `group:"Other servers" env:"MAIL_CA_FILE" doc:"File with certificates (PEM) of authorities that mail servers of e-mail accounts may be signed by, besides those of the system." example:"/etc/ssl/our-ca.pem"`

	EnrichMode  string        `group:"Reading signatures" env:"ENRICH_MODE" envDefault:"rules" doc:"How signatures are read where a workspace has not chosen: rules (on this machine; nothing leaves it), model, or both. A model reads only where the workspace's administrators allow it and the mailbox's owner has chosen it."`
	LLMProvider string        `group:"Reading signatures" env:"LLM_PROVIDER" doc:"Model that workspaces may use: openai (and what speaks like it, at LLM_BASE_URL), ollama, anthropic or gemini. None when empty." example:"ollama"`
	LLMModel    string        `group:"Reading signatures" env:"LLM_MODEL" doc:"Its name, as the provider writes it." example:"qwen3:8b"`
	LLMBaseURL  string        `group:"Reading signatures" env:"LLM_BASE_URL" doc:"Where it is, instead of the provider's own address (of Ollama http://127.0.0.1:11434/v1)." example:"http://models.example.org:11434/v1"`
	LLMKey      crm.Secret    `group:"Reading signatures" env:"LLM_API_KEY" doc:"API key of the provider. Workspaces that choose a model of their own use a key of their own."`
	LLMTimeout  time.Duration `group:"Reading signatures" env:"LLM_TIMEOUT" envDefault:"30s" doc:"How long an answer may take."`

	Workers     int  `group:"Work" env:"WORKERS" envDefault:"8" doc:"Jobs this process does at the same time."`
	WithoutSync bool `group:"Work" env:"WITHOUT_SYNC" envDefault:"false" doc:"Serve the API and pages only; other processes on the same database do the syncing."`

	LogLevel     string `group:"Seeing it run" env:"LOG_LEVEL" envDefault:"info" doc:"debug, info, warn or error."`
	LogFormat    string `group:"Seeing it run" env:"LOG_FORMAT" envDefault:"text" doc:"text or json."`
	PprofAddress string `group:"Seeing it run" env:"PPROF_ADDRESS" doc:"Address for Go's profiler, on a private port. Off when empty." example:"127.0.0.1:6060"`
	OTelEndpoint string `group:"Seeing it run" env:"OTEL_EXPORTER_OTLP_ENDPOINT" doc:"Where traces go (OTLP over HTTP). Off when empty; the other standard OTEL_ variables are obeyed." example:"http://127.0.0.1:4318"`
	OTelTraces   string `group:"Seeing it run" env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" doc:"The same, for traces alone."`
}

// Endpoints are Google's addresses as configured.
type Endpoints struct {
	Auth, Token, Revoke, Userinfo, JWKS, Issuer string
	RISC                                        string // configuration of security events
	Simulated                                   bool   // not the real Google

	// Roots of the APIs, with a slash at their end.
	Gmail, Calendar, People, Directory, Drive, Sheets, Meet, PubSub string
	// Base takes the place of every host of Google, without a slash at its end;
	// empty: Google's own.
	Base string
}

// Endpoints folds GOOGLE_BASE_URL into every address that is not given itself.
func (c *Config) Endpoints() Endpoints {
	e := Endpoints{
		Auth: "https://accounts.google.com/o/oauth2/v2/auth", Token: "https://oauth2.googleapis.com/token",
		Revoke: "https://oauth2.googleapis.com/revoke", Userinfo: "https://openidconnect.googleapis.com/v1/userinfo",
		JWKS: "https://www.googleapis.com/oauth2/v3/certs", Issuer: "https://accounts.google.com",
		RISC:  "https://accounts.google.com/.well-known/risc-configuration",
		Gmail: "https://gmail.googleapis.com/", Calendar: "https://www.googleapis.com/", People: "https://people.googleapis.com/",
		Directory: "https://admin.googleapis.com/", Drive: "https://www.googleapis.com/", Sheets: "https://sheets.googleapis.com/",
		Meet: "https://meet.googleapis.com/", PubSub: "https://pubsub.googleapis.com/",
	}
	if base := strings.TrimRight(c.GoogleBaseURL, "/"); base != "" {
		root := base + "/"
		e = Endpoints{
			Auth: base + "/o/oauth2/v2/auth", Token: base + "/token", Revoke: base + "/revoke", Userinfo: base + "/v1/userinfo",
			JWKS: base + "/oauth2/v3/certs", Issuer: base, RISC: base + "/.well-known/risc-configuration", Simulated: true,
			Gmail: root, Calendar: root, People: root, Directory: root, Drive: root, Sheets: root, Meet: root, PubSub: root, Base: base,
		}
	}
	for _, o := range []struct {
		to   *string
		from string
	}{{&e.Auth, c.GoogleAuthURL}, {&e.Token, c.GoogleTokenURL}, {&e.Revoke, c.GoogleRevokeURL}, {&e.Userinfo, c.GoogleUserinfoURL}, {&e.JWKS, c.GoogleJWKSURL}, {&e.Issuer, c.GoogleIssuer}} {
		if o.from != "" {
			*o.to = o.from
		}
	}
	return e
}

// Fixed paths that Google sends browsers back to.
const (
	ConnectCallback = "/api/v1/integrations/google/callback"
	SignInCallback  = "/api/v1/auth/google/callback"
	TokenCallback   = "/oauth/callback" // of the token service
)

// SecurityEvents is the path that Google sends security events to.
const SecurityEvents = "/api/v1/auth/google/risc"

// RedirectURIs are all that have to be registered with Google.
func (c *Config) RedirectURIs() []string {
	return []string{c.GoogleRedirectURI, c.PublicURL + SignInCallback, c.PublicURL + TokenCallback}
}

// complete fills what follows from other settings.
func (c *Config) complete() {
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if c.PublicURL == "" {
		c.PublicURL = "http://" + net.JoinHostPort("localhost", strconv.Itoa(c.Port))
	}
	if c.GoogleRedirectURI == "" {
		c.GoogleRedirectURI = c.PublicURL + ConnectCallback
	}
	if c.DatabasePath == "" {
		c.DatabasePath = filepath.Join(c.DataDir, "rapport.db")
	}
	for i, d := range c.SignInDomains {
		c.SignInDomains[i] = strings.ToLower(strings.TrimSpace(d))
	}
	for i, o := range c.AllowedOrigins {
		c.AllowedOrigins[i] = strings.TrimRight(strings.TrimSpace(o), "/")
	}
}

// GmailNotifications is the path that Pub/Sub posts notifications to.
const GmailNotifications = "/webhooks/google/gmail"

// PushEndpoint is where a subscription pushes to.
func (c *Config) PushEndpoint() string { return c.PublicURL + GmailNotifications }

// Audience is that of push requests' tokens.
func (c *Config) Audience() string {
	if c.PushAudience != "" {
		return c.PushAudience
	}
	return c.PushEndpoint()
}

// Listening sets the port that the system chose in place of 0.
func (c *Config) Listening(port int) {
	if c.Port != 0 {
		return
	}
	old := "http://" + net.JoinHostPort("localhost", "0")
	c.Port = port
	now := "http://" + net.JoinHostPort("localhost", strconv.Itoa(port))
	c.PublicURL = strings.Replace(c.PublicURL, old, now, 1)
	c.GoogleRedirectURI = strings.Replace(c.GoogleRedirectURI, old, now, 1)
}

// KeyFile is where the encryption key is kept when ENCRYPTION_KEY is unset.
func (c *Config) KeyFile() string { return filepath.Join(c.DataDir, "encryption.key") }

// Tracing reports whether traces go anywhere.
func (c *Config) Tracing() bool { return c.OTelEndpoint != "" || c.OTelTraces != "" }

// HasGoogleClient reports whether an OAuth client is configured.
func (c *Config) HasGoogleClient() bool { return c.GoogleClientID != "" }

// ExtraServices are those of TOKEN_SERVICES with their scopes.
func (c *Config) ExtraServices() map[crm.Service][]string {
	out := map[crm.Service][]string{}
	for name, scopes := range c.tokenServices() {
		out[crm.Service(name)] = scopes
	}
	return out
}

// tokenServices gives each name of TOKEN_SERVICES with what stands behind it,
// right or wrong.
func (c *Config) tokenServices() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for part := range strings.SplitSeq(c.TokenServices, ";") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			name, scopes, _ := strings.Cut(part, "=")
			if !yield(strings.TrimSpace(name), strings.Fields(scopes)) {
				return
			}
		}
	}
}

// Loopback reports whether only this machine reaches the port.
func (c *Config) Loopback() bool {
	ip, err := netip.ParseAddr(c.Host)
	return c.Host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Secure reports whether browsers reach us by https.
func (c *Config) Secure() bool {
	u, err := url.Parse(c.PublicURL)
	return err == nil && u.Scheme == "https"
}
