package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// Finding is one link of the chain that doctor looked at.
type Finding = client.Finding

// States of a finding.
const (
	FindingOK      = "ok"
	FindingWarning = "warning"
	FindingBroken  = "broken"
	FindingSkipped = "skipped"
)

// link is one thing that has to be right. It is looked at only when everything
// it needs is not broken itself.
type link struct {
	id, name string
	needs    []string
	look     func(ctx context.Context) Finding
}

// examination walks the chain. It changes nothing: not here, where it only
// reads and keeps refreshed tokens to itself, and not at Google, where the watch
// it begins to try the topic is stopped at once.
type examination struct {
	config    *config.Config
	asker     *http.Client
	now       func() time.Time
	app       *App            // nil while there is no database
	opening   error           // why there is none
	workspace crm.WorkspaceID // whose settings count, "" for none
	running   bool            // asked of a running server
	google    *vault.Client   // the OAuth client that new connections use
	date      string          // Google's, as its answers say
	grants    []vault.Grant   // of the workspace
	living    []living
	tried     map[crm.GrantID]bool
	policy    int // accounts whose organisation refuses the client
	dead      int // grants that Google has ended, of those that were tried
	states    map[string]string
}

const (
	doctorPatience = 75 * time.Second // for everything, less than a request may take
	doctorAsk      = 8 * time.Second  // for one question
)

func examine(c *config.Config, asker *http.Client, now func() time.Time) *examination {
	if asker == nil {
		asker = &http.Client{}
	}
	own := *asker
	own.Timeout = doctorAsk
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if now == nil {
		now = time.Now
	}
	return &examination{config: c, asker: &own, now: now, tried: map[crm.GrantID]bool{}, states: map[string]string{}}
}

// Doctor walks the chain from the settings to Google and reports each link. The
// settings themselves are right, or they would not have been read. w chooses the
// workspace; "" is the only one. asker asks Google and the public address; nil
// is one of its own.
func Doctor(ctx context.Context, o Options, w crm.WorkspaceID, asker *http.Client) client.DoctorReport {
	x := examine(o.Config, asker, o.Now)
	x.workspace = w
	if x.opening = installed(o.Config); x.opening == nil {
		o.MustExist, o.AsItIs = true, true
		if x.app, x.opening = Open(ctx, o); x.opening == nil {
			defer func() { _ = x.app.Close() }()
		}
	}
	return x.walk(ctx)
}

// examiner is doctor as a running server offers it: one examination at a time.
type examiner struct {
	app   *App
	asker *http.Client
	turn  sync.Mutex
}

// Examine walks the chain for the caller's workspace. Administrators may.
func (e *examiner) Examine(ctx context.Context, c access.Caller) (client.DoctorReport, error) {
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return client.DoctorReport{}, err
	}
	if !e.turn.TryLock() {
		return client.DoctorReport{}, &fault.Error{Kind: fault.Conflict, Code: "already_running", Text: "The set-up is being checked just now. Wait for the result."}
	}
	defer e.turn.Unlock()
	x := examine(e.app.Config, e.asker, e.app.now)
	x.app, x.workspace, x.running = e.app, c.Workspace, true
	return x.walk(ctx), nil
}

// walk looks at link after link.
func (x *examination) walk(ctx context.Context) client.DoctorReport {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	out := client.DoctorReport{Findings: []Finding{}}
	add := func(l link) {
		f := x.one(ctx, l)
		f.ID, f.Name = l.id, l.name
		x.states[l.id] = f.State
		if f.State == FindingBroken && out.Broken == "" {
			out.Broken = l.id
		}
		out.Findings = append(out.Findings, f)
	}
	for _, l := range x.chain() {
		add(l)
	}
	for _, l := range x.products() { // which they are is known by now
		add(l)
	}
	for _, l := range x.outside() {
		add(l)
	}
	return out
}

func (x *examination) one(ctx context.Context, l link) Finding {
	for _, id := range l.needs {
		switch x.states[id] {
		case FindingBroken, FindingSkipped:
			return skipped("Not looked at, because %s is not right yet.", nameOf(append(x.chain(), x.outside()...), id))
		}
	}
	if ctx.Err() != nil {
		return skipped("There was no time left.")
	}
	return l.look(ctx)
}

func nameOf(chain []link, id string) string {
	for _, l := range chain {
		if l.id == id {
			return l.name
		}
	}
	return id
}

// chain is the order of everything that can be looked at without a product.
func (x *examination) chain() []link {
	out := []link{
		{"settings", "Settings", nil, x.settings},
		{"data_folder", "Data folder", nil, x.dataFolder},
		{"database", "Database", nil, x.database},
		{"encryption_key", "Encryption key", nil, x.keys},
		{"public_address", "Public address", nil, x.publicAddress},
		{"google", "Google's addresses", nil, x.endpoints},
		{"clock", "Clock", []string{"google"}, x.clock},
		{"oauth_client", "OAuth client", []string{"google"}, x.oauthClient},
	}
	for i, uri := range x.config.RedirectURIs() {
		id := []string{"redirect_connect", "redirect_sign_in", "redirect_tokens"}[i]
		name := []string{"Redirect URI for connecting", "Redirect URI for signing in", "Redirect URI of the token service"}[i]
		out = append(out, link{id, name, []string{"oauth_client"}, func(ctx context.Context) Finding { return x.redirect(ctx, uri) }})
	}
	return append(out,
		link{"publishing", "Publishing status", []string{"database", "oauth_client"}, x.publishing},
		link{"approval", "Approval", []string{"database"}, x.approval},
		link{"admin_policy", "Administrator's policy", []string{"database", "encryption_key", "oauth_client"}, x.adminPolicy},
		link{"grants", "Living grants", []string{"database", "encryption_key", "oauth_client"}, x.livingGrants},
	)
}

func good(format string, args ...any) Finding {
	return Finding{State: FindingOK, Text: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) Finding {
	return Finding{State: FindingSkipped, Text: fmt.Sprintf(format, args...)}
}

func broken(fix, format string, args ...any) Finding {
	return Finding{State: FindingBroken, Text: fmt.Sprintf(format, args...), Fix: fix}
}

func warned(fix, format string, args ...any) Finding {
	return Finding{State: FindingWarning, Text: fmt.Sprintf(format, args...), Fix: fix}
}

// at adds where the fix is made.
func at(address string, f Finding) Finding {
	f.ActionURL = address
	return f
}

type doctorAnswer struct {
	status   int
	date     string
	location string
	body     []byte
}

func (x *examination) ask(ctx context.Context, method, address string, form url.Values) (doctorAnswer, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return doctorAnswer{}, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return x.send(r)
}

func (x *examination) send(r *http.Request) (doctorAnswer, error) {
	answer, err := x.asker.Do(r)
	if err != nil {
		return doctorAnswer{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 256<<10))
	return doctorAnswer{answer.StatusCode, answer.Header.Get("Date"), answer.Header.Get("Location"), text}, err
}

// lastWord is an error of the network without the address that the text names,
// which may hold a code.
func lastWord(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}
