package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rapport/internal/fault"
	"rapport/internal/netguard"
	"rapport/internal/webhooks"
)

// Resolver finds the addresses of names, as *net.Resolver does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options of a Poster.
type Options struct {
	// Everywhere lifts the guard: private addresses and plain http are allowed.
	Everywhere bool
	UserAgent  string
	Now        func() time.Time
	Timeout    time.Duration  // of a post with its answer; 0: 10 s
	Resolver   Resolver       // nil: the system's
	Roots      *x509.CertPool // nil: the system's
	// Trace wraps the transport, for spans; nil: none.
	Trace func(http.RoundTripper) http.RoundTripper
}

// Poster posts webhooks.
type Poster struct {
	o      Options
	client *http.Client
}

var _ webhooks.Poster = (*Poster)(nil)

const (
	usualTimeout = 10 * time.Second
	answerRead   = 64 << 10 // of an answer, so that its connection can be used again
	answerKept   = 2 << 10
	longestURL   = 2000
)

// New makes a Poster.
func New(o Options) *Poster {
	if o.Timeout == 0 {
		o.Timeout = usualTimeout
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	p := &Poster{o: o}
	var transport http.RoundTripper = &http.Transport{
		DialContext: p.dial, ForceAttemptHTTP2: true, DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: o.Timeout, MaxResponseHeaderBytes: 32 << 10,
		MaxIdleConns: 64, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
	}
	if o.Trace != nil {
		transport = o.Trace(transport)
	}
	p.client = &http.Client{
		Transport: transport, Timeout: o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p
}

// dial connects to the first address of a name that answers. One that is not
// public is not tried.
func (p *Poster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	found, err := p.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: 5 * time.Second, KeepAlive: time.Minute}
	if !p.o.Everywhere {
		d.Control = netguard.Control
	}
	for _, a := range found {
		if !p.o.Everywhere && !netguard.Public(a) {
			err = netguard.Refused()
			continue
		}
		var c net.Conn
		if c, err = d.DialContext(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}

func (p *Poster) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	found, err := p.o.Resolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	return found, err
}

// Check says what is wrong with an address, in plain words; "": nothing.
func (p *Poster) Check(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return "must be an address such as https://crm.example/hooks"
	case len(address) > longestURL:
		return fmt.Sprintf("must have at most %d characters", longestURL)
	case u.Scheme != "https" && (u.Scheme != "http" || !p.o.Everywhere):
		return "must begin with https://"
	case u.User != nil:
		return "must not hold a name and password: check the signature instead"
	case u.Fragment != "":
		return "must not have a part after #"
	case !portOK(u.Port()):
		return "has a port that cannot be"
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !p.o.Everywhere && !netguard.Public(a) {
		return "must be on the public internet, unless whoever runs Rapport allows others (OUTBOUND_ALLOW_PRIVATE)"
	}
	return ""
}

func portOK(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 1<<16
}

// Post signs a message with every secret and sends it.
func (p *Poster) Post(ctx context.Context, m webhooks.Message) webhooks.Answer {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return webhooks.Answer{Trouble: "The address cannot be used."}
	}
	signature, err := sign(m)
	if err != nil {
		return webhooks.Answer{Trouble: "The secret cannot be used: rotate it."}
	}
	h := request.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", p.o.UserAgent)
	h.Set(standardwebhooks.HeaderWebhookID, m.ID)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(m.At.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, signature)
	answer, err := p.client.Do(request)
	if err != nil {
		return webhooks.Answer{Trouble: trouble(err)}
	}
	defer func() { _ = answer.Body.Close() }()
	return p.read(answer)
}

// sign gives a signature by each secret, a space between them (Standard Webhooks,
// "Signature scheme").
func sign(m webhooks.Message) (string, error) {
	if len(m.Secrets) == 0 {
		return "", errors.New("no secret")
	}
	var all []string
	for _, secret := range m.Secrets {
		w, err := standardwebhooks.NewWebhook(secret.Reveal())
		if err != nil {
			return "", fmt.Errorf("reading a secret: %w", err)
		}
		one, err := w.Sign(m.ID, m.At, m.Body)
		if err != nil {
			return "", fmt.Errorf("signing: %w", err)
		}
		all = append(all, one)
	}
	return strings.Join(all, " "), nil
}

func (p *Poster) read(answer *http.Response) webhooks.Answer {
	out := webhooks.Answer{Status: answer.StatusCode, After: p.after(answer.Header.Get("Retry-After"))}
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerRead))
	out.Body = text(body)
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		if err != nil {
			out.Trouble = "The answer broke off."
		}
	case code >= 300 && code < 400:
		out.Trouble = fmt.Sprintf("The receiver answered %d and pointed elsewhere: redirects are not followed. Enter the address it points to.", code)
	case code == http.StatusGone:
		out.Trouble = "The receiver answered 410 Gone: it wants nothing more."
	default:
		out.Trouble = strings.TrimSpace(fmt.Sprintf("The receiver answered %d %s", code, http.StatusText(code))) + "."
	}
	return out
}

// text is the beginning of an answer as text that can be stored and shown.
func text(body []byte) string {
	if n := answerKept; len(body) > n {
		for n > 0 && !utf8.RuneStart(body[n]) {
			n--
		}
		body = body[:n]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(body), "�"))
}

// after reads Retry-After: seconds, or a date (RFC 9110, 10.2.3).
func (p *Poster) after(v string) time.Duration {
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseInt(v, 10, 32); err == nil {
		return max(0, time.Duration(n)*time.Second)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(p.o.Now()))
	}
	return 0
}

// trouble says in plain words why there is no answer.
func trouble(err error) string {
	var refused *fault.Error
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var network net.Error
	switch {
	case errors.As(err, &refused) && refused.Kind == fault.Forbidden:
		return refused.Text
	case errors.As(err, &dns) && dns.IsNotFound:
		return "There is no server of this name."
	case errors.As(err, &dns):
		return "The name of the server could not be looked up."
	case errors.As(err, &certificate):
		return "The server's certificate is not valid: " + reason(certificate) + "."
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "The receiver did not answer in time."
	case errors.Is(err, context.Canceled):
		return "Rapport was stopped while it waited for the answer."
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return "The server cannot be reached."
	}
	return "The connection broke off, or the server does not speak HTTP over TLS."
}

func reason(err *tls.CertificateVerificationError) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return "its authority is not known"
	case errors.As(err, &name):
		return "it is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired"
	}
	return "it cannot be verified"
}
