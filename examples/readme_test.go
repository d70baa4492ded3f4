package examples_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/app/apptest"
)

// blocks are the shell commands of the README that call Rapport, in order.
func blocks(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, text2, ok := strings.Cut(string(text), "## The same with curl")
	require.True(t, ok)
	var out []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text2, -1) {
		if strings.Contains(m[1], "curl") {
			out = append(out, m[1])
		}
	}
	return out
}

func (o *office) shell(t *testing.T, environ []string, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "RAPPORT_URL=" + o.URL, "GOOGLE_BASE_URL=" + o.Sim.URL(),
		"EMAIL=" + apptest.Mara, "PASSWORD=" + apptest.Password, "WORKSPACE=" + o.Home}, environ...)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

func TestTheLinesOfTheREADME(t *testing.T) {
	o := open(t)
	b := blocks(t)
	require.Len(t, b, 5, "sign-in and key, link, token, lease, list and revocation")
	key := o.shell(t, nil, b[0]+`echo "$RAPPORT_API_KEY"`)
	withKey := []string{"RAPPORT_API_KEY=" + key}
	field, _, _ := strings.Cut(b[0], "\n")

	link := o.shell(t, withKey, field+"\n"+b[1])
	u, err := url.Parse(link)
	require.NoError(t, err, link)
	require.Equal(t, "/oauth/authorize", u.Path)
	o.authorise(t, "authorise at: "+link)

	require.Contains(t, o.shell(t, withKey, field+"\n"+b[2]), apptest.Mara)

	leased := o.shell(t, withKey, field+"\n"+b[3])
	require.Contains(t, leased, `"messages"`)
	require.Contains(t, leased, `403`, "labels are not in the lease")

	end := o.shell(t, withKey, b[4])
	require.Contains(t, end, `"google_email":"`+apptest.Mara+`"`)
	require.Contains(t, end, `"success":true`)
	require.Contains(t, o.shell(t, withKey, strings.Split(b[4], "\n")[0]), `"total_services":0`)
}
