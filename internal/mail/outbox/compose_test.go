package outbox

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	stdmail "net/mail"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

func whole() content {
	return content{
		ID: "01900000-0000-7000-8000-000000000001", MessageID: "01900000-0000-7000-8000-000000000001@rapport",
		From: crm.Address{Name: "Mara Lindqvist", Email: "mara@northwind-lamps.example"}, ReplyTo: "sales@northwind-lamps.example",
		To: []crm.Address{{Name: `Berg, "Jo" \ Žofie`, Email: "jo@chairs.example"}}, Cc: []crm.Address{{Email: "a@b.example"}}, Bcc: []crm.Address{{Email: "c@d.example"}},
		Subject: "Größe 灯", InReplyTo: "one@x.example", References: []string{"zero@x.example", "one@x.example"},
		Text: "Hello\n.\nFrom here", HTML: `<p>Hello</p><img src="cid:p1">`, Inline: []file{{Name: "p.png", Type: "image/png", ContentID: "p1", Data: []byte("png")}},
		Files: []file{{Name: "Über/sicht.pdf", Type: "application/pdf", Data: bytes.Repeat([]byte{0xff, 0}, 4000)}},
	}
}

func TestCompose(t *testing.T) {
	raw, err := compose(whole())
	require.NoError(t, err)
	m, err := stdmail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	require.Equal(t, "01900000-0000-7000-8000-000000000001", m.Header.Get(MarkerHeader))
	require.Equal(t, "<01900000-0000-7000-8000-000000000001@rapport>", m.Header.Get("Message-Id"))
	to, err := m.Header.AddressList("To")
	require.NoError(t, err)
	require.Equal(t, []*stdmail.Address{{Name: `Berg, "Jo" \ Žofie`, Address: "jo@chairs.example"}}, to)
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "Größe 灯", subject)
	require.Equal(t, "<zero@x.example> <one@x.example>", m.Header.Get("References"))
	require.Empty(t, m.Header.Get("Date"), "the moment of sending is put in front then")
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		require.LessOrEqual(t, len(line), 998)
		require.NotContains(t, line, "\n")
		require.Less(t, strings.IndexFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }), 0, "seven bits only: %q", line)
	}
	require.Equal(t, []string{"multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "application/pdf"}, kinds(t, raw))
	require.Contains(t, string(raw), `filename*=utf-8''%C3%9Cber_sicht.pdf`, "RFC 2231")
}

// TestWhatLooksEncoded arrives as it was written.
func TestWhatLooksEncoded(t *testing.T) {
	for _, text := range []string{"=?utf-8?q?paid=0D=0ABcc:_x@y.example?=", "50 =? 60", strings.Repeat("=?utf-8?b?é", 40), "Größe =?utf-8?q?=41?="} {
		c := whole()
		c.Subject, c.To[0].Name = text, text
		raw, err := compose(c)
		require.NoError(t, err)
		m, err := stdmail.ReadMessage(bytes.NewReader(raw))
		require.NoError(t, err)
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		require.NoError(t, err)
		require.Equal(t, text, subject)
		to, err := m.Header.AddressList("To")
		require.NoError(t, err)
		require.Equal(t, []*stdmail.Address{{Name: text, Address: "jo@chairs.example"}}, to)
		for line := range strings.SplitSeq(string(raw), "\r\n") {
			require.LessOrEqual(t, len(line), 998)
		}
	}
}

func kinds(t testing.TB, raw []byte) []string {
	t.Helper()
	var out []string
	e, err := message.Read(bytes.NewReader(raw))
	require.NoError(t, err)
	require.NoError(t, e.Walk(func(_ []int, e *message.Entity, err error) error {
		kind, _, _ := e.Header.ContentType()
		out = append(out, kind)
		return err
	}))
	return out
}

func TestComposeShapes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*content)
		want   []string
	}{
		"text":             {func(c *content) { c.HTML, c.Inline, c.Files = "", nil, nil }, []string{"text/plain"}},
		"text and file":    {func(c *content) { c.HTML, c.Inline = "", nil }, []string{"multipart/mixed", "text/plain", "application/pdf"}},
		"html":             {func(c *content) { c.Inline, c.Files = nil, nil }, []string{"multipart/alternative", "text/plain", "text/html"}},
		"html and picture": {func(c *content) { c.Files = nil }, []string{"multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"}},
		"a type that would be more than a file": {func(c *content) { c.HTML, c.Inline, c.Files[0].Type = "", nil, "multipart/mixed; boundary=x" },
			[]string{"multipart/mixed", "text/plain", "application/octet-stream"}},
		"no type": {func(c *content) { c.HTML, c.Inline, c.Files[0].Type = "", nil, "pdf" }, []string{"multipart/mixed", "text/plain", "application/octet-stream"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := whole()
			c.change(&m)
			raw, err := compose(m)
			require.NoError(t, err)
			require.Equal(t, c.want, kinds(t, raw))
		})
	}
}

