package postal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResponsesOfBothMechanisms(t *testing.T) {
	for name, one := range map[string]struct {
		mechanism, response, user, token string
		ok                               bool
	}{
		"Google's":              {XOAuth2, "user=ada@lamps.example\x01auth=Bearer ya29.x\x01\x01", "ada@lamps.example", "ya29.x", true},
		"the standard's":        {OAuthBearer, "n,a=ada@lamps.example,\x01host=imap.gmail.com\x01port=993\x01auth=Bearer ya29.x\x01\x01", "ada@lamps.example", "ya29.x", true},
		"without a name":        {OAuthBearer, "n,,\x01auth=Bearer ya29.x\x01\x01", "", "ya29.x", true},
		"signs in names":        {OAuthBearer, "n,a=a=2Cb=3Dc@x,\x01auth=Bearer t\x01\x01", "a,b=c@x", "t", true},
		"one end missing":       {XOAuth2, "user=ada@lamps.example\x01auth=Bearer ya29.x\x01", "", "", false},
		"another scheme":        {XOAuth2, "user=ada@lamps.example\x01auth=Basic ya29.x\x01\x01", "ada@lamps.example", "", false},
		"of the other protocol": {OAuthBearer, "user=ada@lamps.example\x01auth=Bearer ya29.x\x01\x01", "", "ya29.x", false},
		"nothing":               {XOAuth2, "", "", "", false},
	} {
		user, token, ok := Parse(one.mechanism, []byte(one.response))
		require.Equal(t, []any{one.user, one.token, one.ok}, []any{user, token, ok}, name)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("user=a@b\x01auth=Bearer t\x01\x01")
	f.Add("n,a=a@b,\x01auth=Bearer t\x01\x01")
	f.Fuzz(func(t *testing.T, response string) {
		for _, m := range []string{XOAuth2, OAuthBearer} {
			if _, token, ok := Parse(m, []byte(response)); ok {
				require.NotEmpty(t, token)
				require.True(t, strings.HasSuffix(response, "\x01\x01"))
			}
		}
	})
}
