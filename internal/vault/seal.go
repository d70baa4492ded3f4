package vault

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/fernet/fernet-go"

	"rapport/internal/crm"
)

// Errors of Open. Neither is a fault of the caller: the key is lost, or the
// value was copied from elsewhere.
var (
	ErrNoKey    = errors.New("no configured key opens this value")
	ErrMisplace = errors.New("the value belongs to another row or field")
)

// Sealer encrypts secrets with Fernet (the published format: AES-128-CBC and
// HMAC-SHA256), so that a key made by any Fernet tool works. The first key
// encrypts, all decrypt. It is safe for concurrent use.
type Sealer struct{ keys []*fernet.Key }

// NewSealer reads a comma-separated list of keys. Its errors name the place of
// a bad key in the list, never the key.
func NewSealer(list crm.Secret) (*Sealer, error) {
	var keys []*fernet.Key
	for i, text := range strings.Split(list.Reveal(), ",") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		k, err := fernet.DecodeKey(text)
		if err != nil {
			return nil, fmt.Errorf("encryption key %d in the list is not a Fernet key (32 bytes as base64)", i+1)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("no encryption key is given")
	}
	return &Sealer{keys}, nil
}

// NewKey makes a key for the list.
func NewKey() (crm.Secret, error) {
	var k fernet.Key
	if err := k.Generate(); err != nil {
		return crm.Secret{}, fmt.Errorf("making an encryption key: %w", err)
	}
	return crm.NewSecret(k.Encode()), nil
}

// Seal encrypts a secret for one field of one row. The empty secret stays empty.
func (s *Sealer) Seal(row, field string, value crm.Secret) (string, error) {
	if value.IsZero() {
		return "", nil
	}
	tok, err := fernet.EncryptAndSign([]byte(binding(row, field)+value.Reveal()), s.keys[0])
	if err != nil {
		return "", fmt.Errorf("sealing: %w", err)
	}
	return string(tok), nil
}

// Open decrypts what Seal made for the same row and field.
func (s *Sealer) Open(row, field, sealed string) (crm.Secret, error) {
	if sealed == "" {
		return crm.Secret{}, nil
	}
	return open(s.keys, row, field, sealed)
}

// Current reports whether the first key opens the value (or it is empty).
func (s *Sealer) Current(row, field, sealed string) bool {
	if sealed == "" {
		return true
	}
	_, err := open(s.keys[:1], row, field, sealed)
	return err == nil
}

func open(keys []*fernet.Key, row, field, sealed string) (crm.Secret, error) {
	msg, err := decrypt(keys, sealed)
	if err != nil {
		return crm.Secret{}, err
	}
	value, ok := strings.CutPrefix(string(msg), binding(row, field))
	if !ok {
		return crm.Secret{}, ErrMisplace
	}
	return crm.NewSecret(value), nil
}

// decrypt opens a Fernet text of any age with the first key that fits.
func decrypt(keys []*fernet.Key, sealed string) ([]byte, error) {
	// fernet-go ignores what follows the first character that is not base64.
	if _, err := base64.URLEncoding.DecodeString(sealed); err != nil {
		return nil, ErrNoKey
	}
	msg := fernet.VerifyAndDecrypt([]byte(sealed), 0, keys)
	if msg == nil {
		return nil, ErrNoKey
	}
	return msg, nil
}

// binding stands before the secret inside the encrypted text. Neither part can
// hold a NUL, so that no two pairs give the same text.
func binding(row, field string) string { return "1\x00" + row + "\x00" + field + "\x00" }

const (
	fieldAccess  = "access_token"
	fieldRefresh = "refresh_token"
)

// sealInto stores tokens in a grant. A zero refresh token keeps the old one.
func (s *Sealer) sealInto(g *Grant, t Tokens) error {
	var err error
	if g.SealedAccess, err = s.Seal(string(g.ID), fieldAccess, t.Access); err != nil {
		return err
	}
	if !t.Refresh.IsZero() {
		if g.SealedRefresh, err = s.Seal(string(g.ID), fieldRefresh, t.Refresh); err != nil {
			return err
		}
	}
	g.Expiry = t.Expiry
	return nil
}