func TestComposeLimits(t *testing.T) {
	m := whole()
	m.Files = []file{{Name: "a", Data: make([]byte, 18<<20)}}
	_, err := compose(m)
	require.NoError(t, err)
	m.Files[0].Data = make([]byte, 19<<20)
	_, err = compose(m)
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, "too_large", f.Code)
	m = whole()
	m.Subject = strings.Repeat("x", 2001)
	_, err = compose(m)
	require.True(t, fault.Is(err, fault.Invalid))
}

// FuzzCompose: whatever stands in addresses, names, subject, ids and file names,
// the message has the header fields it is to have, and those only; every part has
// its own only. What cannot be written is refused.
func FuzzCompose(f *testing.F) {
	for _, s := range []string{"", "plain", "a\r\nBcc: x@y.example", "a\nX: y", "a\rX: y", "\x00", "=?utf-8?q?a=0D=0ABcc:_x?=", "é\u2028X: y", "\"; x=\"y", "a>\r\n <b", "\xff\xfe", "x\v\fy", strings.Repeat("ü ", 300), "a\u0085X: y", "--boundary"} {
		f.Add(s, "Jo <jo@chairs.example>", s, s, "text")
		f.Add("Offer", s, "a.txt", "text/plain", s)
		f.Add("Offer", "<"+s+"@chairs.example>", "a.txt", s, "t")
	}
	f.Fuzz(func(t *testing.T, subject, to, name, kind, text string) {
		c := whole()
		c.Subject, c.Text, c.HTML, c.Inline = subject, text, "<p>x</p>", nil
		c.InReplyTo, c.References = kind, []string{kind, name}
		c.Files = []file{{Name: name, Type: kind, Data: []byte(text)}}
		c.From.Name = subject
		if a, ok := parseAddress(to); ok {
			c.To = []crm.Address{a}
			require.False(t, breaks(a.Email+a.Name))
		}
		raw, err := compose(c)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			return
		}
		head, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
		require.True(t, found)
		require.NotRegexp(t, `[^\r]\n|\r[^\n]|\x00`, string(head))
		fields := fieldsOf(head)
		allowed := []string{"x-rapport-id", "message-id", "references", "in-reply-to", "subject", "bcc", "cc", "to", "from", "reply-to", "mime-version", "content-type"}
		for i, name := range fields {
			require.Contains(t, allowed, name)
			require.NotContains(t, fields[i+1:], name, "once")
		}
		m, err := stdmail.ReadMessage(bytes.NewReader(raw))
		require.NoError(t, err)
		for field, want := range map[string]string{"To": c.To[0].Email, "Bcc": "c@d.example", "From": c.From.Email} {
			list, err := m.Header.AddressList(field)
			require.NoError(t, err, "%s: %q", field, m.Header.Get(field))
			require.Len(t, list, 1)
			require.Equal(t, want, list[0].Address)
		}
		_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		require.NoError(t, err)
		parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		n := 0
		for ; ; n++ {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			for name := range p.Header {
				require.Contains(t, []string{"Content-Type", "Content-Disposition", "Content-Transfer-Encoding"}, textproto.CanonicalMIMEHeaderKey(name))
			}
			if n == 1 {
				how, named, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
				require.NoError(t, err)
				require.Equal(t, "attachment", how)
				require.Equal(t, fileName(name), named["filename"])
				data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
				require.NoError(t, err)
				require.Equal(t, text, string(data))
			}
		}
		require.Equal(t, 2, n)
	})
}

