package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

const securityEventMost = 64 << 10

// securityEvent takes a security event token of Google (Cross-Account
// Protection): 202 when it is understood or known already, 400 when it is not
// Google's or not for us.
func (s *Server) securityEvent(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, securityEventMost))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return newProblem(http.StatusRequestEntityTooLarge, "A security event token is not that large.")
	}
	if err != nil {
		return fault.New(fault.Unavailable, "the request broke off: %w", err)
	}
	token := strings.TrimSpace(string(body))
	if token == "" || strings.Count(token, ".") != 2 {
		return badEvent(nil)
	}
	if err := s.SecurityEvents.Receive(r.Context(), crm.NewSecret(token)); err != nil {
		switch fault.Of(err) {
		case fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.NotFound:
			return badEvent(err)
		}
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func badEvent(err error) error {
	p := newProblem(http.StatusBadRequest, "This is no security event token of Google for us.").(*Problem)
	p.Code = "invalid_token"
	if err != nil {
		return errors.Join(p, err)
	}
	return p
}
