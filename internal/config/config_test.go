package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/config/configtest"
	"rapport/internal/crm"
)

const goodKey = configtest.Key

func TestEverythingHasADefault(t *testing.T) {
	c, err := Load(nil, "")
	require.NoError(t, err)
	require.Equal(t, 8000, c.Port)
	require.Equal(t, "http://localhost:8000", c.PublicURL)
	require.Equal(t, "http://localhost:8000/api/v1/integrations/google/callback", c.GoogleRedirectURI)
	require.Equal(t, filepath.Join("data", "rapport.db"), c.DatabasePath)
	require.Equal(t, 5*time.Minute, c.RefreshAhead)
	require.False(t, c.HasGoogleClient())
	require.Equal(t, "https://oauth2.googleapis.com/token", c.Endpoints().Token)
}

func TestBaseURLFoldsEveryAddressAndSingleOnesWin(t *testing.T) {
	c, err := Load([]string{"GOOGLE_BASE_URL=http://127.0.0.1:8100/", "GOOGLE_TOKEN_URL=https://token.example.org/t"}, "")
	require.NoError(t, err)
	require.Equal(t, Endpoints{
		Auth: "http://127.0.0.1:8100/o/oauth2/v2/auth", Token: "https://token.example.org/t", Revoke: "http://127.0.0.1:8100/revoke",
		Userinfo: "http://127.0.0.1:8100/v1/userinfo", JWKS: "http://127.0.0.1:8100/oauth2/v3/certs", Issuer: "http://127.0.0.1:8100",
		RISC: "http://127.0.0.1:8100/.well-known/risc-configuration", Simulated: true, Base: "http://127.0.0.1:8100",
		Gmail: "http://127.0.0.1:8100/", Calendar: "http://127.0.0.1:8100/", People: "http://127.0.0.1:8100/",
		Directory: "http://127.0.0.1:8100/", Drive: "http://127.0.0.1:8100/", Sheets: "http://127.0.0.1:8100/",
		Meet: "http://127.0.0.1:8100/", PubSub: "http://127.0.0.1:8100/",
	}, c.Endpoints())
}

func TestEachWrongValueNamesItsVariable(t *testing.T) {
	for _, v := range Variables() {
		value, can := configtest.Wrong[v.Name]
		if !can {
			require.Contains(t, configtest.Free, v.Name, "a wrong value is needed for this variable")
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			_, err := Load([]string{v.Name + "=" + value}, "")
			var mistakes Mistakes
			require.ErrorAs(t, err, &mistakes)
			require.Len(t, mistakes, 1)
			require.Equal(t, configtest.Named(v.Name), mistakes[0].Variable)
			require.NotContains(t, mistakes[0].Text, "\n")
			if v.Secret {
				require.NotContains(t, err.Error(), value)
				require.NotContains(t, err.Error(), "p4ssw0rd")
			}
		})
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := Load([]string{"SERVICE_PORT=70000", "LOG_LEVEL=loud", "ENCRYPTION_KEY=x"}, "")
	var mistakes Mistakes
	require.ErrorAs(t, err, &mistakes)
	require.Len(t, mistakes, 3)
	_, err = Load([]string{"SERVICE_PORT=abc", "WORKERS=x"}, "")
	require.ErrorAs(t, err, &mistakes)
	require.Len(t, mistakes, 2)
}

func TestSettingsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(path, []byte("# comment\n\nexport SERVICE_PORT=8123 # why\nLOG_LEVEL='debug'\nMETRICS_TOKEN=\"a \\\"b\\\"\"\nDATA_DIR=/one\n"), 0o600))
	c, err := Load([]string{"DATA_DIR=/two"}, path)
	require.NoError(t, err)
	require.Equal(t, 8123, c.Port)
	require.Equal(t, "debug", c.LogLevel)
	require.Equal(t, `a "b"`, c.MetricsToken.Reveal())
	require.Equal(t, "/two", c.DataDir, "the environment wins")

	require.NoError(t, os.WriteFile(path, []byte("SERVICE_PORT=8123\nnonsense\n"), 0o600))
	_, err = Load(nil, path)
	var mistakes Mistakes
	require.ErrorAs(t, err, &mistakes)
	require.Equal(t, Mistakes{{path + " line 2", "is not NAME=value"}}, mistakes)
	require.NoError(t, errors.Unwrap(mistakes))

	_, err = Load(nil, path+".none")
	require.NoError(t, err, "no file is no mistake")
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c, err := Load([]string{"DATABASE_URL=postgres://u:hidden1@h/d", "GOOGLE_CLIENT_ID=i", "GOOGLE_CLIENT_SECRET=hidden2", "ENCRYPTION_KEY=" + goodKey, "METRICS_TOKEN=hidden3"}, "")
	require.NoError(t, err)
	printed := strings.Join([]string{sprint(c), sprint(*c)}, "")
	for _, s := range []string{"hidden1", "hidden2", "hidden3", goodKey} {
		require.NotContains(t, printed, s)
	}
}

func TestEveryVariableIsDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range Variables() {
		require.NotEmpty(t, v.Name)
		require.NotEmpty(t, v.Group, v.Name)
		require.True(t, strings.HasSuffix(v.Doc, "."), v.Name)
		require.False(t, seen[v.Name], v.Name)
		seen[v.Name] = true
		require.Contains(t, Help(), v.Name)
		require.Contains(t, Example(), "#"+v.Name+"=")
	}
	require.Len(t, seen, reflect.TypeFor[Config]().NumField())
}

func TestEachGroupStandsOnce(t *testing.T) {
	var order []string
	for _, v := range Variables() {
		order = append(order, v.Group)
	}
	order = slices.Compact(order)
	slices.Sort(order)
	require.Equal(t, slices.Compact(slices.Clone(order)), order)
}

func TestOpenBrokerIsForLoopbackOnly(t *testing.T) {
	for host, possible := range map[string]bool{
		"127.0.0.1": true, "localhost": true, "::1": true, "127.8.8.8": true, "::ffff:127.0.0.1": true,
		"0.0.0.0": false, "::": false, "192.168.1.7": false, "crm.example.org": false, "localhost.example.org": false,
	} {
		c, err := Load([]string{"BROKER_OPEN=true", "SERVICE_HOST=" + host}, "")
		if possible {
			require.NoError(t, err, host)
			require.True(t, c.BrokerOpen)
			continue
		}
		var mistakes Mistakes
		require.ErrorAs(t, err, &mistakes, host)
		require.Len(t, mistakes, 1)
		require.Equal(t, "BROKER_OPEN", mistakes[0].Variable)
		require.Contains(t, mistakes[0].Text, "SERVICE_HOST")
		_, err = Load([]string{"SERVICE_HOST=" + host}, "")
		require.NoError(t, err, host)
	}
}

func TestOpenBrokerIsNotBehindAPublicAddress(t *testing.T) {
	for address, possible := range map[string]bool{
		"http://localhost:8000": true, "http://127.0.0.1:8000": true, "http://[::1]:8000": true,
		"https://crm.example.org": false, "http://192.168.1.7:8000": false, "http://localhost.example.org": false,
	} {
		_, err := Load([]string{"BROKER_OPEN=true", "SERVICE_HOST=127.0.0.1", "PUBLIC_URL=" + address}, "")
		if possible {
			require.NoError(t, err, address)
			continue
		}
		var mistakes Mistakes
		require.ErrorAs(t, err, &mistakes, address)
		require.Len(t, mistakes, 1)
		require.Equal(t, "BROKER_OPEN", mistakes[0].Variable)
		require.Contains(t, mistakes[0].Text, "PUBLIC_URL")
	}
}

func TestFurtherTokenServices(t *testing.T) {
	c, err := Load([]string{"TOKEN_SERVICES= tasks = https://www.googleapis.com/auth/tasks https://www.googleapis.com/auth/tasks.readonly ;forms=https://www.googleapis.com/auth/forms.body; "}, "")
	require.NoError(t, err)
	require.Equal(t, map[crm.Service][]string{
		"tasks": {"https://www.googleapis.com/auth/tasks", "https://www.googleapis.com/auth/tasks.readonly"},
		"forms": {"https://www.googleapis.com/auth/forms.body"},
	}, c.ExtraServices())
	c, err = Load(nil, "")
	require.NoError(t, err)
	require.Empty(t, c.ExtraServices())
	for _, wrong := range []string{"tasks", "tasks=", "=https://a.example/b", "Tasks=https://a.example/b", "gmail=https://mail.google.com/", "a=https://a.example/b;a=https://a.example/c", "a=openid", "a=http://a.example/b"} {
		_, err := Load([]string{"TOKEN_SERVICES=" + wrong}, "")
		var mistakes Mistakes
		require.ErrorAs(t, err, &mistakes, wrong)
		require.Equal(t, "TOKEN_SERVICES", mistakes[0].Variable)
	}
}

func TestRedirectURIsFollowThePublicAddress(t *testing.T) {
	c, err := Load([]string{"PUBLIC_URL=https://crm.example.org/"}, "")
	require.NoError(t, err)
	require.Equal(t, []string{
		"https://crm.example.org/api/v1/integrations/google/callback", "https://crm.example.org/api/v1/auth/google/callback", "https://crm.example.org/oauth/callback",
	}, c.RedirectURIs())
}

func TestPortOfTheSystem(t *testing.T) {
	c, err := Load([]string{"SERVICE_PORT=0"}, "")
	require.NoError(t, err)
	c.Listening(4711)
	require.Equal(t, "http://localhost:4711", c.PublicURL)
	require.Equal(t, "http://localhost:4711"+ConnectCallback, c.GoogleRedirectURI)
}

func FuzzSettingsFile(f *testing.F) {
	f.Add("A=b\nexport C='d' # e\n\"\n=\n")
	f.Fuzz(func(t *testing.T, text string) {
		for line := range strings.Lines(text) {
			name, _, ok := parseLine(line)
			if ok && name != "" {
				require.True(t, validName(name))
			}
		}
	})
}

func sprint(v any) string { return fmt.Sprintf("%v %+v %#v", v, v, v) }
