package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// ---- the token service ----

// VendedToken is a Google access token that works now.
type VendedToken struct {
	AccessToken string    `json:"access_token" doc:"Send to Google as Authorization: Bearer."`
	TokenType   string    `json:"token_type" enum:"Bearer"`
	UserID      string    `json:"user_id"`
	Service     string    `json:"service"`
	ExpiresAt   time.Time `json:"expires_at"`
	Scopes      []string  `json:"scopes" doc:"What was granted."`
}

// AuthorizedServices are the services a user has authorised.
type AuthorizedServices struct {
	UserID             string              `json:"user_id"`
	AuthorizedServices []AuthorizedService `json:"authorized_services"`
	TotalServices      int                 `json:"total_services"`
}

// AuthorizedService is one of them.
type AuthorizedService struct {
	Service         string     `json:"service"`
	ExpiresAt       *time.Time `json:"expires_at" doc:"Of the access token held now; it is refreshed when asked for."`
	HasRefreshToken bool       `json:"has_refresh_token"`
	CreatedAt       time.Time  `json:"created_at"`
	UpdatedAt       time.Time  `json:"updated_at"`
	GoogleEmail     string     `json:"google_email"`
	Status          string     `json:"status" doc:"active, dead (authorise again), decryption_failed or revoked."`
	ByConnection    bool       `json:"by_connection" doc:"Comes from the user's own connection, not from an authorisation of this service."`
}

// RevokedToken says what became of a revoked authorisation.
type RevokedToken struct {
	Success bool   `json:"success"`
	Message string `json:"message" doc:"What happened, in plain words."`
}

// ServiceInfo is what GET / tells programs.
type ServiceInfo struct {
	Service   string            `json:"service"`
	Version   string            `json:"version"`
	Status    string            `json:"status"`
	Services  []string          `json:"services" doc:"Services that tokens can be asked for."`
	Endpoints map[string]string `json:"endpoints" doc:"What can be asked, and where."`
	Docs      string            `json:"docs"`
}

// Health says that the process answers.
type Health struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// AuthorizeLinkWish asks for a signed link.
type AuthorizeLinkWish struct {
	UserID   string `json:"user_id" minLength:"1" maxLength:"200" doc:"Any name you know the user by."`
	Service  string `json:"service" minLength:"1" maxLength:"64"`
	Redirect string `json:"redirect,omitempty" maxLength:"2000" doc:"Where to go afterwards: a path of ours, or an address on one of ALLOWED_ORIGINS."`
}

// AuthorizeLink is a signed link: whoever opens it can authorise the service for that user.
type AuthorizeLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// LeaseWish asks for a lease.
type LeaseWish struct {
	Name      string   `json:"name" minLength:"1" maxLength:"200" doc:"What it is for, for people who read the list."`
	UserID    string   `json:"user_id" minLength:"1" maxLength:"200"`
	Service   string   `json:"service" minLength:"1" maxLength:"64"`
	Methods   []string `json:"methods,omitempty" maxItems:"10" doc:"HTTP methods; GET alone when absent."`
	Paths     []string `json:"paths" minItems:"1" maxItems:"50" doc:"Patterns of Google's paths, like /gmail/v1/users/me/messages*, where * is any rest."`
	Seconds   int64    `json:"seconds,omitempty" minimum:"0" maximum:"3600" doc:"How long, at most an hour; 15 minutes when absent."`
	MaxCalls  int64    `json:"max_calls,omitempty" minimum:"0" maximum:"1000000" doc:"0: as many as fit into the time."`
	PerMinute int64    `json:"per_minute,omitempty" minimum:"0" maximum:"100000" doc:"0: our default."`
}

