package outbound_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The examples of the guide take what we send, and nothing else.
func TestTheGuidesExamples(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guides/webhooks.md")
	require.NoError(t, err)
	var body []byte
	headers := map[string]string{}
	url := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			headers[name] = r.Header.Get(name)
		}
	})
	require.Equal(t, 200, poster().Post(context.Background(), message(url, secret('a'), secret('b'))).Status)
	h, err := json.Marshal(headers)
	require.NoError(t, err)
	for language, run := range map[string]struct {
		program string
		args    []string
		end     string
	}{
		"python": {"python3", []string{"-c"}, "\nimport json, sys\nprint(str(verify(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3].encode())).lower())\n"},
		"js":     {"node", []string{"-e"}, "\nconst [s, h, b] = process.argv.slice(1);\nconsole.log(String(verify(s, JSON.parse(h), Buffer.from(b))));\n"},
	} {
		found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(guide)
		require.NotNil(t, found, language)
		verify := func(secret, headers, body string) string {
			out, err := exec.Command(run.program, append(run.args, string(found[1])+run.end, secret, headers, body)...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			return strings.TrimSpace(string(out))
		}
		require.Equal(t, "true", verify(secret('a').Reveal(), string(h), string(body)), language)
		require.Equal(t, "true", verify(secret('b').Reveal(), string(h), string(body)), "%s: the second signature", language)
		require.Equal(t, "false", verify(secret('c').Reveal(), string(h), string(body)), "%s: another secret", language)
		require.Equal(t, "false", verify(secret('a').Reveal(), string(h), string(body)+" "), "%s: another body", language)
		old := strings.Replace(string(h), headers["webhook-timestamp"], "1700000000", 1)
		require.Equal(t, "false", verify(secret('a').Reveal(), old, string(body)), "%s: an old one", language)
	}
}
