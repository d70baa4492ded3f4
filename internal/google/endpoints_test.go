package google

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/config"
)

func TestEndpoints(t *testing.T) {
	require.Equal(t, Endpoints{
		Auth: "https://accounts.google.com/o/oauth2/v2/auth", Token: "https://oauth2.googleapis.com/token", Revoke: "https://oauth2.googleapis.com/revoke",
		Keys: "https://www.googleapis.com/oauth2/v3/certs", Issuers: []string{"https://accounts.google.com", "accounts.google.com"},
		RISC:  "https://accounts.google.com/.well-known/risc-configuration",
		Gmail: "https://gmail.googleapis.com/", Calendar: "https://www.googleapis.com/", People: "https://people.googleapis.com/",
		Directory: "https://admin.googleapis.com/", Drive: "https://www.googleapis.com/", Sheets: "https://sheets.googleapis.com/", Meet: "https://meet.googleapis.com/", PubSub: "https://pubsub.googleapis.com/",
	}, Real())

	const root = "http://127.0.0.1:8100/"
	folded := Endpoints{Auth: root + "o/oauth2/v2/auth", Token: root + "token", Revoke: root + "revoke", Keys: root + "oauth2/v3/certs",
		Issuers: []string{"http://127.0.0.1:8100", "https://accounts.google.com", "accounts.google.com"}, RISC: root + ".well-known/risc-configuration",
		Gmail: root, Calendar: root, People: root, Directory: root, Drive: root, Sheets: root, Meet: root, PubSub: root, Base: "http://127.0.0.1:8100"}
	require.Equal(t, folded, At(root))
	require.Equal(t, Real(), At(""))

	c, err := config.Load([]string{"GOOGLE_BASE_URL=" + root, "GOOGLE_ISSUER=https://accounts.google.com"}, "")
	require.NoError(t, err)
	require.Equal(t, []string{"https://accounts.google.com", "accounts.google.com"}, From(c.Endpoints()).Issuers)
}
