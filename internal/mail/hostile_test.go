package mail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"rapport/internal/crm"

	"github.com/stretchr/testify/require"
)

// parseWithin parses a message in a given time and checks what always holds.
func parseWithin(t *testing.T, most time.Duration, raw string) *crm.Email {
	t.Helper()
	began := time.Now()
	e, err := ParseRaw(strings.NewReader(raw))
	require.NoError(t, err)
	sound(t, e)
	safe := Sanitise(e.BodyHTML, SafeOptions{})
	require.Empty(t, harm(safe.HTML, false))
	require.Less(t, time.Since(began), most)
	return e
}

// sound checks that a row can be stored and shown.
func sound(t *testing.T, e *crm.Email) {
	t.Helper()
	all := []string{e.Subject, e.From.Name, e.From.Email, e.BodyText, e.BodyHTML, e.Snippet, e.RFC822MessageID, e.InReplyTo}
	all = append(all, e.References...)
	for _, as := range [][]crm.Address{e.To, e.Cc, e.Bcc, e.ReplyTo} {
		for _, a := range as {
			all = append(all, a.Name, a.Email)
		}
	}
	for _, a := range e.Attachments {
		all = append(all, a.Name, a.Type, a.ContentID, a.PartID)
	}
	for _, s := range all {
		require.True(t, utf8.ValidString(s), "%q", cutText(s, 200))
		require.NotContains(t, s, "\x00")
	}
	require.LessOrEqual(t, len(e.BodyText), maxText)
	require.LessOrEqual(t, len(e.BodyHTML), maxHTML)
	require.LessOrEqual(t, len(e.Subject), maxSubject)
	require.LessOrEqual(t, len(e.Attachments), maxAttachments)
}

func TestHostileNestingToAThousandLevels(t *testing.T) {
	for name, kind := range map[string]string{"mixed": "multipart/mixed", "alternative": "multipart/alternative"} {
		t.Run(name, func(t *testing.T) {
			const levels = 1000
			var b strings.Builder
			b.WriteString("From: a@lamps.example\r\nSubject: deep\r\n")
			for i := range levels {
				fmt.Fprintf(&b, "Content-Type: %s; boundary=b%d\r\n\r\n--b%d\r\n", kind, i, i)
			}
			b.WriteString("Content-Type: text/plain\r\n\r\ntreasure at the bottom\r\n")
			for i := levels - 1; i >= 0; i-- {
				fmt.Fprintf(&b, "--b%d--\r\n", i)
			}
			e := parseWithin(t, 20*time.Second, b.String())
			require.Equal(t, "treasure at the bottom", e.BodyText)
		})
	}
	t.Run("messages within messages", func(t *testing.T) {
		raw := strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 1000) + "Subject: inner\r\n\r\ntreasure at the bottom"
		e := parseWithin(t, 20*time.Second, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"+raw+"\r\n--b--\r\n")
		require.Contains(t, e.BodyText, "treasure at the bottom")
	})
	t.Run("Gmail's JSON", func(t *testing.T) {
		p := Part{MIME: "text/plain", Body: []byte("treasure at the bottom")}
		for range 1000 {
			p = Part{MIME: "multipart/mixed", Parts: []Part{p}}
		}
		require.Equal(t, "treasure at the bottom", ParseMessage(&Message{Payload: p}).BodyText)
	})
	t.Run("HTML", func(t *testing.T) {
		page := strings.Repeat("<div><table><tr><td><blockquote>", 50_000) + "treasure at the bottom"
		e := parseWithin(t, 30*time.Second, "Content-Type: text/html\r\n\r\n"+page)
		require.Equal(t, "treasure at the bottom", e.BodyText)
	})
}

