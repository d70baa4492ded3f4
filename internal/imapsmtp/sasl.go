package imapsmtp

import (
	"encoding/json"

	"github.com/emersion/go-sasl"
)

// bearer is XOAUTH2 (Google, "OAuth 2.0 mechanism") and OAUTHBEARER (RFC 7628).
// When the server refuses, it says why in a challenge and waits for an answer:
// empty for the one, a single 0x01 for the other. Only then does it end the
// exchange.
type bearer struct {
	mechanism string
	user      string
	token     string
	host      string
	refusal   string // status of the server's explanation
}

const (
	xoauth2     = "XOAUTH2"
	oauthBearer = sasl.OAuthBearer
)

func (b *bearer) Start() (mechanism string, first []byte, err error) {
	if b.mechanism == oauthBearer {
		return b.mechanism, []byte("n,a=" + b.user + ",\x01host=" + b.host + "\x01auth=Bearer " + b.token + "\x01\x01"), nil
	}
	return b.mechanism, []byte("user=" + b.user + "\x01auth=Bearer " + b.token + "\x01\x01"), nil
}

func (b *bearer) Next(challenge []byte) ([]byte, error) {
	var why struct{ Status string }
	_ = json.Unmarshal(challenge, &why) // it is refused whatever it says
	b.refusal = "refused " + why.Status
	if b.mechanism == oauthBearer {
		return []byte{1}, nil
	}
	return []byte{}, nil
}
