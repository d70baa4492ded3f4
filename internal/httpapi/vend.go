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
	b := vendBuffers.Get().(*[]byte)
	defer vendBuffers.Put(b)
	text, ok := appendVended((*b)[:0], vendedShape(v))
	*b = text
	defer clear(text) // tokens do not stay in the pool
	if !ok {
		return answerBuffered(w, vendedShape(v))
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = jsonType, noStore
	_, _ = w.Write(text) // the reader went away
	return nil
}

// vendBuffers hold answers that appendVended writes.
var vendBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// appendVended writes what encoding/json would, without looking at types: this
// answer is most of what a busy installation says. Not ok: it holds a letter that
// JSON writes in another way.
func appendVended(b []byte, v VendedToken) (_ []byte, ok bool) {
	ok = v.Scopes != nil && v.ExpiresAt.Year() > 0 && v.ExpiresAt.Year() < 10000
	b = append(b, `{"access_token":`...)
	b = appendQuoted(b, v.AccessToken, &ok)
	b = append(b, `,"token_type":`...)
	b = appendQuoted(b, v.TokenType, &ok)
	b = append(b, `,"user_id":`...)
	b = appendQuoted(b, v.UserID, &ok)
	b = append(b, `,"service":`...)
	b = appendQuoted(b, v.Service, &ok)
	b = append(b, `,"expires_at":"`...)
	b = v.ExpiresAt.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","scopes":[`...)
	for i, scope := range v.Scopes {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, scope, &ok)
	}
	b = append(b, "]}\n"...)
	return b, ok
}

// appendQuoted puts text between quotes, and takes ok away when that does not do.
func appendQuoted(b []byte, text string, ok *bool) []byte {
	odd := false
	for i := range len(text) {
		c := text[i]
		odd = odd || c < ' ' || c >= 0x7f || c == '"' || c == '\\'
	}
	*ok = *ok && !odd
	return append(append(append(b, '"'), text...), '"')
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