func TestHostileFiftyMegabytes(t *testing.T) {
	const size = 50 << 20
	head := "From: a@lamps.example\r\nSubject: large\r\n"
	for name, raw := range map[string]string{
		"one text":       head + "\r\nfirst words " + strings.Repeat("lorem ipsum dolor sit amet ", size/27),
		"one line":       head + "\r\nfirst words " + strings.Repeat("x", size),
		"html":           head + "Content-Type: text/html\r\n\r\n<p>first words" + strings.Repeat("<b>x</b> ", size/9),
		"one attribute":  head + "Content-Type: text/html\r\n\r\n<p>first words<a href='" + strings.Repeat("x", size) + "'>",
		"open tags":      head + "Content-Type: text/html\r\n\r\n<p>first words" + strings.Repeat("<", size),
		"an attachment":  head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst words\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(strings.Repeat("A", 76)+"\r\n", size/78) + "--b--\r\n",
		"many parts":     head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nfirst words\r\n", size/19),
		"many dashes":    head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst words\r\n" + strings.Repeat("--c\r\n", size/5),
		"quoted":         head + "Content-Transfer-Encoding: quoted-printable\r\n\r\nfirst words" + strings.Repeat("=3D", size/3),
		"one subject":    "Subject: first words " + strings.Repeat("=?utf-8?q?x?= ", size/14) + "\r\n\r\nfirst words",
		"one recipient":  "To: " + strings.Repeat("a", size) + "\r\n\r\nfirst words",
		"recipients":     "To: " + strings.Repeat("\"a\" <a@lamps.example>, ", size/24) + "\r\n\r\nfirst words",
		"comments":       "From: " + strings.Repeat("(", size) + "\r\n\r\nfirst words",
		"folded header":  "X-A: b" + strings.Repeat("\r\n b", size/4) + "\r\n\r\nfirst words",
		"no line breaks": "first words " + strings.Repeat("x ", size/2),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			e := parseWithin(t, 90*time.Second, raw)
			runtime.ReadMemStats(&after)
			require.Contains(t, e.BodyText, "first words")
			require.Less(t, int64(after.TotalAlloc-before.TotalAlloc), int64(1200<<20), "bytes allocated in all")
		})
	}
}

func TestHostileHeaders(t *testing.T) {
	t.Run("none", func(t *testing.T) {
		e := parseWithin(t, 10*time.Second, "just words\r\nand more")
		require.Equal(t, "just words\r\nand more", e.BodyText)
		require.Equal(t, crm.Address{}, e.From)
	})
	t.Run("empty", func(t *testing.T) {
		parseWithin(t, 10*time.Second, "")
		parseWithin(t, 10*time.Second, "\r\n\r\n")
		sound(t, ParseMessage(&Message{}))
	})
	t.Run("a hundred thousand", func(t *testing.T) {
		e := parseWithin(t, 20*time.Second, "Subject: found\r\n"+strings.Repeat("Received: from x by y\r\n", 100_000)+"\r\ntext")
		require.Equal(t, "found", e.Subject)
		require.Equal(t, "text", e.BodyText)
	})
	t.Run("a hundred thousand references", func(t *testing.T) {
		e := parseWithin(t, 20*time.Second, "References: "+strings.Repeat("<a@b> ", 100_000)+"\r\n\r\ntext")
		require.LessOrEqual(t, len(e.References), maxRefs)
	})
	t.Run("broken words", func(t *testing.T) {
		for in, want := range map[string]string{
			"=?utf-8?q?caf=C3=A9?=":                           "café",
			"=?utf-8?b?Y2Fmw6k=?=":                            "café",
			"=?UTF-8?Q?caf=C3?= =?UTF-8?Q?=A9?=":              "café",
			"=?iso-8859-1?q?caf=E9_au_lait?=":                 "café au lait",
			"=?x-nobody-knows?q?caf=C3=A9?=":                  "café",
			"=?utf-8?q?never ends":                            "=?utf-8?q?never ends",
			"=?utf-8?x?odd?=":                                 "=?utf-8?x?odd?=",
			"=?=?=?=":                                         "=?=?=?=",
			"a =?utf-8?q?b?= c =?utf-8?q?d?= =?utf-8?q?e?= f": "a b c de f",
			"caf\xe9":                            "café",
			"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=": "日本",
			"=?gb2312?B?1tC5+g==?=":              "中国",
			"=?koi8-r?B?8NLJ18XU?=":              "Привет",
			"=?utf-8*en?q?x?=":                   "x",
			"=?utf-8?b?not base64 at all!?=":     string([]byte{}),
		} {
			got := decodeHeader(in, "")
			require.True(t, utf8.ValidString(got))
			if want != "" {
				require.Equal(t, want, got, "%q", in)
			}
		}
	})
	t.Run("bcc injection and odd names", func(t *testing.T) {
		e := parseWithin(t, 10*time.Second, "From: \"=?utf-8?q?a=0D=0ABcc:_x@y?=\" <a@lamps.example>\r\nContent-Type: application/pdf; name=\"../../etc/passwd\"\r\n\r\nx")
		require.NotContains(t, e.From.Name, "\n")
		require.Equal(t, "passwd", e.Attachments[0].Name)
		require.Equal(t, "gpj.exe", fileName("\u202egpj.exe", ""))
	})
}

