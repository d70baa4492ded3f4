package records

import (
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"

	"rapport/internal/crm"
	"rapport/internal/link"
)

// Email brings an address into its form, or says what is wrong with it.
func (k Checker) Email(text string) (crm.Contact, string) {
	const wrong = "is no e-mail address"
	text = strings.ToLower(strings.TrimSpace(text))
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || len(text) > 254 || at > 64 {
		return crm.Contact{}, wrong
	}
	domain, err := idna.Lookup.ToASCII(text[at+1:])
	if err != nil || !strings.Contains(domain, ".") {
		return crm.Contact{}, wrong
	}
	address := text[:at] + "@" + domain
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Name != "" || parsed.Address != address || link.Key(address) == "" {
		return crm.Contact{}, wrong
	}
	return crm.Contact{Value: address, Label: "work"}, ""
}

// Phone brings a number into its form (E.164), or says what is wrong with it. Numbers
// without a country code are those of the region.
func (k Checker) Phone(text string) (crm.Contact, string) {
	region := k.Region
	if region == "" {
		region = "ZZ" // no region: libphonenumber's name of it
	}
	number, err := phonenumbers.Parse(text, region)
	switch {
	case len(text) > 60:
		return crm.Contact{}, "is no phone number"
	case err != nil && k.Region == "" && !strings.HasPrefix(strings.TrimSpace(text), "+") && strings.ContainsAny(text, "0123456789"):
		return crm.Contact{}, "needs its country code, such as +49"
	case err != nil || !phonenumbers.IsPossibleNumber(number):
		return crm.Contact{}, "is no phone number"
	}
	out := crm.Contact{Value: phonenumbers.Format(number, phonenumbers.E164), Ext: number.GetExtension(), Label: "work"}
	if len(out.Value) < shortestPhone {
		return crm.Contact{}, "is no phone number"
	}
	if phonenumbers.GetNumberType(number) == phonenumbers.MOBILE {
		out.Label = "mobile"
	}
	if text != out.Value {
		out.Raw = text
	}
	return out, ""
}

// URL brings the address of a page into its form, or says what is wrong with it.
func URL(text string) (string, string) {
	const wrong = "is no address of a page"
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" || strings.ContainsAny(u.Host, " <>\"") {
		return "", wrong
	}
	host, err := idna.Lookup.ToASCII(strings.ToLower(u.Hostname()))
	if err != nil || !strings.Contains(strings.Trim(host, "."), ".") {
		return "", wrong
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	u.Host = host
	if u.Path == "/" && u.RawQuery == "" {
		u.Path = ""
	}
	return u.String(), ""
}

// LinkedIn is URL for addresses at LinkedIn; what stands behind in/ is enough.
func LinkedIn(text string) (string, string) {
	const wrong = "is no address at LinkedIn"
	if rest, short := strings.CutPrefix(strings.TrimPrefix(text, "/"), "in/"); short {
		text = "https://www.linkedin.com/in/" + rest
	}
	full, bad := URL(text)
	if bad != "" {
		return "", wrong
	}
	u, err := url.Parse(full)
	if err != nil || u.Host != "linkedin.com" && !strings.HasSuffix(u.Host, ".linkedin.com") {
		return "", wrong
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	if strings.Count(path, "/") < 2 {
		return "", wrong
	}
	return "https://www.linkedin.com" + path, ""
}

// Domain brings a domain into its form, the one that somebody registered, or says what
// is wrong with it. Addresses of pages and of people give theirs.
func Domain(text string) (string, string) {
	text = strings.ToLower(strings.TrimSpace(text))
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		text = text[at+1:]
	}
	if _, rest, schemed := strings.Cut(text, "://"); schemed {
		text = rest
	}
	text, _, _ = strings.Cut(text, "/")
	host, err := idna.Lookup.ToASCII(strings.TrimSuffix(text, "."))
	if err != nil {
		return "", "is no domain"
	}
	domain := link.Registrable(host)
	switch {
	case domain == "" || len(domain) > 253:
		return "", "is no domain that a company can have"
	case link.FreeMail(domain):
		return "", "is a domain where everybody can have an address"
	}
	return domain, ""
}

func date(text string) (string, string) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1000 {
		return "", "must be a date such as 2026-11-30"
	}
	return text, ""
}
