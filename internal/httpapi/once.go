package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Once remembers what was answered to a request with an Idempotency-Key.
type Once interface {
	// BeginOnce claims a key within a scope; see the store.
	BeginOnce(ctx context.Context, scope, key string, fingerprint []byte, now, expires time.Time) (answer []byte, first bool, err error)
	// FinishOnce stores the answer; nil frees the key.
	FinishOnce(ctx context.Context, scope, key string, answer []byte) error
}

// Idempotent makes asking twice harmless.
type Idempotent struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"Asking again within a day with the same value gives the first answer again."`
}

func (i Idempotent) idempotencyKey() string { return i.Key }

// onceLife is how long an answer is remembered.
const onceLife = 24 * time.Hour

// once lets an operation that creates something do so once per Idempotency-Key
// of a caller. The answer may hold a secret that is shown once, so it is kept
// sealed. A request that failed may be made again.
func once[I interface{ idempotencyKey() string }, T any](s *Server, operation string, h handler[I, bodyOf[T]]) handler[I, bodyOf[T]] {
	return func(ctx context.Context, c access.Caller, in *I) (*bodyOf[T], error) {
		key := (*in).idempotencyKey()
		if key == "" {
			return h(ctx, c, in)
		}
		scope := operation + "/" + string(c.Workspace) + "/" + string(c.UserID) + "/" + string(c.KeyID)
		request, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("taking the fingerprint of the request: %w", err)
		}
		print := sha256.Sum256(request)
		now := s.Now()
		known, first, err := s.Once.BeginOnce(ctx, scope, key, print[:], now, now.Add(onceLife))
		if err != nil {
			return nil, err
		}
		if !first {
			return recalled[T](s, scope, known)
		}
		out, err := h(ctx, c, in)
		if kept := s.remember(context.WithoutCancel(ctx), scope, key, out, err); kept != nil {
			return nil, kept
		}
		return out, err
	}
}

const answerField = "answer"

// remember keeps an answer, or frees the key after a failure.
func (s *Server) remember(ctx context.Context, scope, key string, out any, failed error) error {
	if failed != nil {
		if err := s.Once.FinishOnce(ctx, scope, key, nil); err != nil {
			return fmt.Errorf("freeing the Idempotency-Key: %w", err)
		}
		return nil
	}
	text, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("writing the answer down: %w", err)
	}
	sealed, err := s.Vault.Sealer.Seal(scope, answerField, crm.NewSecret(string(text)))
	if err != nil {
		return fmt.Errorf("sealing the answer: %w", err)
	}
	if err := s.Once.FinishOnce(ctx, scope, key, []byte(sealed)); err != nil {
		return fmt.Errorf("keeping the answer: %w", err)
	}
	return nil
}

// recalled gives the answer of the first time.
func recalled[T any](s *Server, scope string, sealed []byte) (*bodyOf[T], error) {
	text, err := s.Vault.Sealer.Open(scope, answerField, string(sealed))
	if err != nil { // its key was rotated out: whether it was done can be seen in the list
		return nil, &fault.Error{Kind: fault.Conflict, Code: "idempotency_key_reused", Text: "This was done before, and the answer cannot be shown again.", Err: err}
	}
	out := &bodyOf[T]{}
	if err := json.Unmarshal([]byte(text.Reveal()), out); err != nil {
		return nil, fmt.Errorf("reading the answer of the first time: %w", err)
	}
	return out, nil
}
