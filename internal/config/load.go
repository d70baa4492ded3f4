package config

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"rapport/internal/crm"
)

// Mistake is one wrong setting.
type Mistake struct {
	Variable string // or file and line
	Text     string // what is wrong and what would be right; never a secret
}

// Mistakes is all that is wrong, in the order of the reference.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, x := range m {
		lines[i] = x.Variable + ": " + x.Text
	}
	return strings.Join(lines, "\n")
}

// Load reads the settings from an environment ("NAME=value" entries, which win)
// and a .env file. A file that does not exist is no mistake; file "" is none.
// The error is Mistakes, or about reading the file.
func Load(environ []string, file string) (*Config, error) {
	values, mistakes, err := readFile(file)
	if err != nil {
		return nil, err
	}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			values[name] = value
		}
	}
	var c Config
	err = env.ParseWithOptions(&c, env.Options{Environment: withoutEmpty(values)})
	mistakes = append(mistakes, parseMistakes(err, values)...)
	if err != nil { // the rest is looked at as if what cannot be read were not there
		c = Config{}
		for _, m := range mistakes {
			delete(values, m.Variable)
		}
		err = env.ParseWithOptions(&c, env.Options{Environment: withoutEmpty(values)})
	}
	if err == nil {
		c.complete()
		mistakes = append(mistakes, c.check()...)
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return &c, nil
}

// withoutEmpty treats a variable that is set to nothing as unset.
func withoutEmpty(values map[string]string) map[string]string {
	out := make(map[string]string, len(values))
	for k, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			out[k] = v
		}
	}
	return out
}

func parseMistakes(err error, values map[string]string) Mistakes {
	var all env.AggregateError
	if err == nil || !errors.As(err, &all) {
		if err != nil {
			return Mistakes{{"configuration", err.Error()}}
		}
		return nil
	}
	var out Mistakes
	for _, e := range all.Errors {
		var p env.ParseError
		if !errors.As(e, &p) {
			out = append(out, Mistake{"configuration", e.Error()})
			continue
		}
		field, _ := reflect.TypeFor[Config]().FieldByName(p.Name)
		name := field.Tag.Get("env")
		out = append(out, Mistake{name, fmt.Sprintf("%q is not %s", values[name], kindOf(p.Type))})
	}
	return out
}

func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration like 5m or 24h"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a " + t.String()
}

// checker collects mistakes.
type checker struct{ found Mistakes }

func (k *checker) unless(ok bool, variable, format string, args ...any) {
	if !ok {
		k.found = append(k.found, Mistake{variable, fmt.Sprintf(format, args...)})
	}
}

func (k *checker) address(variable, value string, pathToo bool) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.Fragment == ""
	k.unless(ok, variable, "%q is not an http or https address", value)
	if ok && !pathToo {
		k.unless(strings.Trim(u.Path, "/") == "" && u.RawQuery == "", variable, "%q must be an origin, without a path", value)
	}
}

// resource is a name of Pub/Sub's.
func (k *checker) resource(variable, value, collection string) {
	if value == "" {
		return
	}
	parts := strings.Split(value, "/")
	ok := len(parts) == 4 && parts[0] == "projects" && parts[1] != "" && parts[2] == collection && parts[3] != "" && !strings.ContainsAny(value, " ?#")
	k.unless(ok, variable, "%q must look like projects/PROJECT/%s/NAME", value, collection)
}

func (k *checker) among(variable, value string, allowed ...string) {
	k.unless(slices.Contains(allowed, value), variable, "%q is not one of %s", value, strings.Join(allowed, ", "))
}

func (k *checker) span(variable string, value, least, most time.Duration) {
	k.unless(value >= least && value <= most, variable, "%s must be between %s and %s", value, least, most)
}

