package mail

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	xhtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// SafeOptions choose what safe HTML may show.
type SafeOptions struct {
	// Images lets images load from their senders' servers, who learn by it that
	// the message was opened.
	Images bool
	// Inline gives the address of the attachment with a Content-ID, "" when there
	// is none. nil: inline images are not shown.
	Inline func(contentID string) string
}

// SafeHTML is HTML for the sandboxed frame.
type SafeHTML struct {
	HTML    string
	Blocked int // images that were not loaded from outside
}

const maxDepth = 200 // open elements; browsers stop at 512

// Sanitise makes HTML of a stranger safe to show: elements, attributes and
// styles by allow-list, nothing that runs, nothing that loads from outside
// unless asked for, links in a new window without referrer. A remote image that
// is not shown keeps its address in data-src and is marked data-blocked; an
// inline image keeps its Content-ID in data-cid. The outcome is a fixed point:
// cleaning it again changes nothing.
func Sanitise(page string, o SafeOptions) (out SafeHTML) {
	defer func() {
		if recover() != nil { // a parser below stumbled: show the text
			out = SafeHTML{HTML: "<pre>" + html.EscapeString(TextOf(cutText(page, maxHTML))) + "</pre>"}
		}
	}()
	page = tidy(cutText(page, maxHTML))
	c := cleaner{SafeOptions: o}
	c.run(tidy(policy().Sanitize(page))) // again: references such as &#1; became characters
	return SafeHTML{HTML: c.b.String(), Blocked: c.blocked}
}

// tidy leaves one kind of line break and no control characters.
func tidy(s string) string {
	if strings.Contains(s, "\r") {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	}
	return clean(s)
}

// contentID is what may name an inline image. A count that large makes a large
// machine: it is built when mail is shown.
var contentID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^<>"'\s]{1,300}$`) })

// policy is the allow-list.
var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements(
		"a", "abbr", "address", "article", "b", "bdi", "bdo", "big", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup",
		"dd", "del", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins",
		"kbd", "li", "main", "mark", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span", "strike", "strong", "sub", "sup",
		"table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "tt", "u", "ul", "var", "wbr",
	)
	p.AllowNoAttrs().OnElements("a", "font", "img", "span")
	// Only what holds raw text anyway: an svg or an object that is never closed
	// would take the rest of the mail with it.
	p.SkipElementsContent("title", "noembed", "noframes", "textarea", "iframe", "xmp", "plaintext")
	p.AllowElementsContent("object", "noscript")
	length := regexp.MustCompile(`^[0-9]{1,4}(\.[0-9]{1,3})?(px|%)?$`)
	word := regexp.MustCompile(`^[a-zA-Z-]{1,20}$`)
	color := regexp.MustCompile(`^#?[0-9a-zA-Z]{1,30}$`)
	plain := regexp.MustCompile(`^[^<>"'` + "`" + `]{0,500}$`)
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`(?i)^(ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("lang").Matching(regexp.MustCompile(`^[a-zA-Z0-9-]{1,20}$`)).Globally()
	p.AllowAttrs("title", "alt", "summary").Matching(plain).Globally()
	p.AllowAttrs("align", "valign", "nowrap", "clear").Matching(word).Globally()
	p.AllowAttrs("width", "height", "border", "cellpadding", "cellspacing", "hspace", "vspace").Matching(length).Globally()
	p.AllowAttrs("colspan", "rowspan", "span", "start", "value").Matching(regexp.MustCompile(`^[0-9]{1,4}$`)).Globally()
	p.AllowAttrs("bgcolor", "color").Matching(color).Globally()
	p.AllowAttrs("size", "type").Matching(regexp.MustCompile(`^[-+a-zA-Z0-9]{1,10}$`)).OnElements("font", "hr", "ol", "ul", "li")
	p.AllowAttrs("face").Matching(regexp.MustCompile(`^[-a-zA-Z0-9 ,']{1,200}$`)).OnElements("font")
	p.AllowAttrs("datetime").Matching(regexp.MustCompile(`^[-0-9TZ:.+ ]{1,40}$`)).OnElements("time", "del", "ins")
	// Where Gmail says that the signature and the quotation begin: composers fold them.
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^gmail_(quote|signature)$`)).OnElements("div", "blockquote")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src").OnElements("img")
	p.AllowAttrs("data-src").Matching(regexp.MustCompile(`^https?://`)).OnElements("img")
	p.AllowAttrs("data-cid").Matching(contentID()).OnElements("img")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.AllowURLSchemes("http", "https", "mailto", "tel", "cid")
	p.AllowDataURIImages()
	p.AllowStyles(styles...).MatchingHandler(safeStyle).Globally()
	return p
})

// styles are the CSS properties that mail uses and that stay within the frame.
var styles = []string{
	"color", "background", "background-color", "font", "font-family", "font-size", "font-style", "font-weight", "font-variant", "line-height", "letter-spacing",
	"text-align", "text-decoration", "text-indent", "text-transform", "vertical-align", "white-space", "word-break", "word-wrap", "overflow-wrap", "direction",
	"margin", "margin-top", "margin-right", "margin-bottom", "margin-left", "padding", "padding-top", "padding-right", "padding-bottom", "padding-left",
	"border", "border-top", "border-right", "border-bottom", "border-left", "border-color", "border-style", "border-width", "border-radius", "border-collapse", "border-spacing",
	"border-top-color", "border-right-color", "border-bottom-color", "border-left-color", "border-top-style", "border-right-style", "border-bottom-style", "border-left-style",
	"border-top-width", "border-right-width", "border-bottom-width", "border-left-width",
	"width", "height", "min-width", "min-height", "max-width", "max-height", "display", "float", "clear", "list-style-type", "table-layout", "caption-side", "empty-cells", "opacity",
}

