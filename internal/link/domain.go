package link

import (
	_ "embed"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Host is what follows the @ of an address, in lower case; "" for what is none.
func Host(email string) string {
	email = strings.TrimSpace(email)
	at := strings.LastIndexByte(email, '@')
	if at <= 0 {
		return ""
	}
	return fold(email[at+1:])
}

// Registrable is the domain that somebody registered of a host: one label more than
// its public suffix (publicsuffix.org, private suffixes included, where everybody
// can have a name). "" for a suffix itself, a single label and what is no host.
func Registrable(host string) string {
	host = fold(host)
	if !validHost(host) {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		ascii = host
	}
	d, err := publicsuffix.EffectiveTLDPlusOne(ascii)
	if err != nil {
		return ""
	}
	for strings.Count(host, ".") > strings.Count(d, ".") { // as it was written
		_, host, _ = strings.Cut(host, ".")
	}
	return host
}

// CompanyDomain is the domain by which an address says where somebody works, ""
// where it says nothing: free mail, throw-away addresses, public suffixes.
func CompanyDomain(email string) string {
	host := Host(email)
	d := Registrable(host)
	if d == "" || FreeMail(host) {
		return ""
	}
	return d
}

func validHost(host string) bool {
	if len(host) > 253 || !strings.Contains(host, ".") {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			if c := label[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`@<>()[],;:\"/'`, c) >= 0 {
				return false
			}
		}
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") != "" // an IP address
}

// FreeMail reports whether everybody can have an address at a host, so that it says
// nothing about where somebody works: providers of mail, of internet access, and of
// addresses to throw away.
func FreeMail(host string) bool {
	for d := fold(host); strings.Contains(d, "."); _, d, _ = strings.Cut(d, ".") {
		if freeMail[d] {
			return true
		}
		if _, found := slices.BinarySearch(moreFreeMail, d); found {
			return true
		}
	}
	d := Registrable(host)
	name, _, _ := strings.Cut(d, ".")
	if name == "" || companies[name] {
		return false
	}
	if brands[name] || len(name) > len(family) && strings.HasPrefix(name, family) {
		return true
	}
	for _, end := range endings {
		if strings.HasSuffix(name, end) && (len(name) > len(end) || end == "mail" || end == "email") {
			return true
		}
	}
	for _, part := range thrownAway {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

//go:embed freemail.txt
var freeMailText string

// freeMail is the list, a domain or several a line; # begins a comment.
var freeMail = func() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(freeMailText) {
		line, _, _ = strings.Cut(line, "#")
		for d := range strings.FieldsSeq(line) {
			all[d] = true
		}
	}
	return all
}()

//go:embed freemail_more.txt
var moreFreeMailText string

// moreFreeMail are smaller providers of many countries, in order, one a line: those of
// free.txt of the package freemail 1.7.0 (see NOTICE) that nothing above knows, without
// names below a domain, throw-away addresses, schools, and what is the domain of an
// organisation, too.
var moreFreeMail = strings.Fields(moreFreeMailText)

// family begins the names of some thousand domains of one provider: mail2rome.com.
const family = "mail2"

func set(words string) map[string]bool {
	all := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		all[w] = true
	}
	return all
}

// brands are providers under any public suffix: yahoo.com, yahoo.co.jp.
var brands = set(`yahoo hotmail outlook live msn gmx aol ymail rocketmail windowslive yandex tutanota protonmail proton googlemail gmail icloud zohomail
	inbox tiscali lycos excite caramail voila netscape compuserve freemail mailinator yopmail`)

// endings of the names of providers; companies are names that end so and are none.
var endings = []string{"mail", "mails", "email", "emails", "mailer", "mailbox", "inbox"}

var companies = set(`royalmail dailymail theglobeandmail globeandmail mydailymail countrymail thedailymail clickmail listmail directmail netmail-consulting chainmail
	blackmail heidelbergmail postmail intermail swissmail hallmail benchmarkemail campaignmail constantemail`)

// thrownAway stand in the names of providers of addresses to throw away.
var thrownAway = []string{"tempmail", "temp-mail", "tempemail", "tempinbox", "minutemail", "minutesmail", "minutemai", "throwaway", "throwam", "trashmail", "trash-mail", "trash2", "mailinator",
	"guerrilla", "guerilla", "sharklasers", "yopmail", "disposable", "dispostable", "discard", "spam4", "spambog", "spambox", "spamgourmet", "nospam", "antispam", "fakemail", "fakeinbox",
	"mailcatch", "mailnesia", "mailnull", "mailexpire", "maildrop", "mailtemp", "burnermail", "mytemp", "wegwerf", "jetable", "einrot", "anonbox", "anonymail", "emailondeck", "incognitomail",
	"mailmetrash", "moburl", "spamfree", "spamhole", "tempr", "temporary", "hidemail", "mohmal", "10mail", "webmail"}
