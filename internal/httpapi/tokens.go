package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/vault"
)

// listAuthorized answers GET /api/tokens/{userId}.
func (s *Server) listAuthorized(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	user := r.PathValue("userId")
	found, err := s.Vault.Authorizations(r.Context(), c, user)
	if err != nil {
		return err
	}
	return answerBuffered(w, AuthorizedServices{UserID: user, TotalServices: len(found), AuthorizedServices: each(found, authorizedShape)})
}

func authorizedShape(a vault.Authorization) AuthorizedService {
	return AuthorizedService{
		Service: string(a.Service), ExpiresAt: moment(a.Expiry), HasRefreshToken: a.HasRefreshToken, CreatedAt: a.CreatedAt.UTC(),
		UpdatedAt: a.UpdatedAt.UTC(), GoogleEmail: a.GoogleEmail, Status: string(a.Status), ByConnection: a.ByConnection,
	}
}

// moment is a time that may not be known.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}

// revokeToken answers DELETE /api/token/{userId}/{service}.
func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	user, service := r.PathValue("userId"), r.PathValue("service")
	done, err := s.Vault.RevokeToken(r.Context(), c, user, crm.Service(service))
	if err != nil {
		return err
	}
	return answerBuffered(w, revokedShape(user, service, done))
}

func revokedShape(user, service string, done vault.Revocation) RevokedToken {
	out := RevokedToken{Success: true, Message: fmt.Sprintf("Token revoked for user %s, service %s", user, service)}
	if done.Note != "" {
		out.Message += ". " + done.Note
	}
	return out
}

// InBroker is the workspace of a call of the token service.
type InBroker struct {
	WorkspaceID string `query:"workspace_id" maxLength:"64" doc:"The workspace of the API key, or the caller's first one, when absent."`
}

type authorizeLinkInput struct {
	InBroker
	Idempotent
	Body AuthorizeLinkWish
}

func (s *Server) createAuthorizeLink(ctx context.Context, c access.Caller, in *authorizeLinkInput) (*bodyOf[AuthorizeLink], error) {
	address, expires, err := s.Vault.AuthorizeLink(ctx, c, in.Body.UserID, crm.Service(in.Body.Service), in.Body.Redirect)
	if err != nil {
		return nil, err
	}
	return &bodyOf[AuthorizeLink]{AuthorizeLink{URL: address, ExpiresAt: expires.UTC()}}, nil
}

type leaseInput struct {
	InBroker
	Idempotent
	Body LeaseWish
}

func (s *Server) createLease(ctx context.Context, c access.Caller, in *leaseInput) (*bodyOf[CreatedLease], error) {
	b := in.Body
	l, handle, err := s.Vault.CreateLease(ctx, c, vault.LeaseWish{
		Name: b.Name, Subject: b.UserID, Service: crm.Service(b.Service), Methods: b.Methods, Paths: b.Paths,
		Life: time.Duration(b.Seconds) * time.Second, MaxCalls: b.MaxCalls, PerMinute: b.PerMinute,
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[CreatedLease]{CreatedLease{Lease: leaseShape(l), Handle: handle.Reveal(), URL: s.PublicURL + proxyPath + handle.Reveal()}}, nil
}

type leasesInput struct {
	InBroker
	PageInput
}

func (s *Server) listLeases(ctx context.Context, c access.Caller, in *leasesInput) (*bodyOf[List[Lease]], error) {
	found, next, err := s.Vault.LeasesOf(ctx, c, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := listOf(each(found, leaseShape))
	out.Body.NextCursor = next
	return out, nil
}

type cutLeaseInput struct {
	InBroker
	LeaseID string `path:"lease_id"`
}

func (s *Server) cutLease(ctx context.Context, c access.Caller, in *cutLeaseInput) (*nothing, error) {
	return nil, s.Vault.CutLease(ctx, c, crm.LeaseID(in.LeaseID))
}

func leaseShape(l vault.Lease) Lease {
	return Lease{
		ID: string(l.ID), Name: l.Name, UserID: l.Subject, Service: string(l.Service), Methods: texts(l.Methods), Paths: texts(l.Paths),
		PerMinute: l.PerMinute, MaxCalls: l.MaxCalls, Calls: l.Calls, Refused: l.Refused, CreatedAt: l.CreatedAt.UTC(), ExpiresAt: l.ExpiresAt.UTC(),
		LastUsedAt: utc(l.LastUsedAt), CutAt: utc(l.CutAt),
	}
}

type tokensInput struct {
	InWorkspace
	PageInput
}

func (s *Server) listServiceTokens(ctx context.Context, c access.Caller, in *tokensInput) (*bodyOf[List[ServiceToken]], error) {
	held, next, err := s.Vault.HeldTokens(ctx, c, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := listOf(each(held, serviceTokenShape))
	out.Body.NextCursor = next
	return out, nil
}

func serviceTokenShape(t vault.HeldToken) ServiceToken {
	return ServiceToken{
		ID: string(t.ID), UserID: t.Subject, Service: string(t.Service), GoogleEmail: t.GoogleEmail, Status: string(t.Status),
		ExpiresAt: moment(t.Expiry), LastUsedAt: moment(t.LastUsedAt), HasRefreshToken: t.HasRefreshToken, CreatedAt: t.CreatedAt.UTC(),
	}
}

type grantInput struct {
	InWorkspace
	GrantID string `path:"grant_id"`
}

func (s *Server) revokeServiceToken(ctx context.Context, c access.Caller, in *grantInput) (*bodyOf[RevokedToken], error) {
	done, err := s.Vault.RevokeHeld(ctx, c, crm.GrantID(in.GrantID))
	if err != nil {
		return nil, err
	}
	out := RevokedToken{Success: true, Message: "Token revoked."}
	if done.Note != "" {
		out.Message += " " + done.Note
	}
	return &bodyOf[RevokedToken]{out}, nil
}

// about answers GET /: the web application to browsers, and to programs what
// this service is.
func (s *Server) about(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	w.Header().Add("Vary", "Accept")
	if wantsPage(r) {
		s.pages.ServeHTTP(w, r)
		return nil
	}
	return answerBuffered(w, ServiceInfo{
		Service: "Rapport", Version: s.Version, Status: "running", Docs: s.PublicURL + "/docs", Services: texts(s.Vault.ServiceNames()),
		Endpoints: map[string]string{
			"authorize": "/oauth/authorize?userId={userId}&service={service}",
			"token":     "/api/token/{userId}/{service}", "tokens": "/api/tokens/{userId}", "revoke": "DELETE /api/token/{userId}/{service}",
			"health": "/health", "docs": "/docs", "openapi": "/openapi.json", "api": base,
		},
	})
}

// unixTime reads whole seconds.
func unixTime(text string) time.Time {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
