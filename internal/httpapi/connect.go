package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

type connectInput struct {
	InWorkspace
	Services     string `query:"services" doc:"Comma-separated: gmail, calendar, contacts, imap (IMAP and SMTP of an e-mail account at Gmail). Default: those of the connection; gmail and calendar for a new one." maxLength:"200"`
	ConnectionID string `query:"connection_id" doc:"Reconnect this connection: it has to come back as the same Google account."`
	Redirect     bool   `query:"redirect" doc:"Send the browser to Google instead of answering with the address."`
	ReturnTo     string `query:"return_to" maxLength:"2000" doc:"Path of our own pages to come back to."`
	LoginHint    string `query:"login_hint" maxLength:"320" doc:"Address of the Google account to preselect."`
}

type connectOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     Connect
}

// connectable are the services a member can choose to connect.
var connectable = []crm.Service{crm.ServiceGmail, crm.ServiceCalendar, crm.ServiceContacts, crm.ServiceIMAP}

func services(list string) ([]crm.Service, error) {
	if list == "" {
		return nil, nil
	}
	var out []crm.Service
	for name := range strings.SplitSeq(list, ",") {
		service := crm.Service(strings.TrimSpace(name))
		if !slices.Contains(connectable, service) {
			return nil, &fault.Error{
				Kind: fault.Invalid, Text: "There is no service " + string(service) + " to connect.",
				Fields: map[string]string{"services": fmt.Sprintf("must be among %v", connectable)},
			}
		}
		if !slices.Contains(out, service) {
			out = append(out, service)
		}
	}
	return out, nil
}

func (s *Server) connect(ctx context.Context, c access.Caller, in *connectInput) (*connectOutput, error) {
	wanted, err := services(in.Services)
	if err != nil {
		return nil, err
	}
	purpose := vault.PurposeConnect
	if c.Via != access.ViaSession { // the browser that consents need not be signed in here
		purpose = vault.PurposeLink
	}
	started, err := s.Vault.Begin(ctx, c, vault.Request{
		Purpose: purpose, Services: wanted, Connection: crm.ConnectionID(in.ConnectionID), RedirectURI: s.RedirectURI,
		LoginHint: in.LoginHint, ReturnTo: s.ownPath(in.ReturnTo, "/crm/settings/integrations"),
	})
	if err != nil {
		return nil, err
	}
	out := &connectOutput{Status: http.StatusOK, Body: Connect{AuthorizationURL: started.URL}}
	if in.Redirect {
		out.Status, out.Location = http.StatusFound, started.URL
	}
	return out, nil
}

// consentOutput sends a browser on, or shows it a page.
type consentOutput struct {
	Status      int
	Location    string        `header:"Location"`
	Cookie      []http.Cookie `header:"Set-Cookie"`
	ContentType string        `header:"Content-Type"`
	Policy      string        `header:"Content-Security-Policy"`
	Body        []byte
}

// wrongAccountPage tells somebody who has no session here, and so no page of
// ours to go back to, that they chose another account than they should.
func wrongAccountPage(p *Problem) (*consentOutput, error) {
	view := tokenPageView{Title: titles[p.Code], Text: p.Detail, Foot: "Reference, if you ask for help: " + p.RequestID}
	return &consentOutput{Status: p.Status, ContentType: pageType, Policy: pagePolicy, Body: view.show()}, nil
}

func (s *Server) callback(ctx context.Context, c access.Caller, in *callbackInput) (*consentOutput, error) {
	return s.finishConsent(ctx, c, in.AnyCallback)
}

func (s *Server) callbackAny(ctx context.Context, c access.Caller, in *AnyCallback) (*consentOutput, error) {
	return s.finishConsent(ctx, c, *in)
}

// outcomes are the values of ?google= by the code of the error.
var outcomes = map[string]string{
	"access_denied": "denied", "waiting_for_admin": "waiting_for_admin", "domain_not_allowed": "domain_not_allowed",
	"wrong_account": "wrong_account", "consent_expired": "expired", "wrong_user": "wrong_user",
	"link_used": "expired", "link_not_found": "expired", "link_expired": "expired", "insufficient_scope": "denied",
}

// outcomeOf is the value of ?google= for the code of a problem.
func outcomeOf(code string) string {
	if known, is := outcomes[code]; is {
		return known
	}
	return "error"
}