// fieldsOf names the fields of a header, lower case.
func fieldsOf(head []byte) []string {
	var out []string
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if line == "" || line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name, _, _ := strings.Cut(line, ":")
		out = append(out, strings.ToLower(name))
	}
	return out
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]crm.Address{
		"a@b.example":                              {Email: "a@b.example"},
		" A.B+c@B.Example ":                        {Email: "A.B+c@b.example"},
		"Jo Berg <jo@b.example>":                   {Name: "Jo Berg", Email: "jo@b.example"},
		`"Berg, Jo" <jo@b.example>`:                {Name: "Berg, Jo", Email: "jo@b.example"},
		"Berg, Jo <jo@b.example>":                  {Name: "Berg, Jo", Email: "jo@b.example"},
		`"Jo \"J\" Berg" <jo@b.example>`:           {Name: `Jo "J" Berg`, Email: "jo@b.example"},
		"jo@bücher.example":                        {Email: "jo@xn--bcher-kva.example"},
		"<jo@b.example>":                           {Email: "jo@b.example"},
		"Žofie 灯 <jo@b.example>":                   {Name: "Žofie 灯", Email: "jo@b.example"},
		"o'brien@b.example":                        {Email: "o'brien@b.example"},
		"\u202eJo\u202c \u2066Berg <jo@b.example>": {Name: "Jo Berg", Email: "jo@b.example"},
		"\u200fJo Berg <jo@b.example>":             {Name: "\u200fJo Berg", Email: "jo@b.example"},
		"Name <with> brackets <jo@b.example>":      {Name: "Name <with> brackets", Email: "jo@b.example"},
	} {
		got, ok := parseAddress(text)
		require.True(t, ok, "%q", text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "a", "@b.example", "a@", "a@b", "a b@c.example", "a@b.example, c@d.example", "a@b.example\n", "a@b..example", "a@-b.example", "a@b.example>",
		"<a@b.example", ".a@b.example", "a..b@c.example", `"a"@b.example`, "a@[127.0.0.1]", strings.Repeat("a", 65) + "@b.example", "a@" + strings.Repeat("b", 64) + ".example", "a@b_c.example", "a;b@c.example", "a\u0000@b.example", "a\u202eb@c.example", "a@b.example <c"} {
		_, ok := parseAddress(text)
		require.False(t, ok, "%q", text)
	}
}

func TestMarked(t *testing.T) {
	raw := "Message-ID: <old@x>\r\n (comment)\r\nFrom: a@b.example\r\nDATE: yesterday\r\nSubject: a\r\n b\r\nX-Rapport-Id: other\r\n\r\nDate: in the text\r\n"
	require.Equal(t, "X-Rapport-Id: new\r\nFrom: a@b.example\r\nSubject: a\r\n b\r\n\r\nDate: in the text\r\n", string(marked([]byte(raw), "new")))
	require.Equal(t, "X-Rapport-Id: new\r\nFrom: a", string(marked([]byte("From: a"), "new")))
}

func TestPictures(t *testing.T) {
	_, html := bodies("", `<p>x <img src="data:image/png;base64,aGFsbG8="><img src="data:image/svg+xml;base64,aGFsbG8="></p>`, func(string) bool { return false })
	html, files := pictures(html, "seed")
	require.Len(t, files, 1)
	require.Equal(t, "hallo", string(files[0].Data))
	require.Contains(t, html, `src="cid:`+files[0].ContentID+`"`)
	require.NotContains(t, html, "data:image")
}

