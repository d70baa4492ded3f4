package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"

	"rapport/internal/vault"
)

// The pages of the token service are whole in themselves: no script, no file,
// one style that the policy allows by its hash. People see them in a browser
// that has no account here.

const pageStyle = `
:root{color-scheme:light dark;--ink:#1d2433;--soft:#5b6577;--paper:#fff;--ground:#f3f5f9;--line:#dfe4ec;--good:#12805c;--bad:#b3322b;--act:#2458d3;--on:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebf2;--soft:#a3adbf;--paper:#1a1f2b;--ground:#10141d;--line:#2d3444;--good:#4cc79a;--bad:#ff8a80;--act:#7ea6ff;--on:#0f1420}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:34rem;background:var(--paper);border:1px solid var(--line);border-radius:14px;padding:2rem;box-shadow:0 1px 3px #0001}
.mark{display:grid;place-items:center;width:2.75rem;height:2.75rem;border-radius:50%;border:2px solid;font-size:1.35rem;line-height:1;margin-bottom:1rem}
.good{color:var(--good)}.bad{color:var(--bad)}
h1{font-size:1.35rem;line-height:1.3;margin:0 0 .5rem}
p{margin:.5rem 0}ul{margin:.5rem 0;padding-left:1.2rem}li{margin:.35rem 0}
.soft{color:var(--soft);font-size:.9rem}
.act{display:inline-block;margin-top:1rem;padding:.6rem 1.1rem;border-radius:9px;background:var(--act);color:var(--on);font-weight:600;text-decoration:none}
.act:hover{filter:brightness(1.08)}.act:focus-visible{outline:3px solid var(--ink);outline-offset:2px}
footer{margin-top:1.5rem;padding-top:1rem;border-top:1px solid var(--line)}
`

var tokenPage = template.Must(template.New("token").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{.Title}} · Rapport</title>
<style>` + pageStyle + `</style>
<main>
<div class="mark {{if .Good}}good{{else}}bad{{end}}" aria-hidden="true">{{if .Good}}✓{{else}}!{{end}}</div>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{with .Causes}}<p>There are three likely reasons:</p>
<ul>{{range .}}<li>{{.}}</li>{{end}}</ul>
{{end}}{{with .Off}}<p>These permissions were left out, so what needs them will not work:</p>
<ul>{{range .}}<li>{{.}}</li>{{end}}</ul>
{{end}}{{if .Again}}<a class="act" href="{{.Again}}">{{.Act}}</a>
{{end}}<footer class="soft">{{.Foot}}</footer>
</main>
</html>
`))

// tokenPageView is what the template shows. Every text is escaped by it.
type tokenPageView struct {
	Good              bool
	Title, Text, Foot string
	Causes, Off       []string
	Again, Act        string
}

// pagePolicy is the Content-Security-Policy of these pages.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// titles of trouble by its code.
var titles = map[string]string{
	"access_denied":         "Google did not give access",
	"waiting_for_admin":     "An administrator has to allow this first",
	"consent_expired":       "This page has expired",
	"consent_failed":        "Google refused the request",
	"domain_not_allowed":    "This Google account cannot be used here",
	"google_unavailable":    "Google cannot be reached right now",
	"insufficient_scope":    "Nothing was permitted",
	"link_expired":          "This link has expired",
	"link_invalid":          "This link is not valid",
	"rate_limited":          "Too many attempts",
	"redirect_not_allowed":  "The way back is not registered here",
	"refresh_token_missing": "Google gave no lasting access",
	"sign_in_first":         "Sign in first",
	"unauthenticated":       "Sign in first",
	"unknown_service":       "There is no such service",
	"wrong_account":         "That was another Google account",
	"wrong_user":            "Somebody else is signed in here",
}

// deniedCauses are why Google gives no access (its pages "OAuth 2.0 for web
// server applications" and "Control which apps access Google Workspace data").
var deniedCauses = []string{
	"Cancel was chosen on Google's page, or every box was left unticked.",
	"The administrator of your organisation restricts which apps may use Google data. They can allow this one in Google's Admin console: Security, Access and data control, API controls, Manage third-party app access.",
	"The app is still in testing at Google, and your account is not on its list of test users.",
}

// tokenTrouble tells a browser what went wrong, in plain words and with a way
// on; programs get the problem itself.
func (s *Server) tokenTrouble(w http.ResponseWriter, r *http.Request, err error, again string) error {
	if !wantsPage(r) {
		return err
	}
	p := problemOf(err, requestIDOf(r.Context()))
	logFailure(r.Context(), err, p)
	view := tokenPageView{Title: titles[p.Code], Text: p.Detail, Again: again, Act: "Start again", Foot: "Reference, if you ask for help: " + p.RequestID}
	if view.Title == "" {
		view.Title = "That did not work"
	}
	switch p.Code {
	case "access_denied":
		view.Text, view.Causes = "Nothing was changed here.", deniedCauses
	case "unauthenticated", "sign_in_first":
		view.Again, view.Act = p.ActionURL, "Sign in"
	case "link_invalid", "link_expired", "rate_limited", "unknown_service", "redirect_not_allowed":
		view.Again = ""
	}
	for k, v := range p.header {
		w.Header()[k] = v
	}
	return writeTokenPage(w, p.Status, view)
}

// tokenSuccess tells that an authorisation is stored.
func (s *Server) tokenSuccess(w http.ResponseWriter, o vault.Outcome) error {
	view := tokenPageView{
		Good: true, Title: "Access granted", Foot: "This page can be closed. Access can be taken back at any time at myaccount.google.com/permissions.",
		Text: fmt.Sprintf("The Google account %s now serves “%s”. The program that asked for it can go on. Until this is taken back, programs with an API key of an administrator of this workspace can use it for this service.", o.Identity.Email, o.Service),
	}
	for _, f := range o.Missing {
		view.Off = append(view.Off, f.Name)
	}
	return writeTokenPage(w, http.StatusOK, view)
}

const pageType = "text/html; charset=utf-8"

func writeTokenPage(w http.ResponseWriter, status int, view tokenPageView) error {
	var page bytes.Buffer
	if err := tokenPage.Execute(&page, view); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", pageType)
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the reader went away
	return nil
}

func base64URL(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func fromBase64URL(text string) string {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	return string(b)
}
