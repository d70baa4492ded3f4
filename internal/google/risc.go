package google

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// Security event tokens of Cross-Account Protection
// (developers.google.com/identity/protocols/risc).

const (
	keysFresh = 6 * time.Hour  // keys are fetched again after that
	keysStale = 72 * time.Hour // and used for so long when they cannot be
	keysPause = time.Minute    // an unknown key makes us look at most that often, and so does a failure
	// keysPatience is how long a fetch of them may take.
	keysPatience = 5 * time.Second
	eventAhead   = 5 * time.Minute // how far Google's clock may be ahead of ours
	eventOld     = 7 * 24 * time.Hour
	maxKeys      = 1 << 20
)

var _ vault.Verifier = (*OAuth)(nil)

// VerifySecurityEvent checks a security event token: signed by a key that
// Google's risc-configuration leads to, issued by Google (with or without a slash
// at the end), for one of the clients, at a sane time. It has no end of its own:
// events are about the past. fault.Invalid when it is none, fault.Unavailable
// when Google's keys cannot be had. A kind of event that is not known yet keeps
// the name Google gives it.
func (o *OAuth) VerifySecurityEvent(ctx context.Context, clients []vault.Client, token crm.Secret) (vault.SecurityEvent, error) {
	var claims eventClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, _, err := parser.ParseUnverified(token.Reveal(), &claims)
	if err != nil {
		return vault.SecurityEvent{}, badEvent("no token: %w", err)
	}
	// What is not for us is refused before anything is fetched for it.
	if err := o.checkEvent(&claims, clients); err != nil {
		return vault.SecurityEvent{}, err
	}
	_, err = parser.Parse(token.Reveal(), func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		return o.risc.key(ctx, o.now, o.fetchEventKeys, kid)
	})
	if fault.Is(err, fault.Unavailable) {
		return vault.SecurityEvent{}, err
	}
	if err != nil {
		return vault.SecurityEvent{}, badEvent("not signed by Google: %w", err)
	}
	return claims.event(clients)
}

func badEvent(format string, args ...any) error {
	return &fault.Error{Kind: fault.Invalid, Code: "invalid_token", Text: "This is no security event of Google for this installation.", Err: fmt.Errorf(format, args...)}
}

// eventClaims are the claims of a security event token (RFC 8417).
type eventClaims struct {
	jwt.RegisteredClaims
	Events map[string]eventClaim `json:"events"`
}

type eventClaim struct {
	Reason  string
	Subject struct {
		Type  string `json:"subject_type"`
		Iss   string
		Sub   string
		Token string
	}
}

func (o *OAuth) checkEvent(c *eventClaims, clients []vault.Client) error {
	now := o.now()
	switch {
	case !o.isGoogle(c.Issuer):
		return badEvent("issued by somebody else")
	case len(audience(c, clients)) == 0:
		return badEvent("for somebody else")
	case c.IssuedAt == nil || c.IssuedAt.After(now.Add(eventAhead)) || now.Sub(c.IssuedAt.Time) > eventOld:
		return badEvent("issued at another time")
	case c.ID == "":
		return badEvent("without an id")
	case len(c.Events) == 0:
		return badEvent("without an event")
	}
	return nil
}

// isGoogle: Google ends its name with a slash here and not in id tokens.
func (o *OAuth) isGoogle(iss string) bool {
	iss = strings.TrimSuffix(iss, "/")
	return slices.Contains(issuers, iss) || slices.Contains(o.endpoints.Issuers, iss)
}

// audience gives those of the clients that a token is for.
func audience(c *eventClaims, clients []vault.Client) []string {
	var out []string
	for _, x := range clients {
		if x.GoogleID != "" && slices.Contains(c.Audience, x.GoogleID) && !slices.Contains(out, x.GoogleID) {
			out = append(out, x.GoogleID)
		}
	}
	return out
}

// eventKinds are the ends of the addresses of the event types, as they are
// called here.
var eventKinds = []struct{ ends, kind string }{
	{"/oauth/event-type/token-revoked", vault.EventTokenRevoked},
	{"/oauth/event-type/tokens-revoked", vault.EventTokensRevoked},
	{"/risc/event-type/sessions-revoked", vault.EventSessionsRevoked},
	{"/risc/event-type/account-disabled", vault.EventAccountDisabled},
	{"/risc/event-type/account-enabled", vault.EventAccountEnabled},
	{"/risc/event-type/account-credential-change-required", vault.EventCredentialChange},
	{"/risc/event-type/verification", vault.EventVerification},
}

