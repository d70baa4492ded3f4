package pubsub

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Forgery is a push request made by somebody who is not Pub/Sub, or not by
// the rules: what an endpoint has to refuse.
type Forgery struct {
	Endpoint     string          `json:"endpoint"`
	Subscription string          `json:"subscription"`
	Data         json.RawMessage `json:"data"` // of the message, as JSON
	Email        string          `json:"email"`
	Audience     string          `json:"audience"` // empty: the endpoint
	// Sign is how the token is wrong: none (no header), key (signed with
	// another key), expired, issuer, unverified (the address), algorithm
	// (unsigned); good is a proper token.
	Sign string `json:"sign"`
}

var strangersKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Forge sends a forged push request and returns the status the endpoint
// answered with.
func (r *Room) Forge(ctx context.Context, f Forgery) (int, error) {
	q := &queued{message: &message{id: "1", data: f.Data, published: r.world.Clock.Now()}}
	p := &pusher{room: r, sub: &subscription{name: f.Subscription}}
	body, err := p.envelope(q)
	if err != nil {
		return 0, fmt.Errorf("forge envelope: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.Endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("forge request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if f.Sign != "none" {
		token, err := r.forgeToken(f)
		if err != nil {
			return 0, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("send forged request: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // only the status matters
	return resp.StatusCode, nil
}

func (r *Room) forgeToken(f Forgery) (string, error) {
	now := r.world.Clock.Now()
	claims := jwt.MapClaims{"iss": r.issuer(), "aud": f.Audience, "azp": "1", "sub": "1", "email": f.Email,
		"email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	if f.Audience == "" {
		claims["aud"] = f.Endpoint
	}
	switch f.Sign {
	case "good", "":
	case "expired":
		claims["iat"], claims["exp"] = now.Add(-2*time.Hour).Unix(), now.Add(-time.Hour).Unix()
	case "issuer":
		claims["iss"] = "https://accounts.evil.example"
	case "unverified":
		claims["email_verified"] = false
	case "algorithm":
		return jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	case "key":
		key, err := strangersKey()
		if err != nil {
			return "", fmt.Errorf("make a stranger's key: %w", err)
		}
		return jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
	default:
		return "", fmt.Errorf("sign %q: use good, none, key, expired, issuer, unverified or algorithm", f.Sign)
	}
	return r.signer.Sign(claims)
}
