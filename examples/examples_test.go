// Package examples_test runs the example plugins as their users do: as programs,
// against Rapport and a simulated Google.
package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	drive "google.golang.org/api/drive/v3"
	"google.golang.org/api/option"
	sheets "google.golang.org/api/sheets/v4"

	"golang.org/x/oauth2"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
	"rapport/simulator/world"
)

// user is what the plugin calls the person whose Google account it works with.
const user = "crm user/17"

// plugin is one of the examples.
type plugin struct {
	name    string
	row     string // first value of the row it appends
	command []string
}

// plugins builds what has to be built.
func plugins(t *testing.T) []plugin {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "go-plugin")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./go-plugin").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return []plugin{
		{"Go", "go", []string{binary}},
		{"Python", "python", []string{"python3", "-B", "python-plugin/plugin.py"}},
		{"Node", "node", []string{"node", "node-plugin/plugin.mjs"}},
	}
}

// office is Rapport with a workspace, and a plugin's key.
type office struct {
	*apptest.World
	owner *client.Client
}

func open(t *testing.T) *office {
	t.Helper()
	return openOn(t, storetest.SQLite)
}

func openOn(t *testing.T, d storetest.Database) *office {
	t.Helper()
	w := apptest.Start(t, d)
	return &office{w, w.SetUp()}
}

func (o *office) key(t *testing.T, scopes ...string) string {
	t.Helper()
	k, err := o.owner.Workspace(o.Home).CreateAPIKey(t.Context(), client.NewAPIKey{Name: "plugin", Scopes: scopes})
	require.NoError(t, err)
	return k.Key
}

// run runs a plugin and gives what it printed, by service, and how it ended.
func (o *office) run(t *testing.T, p plugin, key string, environ []string, services ...string) (map[string]string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, p.command[0], append(p.command[1:], services...)...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "RAPPORT_URL=" + o.URL, "RAPPORT_API_KEY=" + key,
		"RAPPORT_USER_ID=" + user, "GOOGLE_BASE_URL=" + o.Sim.URL()}, environ...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		require.NoError(t, err)
	}
	require.Empty(t, errs.String())
	require.NotContains(t, out.String(), "ya29.", "a token is printed nowhere")
	require.NotContains(t, out.String(), key)
	lines := map[string]string{}
	service := ""
	for line := range strings.Lines(out.String()) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, " ") {
			service, line = name, rest
		}
		lines[service] += strings.TrimSpace(line) + "\n"
	}
	return lines, c.ProcessState.ExitCode()
}

var authoriseAt = regexp.MustCompile(`authorise at: (\S+)`)

// authorise opens the address a plugin printed, as Mara's browser does, and
// ticks everything on Google's page.
func (o *office) authorise(t *testing.T, printed string) {
	t.Helper()
	found := authoriseAt.FindStringSubmatch(printed)
	require.NotNil(t, found, printed)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page := o.Follow(browser, found[1])
	back, err := url.Parse(o.Answer(page, apptest.Consent{Account: apptest.Mara}))
	require.NoError(t, err)
	own, err := url.Parse(o.URL)
	require.NoError(t, err)
	back.Host = own.Host // cookies belong to the name that the test uses
	res, err := browser.Get(back.String())
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Less(t, res.StatusCode, 400, "%s", text)
}

var services = []string{"gmail", "drive", "sheets", "meet"}

func TestPluginsWorkWithAGoogleAccount(t *testing.T) {
	all := plugins(t)
	storetest.Each(t, func(t *testing.T, d storetest.Database) { openOn(t, d).work(t, all) })
}

func (o *office) work(t *testing.T, all []plugin) {
	key := o.key(t, "tokens:vend:*")

	before, code := o.run(t, all[0], key, nil)
	require.Equal(t, 1, code)
	for _, s := range services {
		require.Contains(t, before[s], "not done: 404 token_not_found", s)
		o.authorise(t, before[s])
	}
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			done, code := o.run(t, p, key, []string{"MAIL_TO=" + apptest.Jonas})
			require.Equal(t, 0, code, "%v", done)
			o.mailArrived(t, p)
			o.fileIsThere(t, p, done["drive"])
			o.rowIsThere(t, p, done["sheets"])
			require.Regexp(t, `^created spaces/\S+, join at https://meet\.google\.com/[a-z]{3}-[a-z]{4}-[a-z]{3}\n$`, done["meet"])
		})
	}
	t.Run("one sheet for all of them", func(t *testing.T) {
		done, _ := o.run(t, all[0], key, nil, "sheets")
		id := spreadsheet(t, done["sheets"])
		for _, p := range all[1:] {
			done, code := o.run(t, p, key, []string{"SPREADSHEET_ID=" + id}, "sheets")
			require.Equal(t, 0, code, "%v", done)
			require.Len(t, done, 1, "only what was asked for")
		}
		require.Equal(t, []string{"go", "python", "node"}, column(o.values(t, id)))
	})
}

