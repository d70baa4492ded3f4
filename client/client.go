// Package client calls the HTTP API of Rapport from Go. The wire types in
// shapes.go are the ones the server itself uses.
//
//	c := client.New("https://crm.example.org", client.WithToken(key))
//	status, err := c.Workspace("default").Status(ctx, "")
//
// Errors of the API are *Problem.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client calls one installation. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// Option of New.
type Option func(*Client)

// WithToken sends a bearer token or an API key with each call.
func WithToken(token string) Option { return func(c *Client) { c.token = token } }

// WithHTTP makes calls through h; with a cookie jar in it Login keeps a session.
func WithHTTP(h *http.Client) Option { return func(c *Client) { c.http = h } }

// New makes a client for the installation at an address.
func New(address string, options ...Option) *Client {
	c := &Client{base: strings.TrimRight(address, "/"), http: &http.Client{Timeout: 2 * time.Minute}}
	for _, o := range options {
		o(c)
	}
	return c
}

// With gives the same client with further options.
func (c *Client) With(options ...Option) *Client {
	next := *c
	for _, o := range options {
		o(&next)
	}
	return &next
}

// Do makes any call: in is sent as JSON unless nil, the answer is read into out
// unless nil. path begins with /api/v1, /health or the like.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	answer, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if out == nil || answer.StatusCode == http.StatusNoContent {
		_, err = io.Copy(io.Discard, answer.Body)
	} else {
		err = json.NewDecoder(answer.Body).Decode(out)
	}
	if err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	return nil
}

// send makes a call and gives its good answer, with the body still to be read.
func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("writing the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.StatusCode >= 400 {
		defer func() { _ = answer.Body.Close() }()
		return nil, problemOf(answer)
	}
	return answer, nil
}

func problemOf(answer *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	p := &Problem{}
	if err != nil || json.Unmarshal(text, p) != nil || p.Code == "" {
		*p = Problem{Title: answer.Status, Detail: answer.Status + ": " + string(text)}
	}
	p.Status = answer.StatusCode
	return p
}

// Code gives the stable code of an error of the API, "" for other errors.
func Code(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

const base = "/api/v1"

// NeedsSetup asks whether the first owner is still to be made.
func (c *Client) NeedsSetup(ctx context.Context) (SetupState, error) {
	var out SetupState
	return out, c.Do(ctx, http.MethodGet, base+"/setup", nil, &out)
}

// Setup makes the first workspace with its owner, and signs them in.
func (c *Client) Setup(ctx context.Context, in SetupRequest) (Me, error) {
	var out Me
	return out, c.Do(ctx, http.MethodPost, base+"/setup", in, &out)
}

// Login signs in with a session cookie; it needs a cookie jar (WithHTTP).
func (c *Client) Login(ctx context.Context, email, password string) (Me, error) {
	var out Me
	return out, c.Do(ctx, http.MethodPost, base+"/auth/login", Credentials{Email: email, Password: password}, &out)
}

// Logout ends the session.
func (c *Client) Logout(ctx context.Context) error {
	return c.Do(ctx, http.MethodPost, base+"/auth/logout", nil, nil)
}

// SignIn gets a bearer token and gives a client that uses it.
func (c *Client) SignIn(ctx context.Context, email, password string) (*Client, error) {
	var out Token
	if err := c.Do(ctx, http.MethodPost, base+"/auth/token", Credentials{Email: email, Password: password}, &out); err != nil {
		return nil, err
	}
	return c.With(WithToken(out.AccessToken)), nil
}

// Me is who is signed in.
func (c *Client) Me(ctx context.Context) (Me, error) {
	var out Me
	return out, c.Do(ctx, http.MethodGet, base+"/me", nil, &out)
}

// Rename changes the caller's own name.
func (c *Client) Rename(ctx context.Context, name string) (Me, error) {
	var out Me
	return out, c.Do(ctx, http.MethodPatch, base+"/me", MePatch{Name: name}, &out)
}

// Workspaces lists the caller's workspaces.
func (c *Client) Workspaces(ctx context.Context) ([]Workspace, error) {
	var out List[Workspace]
	return out.Items, c.Do(ctx, http.MethodGet, base+"/workspaces", nil, &out)
}

// query makes "?a=b" of pairs, leaving out empty values.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}