func TestHostileAddresses(t *testing.T) {
	one := func(name, email string) []crm.Address { return []crm.Address{{Name: name, Email: email}} }
	for in, want := range map[string][]crm.Address{
		`Ada Lamp <ADA@Lamps.example>`:               one("Ada Lamp", "ada@lamps.example"),
		`"Lamp, Ada" <ada@lamps.example>`:            one("Lamp, Ada", "ada@lamps.example"),
		`ada@lamps.example (Ada Lamp)`:               one("Ada Lamp", "ada@lamps.example"),
		`ada@lamps.example`:                          one("", "ada@lamps.example"),
		`<ada@lamps.example>`:                        one("", "ada@lamps.example"),
		`"ada@lamps.example" <ada@lamps.example>`:    one("", "ada@lamps.example"),
		`'Ada' <ada@lamps.example>`:                  one("Ada", "ada@lamps.example"),
		`=?utf-8?q?Ad=C3=A4?= <ada@lamps.example>`:   one("Adä", "ada@lamps.example"),
		`"=?utf-8?q?Ad=C3=A4?=" <ada@lamps.example>`: one("Adä", "ada@lamps.example"),
		`Ada <ada@lamps.example`:                     one("Ada", "ada@lamps.example"),
		`Ada ada@lamps.example`:                      one("", "ada@lamps.example"),
		`"Ada" "Lamp" <ada@lamps.example>`:           one("Ada Lamp", "ada@lamps.example"),
		`undisclosed-recipients:;`:                   nil,
		`Team: a@x.example, b@x.example;`:            {{Email: "a@x.example"}, {Email: "b@x.example"}},
		`a@x.example; b@x.example`:                   {{Email: "a@x.example"}, {Email: "b@x.example"}},
		`,,a@x.example,,`:                            one("", "a@x.example"),
		`MAILER-DAEMON`:                              one("MAILER-DAEMON", ""),
		`<@relay.example:ada@lamps.example>`:         one("", "ada@lamps.example"),
		`Ada "the <lamp>" Smith <ada@lamps.example>`: one("Ada the <lamp> Smith", "ada@lamps.example"),
		``:                                     nil,
		`<>`:                                   nil,
		`"unclosed <ada@lamps.example>`:        one("unclosed", "ada@lamps.example"),
		"Ada\r\n Lamp\r\n <ada@lamps.example>": one("Ada Lamp", "ada@lamps.example"),
		`"Ada \"the lamp\" Lamp" <ada@lamps.example>`:         one(`Ada "the lamp" Lamp`, "ada@lamps.example"),
		`mailto:ada@lamps.example`:                            one("", "ada@lamps.example"),
		`Ada <ada@lamps.example> (at work, ada@work.example)`: one("Ada", "ada@lamps.example"),
		// Nobody passes for somebody of another domain, whether Gmail decodes the word or not.
		`Boss <=?utf-8?q?ada=40lamps.example=3E?=@evil.example>`: one("Boss", "=?utf-8?q?ada=40lamps.example=3e?=@evil.example"),
		`Boss <ada@lamps.example>@evil.example>`:                 one("Boss", "ada@lamps.example>@evil.example"),
		`=?utf-8?q?ada=40lamps.example?=@evil.example`:           one("", "=?utf-8?q?ada=40lamps.example?=@evil.example"),
		`"a@x.example" <b@x.example>, c@x.example (C)`:           {{Name: "a@x.example", Email: "b@x.example"}, {Name: "C", Email: "c@x.example"}},
	} {
		require.Equal(t, want, addresses(in, ""), "%q", in)
	}
}