func (c *Config) check() Mistakes {
	var k checker
	c.checkAddress(&k)
	c.checkStorage(&k)
	c.checkSecurity(&k)
	c.checkGoogle(&k)
	k.unless(c.Workers >= 1 && c.Workers <= 1000, "WORKERS", "%d must be between 1 and 1000", c.Workers)
	k.among("LOG_LEVEL", c.LogLevel, "debug", "info", "warn", "error")
	k.among("LOG_FORMAT", c.LogFormat, "text", "json")
	k.hostPort("PPROF_ADDRESS", c.PprofAddress, "127.0.0.1:6060")
	k.hostPort("GOOGLE_IMAP_ADDRESS", c.GoogleIMAP, "127.0.0.1:8993")
	k.hostPort("GOOGLE_SMTP_ADDRESS", c.GoogleSMTP, "127.0.0.1:8465")
	if c.MailCAFile != "" {
		pem, err := os.ReadFile(c.MailCAFile)
		k.unless(err == nil && x509.NewCertPool().AppendCertsFromPEM(pem), "MAIL_CA_FILE", "%q is not a file with certificates (PEM) that can be read", c.MailCAFile)
	}
	c.checkModel(&k)
	k.address("OTEL_EXPORTER_OTLP_ENDPOINT", c.OTelEndpoint, true)
	k.address("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", c.OTelTraces, true)
	return k.found
}

func (c *Config) checkModel(k *checker) {
	k.among("ENRICH_MODE", c.EnrichMode, "rules", "model", "both")
	k.span("LLM_TIMEOUT", c.LLMTimeout, time.Second, 10*time.Minute)
	k.address("LLM_BASE_URL", c.LLMBaseURL, true)
	providers := []string{"openai", "ollama", "anthropic", "gemini"}
	if slices.Contains(providers, c.LLMProvider) {
		k.unless(c.LLMModel != "", "LLM_MODEL", "is needed with LLM_PROVIDER: the name of a model")
	} else if c.LLMProvider != "" {
		k.among("LLM_PROVIDER", c.LLMProvider, providers...)
	}
}

func (k *checker) hostPort(variable, value, example string) {
	_, _, err := net.SplitHostPort(value)
	k.unless(value == "" || err == nil, variable, "%q is not an address like %s", value, example)
}

func (c *Config) checkAddress(k *checker) {
	k.unless(c.Port >= 0 && c.Port <= 65535, "SERVICE_PORT", "%d is not a port (0 to 65535)", c.Port)
	k.unless(c.Host != "" && !strings.ContainsAny(c.Host, " /"), "SERVICE_HOST", "%q is not a host or IP address", c.Host)
	k.address("PUBLIC_URL", c.PublicURL, false)
	for _, o := range c.AllowedOrigins {
		k.unless(o != "*", "ALLOWED_ORIGINS", "* is not possible, because requests carry credentials: name each origin")
		if o != "*" {
			k.address("ALLOWED_ORIGINS", o, false)
		}
	}
	for _, p := range c.TrustedProxies {
		_, errNet := netip.ParsePrefix(p)
		_, errIP := netip.ParseAddr(p)
		k.unless(errNet == nil || errIP == nil, "TRUSTED_PROXIES", "%q is not an IP address or network", p)
	}
}

func (c *Config) checkStorage(k *checker) {
	k.unless(!strings.ContainsRune(c.DataDir, 0), "DATA_DIR", "is not a path")
	if info, err := os.Stat(c.DatabasePath); err == nil {
		k.unless(!info.IsDir(), "DATABASE_PATH", "%q is a folder; it must be a file", c.DatabasePath)
	}
	if c.DatabaseURL.IsZero() {
		return
	}
	u, err := url.Parse(c.DatabaseURL.Reveal())
	k.unless(err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Host != "", "DATABASE_URL", "must look like postgres://user:password@host:5432/database (the value is not shown because it may hold a password)")
}

func (c *Config) checkSecurity(k *checker) {
	for i, key := range strings.Split(c.EncryptionKey.Reveal(), ",") {
		if c.EncryptionKey.IsZero() {
			break
		}
		k.unless(validKey(strings.TrimSpace(key)), "ENCRYPTION_KEY", "key %d is not a Fernet key: 32 bytes in base64url, 44 characters", i+1)
	}
	k.unless(!c.BrokerOpen || c.Loopback(), "BROKER_OPEN", "would hand tokens to the whole network: it is possible only when SERVICE_HOST is a loopback address, not %q", c.Host)
	k.unless(!c.BrokerOpen || !c.Loopback() || c.publicIsLoopback(), "BROKER_OPEN", "would hand tokens to whoever reaches PUBLIC_URL (%s) through a proxy: it is possible only when that names this machine", c.PublicURL)
	c.checkTokenServices(k)
	k.span("SESSION_LIFE", c.SessionLife, time.Minute, 90*24*time.Hour)
	k.span("TOKEN_LIFE", c.TokenLife, time.Minute, 24*time.Hour)
	if c.AuditKept != 0 {
		k.span("AUDIT_KEPT", c.AuditKept, 24*time.Hour, 100*365*24*time.Hour)
	}
	for _, d := range c.SignInDomains {
		k.unless(strings.Contains(d, ".") && !strings.ContainsAny(d, "@/ "), "SIGN_IN_DOMAINS", "%q is not a domain", d)
	}
}