// Lease is a narrow, short-lived way to Google's APIs without the token itself.
type Lease struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	UserID     string     `json:"user_id" doc:"Whose Google account is used."`
	Service    string     `json:"service"`
	Methods    []string   `json:"methods"`
	Paths      []string   `json:"paths"`
	PerMinute  int64      `json:"per_minute"`
	MaxCalls   int64      `json:"max_calls"`
	Calls      int64      `json:"calls"`
	Refused    int64      `json:"refused"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	CutAt      *time.Time `json:"cut_at"`
}

// CreatedLease is a new lease with its handle.
type CreatedLease struct {
	Lease
	Handle string `json:"handle" doc:"Shown this once; only its hash is stored."`
	URL    string `json:"url" doc:"Put Google's path behind it: url + /gmail/v1/users/me/messages."`
}

// ServiceToken is an authorisation of the token service as administrators see it.
type ServiceToken struct {
	ID              string     `json:"id"`
	UserID          string     `json:"user_id" doc:"The name the plugin knows the user by."`
	Service         string     `json:"service"`
	GoogleEmail     string     `json:"google_email"`
	Status          string     `json:"status" doc:"active, dead, decryption_failed or revoked."`
	ExpiresAt       *time.Time `json:"expires_at" doc:"Of the access token held now."`
	LastUsedAt      *time.Time `json:"last_used_at"`
	HasRefreshToken bool       `json:"has_refresh_token"`
	CreatedAt       time.Time  `json:"created_at"`
}

func tokenPath(user, service string) string {
	return "/api/token/" + url.PathEscape(user) + "/" + url.PathEscape(service)
}

// Vend gives a Google access token of a user for a service.
func (c *Client) Vend(ctx context.Context, user, service string) (VendedToken, error) {
	var out VendedToken
	return out, c.Do(ctx, http.MethodGet, tokenPath(user, service), nil, &out)
}

// AuthorizedServices lists what a user has authorised.
func (c *Client) AuthorizedServices(ctx context.Context, user string) (AuthorizedServices, error) {
	var out AuthorizedServices
	return out, c.Do(ctx, http.MethodGet, "/api/tokens/"+url.PathEscape(user), nil, &out)
}

// RevokeToken ends a user's authorisation of a service.
func (c *Client) RevokeToken(ctx context.Context, user, service string) (RevokedToken, error) {
	var out RevokedToken
	return out, c.Do(ctx, http.MethodDelete, tokenPath(user, service), nil, &out)
}

// AuthorizeLink makes a signed link that a user opens to authorise a service.
func (c *Client) AuthorizeLink(ctx context.Context, in AuthorizeLinkWish) (AuthorizeLink, error) {
	var out AuthorizeLink
	return out, c.Do(ctx, http.MethodPost, base+"/tokens/authorize-links", in, &out)
}

// CreateLease makes a lease.
func (c *Client) CreateLease(ctx context.Context, in LeaseWish) (CreatedLease, error) {
	var out CreatedLease
	return out, c.Do(ctx, http.MethodPost, base+"/tokens/leases", in, &out)
}

// Leases gives a page of leases, newest first.
func (c *Client) Leases(ctx context.Context, cursor string) (List[Lease], error) {
	var out List[Lease]
	return out, c.Do(ctx, http.MethodGet, base+"/tokens/leases"+query("cursor", cursor), nil, &out)
}

// CutLease ends a lease at once.
func (c *Client) CutLease(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, base+"/tokens/leases/"+url.PathEscape(id), nil, nil)
}

// ServiceTokens gives a page of the authorisations of the token service.
func (w *InWorkspace) ServiceTokens(ctx context.Context, cursor string) (List[ServiceToken], error) {
	var out List[ServiceToken]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/tokens"+query("cursor", cursor), nil, &out)
}

// RevokeServiceToken ends an authorisation of the token service.
func (w *InWorkspace) RevokeServiceToken(ctx context.Context, id string) (RevokedToken, error) {
	var out RevokedToken
	return out, w.client.Do(ctx, http.MethodDelete, w.path+"/tokens/"+url.PathEscape(id), nil, &out)
}