func TestHostileCharsets(t *testing.T) {
	text := func(charset, body string) string {
		return parseWithin(t, 10*time.Second, "Content-Type: text/plain; charset="+charset+"\r\nContent-Transfer-Encoding: base64\r\n\r\n"+base64.StdEncoding.EncodeToString([]byte(body))).BodyText
	}
	for _, c := range []struct{ charset, body, want string }{
		{"utf-8", "Grüße", "Grüße"},
		{"UTF8", "Grüße", "Grüße"},
		{"us-ascii", "Grüße", "Grüße"},
		{"iso-8859-1", "Gr\xfc\xdfe", "Grüße"},
		{"iso-8859-1", "Grüße", "Grüße"},
		{"utf-8", "Gr\xfc\xdfe", "Grüße"},
		{"windows-1252", "\x93x\x94", "“x”"},
		{"iso-8859-1", "\x93x\x94", "“x”"},
		{"nonsense", "Grüße", "Grüße"},
		{"nonsense", "Gr\xfc\xdfe", "Grüße"},
		{"\"\"", "Gr\xfc\xdfe", "Grüße"},
		{"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
		{"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"gb2312", "\xd6\xd0\xb9\xfa", "中国"},
		{"GBK", "\xd6\xd0\xb9\xfa", "中国"},
		{"big5", "\xa4\xa4\xb0\xea", "中國"},
		{"shift_jis", "\x93\xfa\x96{", "日本"},
		{"iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本"},
		{"euc-kr", "\xc7\xd1\xb1\xb9", "한국"},
		{"utf-16", "\xff\xfeH\x00i\x00", "Hi"},
		{"utf-16le", "H\x00i\x00", "Hi"},
		{"utf-7", "Gr+APwA3w-e", "Grüße"},
		{"utf-8", "a\x00b", "ab"},
		{"utf-8", "\xef\xbb\xbfbom", "bom"},
	} {
		require.Equal(t, c.want, text(c.charset, c.body), "%s %q", c.charset, c.body)
	}
	converted := ParseMessage(&Message{Payload: Part{
		MIME: "text/plain", Body: []byte("中国"), Headers: []Header{{"Content-Type", "text/plain; charset=gb2312"}},
	}})
	require.Equal(t, "中国", converted.BodyText, "Gmail converts and leaves the header as it was")
}

func TestHostileStructure(t *testing.T) {
	for name, raw := range map[string]string{
		"no end":             "Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntreasure",
		"no boundary":        "Content-Type: multipart/mixed\n\ntreasure",
		"wrong boundary":     "Content-Type: multipart/mixed; boundary=b\n\n--c\n\ntreasure\n--c--",
		"empty boundary":     "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\ntreasure\n----",
		"same boundary":      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntreasure\n--b--\n--b--",
		"end first":          "Content-Type: multipart/mixed; boundary=b\n\n--b--\n--b\n\ntreasure",
		"spaced boundary":    "Content-Type: multipart/mixed; boundary=\"b c\"\n\n--b c  \n\ntreasure\n--b c--",
		"bare CR":            "Subject: x\r\rtreasure",
		"LF only":            "Subject: x\n\ntreasure",
		"garbage in header":  "Subject: x\nthis is no header\nFrom: a@b.example\n\ntreasure",
		"bad base64":         "Content-Transfer-Encoding: base64\n\ndHJlYXN1cmU===!!!",
		"bad encoding":       "Content-Transfer-Encoding: rot13\n\ntreasure",
		"bad quoted":         "Content-Transfer-Encoding: quoted-printable\n\ntreasure=ZZ=",
		"mbox":               "From x@y Thu Jan 1 00:00:00 1970\nSubject: x\n\ntreasure",
		"type without slash": "Content-Type: text\n\ntreasure",
		"type repeated":      "Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\ntreasure",
		"html in nowhere":    "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>treasure\n--b--",
		"parameters broken":  "Content-Type: multipart/mixed; charset; boundary=\"b; x=y\n\n--\"b\n\ntreasure",
		"only an attachment": "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\nContent-Disposition: inline; filename=x.txt\n\ntreasure\n--b--",
	} {
		e := parseWithin(t, 10*time.Second, raw)
		if name != "end first" {
			require.Contains(t, e.BodyText, "treasure", name)
		}
	}
}

func TestAttachments(t *testing.T) {
	e := parseWithin(t, 10*time.Second, strings.ReplaceAll(`From: a@lamps.example
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain

plain
--a
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html

<p>rich <img src="cid:pic@x">
--r
Content-Type: image/png; name=pic.png
Content-ID: <pic@x>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--r--
--a
Content-Type: text/calendar; method=REQUEST

BEGIN:VCALENDAR
--a--
--m
Content-Type: application/ms-tnef

x
--m
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf

%PDF
--m
Content-Type: message/rfc822

Subject: inner

inside
--m--
`, "\n", "\r\n"))
	require.Equal(t, "plain", e.BodyText)
	require.Contains(t, e.BodyHTML, "rich")
	names := map[string]crm.Attachment{}
	for _, a := range e.Attachments {
		names[a.Name] = a
	}
	require.Len(t, names, 5)
	require.True(t, names["pic.png"].Inline)
	require.Equal(t, "pic@x", names["pic.png"].ContentID)
	require.EqualValues(t, 8, names["pic.png"].Size)
	require.Equal(t, "0.1.1", names["pic.png"].PartID)
	require.Equal(t, "text/calendar", names["invite.ics"].Type)
	require.Equal(t, "3", names["message.eml"].PartID)
	require.Contains(t, names, "winmail.dat")
	require.Contains(t, names, "résumé.pdf")
	require.True(t, e.HasAttachments)
}

func TestFlowedText(t *testing.T) {
	require.Equal(t, "one line\nnext\n> quoted on\n-- \nname", unflow("one \r\nline\r\nnext\r\n> quoted \r\n> on\r\n-- \r\nname", false))
	require.Equal(t, "日本", unflow("日 \n本", true))
}

func TestBulk(t *testing.T) {
	for h, want := range map[string]bool{
		"List-Id: <x>": true, "List-Unsubscribe: <mailto:x>": true, "Precedence: bulk": true, "Precedence: first-class": false,
		"Auto-Submitted: auto-replied": true, "Auto-Submitted: no": false, "Subject: x": false,
	} {
		require.Equal(t, want, parseWithin(t, 10*time.Second, h+"\r\n\r\nx").Bulk, h)
	}
}

// TestHostileNoise parses mail of the corpora with bytes changed, removed and
// doubled at random (from a fixed seed).
func TestHostileNoise(t *testing.T) {
	corpus(t, "mime-*")
	var files []string
	require.NoError(t, filepath.WalkDir(corpora, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".eml") || strings.HasSuffix(path, ".msg") {
			files = append(files, path)
		}
		return err
	}))
	random := rand.New(rand.NewPCG(1, 2))
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for range 5 {
			noisy := bytes.Clone(data)
			for range 1 + random.IntN(20) {
				at := random.IntN(len(noisy) + 1)
				switch random.IntN(3) {
				case 0:
					if at < len(noisy) {
						noisy[at] = byte(random.Uint32())
					}
				case 1:
					noisy = append(noisy[:at], noisy[min(at+random.IntN(50), len(noisy)):]...)
				case 2:
					end := min(at+random.IntN(200), len(noisy))
					noisy = append(noisy[:end:end], noisy[at:]...)
				}
			}
			e, err := ParseRaw(bytes.NewReader(noisy))
			require.NoError(t, err)
			sound(t, e)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte("Subject: x\r\n\r\ntext"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html; charset=gbk\n\n<p>\xd6\xd0\n--b\nContent-Type: message/rfc822\n\nSubject: =?x?q?=41?=\n\ny\n--b--"))
	f.Add([]byte("From: \"a, b\" (c) <d@e>, f:g@h;\nContent-Type: text/plain; format=flowed; delsp=yes\nContent-Transfer-Encoding: quoted-printable\n\n> a =\n> b"))
	f.Add([]byte("Content-Transfer-Encoding: uuencode\n\nbegin 644 x\n#0V%T\n`\nend"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ParseRaw(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		sound(t, e)
		root := split(raw)
		sound(t, ParseMessage(&Message{Payload: *root, Snippet: string(raw)}))
	})
}