func TestJudge(t *testing.T) {
	o := crm.Outgoing{ID: "id", MessageID: "id@rapport", Subject: "Offer  for you", To: []crm.Address{{Email: "A@b.example"}, {Email: "c@d.example"}}}
	twin := Trace{ID: "t", Subject: "Offer for you", To: []crm.Address{{Email: "c@d.example"}, {Email: "a@b.example"}}}
	for name, c := range map[string]struct {
		found []Trace
		whole bool
		want  verdict
	}{
		"nothing":                    {nil, true, absent},
		"too much":                   {nil, false, unclear},
		"our marker":                 {[]Trace{{ID: "x"}, {ID: "m", Marker: "id"}}, true, there},
		"our marker among too much":  {[]Trace{{ID: "m", Marker: "id"}}, false, there},
		"our Message-ID":             {[]Trace{{ID: "m", MessageIDs: []string{"new@mail", "id@rapport"}}}, true, there},
		"another of ours":            {[]Trace{{ID: "m", Marker: "other", Subject: "Offer for you", To: twin.To}}, true, absent},
		"something else":             {[]Trace{{ID: "m", Subject: "Other", To: twin.To}, {ID: "n", Subject: "Offer for you", To: twin.To[:1]}}, true, absent},
		"one like it":                {[]Trace{twin}, true, unclear},
		"one that is gone":           {[]Trace{{ID: "m", Gone: true}}, true, unclear},
		"one like it, and ours":      {[]Trace{twin, {ID: "m", Marker: "id"}}, true, there},
		"gone ones of no importance": {[]Trace{{ID: "g", Gone: true}, {ID: "m", Marker: "id"}}, true, there},
	} {
		t.Run(name, func(t *testing.T) {
			sent, v := judge(o, c.found, c.whole)
			require.Equal(t, c.want, v)
			if v == there {
				require.Equal(t, "m", sent.ID)
			}
		})
	}
}

func TestAnswerTo(t *testing.T) {
	me, other := crm.SendAs{Email: "me@x.example", Primary: true, Verified: true}, crm.SendAs{Email: "sales@x.example", Verified: true}
	list := []crm.SendAs{me, other}
	a := func(emails ...string) (out []crm.Address) {
		for _, e := range emails {
			out = append(out, crm.Address{Email: e})
		}
		return out
	}
	from := func(e string) crm.Address { return crm.Address{Email: e} }
	for name, c := range map[string]struct {
		e      crm.Email
		all    bool
		to, cc []crm.Address
	}{
		"reply":                      {crm.Email{From: from("a@y.example"), To: a("me@x.example", "b@y.example")}, false, a("a@y.example"), nil},
		"reply to Reply-To":          {crm.Email{From: from("a@y.example"), ReplyTo: a("list@y.example")}, false, a("list@y.example"), nil},
		"all":                        {crm.Email{From: from("a@y.example"), To: a("ME@x.example", "b@y.example"), Cc: a("Sales@x.example", "c@y.example", "A@y.example")}, true, a("a@y.example"), a("b@y.example", "c@y.example")},
		"to our own sent message":    {crm.Email{From: from("me@x.example"), To: a("b@y.example"), Cc: a("c@y.example")}, false, a("b@y.example"), nil},
		"to all of our own":          {crm.Email{From: from("sales@x.example"), To: a("b@y.example", "me@x.example"), Cc: a("c@y.example")}, true, a("b@y.example"), a("c@y.example")},
		"to a note to ourselves":     {crm.Email{From: from("me@x.example"), To: a("me@x.example")}, true, a("me@x.example"), nil},
		"Reply-To ourselves, to all": {crm.Email{From: from("a@y.example"), ReplyTo: a("me@x.example", "a@y.example"), To: a("me@x.example")}, true, a("a@y.example"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			to, cc := answerTo(&c.e, list, "me@x.example", c.all)
			require.Equal(t, c.to, to)
			require.Equal(t, c.cc, cc)
		})
	}
}

func TestSubjects(t *testing.T) {
	require.Equal(t, "Re: Lamps", prefixed("Re: ", "Lamps"))
	require.Equal(t, "re: Lamps", prefixed("Re: ", "re: Lamps"))
	require.Equal(t, "AW: Lamps", prefixed("Re: ", "AW: Lamps"))
	require.Equal(t, "Re: Fwd: Lamps", prefixed("Re: ", "Fwd: Lamps"))
	require.Equal(t, "Fwd: Re: Lamps", prefixed("Fwd: ", "Re: Lamps"))
	require.Equal(t, "Re: Results: good", prefixed("Re: ", "Results: good"))
	require.Equal(t, "a b c", oneLine("a\r\n b\x00\u2028c"))
	ids := make([]string, 80)
	for i := range ids {
		ids[i] = string(rune('a'+i%26)) + "@x"
	}
	short := shorten(ids)
	require.Len(t, short, mostReferences)
	require.Equal(t, ids[0], short[0])
	require.Equal(t, ids[79], short[mostReferences-1])
	require.Equal(t, 80, len(ids))
	require.True(t, slices.Equal(safeIDs([]string{"a@b", "a b@c", "a>\r\nX: y", "", "<a@b>", "é@x"}), []string{"a@b"}))
}
