package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

type connectInput struct {
	InWorkspace
	Services     string `query:"services" doc:"Comma-separated: gmail, calendar, contacts. Default gmail." maxLength:"200"`
	ConnectionID string `query:"connection_id" doc:"Reconnect this connection: it has to come back as the same Google account."`
	Redirect     bool   `query:"redirect" doc:"Send the browser to Google instead of answering with the address."`
	ReturnTo     string `query:"return_to" maxLength:"2000" doc:"Path of our own pages to come back to."`
}

type connectOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     Connect
}

// connectable are the services a member can choose to connect.
var connectable = []crm.Service{crm.ServiceGmail, crm.ServiceCalendar, crm.ServiceContacts}

func services(list string) ([]crm.Service, error) {
	if list == "" {
		return []crm.Service{crm.ServiceGmail}, nil
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
	address, err := s.Google.Begin(ctx, c, ConsentWish{
		Services: wanted, Connection: crm.ConnectionID(in.ConnectionID), ReturnTo: s.ownPath(in.ReturnTo, "/crm/settings/integrations"),
	})
	if err != nil {
		return nil, err
	}
	out := &connectOutput{Status: http.StatusOK, Body: Connect{AuthorizationURL: address}}
	if in.Redirect {
		out.Status, out.Location = http.StatusFound, address
	}
	return out, nil
}

func (s *Server) callback(ctx context.Context, c access.Caller, in *callbackInput) (*redirectOutput, error) {
	q := in.query()
	q.Workspace = crm.WorkspaceID(in.WorkspaceID)
	return s.finishConsent(ctx, c, q)
}

func (s *Server) callbackAny(ctx context.Context, c access.Caller, in *AnyCallback) (*redirectOutput, error) {
	return s.finishConsent(ctx, c, in.query())
}

// finishConsent sends the browser back to the page it came from, with the
// outcome as ?google=.
func (s *Server) finishConsent(ctx context.Context, c access.Caller, q CallbackQuery) (*redirectOutput, error) {
	outcome, err := s.Google.Complete(ctx, q)
	if err != nil {
		logFailure(ctx, err, problemOf(err, c.RequestID))
		outcome.Result = "error"
	}
	to, err := url.Parse(s.ownPath(outcome.ReturnTo, "/crm/settings/integrations"))
	if err != nil {
		return nil, fmt.Errorf("reading the page to return to: %w", err)
	}
	query := to.Query()
	query.Set("google", outcome.Result)
	if outcome.Result == "error" {
		query.Set("reference", c.RequestID)
	}
	to.RawQuery = query.Encode()
	return &redirectOutput{Location: to.String()}, nil
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
	result, err := s.Google.Disconnect(ctx, c, conn.ID, in.Body.DeleteData)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Disconnected]{Disconnected{
		ConnectionID: string(conn.ID), RevokedAtGoogle: result.Revoked, DeletedMessages: result.Deleted, Message: result.Message,
	}}, nil
}