// finishConsent sends the browser back to the page it came from, with the
// outcome as ?google=.
func (s *Server) finishConsent(ctx context.Context, c access.Caller, in AnyCallback) (*consentOutput, error) {
	link, c, err := s.linkBehind(ctx, c, in)
	var outcome vault.Outcome
	if err == nil {
		outcome, err = s.Vault.Complete(ctx, c, in.answer(vault.PurposeConnect, vault.PurposeLink))
	}
	if err != nil && link.IsZero() && c.UserID == "" {
		if p := problemOf(err, c.RequestID); p.Code == "wrong_account" {
			logFailure(ctx, err, p)
			return wrongAccountPage(p)
		}
	}
	query := s.outcomeQuery(ctx, c, in, outcome, err)
	back := s.ownPath(outcome.ReturnTo, "/crm/settings/integrations")
	if !link.IsZero() {
		back = linkPage + url.PathEscape(link.Reveal())
	}
	to, err := url.Parse(back)
	if err != nil {
		return nil, fmt.Errorf("reading the page to return to: %w", err)
	}
	for k, v := range to.Query() {
		if _, ours := query[k]; !ours {
			query[k] = v
		}
	}
	to.RawQuery = query.Encode()
	out := &consentOutput{Status: http.StatusFound, Location: to.String()}
	if !link.IsZero() {
		gone := s.linkCookie(in.State, crm.Secret{}, time.Unix(1, 0))
		gone.MaxAge = -1
		out.Cookie = append(out.Cookie, gone)
	}
	return out, nil
}

// outcomeQuery tells a page of ours how a consent went.
func (s *Server) outcomeQuery(ctx context.Context, c access.Caller, in AnyCallback, outcome vault.Outcome, failed error) url.Values {
	query := url.Values{"google": {"connected"}}
	if failed == nil {
		if outcome.Connection.Status == crm.StatusDegraded {
			query.Set("google", "degraded")
		}
		return query
	}
	p := problemOf(failed, c.RequestID)
	logFailure(ctx, failed, p)
	result := outcomeOf(p.Code)
	query.Set("google", result)
	switch {
	case result == "error":
		query.Set("reference", c.RequestID)
	case result == "waiting_for_admin" && (in.Error == "admin_policy_enforced" || in.Error == "org_internal"):
		query.Set("reason", in.Error) // the page says what to do about each
	}
	return query
}

// mine is the caller's connection with the id, or their first one.
func (s *Server) mine(ctx context.Context, c access.Caller, id string) (crm.Connection, error) {
	all, err := s.Connections.Mine(ctx, c)
	if err != nil {
		return crm.Connection{}, err
	}
	for _, conn := range all {
		if id == "" && conn.Status != crm.StatusDisconnected || string(conn.ID) == id {
			return conn, nil
		}
	}
	if id == "" && len(all) > 0 {
		return all[0], nil
	}
	if id != "" {
		return crm.Connection{}, fault.New(fault.NotFound, "There is no such connection.")
	}
	return crm.Connection{}, &fault.Error{Kind: fault.NotFound, Code: "not_connected", Text: "No Google account is connected yet.", Action: "/crm/onboarding/connect"}
}

type disconnectInput struct {
	InWorkspace
	Body DisconnectRequest
}

func (s *Server) disconnect(ctx context.Context, c access.Caller, in *disconnectInput) (*bodyOf[Disconnected], error) {
	conn, err := s.mine(ctx, c, in.Body.ConnectionID)
	if err != nil {
		return nil, err
	}
	done, err := s.Vault.Disconnect(ctx, c, conn.ID)
	if err != nil {
		return nil, err
	}
	out := Disconnected{ConnectionID: string(conn.ID), RevokedAtGoogle: done.Revoked, Message: "Disconnected. What was synced stays."}
	if in.Body.DeleteData {
		if out.DeletedMessages, err = s.Connections.DeleteData(ctx, conn.WorkspaceID, conn.ID); err != nil {
			return nil, err
		}
		out.Message = fmt.Sprintf("Disconnected, and %d messages deleted here. Nothing was deleted at Google.", out.DeletedMessages)
	}
	if done.Note != "" {
		out.Message += " " + done.Note
	}
	return &bodyOf[Disconnected]{out}, nil
}