// publicIsLoopback reports whether browsers reach us on this machine alone.
func (c *Config) publicIsLoopback() bool {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

var (
	serviceName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	known       = []crm.Service{crm.ServiceGmail, crm.ServiceCalendar, crm.ServiceContacts, crm.ServiceDirectory, crm.ServiceDrive, crm.ServiceMeet, crm.ServiceSheets}
)

func (c *Config) checkTokenServices(k *checker) {
	const variable = "TOKEN_SERVICES"
	seen := map[string]bool{}
	for name, scopes := range c.tokenServices() {
		k.unless(serviceName.MatchString(name), variable, "%q is not a name: small letters, digits, - and _", name)
		k.unless(!slices.Contains(known, crm.Service(name)), variable, "%s is there already, with its own scopes", name)
		k.unless(!seen[name], variable, "%s is named twice", name)
		k.unless(len(scopes) > 0, variable, "%s has no scopes: it must look like %s=https://www.googleapis.com/auth/…", name, name)
		seen[name] = true
		for _, s := range scopes {
			u, err := url.Parse(s)
			k.unless(err == nil && u.Scheme == "https" && u.Host != "", variable, "%q is not a scope of Google: they begin with https://", s)
		}
	}
}

func validKey(key string) bool {
	for _, e := range []*base64.Encoding{base64.URLEncoding, base64.StdEncoding, base64.RawURLEncoding, base64.RawStdEncoding} {
		if b, err := e.DecodeString(key); err == nil && len(b) == 32 {
			return true
		}
	}
	return false
}

func (c *Config) checkGoogle(k *checker) {
	k.unless(c.GoogleClientID == "" || !c.GoogleClientSecret.IsZero(), "GOOGLE_CLIENT_SECRET", "is missing: GOOGLE_CLIENT_ID is set")
	k.unless(c.GoogleClientID != "" || c.GoogleClientSecret.IsZero(), "GOOGLE_CLIENT_ID", "is missing: GOOGLE_CLIENT_SECRET is set")
	if c.GoogleRedirectURI != c.PublicURL+ConnectCallback { // else PUBLIC_URL is to blame
		k.address("GOOGLE_REDIRECT_URI", c.GoogleRedirectURI, true)
	}
	k.among("GOOGLE_QUOTA", c.GoogleQuota, "2026", "legacy", "none")
	k.span("TOKEN_REFRESH_AHEAD", c.RefreshAhead, 0, 50*time.Minute)
	k.resource("GOOGLE_PUBSUB_TOPIC", c.PubSubTopic, "topics")
	k.resource("GOOGLE_PUBSUB_SUBSCRIPTION", c.PubSubSubscription, "subscriptions")
	k.unless(c.PushAccount == "" || strings.Count(c.PushAccount, "@") == 1 && !strings.ContainsAny(c.PushAccount, " /:"), "GOOGLE_PUSH_SERVICE_ACCOUNT", "%q is not the address of a service account", c.PushAccount)
	if c.GoogleCredentials != "" {
		info, err := os.Stat(c.GoogleCredentials)
		k.unless(err == nil && info.Mode().IsRegular(), "GOOGLE_APPLICATION_CREDENTIALS", "%q is not a file that can be read", c.GoogleCredentials)
	}
	k.span("PUSH_FALLBACK", c.PushFallback, time.Minute, 7*24*time.Hour)
	k.address("GOOGLE_BASE_URL", c.GoogleBaseURL, true)
	k.address("GOOGLE_AUTH_URL", c.GoogleAuthURL, true)
	k.address("GOOGLE_TOKEN_URL", c.GoogleTokenURL, true)
	k.address("GOOGLE_REVOKE_URL", c.GoogleRevokeURL, true)
	k.address("GOOGLE_USERINFO_URL", c.GoogleUserinfoURL, true)
	k.address("GOOGLE_JWKS_URL", c.GoogleJWKSURL, true)
	k.address("GOOGLE_ISSUER", c.GoogleIssuer, true)
}
