package data

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
)

// compiledTexts are the templates of machine-written mail.
var compiledTexts = sync.OnceValue(func() map[string]template {
	m := map[string]template{}
	for _, list := range [][]robot{newsletters, notifiers, shops, swindlers} {
		for _, r := range list {
			for _, s := range append(append([]string(nil), r.subjects...), r.body...) {
				t, err := compile(s)
				if err != nil {
					panic(err)
				}
				m[s] = t
			}
		}
	}
	return m
})

func compiled(s string) template { return compiledTexts()[s] }

var greetings = map[string][]string{
	"en": {"Hi %,", "Hello %,", "Dear %,", "Hi %,", "Good morning %,"},
	"de": {"Guten Tag %,", "Hallo %,"},
	"fr": {"Bonjour %,"}, "es": {"Hola %:", "Estimada/o %:"}, "it": {"Buongiorno %,", "Gentile %,"}, "pt": {"Olá %,", "Bom dia %,"},
	"sv": {"Hej %!", "Hej %,"}, "nl": {"Beste %,", "Goedemorgen %,"}, "ja": {"% 様"}, "zh": {"%："}, "bg": {"Здравейте, %,"}, "pl": {"Dzień dobry,"},
}

var closings = map[string][]string{
	"en": {"Best regards,", "Kind regards,", "Best,", "Many thanks,", "Cheers,"},
	"de": {"Mit freundlichen Grüßen", "Viele Grüße", "Beste Grüße"},
	"fr": {"Bien cordialement,", "Cordialement,"}, "es": {"Un saludo,", "Saludos cordiales,"}, "it": {"Cordiali saluti,", "Un caro saluto,"},
	"pt": {"Com os melhores cumprimentos,", "Abraço,"}, "sv": {"Med vänlig hälsning", "Vänliga hälsningar,"}, "nl": {"Met vriendelijke groet,"},
	"ja": {"何卒よろしくお願いいたします。"}, "zh": {"此致敬礼"}, "bg": {"С уважение,"}, "pl": {"Pozdrawiam serdecznie,", "Z poważaniem,"},
}

// labels of a signature: phone, mobile, mail.
var phoneWords = map[string][3]string{
	"en": {"T", "M", "E"}, "de": {"Tel.", "Mobil", "E-Mail"}, "fr": {"Tél.", "Port.", "Courriel"}, "es": {"Tel.", "Móvil", "Correo"}, "it": {"Tel.", "Cell.", "E-mail"},
	"pt": {"Tel.", "Telem.", "E-mail"}, "sv": {"Tel", "Mobil", "E-post"}, "nl": {"T", "M", "E"}, "ja": {"TEL", "携帯", "E-mail"}, "zh": {"电话", "手机", "邮箱"},
	"bg": {"тел.", "моб.", "e-mail"}, "pl": {"tel.", "kom.", "e-mail"},
}

// lang of a message: the story's, as both sides write it.
func (t *thread) lang(l *line) string {
	if t.story == nil {
		return "en"
	}
	for i := range t.story.lines {
		if &t.story.lines[i] == l {
			return t.story.lang
		}
	}
	return "en"
}

// appendBody writes what a person says: greeting, text, closing.
func (s *Source) appendBody(dst []byte, t *thread, m *parts, k Key, at int64) []byte {
	lang := t.lang(m.line)
	sc := s.scene(t, m, at)
	to := m.to[0]
	g := greetings[lang]
	greeting := g[hash2(m.from.style, uint64(len(g)))%uint64(len(g))]
	before, after, _ := strings.Cut(greeting, "%")
	name := to.Native
	if lang == "ja" && to.Lang != "ja" || lang == "zh" && to.Lang != "zh" {
		name = to.First
	}
	if lang == "en" && to.Lang != "en" {
		name = to.First
	}
	dst = append(dst, before...)
	if strings.Contains(greeting, "%") {
		dst = append(dst, name...)
	}
	dst = append(append(dst, after...), "\n\n"...)
	dst = m.line.text.render(dst, &sc)
	if s.extra > 0 {
		dst = s.appendRemarks(dst, t, k)
	}
	c := closings[lang]
	dst = append(dst, "\n\n"...)
	return append(dst, c[hash2(m.from.style, 77)%uint64(len(c))]...)
}

