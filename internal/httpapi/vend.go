package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
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
	if err != nil {
		return err
	}
	return answerBuffered(w, vendedShape(v))
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