var (
	styleText = regexp.MustCompile(`^[-a-zA-Z0-9 #%.,()'"!+]+$`)
	styleCall = regexp.MustCompile(`(?i)([a-z-]*)\(`)
)

// safeStyle accepts values that name nothing outside: of functions only colours
// and arithmetic.
func safeStyle(value string) bool {
	if len(value) > 300 || !styleText.MatchString(value) {
		return false
	}
	for _, call := range styleCall.FindAllStringSubmatch(value, -1) {
		if !slices.Contains([]string{"rgb", "rgba", "hsl", "hsla", "calc"}, strings.ToLower(call[1])) {
			return false
		}
	}
	return true
}

// cleaner is the second pass: addresses, and depth.
type cleaner struct {
	SafeOptions
	b       strings.Builder
	open    []atom.Atom
	dropped map[atom.Atom]int // start tags beyond the depth, their ends go too
	blocked int
}

func (c *cleaner) run(page string) {
	z := xhtml.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case xhtml.ErrorToken:
			for i := len(c.open) - 1; i >= 0; i-- {
				c.end(c.open[i])
			}
			return
		case xhtml.TextToken:
			c.b.Write(z.Raw())
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			c.start(z.Token())
		case xhtml.EndTagToken:
			c.close(z.Token().DataAtom)
		}
	}
}

func (c *cleaner) start(t xhtml.Token) {
	if !void(t.DataAtom) {
		if len(c.open) >= maxDepth {
			if c.dropped == nil {
				c.dropped = map[atom.Atom]int{}
			}
			c.dropped[t.DataAtom]++
			return
		}
		c.open = append(c.open, t.DataAtom)
	}
	switch t.DataAtom {
	case atom.A:
		t.Attr = link(t.Attr)
	case atom.Img:
		if t.Attr = c.image(t.Attr); len(t.Attr) == 0 {
			return // neither an address nor words for it
		}
	}
	c.b.WriteByte('<')
	c.b.WriteString(t.Data)
	for _, a := range t.Attr {
		c.b.WriteString(" " + a.Key + `="` + html.EscapeString(a.Val) + `"`)
	}
	c.b.WriteByte('>')
}

// close ends an element that is open; ends of others are left out. Elements
// left open within it end with it.
func (c *cleaner) close(a atom.Atom) {
	if c.dropped[a] > 0 {
		c.dropped[a]--
		return
	}
	at := len(c.open) - 1
	for at >= 0 && c.open[at] != a {
		at--
	}
	if at < 0 {
		return
	}
	for i := len(c.open) - 1; i >= at; i-- {
		c.end(c.open[i])
	}
	c.open = c.open[:at]
}

func (c *cleaner) end(a atom.Atom) {
	c.b.WriteString("</" + a.String() + ">")
}

func void(a atom.Atom) bool {
	switch a {
	case atom.Br, atom.Hr, atom.Img, atom.Col, atom.Wbr:
		return true
	}
	return false
}

// link lets an anchor lead out of the frame, and tell nobody where from.
func link(attrs []xhtml.Attribute) []xhtml.Attribute {
	href := take(&attrs, "href")
	take(&attrs, "target")
	take(&attrs, "rel")
	if !hasScheme(href, "http", "https", "mailto", "tel") {
		return attrs
	}
	return append(attrs, attr("href", href), attr("target", "_blank"), attr("rel", "noopener noreferrer nofollow"))
}

// image decides where an image comes from: the message itself, its attachments,
// or outside.
func (c *cleaner) image(attrs []xhtml.Attribute) []xhtml.Attribute {
	src, remote, cid := take(&attrs, "src"), take(&attrs, "data-src"), take(&attrs, "data-cid")
	switch {
	case dataImage.MatchString(src):
		return append(attrs, attr("src", src))
	case hasScheme(src, "cid"):
		cid = src[len("cid:"):]
		if id, err := url.PathUnescape(cid); err == nil && contentID().MatchString(id) {
			cid = id
		}
	case hasScheme(src, "http", "https"):
		remote = src
	}
	if contentID().MatchString(cid) {
		attrs = append(attrs, attr("data-cid", cid))
		if c.Inline != nil {
			if at := c.Inline(cid); at != "" {
				attrs = append(attrs, attr("src", at))
			}
		}
		return attrs
	}
	if !hasScheme(remote, "http", "https") {
		return attrs
	}
	if c.Images {
		return append(attrs, attr("src", remote), attr("referrerpolicy", "no-referrer"))
	}
	c.blocked++
	return append(attrs, attr("data-src", remote), attr("data-blocked", "remote"))
}

// dataImage are pictures in the message itself; SVG is a document, not a picture.
var dataImage = regexp.MustCompile(`^data:image/(png|jpe?g|gif|webp|bmp);base64,`)

func hasScheme(address string, schemes ...string) bool {
	scheme, _, ok := strings.Cut(address, ":")
	return ok && slices.Contains(schemes, strings.ToLower(scheme))
}

func attr(k, v string) xhtml.Attribute { return xhtml.Attribute{Key: k, Val: v} }

// take removes an attribute and gives its value.
func take(attrs *[]xhtml.Attribute, key string) (value string) {
	*attrs = slices.DeleteFunc(*attrs, func(a xhtml.Attribute) bool {
		if a.Key == key && value == "" {
			value = a.Val
		}
		return a.Key == key
	})
	return value
}
