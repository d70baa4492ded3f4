package mail

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	xhtml "golang.org/x/net/html"
)

// harm looks at HTML as a browser's parser sees it and says what in it could
// run, or load from outside.
func harm(page string, images bool) string {
	root, err := xhtml.ParseWithOptions(strings.NewReader(page), xhtml.ParseOptionEnableScripting(true))
	if err != nil {
		return "cannot be parsed: " + err.Error()
	}
	for n := range root.Descendants() {
		if n.Type == xhtml.CommentNode || n.Type == xhtml.DoctypeNode {
			return "a comment or doctype is left: " + n.Data
		}
		if n.Type != xhtml.ElementNode {
			continue
		}
		if n.Namespace != "" {
			return "foreign element " + n.Data
		}
		switch n.Data {
		case "script", "style", "iframe", "frame", "object", "embed", "applet", "link", "meta", "base", "form", "input", "button", "textarea", "select",
			"svg", "math", "video", "audio", "source", "track", "template", "noscript", "noembed", "noframes", "xmp", "plaintext", "title", "isindex", "marquee", "bgsound", "layer":
			return "element " + n.Data
		}
		for _, a := range n.Attr {
			if h := harmfulAttribute(n.Data, a.Key, a.Val, images); h != "" {
				return h
			}
		}
	}
	return ""
}

func harmfulAttribute(element, key, value string, images bool) string {
	low := strings.ToLower(key)
	if strings.HasPrefix(low, "on") || slices.Contains([]string{"srcset", "srcdoc", "background", "poster", "action", "formaction", "xlink:href", "xmlns", "id", "name", "class", "ping", "lowsrc", "dynsrc", "data", "codebase", "http-equiv", "longdesc", "usemap", "is", "slot"}, low) {
		return "attribute " + key
	}
	address := strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, value))
	switch low {
	case "href":
		u, err := url.Parse(value)
		if element != "a" || err != nil || !slices.Contains([]string{"http", "https", "mailto", "tel"}, u.Scheme) {
			return "link to " + value
		}
	case "src":
		ok := strings.HasPrefix(address, "data:image/") && !strings.HasPrefix(address, "data:image/svg") || strings.HasPrefix(value, "/attachments/") || images && (strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://"))
		if element != "img" || !ok {
			return "source " + value
		}
	case "data-src", "data-cid", "alt", "title", "summary":
	case "style":
		for _, bad := range []string{"url", "expression(", "import", "javascript", "behavior", "binding", "\\", "/*", "image(", "image-set", "position", "content", "@", "<"} {
			if strings.Contains(address, bad) {
				return "style " + value
			}
		}
	default:
		if strings.Contains(address, "script:") || strings.Contains(address, "data:") {
			return "attribute " + key + "=" + value
		}
	}
	return ""
}

// again is HTML after a browser read and wrote it, as innerHTML does.
func again(t *testing.T, page string) string {
	t.Helper()
	root, err := xhtml.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, xhtml.Render(&b, root))
	return b.String()
}

func checkSafe(t *testing.T, page string) {
	t.Helper()
	for _, images := range []bool{false, true} {
		o := SafeOptions{Images: images, Inline: func(cid string) string { return "/attachments/" + url.PathEscape(cid) }}
		safe := Sanitise(page, o)
		require.True(t, utf8.ValidString(safe.HTML))
		require.Empty(t, harm(safe.HTML, images), "of %q came %q", page, safe.HTML)
		twice := Sanitise(safe.HTML, o)
		require.Equal(t, safe.HTML, twice.HTML, "not a fixed point: %q", page)
		require.Empty(t, harm(again(t, safe.HTML), images), "after a second parse of %q", page)
	}
	require.Empty(t, harm(Sanitise(page, SafeOptions{}).HTML, false))
}

