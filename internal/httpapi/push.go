package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail/push"
)

// registerPush is how Google tells of new mail.
func (s *Server) registerPush(r *router) {
	plain(r, holds("a Pub/Sub token signed by Google"), post, config.GmailNotifications, "receive-gmail-notification", "Google's notifications of changes in mailboxes", s.receiveNotification,
		says("Takes what a Pub/Sub subscription pushes, wrapped or not, in bodies of up to 64 KB. The OIDC token has to be Google's, for GOOGLE_PUSH_AUDIENCE and of GOOGLE_PUSH_SERVICE_ACCOUNT. Google is the only caller; "+
			"404 when GOOGLE_PUSH_SERVICE_ACCOUNT is not set. The mailbox is looked at in the background; what cannot be read, or is about a mailbox nobody here has, is taken and dropped."),
		func(op *huma.Operation) { op.Responses = map[string]*huma.Response{"204": {Description: "Taken"}} }, problems(r))
}

func (s *Server) receiveNotification(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	body := func() ([]byte, error) {
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, push.MostBody))
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, newProblem(http.StatusRequestEntityTooLarge, "A notification is not that large.")
		}
		if err != nil {
			return nil, fault.New(fault.Unavailable, "The request broke off: %w", err)
		}
		return data, nil
	}
	if err := s.Push.Receive(r.Context(), s.presented(r).Bearer, body, r.Header); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// watchStatus shows how a connection's news come in.
func (s *Server) watchStatus(ctx context.Context, c crm.Connection) (*client.Watch, error) {
	seen, err := s.Push.Status(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &client.Watch{Mode: string(seen.Mode), State: string(seen.State), ExpiresAt: given(seen.ExpiresAt), RenewedAt: given(seen.RenewedAt),
		LastNotificationAt: given(seen.NotifiedAt), Error: seen.Error, NextStep: seen.NextStep}
	if seen.Measured {
		p50, p99 := seen.P50.Milliseconds(), seen.P99.Milliseconds()
		out.DelayP50MS, out.DelayP99MS = &p50, &p99
	}
	return out, nil
}