// appendRemarks lengthens a message by about s.extra bytes on average.
func (s *Source) appendRemarks(dst []byte, t *thread, k Key) []byte {
	d := dice(hash2(t.h, uint64(k.Pos)+70))
	for want := d.n(2*s.extra + 1); want > 0; {
		r := remarks[d.n(len(remarks))]
		if want < len(r) && d.n(len(r)) > want {
			break
		}
		dst = append(append(dst, "\n\n"...), r...)
		want -= len(r)
	}
	return dst
}

// appendSignature writes the lines under a message in the habit of its writer.
func (p *Person) appendSignature(dst []byte, brief bool) []byte {
	dst = append(append(dst, '\n'), p.Display...)
	if brief {
		return append(dst, '\n')
	}
	w := phoneWords[p.Lang]
	sep := [...]string{": ", " ", ": ", "  "}[p.style>>8%4]
	switch p.style >> 12 % 4 {
	case 0:
		dst = append(append(append(append(dst, '\n'), p.Title...), " | "...), p.Company.Legal...)
	case 1:
		dst = append(append(append(append(dst, ", "...), p.Title...), '\n'), p.Company.Legal...)
	default:
		dst = append(append(append(append(dst, '\n'), p.Title...), '\n'), p.Company.Legal...)
	}
	dst = append(append(dst, '\n'), p.Address...)
	dst = append(append(append(append(dst, '\n'), w[0]...), sep...), p.Phone...)
	if p.style>>16%3 != 0 {
		glue := "\n"
		if p.style>>18%2 == 0 {
			glue = " | "
		}
		dst = append(append(append(append(dst, glue...), w[1]...), sep...), p.Mobile...)
	}
	dst = append(append(dst, '\n'), p.Email...)
	dst = append(append(dst, "\nwww."...), p.Company.Domain...)
	return append(dst, '\n')
}

// SignatureHTML is the signature a person has set up.
func (p *Person) SignatureHTML() string {
	sig := p.appendSignature(nil, false)
	return "<div>" + string(appendLines(nil, bytes.TrimSpace(sig))) + "</div>"
}

// appendQuoteHead writes the line above quoted text.
func appendQuoteHead(dst []byte, from *Person, at int64, lang string) []byte {
	local := at + int64(from.zone)*60000
	dt := civil(local / 86400000)
	switch lang {
	case "de":
		dst = append(dst, "Am "...)
		dst = append(dst, byte('0'+dt.day/10), byte('0'+dt.day%10), '.', byte('0'+dt.month/10), byte('0'+dt.month%10), '.')
		dst = strconv.AppendInt(dst, int64(dt.year), 10)
		dst = append(appendClock(append(dst, " um "...), local), " schrieb "...)
		return append(from.appendAddress(dst), ':')
	case "fr":
		dst = append(dst, "Le "...)
		dst = appendDay(dst, dt)
		dst = append(appendClock(append(dst, " à "...), local), ", "...)
		return append(from.appendAddress(dst), " a écrit :"...)
	}
	dst = append(dst, "On "...)
	dst = append(append(dst, weekdays["en"][(local/86400000+4)%7][:3]...), ", "...)
	dst = appendDay(dst, dt)
	dst = append(appendClock(append(dst, " at "...), local), ' ')
	return append(from.appendAddress(dst), " wrote:"...)
}

func appendDay(dst []byte, dt date) []byte {
	dst = strconv.AppendInt(dst, int64(dt.day), 10)
	dst = append(append(append(dst, ' '), months[dt.month-1][:3]...), ' ')
	return strconv.AppendInt(dst, int64(dt.year), 10)
}

// appendQuoted prefixes each line with ">".
func appendQuoted(dst, text []byte, depth int) []byte {
	start := true
	for _, c := range text {
		if start {
			for range depth {
				dst = append(dst, '>')
			}
			if c != '\n' {
				dst = append(dst, ' ')
			}
		}
		dst = append(dst, c)
		start = c == '\n'
	}
	if !start {
		dst = append(dst, '\n')
	}
	return dst
}
