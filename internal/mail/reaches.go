package mail

import (
	"net/url"
	"strings"
	"unicode"
)

const maxLink = 300 // longer addresses are machines'

// reaches is the address of a link by which a person is reached or found, the
// way it stands in text: a mail address, "tel:" and a number, a LinkedIn
// profile. "" for other links. Addresses that a mail filter wrapped are
// unwrapped.
func reaches(href string) string {
	href = strings.TrimSpace(href)
	scheme, rest, ok := strings.Cut(href, ":")
	if !ok || strings.ContainsAny(href, "<>\"\n\r\t") {
		return ""
	}
	switch strings.ToLower(scheme) {
	case "mailto":
		return mailbox(rest)
	case "tel":
		return number(rest)
	case "http", "https":
		return profile(href, 1)
	}
	return ""
}

func mailbox(rest string) string {
	rest, _, _ = strings.Cut(rest, "?")
	to, err := url.PathUnescape(rest)
	if at := strings.IndexByte(to, '@'); err != nil || at < 1 || at == len(to)-1 || len(to) > maxLink || strings.ContainsFunc(to, notInAddress) {
		return ""
	}
	return to
}

func notInAddress(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>,;\"()", r)
}

func number(rest string) string {
	to, err := url.PathUnescape(rest)
	if n := len(numerals(to)); err != nil || n < 7 || n > 20 || strings.ContainsFunc(to, func(r rune) bool { return !strings.ContainsRune("+0123456789 -.()/", r) }) {
		return ""
	}
	return "tel:" + strings.TrimSpace(to)
}

// profile is the address of a person's page, as deep as wrappers may be nested.
func profile(href string, wrapped int) string {
	u, err := url.Parse(href)
	if err != nil || len(href) > 10*maxLink {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	if host == "linkedin.com" || strings.HasSuffix(host, ".linkedin.com") {
		kind, who, _ := strings.Cut(strings.Trim(u.EscapedPath(), "/"), "/")
		if kind != "in" && kind != "pub" || who == "" || len(who) > maxLink {
			return ""
		}
		return "https://" + host + "/" + kind + "/" + who
	}
	if wrapped == 0 {
		return ""
	}
	switch {
	case strings.HasSuffix(host, ".safelinks.protection.outlook.com"):
		return profile(u.Query().Get("url"), wrapped-1)
	case host == "www.google.com" && u.Path == "/url":
		return profile(u.Query().Get("q"), wrapped-1)
	}
	return ""
}

// numerals keeps the digits.
func numerals(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
