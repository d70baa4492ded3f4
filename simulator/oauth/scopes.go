package oauth

import (
	"encoding/json"
	"errors"
	"slices"
	"sort"
	"strings"
	"sync"

	"rapport/simulator/discovery"
)

var errNoAccount = errors.New("no such account")

// Sign-in scopes, in the form Google returns them.
const (
	ScopeOpenID  = "openid"
	ScopeEmail   = scopePrefix + "userinfo.email"
	ScopeProfile = scopePrefix + "userinfo.profile"
)

var signIn = []string{ScopeOpenID, ScopeEmail, ScopeProfile}

// Normalise writes scopes as Google returns them: email and profile in their
// long form, no scope twice, sorted.
func Normalise(scopes []string) []string {
	out := longForms(scopes)
	sort.Strings(out)
	return out
}

func longForms(scopes []string) []string {
	out := make([]string, 0, len(scopes))
	for _, s := range scopes {
		switch s {
		case "":
			continue
		case "email":
			s = ScopeEmail
		case "profile":
			s = ScopeProfile
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// split separates sign-in scopes from those that are asked about one by one.
func split(scopes []string) (identity, others []string) {
	for _, s := range scopes {
		if slices.Contains(signIn, s) {
			identity = append(identity, s)
		} else {
			others = append(others, s)
		}
	}
	return identity, others
}

// known maps every scope of the discovery documents to its description there.
var known = sync.OnceValue(func() map[string]string {
	out := map[string]string{
		ScopeOpenID: "Associate you with your personal info on Google",
	}
	for name := range discovery.Sources {
		var doc struct {
			Auth struct {
				OAuth2 struct {
					Scopes map[string]struct{ Description string }
				}
			}
		}
		if json.Unmarshal(discovery.Document(name), &doc) != nil {
			continue
		}
		for s, d := range doc.Auth.OAuth2.Scopes {
			out[s] = d.Description
		}
	}
	return out
})

// plainWords are descriptions a person understands, for the scopes people meet
// most; the discovery documents' words do for the others.
var plainWords = map[string][2]string{
	"https://mail.google.com/":               {"Read, compose, send and permanently delete all your email from Gmail", "The widest access to your mailbox there is."},
	scopePrefix + "gmail.readonly":           {"View your email messages and settings", "All messages, threads, labels and attachments. Nothing can be changed."},
	scopePrefix + "gmail.modify":             {"Read, compose and send emails from your Gmail account", "Also change labels and move messages to the bin; nothing is deleted for good."},
	scopePrefix + "gmail.send":               {"Send email on your behalf", "Messages appear in your Sent folder."},
	scopePrefix + "gmail.compose":            {"Manage drafts and send emails", "Create, change and send drafts."},
	scopePrefix + "gmail.labels":             {"See and edit your email labels", ""},
	scopePrefix + "gmail.metadata":           {"View your email message metadata such as labels and headers, but not the email body", ""},
	scopePrefix + "gmail.insert":             {"Add emails into your Gmail mailbox", ""},
	scopePrefix + "gmail.settings.basic":     {"See, edit, create or change your email settings and filters in Gmail", ""},
	scopePrefix + "calendar":                 {"See, edit, share and permanently delete all the calendars you can access using Google Calendar", ""},
	scopePrefix + "calendar.events":          {"View and edit events on all your calendars", "Meetings made here appear in your calendar and the other way round."},
	scopePrefix + "calendar.readonly":        {"See and download any calendar you can access using your Google Calendar", ""},
	scopePrefix + "calendar.events.readonly": {"View events on all your calendars", ""},
	scopePrefix + "contacts":                 {"See, edit, download and permanently delete your contacts", "Names, addresses, phone numbers and groups."},
	scopePrefix + "contacts.readonly":        {"See and download your contacts", ""},
	scopePrefix + "contacts.other.readonly":  {"See and download contact info automatically saved in your \"Other contacts\"", ""},
	scopePrefix + "directory.readonly":       {"See and download your organisation's Google Workspace directory", ""},
	scopePrefix + "drive.file":               {"See, edit, create and delete only the specific Google Drive files you use with this app", ""},
	scopePrefix + "drive":                    {"See, edit, create and delete all of your Google Drive files", ""},
	scopePrefix + "spreadsheets":             {"See, edit, create and delete all your Google Sheets spreadsheets", ""},
	scopePrefix + "userinfo.email":           {"See the email address of your Google Account", ""},
	scopePrefix + "userinfo.profile":         {"See your name and profile picture", ""},
}

// describe returns what a scope allows, in words, and an optional second line.
func describe(scope string) (title, detail string) {
	if w, ok := plainWords[scope]; ok {
		return w[0], w[1]
	}
	if d := known()[scope]; d != "" {
		return strings.TrimSuffix(d, "."), ""
	}
	return scope, ""
}

// unknownScopes returns the scopes Google would not know: those of an API the
// discovery documents describe but that are not in them, and anything that
// does not look like a scope.
func unknownScopes(scopes []string) []string {
	var out []string
	for _, s := range scopes {
		if _, ok := known()[s]; ok || slices.Contains(signIn, s) {
			continue
		}
		if name, ok := strings.CutPrefix(s, scopePrefix); ok && !families()[family(name)] {
			continue // an API the simulator knows nothing about
		}
		out = append(out, s)
	}
	return out
}

func family(name string) string {
	head, _, _ := strings.Cut(name, ".")
	return head
}

// families are the beginnings of the scopes of the discovery documents.
var families = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for s := range known() {
		if name, ok := strings.CutPrefix(s, scopePrefix); ok {
			out[family(name)] = true
		}
	}
	return out
})
