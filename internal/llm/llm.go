package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"rapport/internal/enrich"
	"rapport/internal/fault"
	"rapport/internal/netguard"
)

// Options of a Door.
type Options struct {
	// Everywhere lifts the guard for addresses that people enter.
	Everywhere bool
	UserAgent  string
	Now        func() time.Time
	// Trace wraps the transports, for spans; nil: none.
	Trace func(http.RoundTripper) http.RoundTripper
}

// Door opens models.
type Door struct {
	o              Options
	guarded, plain http.RoundTripper
}

var _ enrich.Models = (*Door)(nil)

const (
	usualTimeout = 30 * time.Second
	answerMost   = 1 << 20
	longestURL   = 2000
	longestName  = 200
)

// New makes a Door.
func New(o Options) *Door {
	d := &Door{o: o, plain: transport(nil)}
	d.guarded = d.plain
	if !o.Everywhere {
		d.guarded = transport(&net.Dialer{Timeout: 5 * time.Second, KeepAlive: time.Minute, Control: netguard.Control})
	}
	if o.Trace != nil {
		d.guarded, d.plain = o.Trace(d.guarded), o.Trace(d.plain)
	}
	return d
}

func transport(dialer *net.Dialer) http.RoundTripper {
	t := &http.Transport{
		ForceAttemptHTTP2: true, TLSHandshakeTimeout: 5 * time.Second, MaxResponseHeaderBytes: 32 << 10,
		MaxIdleConns: 16, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
	}
	if dialer == nil { // of the operator, whose proxy settings count
		dialer = &net.Dialer{Timeout: 5 * time.Second, KeepAlive: time.Minute}
		t.Proxy = http.ProxyFromEnvironment
	}
	t.DialContext = dialer.DialContext
	return t
}

// protocol is how one kind of provider is asked.
type protocol interface {
	// request gives where a question goes, with its body.
	request(m *model, q enrich.Question) (path string, header http.Header, body any)
	// read takes the answer out of what came with status 200.
	read(body []byte) (json.RawMessage, error)
}

// provider is what is known of one.
type provider struct {
	protocol protocol
	base     string
	needsKey bool
}

var providers = map[string]provider{
	enrich.OpenAI:    {openAI{}, "https://api.openai.com/v1", true},
	enrich.Ollama:    {openAI{local: true}, "http://127.0.0.1:11434/v1", false},
	enrich.Anthropic: {anthropic{}, "https://api.anthropic.com/v1", true},
	enrich.Gemini:    {gemini{}, "https://generativelanguage.googleapis.com/v1beta", true},
}

// Open checks settings and gives the model they name.
func (d *Door) Open(s enrich.ModelSettings) (enrich.Model, error) {
	p, known := providers[s.Provider]
	wrong := map[string]string{}
	if !known {
		wrong["provider"] = "must be one of " + strings.Join(enrich.Providers, ", ")
	}
	if strings.TrimSpace(s.Model) == "" || len(s.Model) > longestName || strings.ContainsFunc(s.Model, func(r rune) bool { return r <= ' ' || r > '~' }) {
		wrong["model"] = "must be the name of a model, as its provider writes it"
	}
	base := p.base
	if s.BaseURL != "" {
		base = strings.TrimRight(s.BaseURL, "/")
		if says := d.check(base, s.Trusted); says != "" {
			wrong["base_url"] = says
		}
	} else if known && s.Provider == enrich.Ollama && !s.Trusted && !d.o.Everywhere {
		wrong["base_url"] = "must say where Ollama runs: this server's own network is its operator's (LLM_BASE_URL)"
	}
	// What speaks like OpenAI at an address of its own may need no key.
	if p.needsKey && s.Key.IsZero() && (s.Provider != enrich.OpenAI || s.BaseURL == "") {
		wrong["key"] = "is needed: the provider asks for an API key"
	}
	if strings.ContainsFunc(s.Key.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
		wrong["key"] = "has a character that no key has"
	}
	if len(wrong) > 0 {
		return nil, &fault.Error{Kind: fault.Invalid, Text: "The model cannot be used like this.", Fields: wrong}
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = usualTimeout
	}
	via := d.guarded
	if s.Trusted {
		via = d.plain
	}
	return &model{
		settings: s, base: base, protocol: p.protocol, agent: d.o.UserAgent, now: d.o.Now,
		client: &http.Client{
			Transport: via, Timeout: timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// check says what is wrong with an address, "" nothing.
func (d *Door) check(address string, trusted bool) string {
	u, err := url.Parse(address)
	free := trusted || d.o.Everywhere
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || !slices.Contains([]string{"http", "https"}, u.Scheme):
		return "must be an address such as https://models.example/v1"
	case len(address) > longestURL:
		return fmt.Sprintf("must have at most %d characters", longestURL)
	case u.Scheme != "https" && !free:
		return "must begin with https://"
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return "must have no name, password, question mark or part after #"
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !free && !netguard.Public(a) {
		return "must be on the public internet, unless whoever runs Rapport allows others (OUTBOUND_ALLOW_PRIVATE)"
	}
	return ""
}

// model is one that can be asked.
type model struct {
	settings enrich.ModelSettings
	base     string
	protocol protocol
	client   *http.Client
	agent    string
	now      func() time.Time
}

// Name implements enrich.Model.
func (m *model) Name() string { return m.settings.Provider + "/" + m.settings.Model }

// Where implements enrich.Model.
func (m *model) Where() string {
	u, err := url.Parse(m.base)
	if err != nil {
		return m.base
	}
	return u.Host
}

// Ask implements enrich.Model.
func (m *model) Ask(ctx context.Context, q enrich.Question) (json.RawMessage, error) {
	shape, err := resolve(q.Shape)
	if err != nil {
		return nil, err
	}
	path, header, body := m.protocol.request(m, q)
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("writing a question to a model: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.base+path, bytes.NewReader(text))
	if err != nil {
		return nil, fault.New(fault.Invalid, "The address of the model cannot be used.")
	}
	for k, v := range header {
		r.Header[k] = v
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", m.agent)
	answer, err := m.client.Do(r)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(answer.Body, answerMost+1))
	if answer.StatusCode != http.StatusOK {
		return nil, classify(answer.StatusCode, answer.Header, got, m.now())
	}
	switch {
	case err != nil:
		return nil, unreachable(ctx, err)
	case len(got) > answerMost:
		return nil, garbled("is too long")
	}
	out, err := m.protocol.read(got)
	if err != nil {
		return nil, err
	}
	return out, conforms(shape, out)
}

func resolve(shape json.RawMessage) (*jsonschema.Resolved, error) {
	var s jsonschema.Schema
	if err := json.Unmarshal(shape, &s); err != nil {
		return nil, fmt.Errorf("reading the shape of an answer: %w", err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		return nil, fmt.Errorf("reading the shape of an answer: %w", err)
	}
	return r, nil
}

// conforms checks that an answer is one JSON value of the shape.
func conforms(shape *jsonschema.Resolved, answer json.RawMessage) error {
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return garbled("is not JSON")
	}
	if err := shape.Validate(v); err != nil {
		return garbled("has another shape than asked for")
	}
	return nil
}
