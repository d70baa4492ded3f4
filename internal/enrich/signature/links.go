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
	urlLike  = regexp.MustCompile(`(?i)<?(?:URL:)?(?:https?://|ftp://|\bwww\.)[^\s<>"|]{3,500}>?|\b(?:[a-z]{2,3}\.)?linkedin\.com/[^\s<>"|]{2,200}>?|\b(?:[a-z0-9-]{2,40}\.){1,3}(?:com|org|net|edu|de|ch|at|fr|it|es|nl|be|eu|io|co\.uk|ac\.uk|se|dk|no|fi|pl|cz|pt|com\.br|com\.au|ca|info|biz|gov|ie|example)(?:/[^\s<>"|]{0,200})?(?:\s|$|>)`)
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
		for _, m := range urlLike.FindAllStringIndex(s, 8) {
			if within(out, m[0]) {
				continue
			}
			u := strings.TrimRight(strings.Trim(strings.TrimSpace(s[m[0]:m[1]]), "<>"), ".,;:)>]'")
			u = strings.TrimPrefix(strings.TrimPrefix(u, "URL:"), "url:")
			out = insert(out, link{from: m[0], to: m[0] + len(strings.TrimRight(s[m[0]:m[1]], " ")), url: u})
		}
	}
	return out
}

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
	low := strings.ToLower(u)
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