// token is an access token of the simulator, to look with.
func (o *office) token(t *testing.T, scopes ...string) option.ClientOption {
	t.Helper()
	token, err := o.Sim.OAuth.IssueToken(apptest.Mara, world.DemoClientID, scopes)
	require.NoError(t, err)
	return option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}))
}

// mailArrived looks into the mailbox of the recipient.
func (o *office) mailArrived(t *testing.T, p plugin) {
	t.Helper()
	token, err := o.Sim.OAuth.IssueToken(apptest.Jonas, world.DemoClientID, []string{"https://mail.google.com/"})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.Sim.URL()+"/gmail/v1/users/me/messages?"+url.Values{
		"q": {fmt.Sprintf(`in:inbox from:%s subject:"Hello from the %s plugin"`, apptest.Mara, p.name)}}.Encode(), nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	var list struct{ Messages []struct{ ID string } }
	require.NoError(t, json.NewDecoder(res.Body).Decode(&list))
	require.Len(t, list.Messages, 1)
}

func (o *office) fileIsThere(t *testing.T, p plugin, printed string) {
	t.Helper()
	found := regexp.MustCompile(`^saw \d+ files, created file (\S+)\n$`).FindStringSubmatch(printed)
	require.NotNil(t, found, printed)
	d, err := drive.NewService(t.Context(), option.WithEndpoint(o.Sim.URL()+"/drive/v3/"), o.token(t, drive.DriveScope))
	require.NoError(t, err)
	f, err := d.Files.Get(found[1]).Do()
	require.NoError(t, err)
	require.Equal(t, "From the "+p.name+" plugin.txt", f.Name)
	res, err := d.Files.Get(found[1]).Download()
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "Hello.", string(text))
}

func spreadsheet(t *testing.T, printed string) string {
	t.Helper()
	found := regexp.MustCompile(`^appended Sheet1!A\d+:C\d+ to spreadsheet (\S+)\n$`).FindStringSubmatch(printed)
	require.NotNil(t, found, printed)
	return found[1]
}

func (o *office) values(t *testing.T, id string) [][]any {
	t.Helper()
	s, err := sheets.NewService(t.Context(), option.WithEndpoint(o.Sim.URL()), o.token(t, sheets.SpreadsheetsScope))
	require.NoError(t, err)
	got, err := s.Spreadsheets.Values.Get(id, "A1:C10").Do()
	require.NoError(t, err)
	return got.Values
}

func column(rows [][]any) []string {
	var out []string
	for _, row := range rows {
		out = append(out, fmt.Sprint(row[0]))
	}
	return out
}

func (o *office) rowIsThere(t *testing.T, p plugin, printed string) {
	t.Helper()
	require.Equal(t, []string{p.row}, column(o.values(t, spreadsheet(t, printed))))
}

func TestAKeyForGmailGetsNothingElse(t *testing.T) {
	o := open(t)
	all := plugins(t)
	asked, _ := o.run(t, all[0], o.key(t, "tokens:vend:*"), nil)
	for _, s := range services {
		o.authorise(t, asked[s])
	}
	key := o.key(t, "tokens:vend:gmail")
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			done, code := o.run(t, p, key, nil)
			require.Equal(t, 1, code)
			require.Contains(t, done["gmail"], "sent message ")
			for _, s := range services[1:] {
				require.Contains(t, done[s], "not done: 403 ", s)
				require.NotContains(t, done[s], "authorise at", "consent would not help")
			}
		})
	}
}

func TestAGrantThatEndedNamesTheWayBack(t *testing.T) {
	all := plugins(t)
	storetest.Each(t, func(t *testing.T, d storetest.Database) { openOn(t, d).endAndReturn(t, all) })
}

func (o *office) endAndReturn(t *testing.T, all []plugin) {
	key := o.key(t, "tokens:vend:gmail")
	asked, _ := o.run(t, all[0], key, nil, "gmail")
	o.authorise(t, asked["gmail"])

	res, err := http.Post(o.Sim.URL()+"/_sim/accounts/"+apptest.Mara+"/risc", "application/json",
		strings.NewReader(`{"event":"tokens-revoked","to":"`+o.URL+`/api/v1/auth/google/risc"}`))
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Contains(t, string(text), `"status":202`)
	var last string
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			done, code := o.run(t, p, key, nil, "gmail")
			require.Equal(t, 1, code)
			require.Contains(t, done["gmail"], "not done: 409 google_reauthorization_required")
			last = done["gmail"]
		})
	}
	o.authorise(t, last)
	done, code := o.run(t, all[0], key, nil, "gmail")
	require.Equal(t, 0, code, "%v", done)
}

func TestSettingsThatAreMissing(t *testing.T) {
	for _, p := range plugins(t) {
		t.Run(p.name, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), p.command[0], p.command[1:]...)
			c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
			out, err := c.CombinedOutput()
			require.Error(t, err)
			require.Contains(t, string(out), "set RAPPORT_URL, RAPPORT_API_KEY and RAPPORT_USER_ID")
		})
	}
}
