package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/vault"
)

// What doctor looks at with the access of people who are connected.

const (
	adminPage   = "https://admin.google.com/ac/owl/list?tab=configuredApps"
	adminFix    = "A Google Workspace administrator opens Security → Access and data control → API controls → Manage third-party app access, adds the client id %s and sets it to Trusted."
	libraryPage = "https://console.cloud.google.com/apis/library/"
)

// living is a grant that Google has just given an access token for. The token is
// kept here alone.
type living struct {
	grant vault.Grant
	token crm.Secret
}

// grantsTried bounds how many grants are tried for each product.
const grantsTried = 3

// try refreshes a grant for this examination alone. A token that is given so
// takes nothing from the grant, and nothing is written about the outcome.
func (x *examination) try(ctx context.Context, g vault.Grant) {
	if x.tried[g.ID] || x.google == nil {
		return
	}
	x.tried[g.ID] = true
	client, err := x.app.Vault.Clients.Client(ctx, g.ClientID)
	if err != nil {
		return
	}
	refresh, err := x.app.Vault.Sealer.Open(string(g.ID), "refresh_token", g.SealedRefresh)
	if err != nil || refresh.IsZero() {
		return
	}
	answer, err := x.ask(ctx, http.MethodPost, x.config.Endpoints().Token, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refresh.Reveal()}, "client_id": {client.GoogleID}, "client_secret": {client.Secret.Reveal()},
	})
	if err != nil {
		return
	}
	switch errorOf(answer) {
	case "admin_policy_enforced":
		x.policy++
	case "invalid_grant":
		x.dead++
	case "":
		var tokens struct {
			AccessToken string `json:"access_token"`
			Scope       string `json:"scope"`
		}
		if json.Unmarshal(answer.body, &tokens) != nil || tokens.AccessToken == "" {
			return
		}
		if tokens.Scope != "" {
			g.Scopes = strings.Fields(tokens.Scope)
		}
		x.living = append(x.living, living{g, crm.NewSecret(tokens.AccessToken)})
	}
}

// candidates are the grants of the workspace that may live, newest first, those
// of the client that new connections use before others.
func (x *examination) candidates() []vault.Grant {
	out := slices.DeleteFunc(slices.Clone(x.grants), func(g vault.Grant) bool {
		return g.Status != vault.GrantActive || x.workspace != "" && g.WorkspaceID != x.workspace
	})
	slices.SortStableFunc(out, func(a, b vault.Grant) int {
		if x.google != nil && (a.ClientID == x.google.ID) != (b.ClientID == x.google.ID) {
			if a.ClientID == x.google.ID {
				return -1
			}
			return 1
		}
		return b.UpdatedAt.Compare(a.UpdatedAt)
	})
	return out
}

// adminPolicy looks for organisations that refuse the app: in what connections
// wait for, and by asking Google for a few people.
func (x *examination) adminPolicy(ctx context.Context) Finding {
	if _, err := x.home(ctx); err != nil {
		return skipped("There is no workspace yet, or several: name one with --workspace.")
	}
	waiting, err := x.waiting(ctx)
	if err != nil {
		return broken("Start the database again.", "The connections cannot be read: %s", plain(err))
	}
	all := x.candidates()
	for _, g := range all[:min(grantsTried, len(all))] {
		x.try(ctx, g)
	}
	id := "of the OAuth client"
	if x.google != nil {
		id = x.google.GoogleID
	}
	fix := fmt.Sprintf(adminFix, id)
	switch {
	case len(waiting) > 0 && strings.Contains(waiting[0], "another organisation"):
		return at(audiencePage, broken("Connect accounts of the organisation that owns the Google Cloud project, or make the app External (Google Auth Platform → Audience).",
			"%s: %s", counted(len(waiting), "connection waits", "connections wait"), waiting[0]))
	case len(waiting) > 0:
		return at(adminPage, broken(fix, "%s for an administrator of Google Workspace: %s", counted(len(waiting), "connection waits", "connections wait"), waiting[0]))
	case x.policy > 0:
		return at(adminPage, broken(fix, "The Google Workspace organisation of %s refuses this app (admin_policy_enforced).", counted(x.policy, "account", "accounts")))
	case len(x.tried) == 0:
		return skipped("Nobody is connected yet, so no organisation has been asked.")
	}
	return good("No organisation refuses the app.")
}

