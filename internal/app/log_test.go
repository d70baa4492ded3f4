package app

import (
	"bytes"
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/config"
)

func TestLogsAreBlackedOut(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		c, err := config.Load([]string{"LOG_FORMAT=" + format}, "")
		require.NoError(t, err)
		var out bytes.Buffer
		log := NewLogger(c, &out)
		u, err := url.Parse("https://oauth2.example/token?code=4/secret1&x=1")
		require.NoError(t, err)
		log.Info("all at once", "token", "ya29.secret2", "error", errors.New("Post https://x?refresh_token=1//secret3: refused by postgres://u:secret4@h/d"), "address", u,
			"key", "rpt_secret5secret5", "bearer", "eyJhbGciOiJI.eyJzdWIi.secret6", "harmless", "a code of conduct")
		require.NotContains(t, out.String(), "secret")
		require.Contains(t, out.String(), "a code of conduct")
		require.Contains(t, out.String(), "[redacted]")
	}
}
