package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/mail"
)

// Finding is one link of the chain that doctor looked at.
type Finding struct {
	Name  string `json:"name"`
	State string `json:"state"` // ok, broken, warning, skipped
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

const (
	stateOK      = "ok"
	stateBroken  = "broken"
	stateWarning = "warning"
	stateSkipped = "skipped"
)

// examination collects findings.
type examination struct {
	config *config.Config
	client *http.Client
	now    func() time.Time
	found  []Finding
}

// Doctor walks the chain from the settings to Google and reports each link. The
// settings themselves are right, or they would not have been read.
func Doctor(ctx context.Context, o Options) []Finding {
	x := &examination{config: o.Config, client: &http.Client{
		Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, now: time.Now}
	x.ok("settings", "All values can be used.")
	x.dataFolder()
	a := x.storage(ctx, o)
	x.redirect()
	reachable := x.endpoints(ctx)
	x.oauthClient(ctx, reachable)
	if a != nil {
		x.mailbox(ctx, a)
		_ = a.Close()
	}
	return x.found
}

func (x *examination) ok(name, format string, args ...any) {
	x.found = append(x.found, Finding{Name: name, State: stateOK, Text: fmt.Sprintf(format, args...)})
}

func (x *examination) say(name, state, fix, format string, args ...any) {
	x.found = append(x.found, Finding{Name: name, State: state, Text: fmt.Sprintf(format, args...), Fix: fix})
}

func (x *examination) dataFolder() {
	dir := x.config.DataDir
	if err := prepareData(x.config); err != nil {
		x.say("data folder", stateBroken, "Make the folder, or point DATA_DIR elsewhere.", "%s", err)
		return
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err == nil {
		_, err = f.WriteString("can this be written?")
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		x.say("data folder", stateBroken, "Free some space, or let this user write there.", "%s cannot be written: %s", dir, plain(err))
		return
	}
	full, _ := filepath.Abs(dir)
	x.ok("data folder", "%s can be written.", full)
}

// storage opens the database and the keys; nil when that fails.
func (x *examination) storage(ctx context.Context, o Options) *App {
	a, err := Open(ctx, o)
	switch with := WithWhat(err); {
	case with == WithKey:
		x.say("encryption key", stateBroken, "Restore encryption.key from a backup, or set ENCRYPTION_KEY.", "%s", err)
		return nil
	case err != nil:
		x.say("database", stateBroken, "See the text; DATABASE_URL and DATABASE_PATH say where it is.", "%s", err)
		return nil
	}
	kind := "SQLite, " + x.config.DatabasePath
	if !x.config.DatabaseURL.IsZero() {
		kind = "PostgreSQL"
	}
	x.ok("database", "%s, version %d.", kind, a.Store.Version())
	if !x.keys(ctx, a) { // trying a mailbox would note its connection as lost
		_ = a.Close()
		return nil
	}
	return a
}

// keys opens what is stored with them, and reports whether they do.
func (x *examination) keys(ctx context.Context, a *App) bool {
	opened, closed := 0, 0
	after := crm.GrantID("")
	for {
		page, err := a.Store.ResealPage(ctx, after, 100)
		if err != nil {
			x.say("encryption key", stateBroken, "", "The stored grants cannot be read: %s", err)
			return false
		}
		if len(page) == 0 {
			break
		}
		for _, g := range page {
			after = g.ID
			if _, err := a.Vault.Sealer.Open(string(g.ID), "refresh_token", g.SealedRefresh); err != nil {
				closed++
			} else {
				opened++
			}
		}
	}
	if closed > 0 {
		x.say("encryption key", stateBroken, "Put the lost key into ENCRYPTION_KEY behind the present one, or let these people reconnect.",
			"%d of %d stored grants cannot be opened.", closed, opened+closed)
		return false
	}
	x.ok("encryption key", "Opens all %d stored grants.", opened)
	return true
}

// redirect looks at the shape of what has to be registered with Google.
func (x *examination) redirect() {
	const name = "redirect URIs"
	u, err := url.Parse(x.config.GoogleRedirectURI)
	if err != nil {
		x.say(name, stateBroken, "Correct GOOGLE_REDIRECT_URI.", "%s is not an address.", x.config.GoogleRedirectURI)
		return
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	switch {
	case u.Scheme != "https" && !local:
		x.say(name, stateBroken, "Serve Rapport by https and set PUBLIC_URL to that address.", "Google accepts http for localhost only, not for %s.", u.Host)
	case ip != nil && !local:
		x.say(name, stateBroken, "Give the server a name and set PUBLIC_URL.", "Google accepts no IP addresses: %s.", u.Host)
	case u.Path != config.ConnectCallback:
		x.say(name, stateWarning, "Make sure a proxy leads it to "+config.ConnectCallback+".", "The path %s is not one that Rapport answers.", u.Path)
	case !strings.HasPrefix(x.config.GoogleRedirectURI, x.config.PublicURL+"/"):
		x.say(name, stateWarning, "Use one address for both.", "GOOGLE_REDIRECT_URI is not under PUBLIC_URL; people would not be signed in when they come back.")
	default:
		x.ok(name, "Register both with Google: %s and %s", x.config.GoogleRedirectURI, x.config.PublicURL+config.SignInCallback)
	}
}

// endpoints asks each of Google's addresses and compares clocks.
func (x *examination) endpoints(ctx context.Context) bool {
	e := x.config.Endpoints()
	all := true
	var date string
	for _, p := range []struct{ name, address string }{{"keys of id tokens", e.JWKS}, {"token endpoint", e.Token}, {"consent page", e.Auth}, {"revocation", e.Revoke}, {"userinfo", e.Userinfo}, {"Gmail API", e.Gmail}} {
		answer, err := x.ask(ctx, http.MethodGet, p.address, nil)
		if err != nil {
			x.say("Google: "+p.name, stateBroken, "Check the network, a proxy (HTTPS_PROXY), and the GOOGLE_ addresses.", "%s cannot be reached: %s", p.address, lastWord(err))
			all = false
			continue
		}
		if answer.status >= 500 || p.address == e.JWKS && answer.status != http.StatusOK {
			x.say("Google: "+p.name, stateBroken, "Try again later; check the GOOGLE_ addresses.", "%s answered %d.", p.address, answer.status)
			all = false
			continue
		}
		if p.address == e.JWKS {
			date = answer.date
		}
	}
	if all {
		x.ok("Google's addresses", "All answer (%s).", e.Token)
	}
	x.clock(date)
	return all
}

func (x *examination) clock(date string) {
	theirs, err := http.ParseTime(date)
	if err != nil {
		x.say("clock", stateSkipped, "", "Google's time is not known.")
		return
	}
	skew := x.now().Sub(theirs).Round(time.Second)
	switch away := skew.Abs(); {
	case away > 5*time.Minute:
		x.say("clock", stateBroken, "Set the clock (NTP).", "This machine's clock is %s away from Google's; sign-in will fail.", skew)
	case away > 30*time.Second:
		x.say("clock", stateWarning, "Set the clock (NTP).", "This machine's clock is %s away from Google's.", skew)
	default:
		x.ok("clock", "Within %s of Google's.", away)
	}
}

// oauthClient redeems a code that cannot exist: a known client gets
// invalid_grant, an unknown one or a wrong secret invalid_client.
func (x *examination) oauthClient(ctx context.Context, reachable bool) {
	const name = "OAuth client"
	switch {
	case !x.config.HasGoogleClient():
		x.say(name, stateBroken, "Make one in Google Cloud (docs/guides/google-cloud-setup.md) and set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.", "None is configured.")
		return
	case !reachable:
		x.say(name, stateSkipped, "", "Google cannot be asked.")
		return
	}
	answer, err := x.ask(ctx, http.MethodPost, x.config.Endpoints().Token, url.Values{
		"grant_type": {"authorization_code"}, "code": {"4/rapport-doctor"}, "client_id": {x.config.GoogleClientID},
		"client_secret": {x.config.GoogleClientSecret.Reveal()}, "redirect_uri": {x.config.GoogleRedirectURI},
	})
	if err != nil {
		x.say(name, stateBroken, "Try again.", "The token endpoint cannot be reached: %s", lastWord(err))
		return
	}
	var says struct{ Error string }
	_ = json.Unmarshal(answer.body, &says) // empty when it is no JSON: reported below
	switch says.Error {
	case "invalid_grant":
		x.ok(name, "Google knows the client and its secret.")
	case "redirect_uri_mismatch":
		x.say(name, stateBroken, "Register the redirect URI above with the client.", "Google knows the client, but not the redirect URI.")
	case "invalid_client", "unauthorized_client", "deleted_client":
		x.say(name, stateBroken, "Copy GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET again from Google Cloud.", "Google refuses the client (%s).", says.Error)
	default:
		x.say(name, stateWarning, "", "The token endpoint answered %d %s, which says nothing about the client.", answer.status, says.Error)
	}
}

// mailbox tries the whole chain on a connection that is there.
func (x *examination) mailbox(ctx context.Context, a *App) {
	const name = "a mailbox"
	ids, err := a.Store.DueConnections(ctx, x.now().AddDate(1, 0, 0), "", 1)
	if err != nil || len(ids) == 0 {
		x.say(name, stateSkipped, "", "No connection is syncing.")
		return
	}
	due, err := a.Store.ConnectionByID(ctx, ids[0])
	if err != nil {
		x.say(name, stateBroken, "", "Connection %s cannot be read from the database: %s", ids[0], err)
		return
	}
	box, err := a.Mail.Mailboxes.Open(ctx, due, mail.Interactive)
	if err == nil {
		_, err = box.Profile(ctx)
	}
	if err != nil {
		x.say(name, stateBroken, "See the text; the connection's page says more.", "Connection %s cannot be read: %s", due.ID, err)
		return
	}
	x.ok(name, "Gmail answers for connection %s.", due.ID)
}

type doctorAnswer struct {
	status int
	date   string
	body   []byte
}

func (x *examination) ask(ctx context.Context, method, address string, form url.Values) (doctorAnswer, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return doctorAnswer{}, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := x.client.Do(r)
	if err != nil {
		return doctorAnswer{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	return doctorAnswer{answer.StatusCode, answer.Header.Get("Date"), body}, err
}

// lastWord is an error of the network without the address that the text names.
func lastWord(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}