// waiting gives what each connection of the workspace waits for that Google's
// administrators have to decide.
func (x *examination) waiting(ctx context.Context) ([]string, error) {
	list, err := x.app.Store.Mine(ctx, access.System(x.workspace))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range list {
		if c.Status == crm.StatusWaitingForAdmin && c.StatusReason != pausedReason {
			out = append(out, c.StatusReason)
		}
	}
	return out, nil
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// livingGrants looks for a grant that Google gives a token for.
func (x *examination) livingGrants(ctx context.Context) Finding {
	all, ended := x.candidates(), 0
	for _, g := range x.grants {
		if g.Status == vault.GrantDead && (x.workspace == "" || g.WorkspaceID == x.workspace) {
			ended++
		}
	}
	if len(all)+ended == 0 || x.google == nil {
		f := skipped("Nobody is connected yet.")
		f.Fix = "Connect one account; then the rest can be checked."
		return f
	}
	for _, g := range all {
		if len(x.living) > 0 || len(x.tried) >= 4*grantsTried {
			break
		}
		x.try(ctx, g)
	}
	page := x.config.PublicURL + "/admin/connections"
	switch {
	case len(x.living) > 0 && x.dead+ended > 0:
		return at(page, warned("These people connect again.", "Google gives tokens, but %s at Google.", counted(x.dead+ended, "grant has ended", "grants have ended")))
	case len(x.living) > 0:
		return good("Google gives tokens for them.")
	case x.dead > 0:
		return at(page, broken("These people connect again. If it happens a week after connecting, the app is in Testing: publish it.",
			"Google gives no token for the %s that were tried: %s.", counted(len(x.tried), "grant", "grants"), counted(x.dead, "has ended", "have ended")))
	case len(all) > 0:
		return warned("Try again later.", "Google gives no token for the %s that were tried, and does not say that they have ended.", counted(len(x.tried), "grant", "grants"))
	}
	return at(page, broken("People connect again.", "Every grant has ended: access was removed at Google, or passwords were changed."))
}

// product is one of Google's APIs and a cheap call that any of these scopes
// allows. A 404 about a thing that cannot exist is as good as an answer.
type product struct {
	service crm.Service
	api     string // its name in Google Cloud
	title   string
	calls   []productCall
}

type productCall struct {
	path   string
	scopes []string
	absent bool // asks for what does not exist
}

func productTable() []product {
	return []product{
		{crm.ServiceGmail, "gmail.googleapis.com", "Gmail API", []productCall{{path: "gmail/v1/users/me/profile", scopes: []string{vault.ScopeGmailMetadata}}}},
		{crm.ServiceCalendar, "calendar-json.googleapis.com", "Google Calendar API", []productCall{
			{path: "calendar/v3/users/me/calendarList?maxResults=1", scopes: []string{vault.ScopeCalendarReadonly}},
			{path: "calendar/v3/calendars/primary/events?maxResults=1", scopes: []string{vault.ScopeCalendarEvents}}}},
		{crm.ServiceContacts, "people.googleapis.com", "People API", []productCall{{path: "v1/contactGroups?pageSize=1", scopes: []string{vault.ScopeContactsReadonly}}}},
		{crm.ServiceDirectory, "admin.googleapis.com", "Admin SDK API", []productCall{{path: "admin/directory/v1/users?customer=my_customer&maxResults=1", scopes: []string{vault.ScopeDirectory}}}},
		{crm.ServiceDrive, "drive.googleapis.com", "Google Drive API", []productCall{{path: "drive/v3/files?pageSize=1", scopes: []string{vault.ScopeDriveFile, vault.ScopeDriveReadonly}}}},
		{crm.ServiceSheets, "sheets.googleapis.com", "Google Sheets API", []productCall{{path: "v4/spreadsheets/rapport-doctor", scopes: []string{vault.ScopeSheetsReadonly}, absent: true}}},
		{crm.ServiceMeet, "meet.googleapis.com", "Google Meet API", []productCall{{path: "v2/spaces/rapport-doctor", scopes: []string{vault.ScopeMeetCreated}, absent: true}}},
	}
}

// products are the links of the APIs that somebody's grant reaches; Gmail's
// always.
func (x *examination) products() []link {
	var out []link
	for _, p := range productTable() {
		if p.service != crm.ServiceGmail && !slices.ContainsFunc(x.candidates(), func(g vault.Grant) bool { _, ok := p.callFor(g.Scopes); return ok }) {
			continue
		}
		out = append(out, link{"api_" + string(p.service), p.title, []string{"grants"}, func(ctx context.Context) Finding { return x.product(ctx, p) }})
	}
	return out
}

// callFor is the call that the scopes allow.
func (p product) callFor(scopes []string) (productCall, bool) {
	for _, c := range p.calls {
		if slices.ContainsFunc(c.scopes, func(s string) bool { return vault.Covered(scopes, s) }) {
			return c, true
		}
	}
	return productCall{}, false
}

// grantFor is a living grant that may make the product's call.
func (x *examination) grantFor(ctx context.Context, p product) (living, productCall, bool) {
	tried := 0
	for _, g := range x.candidates() {
		if _, ok := p.callFor(g.Scopes); !ok {
			continue
		}
		if !x.tried[g.ID] {
			if tried++; tried > grantsTried {
				break
			}
			x.try(ctx, g)
		}
		i := slices.IndexFunc(x.living, func(l living) bool { return l.grant.ID == g.ID })
		if i < 0 {
			continue
		}
		if c, ok := p.callFor(x.living[i].grant.Scopes); ok {
			return x.living[i], c, true
		}
	}
	return living{}, productCall{}, false
}

func (x *examination) product(ctx context.Context, p product) Finding {
	l, call, ok := x.grantFor(ctx, p)
	if !ok {
		return skipped("Nobody who is connected has allowed it.")
	}
	answer, err := x.call(ctx, http.MethodGet, x.root(p.service)+call.path, l.token, nil)
	if err != nil {
		return warned("Try again.", "It does not answer: %s", lastWord(err))
	}
	says := string(answer.body)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(says, w) })
	}
	switch {
	case answer.status == http.StatusOK, call.absent && (answer.status == http.StatusNotFound || answer.status == http.StatusForbidden && !has("SERVICE_DISABLED", "accessNotConfigured", "domainPolicy")):
		return good("Answers.")
	case has("SERVICE_DISABLED", "accessNotConfigured"):
		return at(libraryPage+p.api, broken("In Google Cloud (APIs & Services → Library) choose the project of the OAuth client, open “"+p.title+"” and press Enable; it takes a few minutes.",
			"The %s is not enabled in the Google Cloud project.", p.title))
	case has("domainPolicy", "notACalendarUser", "not enabled"):
		return at(adminPage, broken("A Google Workspace administrator switches the service on for this person (Apps → Google Workspace), and allows the app under API controls.",
			"The administrators of the Google organisation do not allow it for the account that was tried."))
	case x.config.Endpoints().Simulated && (answer.status == http.StatusNotFound || answer.status == http.StatusNotImplemented):
		return skipped("The server in Google's place (%s) has no such API.", x.config.Endpoints().Base)
	case answer.status == http.StatusUnauthorized:
		return broken("Try again; if it stays, connect again.", "Google refuses a token that it has just given.")
	case p.service == crm.ServiceDirectory && answer.status == http.StatusForbidden:
		return warned("Let an administrator of the Google organisation connect the directory.", "The account that allowed it may not read the organisation's directory.")
	}
	return warned("Try again later.", "It answered %d.", answer.status)
}

// root of the API of a service.
func (x *examination) root(s crm.Service) string {
	e := x.config.Endpoints()
	return map[crm.Service]string{
		crm.ServiceGmail: e.Gmail, crm.ServiceCalendar: e.Calendar, crm.ServiceContacts: e.People, crm.ServiceDirectory: e.Directory,
		crm.ServiceDrive: e.Drive, crm.ServiceSheets: e.Sheets, crm.ServiceMeet: e.Meet,
	}[s]
}

func (x *examination) call(ctx context.Context, method, address string, token crm.Secret, body *strings.Reader) (doctorAnswer, error) {
	var r *http.Request
	var err error
	if body != nil {
		r, err = http.NewRequestWithContext(ctx, method, address, body)
	} else {
		r, err = http.NewRequestWithContext(ctx, method, address, http.NoBody)
	}
	if err != nil {
		return doctorAnswer{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	return x.send(r)
}
