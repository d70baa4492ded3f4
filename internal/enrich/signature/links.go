package signature

import (
	"regexp"
	"strings"
)

// link is an address of the web or of mail in a segment.
type link struct {
	from, to int
	url      string // without surrounding marks; "" for mail
	mail     string
}

var (
	mailLike = regexp.MustCompile(`(?i)(?:<?mailto: ?)?[a-z0-9][a-z0-9._%+-]{0,63}(?:@| ?<at> ?| ?\[at\] ?| ?\(at\) ?| at )[a-z0-9-]{1,63}(?:(?:\.| dot | ?\[dot\] ?)[a-z0-9-]{1,63}){1,5}>?`)
	cid      = regexp.MustCompile(`\[cid:[^\]]*\]|\[image[^\]]*\]|<<[^>]*>>|<skype:[^>]*>|<tel:[^>]*>|\[https?://[^\]]*\]`)
)

// links finds them from left to right.
func links(s string) []link {
	var out []link
	if strings.Contains(s, "@") || strings.Contains(s, " at ") || strings.Contains(s, "at>") || strings.Contains(s, "[at]") || strings.Contains(s, "(at)") {
		for _, m := range mailLike.FindAllStringIndex(s, 8) {
			addr := strings.ToLower(strings.Trim(s[m[0]:m[1]], "<>"))
			addr = strings.TrimSpace(strings.TrimPrefix(addr, "mailto:"))
			for _, at := range []string{" <at> ", "<at>", " [at] ", "[at]", " (at) ", "(at)", " at "} {
				addr = strings.Replace(addr, at, "@", 1)
			}
			if strings.Contains(s[m[0]:m[1]], " at ") && !strings.Contains(addr[strings.IndexByte(addr, '@')+1:], ".") {
				continue
			}
			out = append(out, link{from: m[0], to: m[1], mail: addr})
		}
	}
	if dotted(s) {
		out = webLinks(s, out)
	}
	return out
}

// webLinks adds the URLs and bare hosts of s, word by word.
func webLinks(s string, out []link) []link {
	for from := 0; from < len(s); {
		for from < len(s) && gap(s[from]) {
			from++
		}
		to := from
		for to < len(s) && !gap(s[to]) {
			to++
		}
		at, ok := webWord(lower(s[from:to]))
		if begin := from + at; ok && to-begin > 4 && !within(out, begin) {
			u := strings.TrimRight(s[begin:to], ".,;:)]'")
			end := to
			if begin > 0 && s[begin-1] == '<' && to < len(s) && s[to] == '>' {
				begin, end = begin-1, to+1
			}
			out = insert(out, link{from: begin, to: end, url: u})
		}
		from = to
	}
	return out
}

// lower makes ASCII letters small; every byte stays in its place.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// gap says whether a byte ends a URL.
func gap(c byte) bool { return c <= ' ' || c == '<' || c == '>' || c == '"' || c == '|' }

// webWord is where in a lower-case word a URL begins.
func webWord(w string) (int, bool) {
	for _, scheme := range []string{"http://", "https://", "ftp://", "www."} {
		if i := strings.Index(w, scheme); i >= 0 && (scheme != "www." || i == 0 || !letter(w[i-1])) {
			return i, true
		}
	}
	bare := strings.TrimRight(w, ".,;:)]'")
	start := len(bare) - len(strings.TrimLeft(bare, "(["))
	host, _, _ := strings.Cut(bare[start:], "/")
	i := strings.LastIndexByte(host, '.')
	if i < 2 || strings.ContainsFunc(host, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' }) {
		return 0, false
	}
	return start, topLevel[host[i+1:]] && !strings.Contains(host, "..")
}

// topLevel are the domains under which a word with a dot is a host; other ends
// are as often file names and abbreviations.
var topLevel = map[string]bool{"com": true, "org": true, "net": true, "edu": true, "de": true, "ch": true, "at": true, "fr": true, "it": true, "es": true, "nl": true, "be": true, "eu": true, "io": true, "uk": true, "se": true, "dk": true, "no": true, "fi": true, "pl": true, "cz": true, "pt": true, "br": true, "au": true, "ca": true, "info": true, "biz": true, "gov": true, "ie": true, "example": true}

// dotted says whether a dot stands between letters, as in every host.
func dotted(s string) bool {
	for i := 1; i+1 < len(s); i++ {
		if s[i] == '.' && s[i-1] > ' ' && s[i+1] > ' ' && letter(s[i+1]|0x20) {
			return true
		}
	}
	return false
}

func within(links []link, at int) bool {
	for _, l := range links {
		if at >= l.from && at < l.to {
			return true
		}
	}
	return false
}

func insert(links []link, l link) []link {
	i := len(links)
	for i > 0 && links[i-1].from > l.from {
		i--
	}
	if i < len(links) && links[i].from < l.to {
		return links
	}
	links = append(links, link{})
	copy(links[i+1:], links[i:])
	links[i] = l
	return links
}

// linkedIn is the profile a URL leads to, "" if it is none of a person.
func linkedIn(u string) string {
	low := lower(u)
	i := strings.Index(low, "linkedin.com/")
	if i < 0 {
		return ""
	}
	path := u[i+len("linkedin.com/"):]
	if strings.HasPrefix(strings.ToLower(path), "profile/view") {
		if j := strings.IndexByte(path, '&'); j > 0 {
			path = path[:j]
		}
		return "https://www.linkedin.com/" + path
	}
	if j := strings.IndexAny(path, "?#"); j >= 0 {
		path = path[:j]
	}
	path = strings.Trim(path, "/")
	if first, rest, _ := strings.Cut(strings.ToLower(path), "/"); rest == "" || first != "in" && first != "pub" && first != "profile" {
		return ""
	}
	return "https://www.linkedin.com/" + path
}

// hostOf is the host of a URL, folded, without "www.".
func hostOf(u string) string {
	u = strings.ToLower(u)
	if i := strings.Index(u, "://"); i >= 0 {
		u = u[i+3:]
	}
	if i := strings.IndexAny(u, "/?#:"); i >= 0 {
		u = u[:i]
	}
	return strings.TrimPrefix(u, "www.")
}

// elsewhere are hosts that are nobody's website.
func elsewhere(host string) bool {
	for _, h := range []string{"linkedin.com", "facebook.com", "twitter.com", "x.com", "instagram.com", "youtube.com", "youtu.be", "xing.com", "plus.google.com", "pinterest.com", "tiktok.com", "skype.com", "goo.gl", "bit.ly", "maps.google.com", "google.com", "calendly.com", "github.com", "stackoverflow.com", "researchgate.net", "vimeo.com", "wa.me", "t.me", "aka.ms", "tinyurl.com", "zoom.us", "webex.com", "gotomeeting.com", "meet.google.com", "teams.microsoft.com", "whereby.com"} {
		if host == h || strings.HasSuffix(host, "."+h) {
			return true
		}
	}
	return false
}