// event reads the event of verified claims. Google puts one into a token; of
// several the first of eventKinds counts.
func (c *eventClaims) event(clients []vault.Client) (vault.SecurityEvent, error) {
	out := vault.SecurityEvent{JTI: c.ID, ClientIDs: audience(c, clients), At: c.IssuedAt.UTC()}
	var found eventClaim
	for _, known := range eventKinds {
		for address, e := range c.Events {
			if out.Kind == "" && strings.HasSuffix(address, known.ends) {
				out.Kind, found = known.kind, e
			}
		}
	}
	if out.Kind == "" {
		for address, e := range c.Events {
			name := address[strings.LastIndexByte(address, '/')+1:]
			if out.Kind == "" || name < out.Kind {
				out.Kind, found = name[:min(len(name), 60)], e
			}
		}
	}
	out.Reason = found.Reason
	if found.Subject.Type == "oauth_token" {
		out.TokenHash = found.Subject.Token
	}
	out.Sub = found.Subject.Sub
	if out.Kind == vault.EventTokenRevoked && out.TokenHash == "" && out.Sub == "" {
		return vault.SecurityEvent{}, badEvent("about nothing")
	}
	return out, nil
}

// signingKeys are the keys that Google signs with. Nobody waits for a fetch who
// needs none, and all who need one wait for the same.
type signingKeys struct {
	mu      sync.Mutex
	keys    map[string]*rsa.PublicKey
	fetched time.Time // the keys
	failed  time.Time // the last fetch, zero when it went well
	flight  singleflight.Group
}

// errNoKey: Google does not publish this key.
var errNoKey = errors.New("a key that Google does not publish")

// key finds a key by its id. It is fetched when the keys here are old or do not
// have it, though not at each token that somebody invents.
func (k *signingKeys) key(ctx context.Context, now func() time.Time, fetch func(context.Context) (map[string]*rsa.PublicKey, error), kid string) (*rsa.PublicKey, error) {
	if known, err, settled := k.held(now(), kid); settled {
		return known, err
	}
	// The fetch is for everybody who waits: it outlives the one who began it.
	done := k.flight.DoChan("", func() (any, error) {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysPatience)
		defer cancel()
		fresh, err := fetch(within)
		k.mu.Lock()
		defer k.mu.Unlock()
		if err != nil {
			k.failed = now()
			return nil, err
		}
		k.keys, k.fetched, k.failed = fresh, now(), time.Time{}
		return nil, nil
	})
	select {
	case r := <-done:
		known, err, _ := k.held(now(), kid)
		if fault.Is(err, fault.Unavailable) && r.Err != nil {
			err = keysUnavailable(r.Err)
		}
		return known, err
	case <-ctx.Done():
		return nil, keysUnavailable(ctx.Err())
	}
}

// held judges by what is here; not settled means that a fetch would tell more.
func (k *signingKeys) held(now time.Time, kid string) (known *rsa.PublicKey, err error, settled bool) { //nolint:revive // err belongs to known
	k.mu.Lock()
	defer k.mu.Unlock()
	known = k.keys[kid]
	age := now.Sub(k.fetched)
	lately := func(at time.Time) bool {
		since := now.Sub(at)
		return !at.IsZero() && since >= 0 && since < keysPause
	}
	switch {
	case known != nil && age < keysFresh:
		return known, nil, true
	case lately(k.failed) && known != nil && age < keysStale:
		return known, nil, true
	case lately(k.failed):
		return nil, keysUnavailable(errors.New("they could not be fetched a moment ago")), true
	case lately(k.fetched):
		return nil, errNoKey, true
	}
	return nil, errNoKey, false
}

func keysUnavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", Text: "Google's keys cannot be fetched just now. Try again.", Err: err}
}

// fetchEventKeys follows the configuration to the keys.
func (o *OAuth) fetchEventKeys(ctx context.Context) (map[string]*rsa.PublicKey, error) {
	var configuration struct {
		Keys string `json:"jwks_uri"`
	}
	if err := o.getJSON(ctx, o.endpoints.RISC, &configuration); err != nil {
		return nil, fmt.Errorf("reading the configuration of security events: %w", err)
	}
	return o.fetchKeySet(ctx, configuration.Keys)
}

// fetchKeySet reads the RSA keys of a JWKS.
func (o *OAuth) fetchKeySet(ctx context.Context, address string) (map[string]*rsa.PublicKey, error) {
	var set struct {
		Keys []struct{ Kid, Kty, Use, N, E string }
	}
	if err := o.getJSON(ctx, address, &set); err != nil {
		return nil, fmt.Errorf("reading Google's keys: %w", err)
	}
	out := map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		n, err := base64.RawURLEncoding.DecodeString(k.N)
		e, err2 := base64.RawURLEncoding.DecodeString(k.E)
		if k.Kty != "RSA" || k.Use != "" && k.Use != "sig" || err != nil || err2 != nil || len(n) < 256 || len(e) == 0 || len(e) > 4 {
			continue
		}
		out[k.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	if len(out) == 0 {
		return nil, errors.New("reading Google's keys: there are none")
	}
	return out, nil
}

func (o *OAuth) getJSON(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	res, err := o.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s", res.Status)
	}
	return json.NewDecoder(io.LimitReader(res.Body, maxKeys)).Decode(into)
}
