package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strings"

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

// These pages are written without html/template: its templates call methods by name,
// and a program that can do that keeps every method of every type it knows, a tenth
// of its size. What they show is escaped here, and stands between tags or in quoted
// attributes only.

// show is the page.
func (v tokenPageView) show() []byte {
	mark, sign := "bad", "!"
	if v.Good {
		mark, sign = "good", "✓"
	}
	var b strings.Builder
	put := func(format string, texts ...string) { putHTML(&b, format, texts...) }
	b.WriteString(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
`)
	put("<title>%s · Rapport</title>\n", v.Title)
	b.WriteString("<style>" + pageStyle + "</style>\n<main>\n")
	put(`<div class="mark %s" aria-hidden="true">%s</div>`+"\n<h1>%s</h1>\n<p>%s</p>\n", mark, sign, v.Title, v.Text)
	list := func(words string, lines []string) {
		if len(lines) == 0 {
			return
		}
		put("<p>%s</p>\n<ul>", words)
		for _, line := range lines {
			put("<li>%s</li>", line)
		}
		put("</ul>\n")
	}
	list("There are three likely reasons:", v.Causes)
	list("These permissions were left out, so what needs them will not work:", v.Off)
	if v.Again != "" {
		put(`<a class="act" href="%s">%s</a>`+"\n", v.Again, v.Act)
	}
	put(`<footer class="soft">%s</footer>`+"\n</main>\n</html>\n", v.Foot)
	return []byte(b.String())
}

// putHTML writes a format whose every %s is filled with an escaped text.
func putHTML(b *strings.Builder, format string, texts ...string) {
	safe := make([]any, len(texts))
	for i, text := range texts {
		safe[i] = html.EscapeString(text)
	}
	fmt.Fprintf(b, format, safe...)
}

// tokenPageView is what the page shows. Again is an address of ours.
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
	h := w.Header()
	h.Set("Content-Type", pageType)
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = w.Write(view.show()) // the reader went away
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
