package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// answerBuffers hold answers while they are written: giving out tokens is the
// busiest thing this program does.
var answerBuffers = sync.Pool{New: func() any { return &answerBuffer{} }}

type answerBuffer struct {
	bytes.Buffer
	encoder *json.Encoder
}

var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
)

// vend answers GET /api/token/{userId}/{service}.
func (s *Server) vend(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	v, err := s.Vault.Vend(r.Context(), c, r.PathValue("userId"), crm.Service(r.PathValue("service")))
	if err = s.unlessUnknown(r.PathValue("service"), err); err != nil {
		return err
	}
	return answerBuffered(w, vendedShape(v))
}

// unlessUnknown says that there is no such service, where a caller was refused
// one that does not exist: what exists is told to everybody (GET /).
func (s *Server) unlessUnknown(service string, refused error) error {
	names := s.Vault.ServiceNames()
	if !fault.Is(refused, fault.Forbidden) || slices.Contains(names, crm.Service(service)) {
		return refused
	}
	list := strings.Join(texts(names), ", ")
	return &fault.Error{Kind: fault.Invalid, Code: "unknown_service", Text: "There is no such service here. Available: " + list + ".",
		Fields: map[string]string{"service": "one of " + list}, Err: refused}
}

func vendedShape(v vault.Vended) VendedToken {
	return VendedToken{
		AccessToken: v.Token.Reveal(), TokenType: "Bearer", UserID: v.Subject, Service: string(v.Service),
		ExpiresAt: v.Expiry.UTC().Truncate(time.Second), Scopes: texts(v.Scopes),
	}
}

// answerBuffered writes a JSON answer through a buffer of the pool.
func answerBuffered(w http.ResponseWriter, body any) error {
	b := answerBuffers.Get().(*answerBuffer)
	defer answerBuffers.Put(b)
	if b.encoder == nil {
		b.encoder = json.NewEncoder(&b.Buffer)
		b.encoder.SetEscapeHTML(false)
	}
	b.Reset()
	if err := b.encoder.Encode(body); err != nil {
		return err
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = jsonType, noStore
	_, _ = w.Write(b.Bytes()) // the reader went away
	clear(b.Bytes())          // tokens do not stay in the pool
	return nil
}