func TestCorpusXSSComesOutHarmless(t *testing.T) {
	var payloads []string
	var owasp []struct{ Payload string }
	data, err := os.ReadFile(corpus(t, "xss-owasp-evasion", "owasp-xss-filter-evasion.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &owasp))
	for _, p := range owasp {
		payloads = append(payloads, p.Payload)
	}
	data, err = os.ReadFile(corpus(t, "xss-payloadbox", "Intruder", "xss-payload-list.txt"))
	require.NoError(t, err)
	payloads = append(payloads, strings.Split(string(data), "\n")...)
	data, err = os.ReadFile(corpus(t, "xss-loofah", "test", "assets", "testdata_sanitizer_tests1.dat"))
	require.NoError(t, err)
	var loofah []struct{ Input string }
	data = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAll(data, nil)
	require.NoError(t, json.Unmarshal(data, &loofah))
	for _, p := range loofah {
		payloads = append(payloads, p.Input)
	}
	for _, file := range []string{"benchmark/fragment.html", "benchmark/www.slashdot.com.html", "test/assets/msword.html"} {
		data, err = os.ReadFile(corpus(t, "xss-loofah", file))
		require.NoError(t, err)
		payloads = append(payloads, string(data))
	}
	around := []string{"<table><tr><td>%s", `<img alt="%s`, `<p style="%s">x`}
	for i, p := range payloads {
		checkSafe(t, p)
		checkSafe(t, strings.Replace(around[i%len(around)], "%s", p, 1))
	}
	t.Logf("%d payloads", len(payloads))
}

func TestSanitiseKeepsWhatMailNeeds(t *testing.T) {
	for in, want := range map[string]string{
		`<p style="color:#333;margin:0">a</p>`:                           `<p style="color: #333; margin: 0">a</p>`,
		`<table width="600" bgcolor="#fff"><tr><td align="center">x`:     `<table width="600" bgcolor="#fff"><tr><td align="center">x</td></tr></table>`,
		`<a href="https://lamps.example/?a=1&amp;b=2">x</a>`:             `<a href="https://lamps.example/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">x</a>`,
		`<a href="javascript:alert(1)">x</a>`:                            `<a>x</a>`,
		`<img src="https://lamps.example/a.png" width="10">`:             `<img width="10" data-src="https://lamps.example/a.png" data-blocked="remote">`,
		`<img src="cid:logo">`:                                           `<img data-cid="logo" src="/attachments/logo">`,
		`<img src="cid:none">`:                                           `<img data-cid="none">`,
		`<img src="data:image/png;base64,iVBORw0KGgo=">`:                 `<img src="data:image/png;base64,iVBORw0KGgo=">`,
		`<img src="data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=">`:         ``,
		`<img src="/api/v1/logout">`:                                     ``,
		`<img src="//lamps.example/a.png">`:                              ``,
		`<div style="background:url(https://spy.example/x)">x</div>`:     `<div>x</div>`,
		`<div style="background:#ff0 ; position:fixed">x</div>`:          `<div style="background: #ff0">x</div>`,
		`<style>p{color:red}</style><p>x</p>`:                            `<p>x</p>`,
		`<svg><script>x</script><text>t</text></svg>after`:               `tafter`,
		`<b><i>x</b></i>y`:                                               `<b><i>x</i></b>y`,
		`a &lt;script&gt; b`:                                             `a &lt;script&gt; b`,
		`<!--[if mso]><p>o</p><![endif]-->x`:                             `x`,
		`<font face="Arial, sans-serif" size="2" color="red">x</font>`:   `<font face="Arial, sans-serif" size="2" color="red">x</font>`,
		`<ol start="3"><li>x</ol>`:                                       `<ol start="3"><li>x</li></ol>`,
		`<td background="https://spy.example/x" onclick="y()">x`:         `<td>x</td>`,
		"<a href=\"jav\tascript:alert(1)\">x</a>":                        `<a>x</a>`,
		`<body bgcolor="#eee"><center>x</center></body>`:                 `<center>x</center>`,
		`<meta http-equiv="refresh" content="0;url=//x"><base href="x">`: ``,
	} {
		got := Sanitise(in, SafeOptions{Inline: func(cid string) string {
			if cid == "logo" {
				return "/attachments/logo"
			}
			return ""
		}})
		require.Equal(t, want, got.HTML, "%s", in)
	}
}

func TestSanitiseCountsBlockedImages(t *testing.T) {
	page := `<img src="https://a.example/1"><img src="HTTP://a.example/2"><img src="cid:x">`
	require.Equal(t, 2, Sanitise(page, SafeOptions{}).Blocked)
	shown := Sanitise(page, SafeOptions{Images: true})
	require.Zero(t, shown.Blocked)
	require.Contains(t, shown.HTML, `src="https://a.example/1"`)
	back := Sanitise(Sanitise(page, SafeOptions{}).HTML, SafeOptions{Images: true})
	require.Equal(t, shown.HTML, back.HTML, "images can be shown later from the blocked form")
}

func TestTextOf(t *testing.T) {
	for in, want := range map[string]string{
		"<p>a</p><p>b</p>":         "a\n\nb",
		"<div>a</div><div>b</div>": "a\nb",
		"a<br>b<br/>c":             "a\nb\nc",
		"a <b>b</b>c":              "a bc",
		"<ul><li>a<li>b</ul>c":     "* a\n* b\n\nc",
		"<table><tr><td>a</td><td>b</td></tr></table>": "a b",
		"&amp;&nbsp;&lt;x&gt;&#8364;":                  "& <x>€",
		"<script>x</script><style>y</style>z":          "z",
		"<title>t</title><p>a":                         "a",
		"<img alt='logo' src=x> a":                     "logo a",
		"<pre>a\n  b</pre>":                            "a\n  b",
		"a\n  b":                                       "a b",
		"<script>never closed":                         "",
		"no tags at all":                               "no tags at all",
		"a<!-- x -->b":                                 "ab",
		"zero\u200bwidth":                              "zerowidth",
	} {
		require.Equal(t, want, TextOf(in), "%s", in)
	}
}

func FuzzSanitise(f *testing.F) {
	for _, s := range []string{
		`<p>x</p>`, `<a href="javascript:alert(1)">x`, `<img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`, `<math><mi//xlink:href="data:x">`,
		`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`,
		`<img src="cid:a b">`, `<table><p>`, `<b><i></b></i>`, "<a\x00b>", `<!--><img src=x onerror=alert(1)>-->`, `<img data-src="javascript:x" data-cid="y">`,
		`<p style="width:expression(alert(1));color:red;background:u\rl(x)">`, `<![CDATA[<script>]]>`, `<a href="http://x/&#x22;onclick=">`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, page string) {
		if len(page) > 20_000 {
			return
		}
		checkSafe(t, page)
		if s := TextOf(page); !utf8.ValidString(s) {
			t.Fatal("invalid UTF-8")
		}
	})
}

// An element that is never closed takes nothing of the mail with it.
func TestUnclosedElementsSwallowNothing(t *testing.T) {
	for _, tag := range []string{"svg onload=x()", "math", "object data=x", "select", "template", "applet"} {
		page := "<p>before</p><" + tag + "><p>after the " + tag + "</p>"
		require.Contains(t, Sanitise(page, SafeOptions{}).HTML, "after the", tag)
		require.Contains(t, TextOf(page), "after the", tag)
		require.NotContains(t, Sanitise(page, SafeOptions{}).HTML, "<svg", tag)
	}
}
