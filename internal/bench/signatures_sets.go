package main

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"regexp"
	"strings"
	"unicode"

	"rapport/internal/enrich/signature"
)

// otherSets scores the engine on sets made for other programs.
func (b *bench) otherSets() error {
	b.replies()
	if err := b.talon(); err != nil {
		return err
	}
	if err := b.addresses(); err != nil {
		return err
	}
	return b.peopleAndCompanies()
}

var quoteMark = regexp.MustCompile(`(?m)^\s*>`)

// replies looks at the fixtures of four reply parsers. They have no labels, so
// what can be seen is counted: nothing with a quote mark is left, and something
// is left of a mail that begins with words of its own.
func (b *bench) replies() {
	total, clean, kept := 0, 0, 0
	for _, set := range []string{"reply-crisp/test/fixtures", "reply-github/test/emails", "reply-willdurand/tests/Fixtures", "reply-zapier/test/emails"} {
		for _, file := range glob(set, "*.txt") {
			raw, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			total++
			text := newText(string(raw))
			clean += boolInt(!quoteMark.MatchString(text))
			kept += boolInt(strings.TrimSpace(text) != "")
		}
	}
	if total > 0 {
		b.add(row{What: fmt.Sprintf("reply-* (%d mails): no quoted line left", total), Value: ratio(clean, total), Unit: "of 1"})
		b.add(row{What: fmt.Sprintf("reply-* (%d mails): something left", total), Value: ratio(kept, total), Unit: "of 1"})
	}
}

func newText(text string) string { return strings.Join(signature.Own(text), "\n") }

// talon compares new text with the reply the set names ("Hello" where it names
// none), a signature and a telephone's footer left aside.
func (b *bench) talon() error {
	total, same := 0, 0
	for _, file := range glob("reply-talon/tests/fixtures/standard_replies", "*.eml") {
		text, err := plainPartOf(file)
		if err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		want := "Hello"
		if named, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + "_reply_text"); err == nil {
			want = string(named)
		}
		total++
		same += boolInt(strings.TrimSpace(newText(text)) == strings.TrimSpace(newText(want)))
	}
	if total > 0 {
		b.add(row{What: fmt.Sprintf("reply-talon (%d mails): new text as labelled", total), Value: ratio(same, total), Unit: "of 1"})
	}
	return nil
}

// plainPartOf is the text/plain of a mail file.
func plainPartOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	m, err := mail.ReadMessage(f)
	if err != nil {
		return "", err
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return decodedPart(m.Body, m.Header.Get("Content-Transfer-Encoding"))
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextRawPart()
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/plain") {
			return decodedPart(p, p.Header.Get("Content-Transfer-Encoding"))
		}
	}
}

func decodedPart(r io.Reader, encoding string) (string, error) {
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	raw, err := io.ReadAll(r)
	return string(raw), err
}

// taggedLine is one entry of the XML sets: words, each in an element that says
// what it is.
type taggedLine struct {
	text string
	tags map[string]int
}

// taggedLines reads the entries named by element from the files.
func taggedLines(element string, files []string) ([]taggedLine, error) {
	var out []taggedLine
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, entry := range strings.Split(string(raw), "<"+element+">")[1:] {
			entry, _, _ = strings.Cut(entry, "</"+element+">")
			l := taggedLine{tags: map[string]int{}}
			words := xml.NewDecoder(strings.NewReader("<x>" + entry + "</x>"))
			for {
				t, err := words.Token()
				if err != nil {
					break
				}
				if s, ok := t.(xml.StartElement); ok {
					l.tags[s.Name.Local]++
				}
			}
			l.text = strings.Join(strings.Fields(html.UnescapeString(markup.ReplaceAllString(entry, " "))), " ")
			l.text = strings.ReplaceAll(l.text, " ,", ",")
			out = append(out, l)
		}
	}
	return out, nil
}

var markup = regexp.MustCompile(`<[^>]*>`)

// addresses puts each line with a house number and a ZIP code into an invented
// signature and counts those that come back whole.
func (b *bench) addresses() error {
	lines, err := taggedLines("AddressString", append(glob("addr-usaddress/training", "*.xml"), glob("addr-usaddress/measure_performance/test_data", "*.xml")...))
	if err != nil {
		return err
	}
	var t tally
	for i, l := range lines {
		if l.tags["AddressNumber"] == 0 || l.tags["ZipCode"] == 0 || i%b.size(1, 10) != 0 {
			continue
		}
		f := signature.Extract(signature.Message{FromName: "Mara Lind", FromEmail: "mara@lind.example", Text: "Hello\n\nBest regards,\nMara Lind\nNorthwind Lamps Inc.\n" + l.text + "\nTel: (415) 555-0134\n"})
		switch got := f.Get(signature.FieldAddress); {
		case got == "":
			t.missing++
		case tokenF1(got, l.text) >= 0.7:
			t.right++
		default:
			t.wrong++
			t.missing++
		}
	}
	b.lineRows("addr-usaddress: address lines", t)
	return nil
}

// peopleAndCompanies puts each line of the set under an unknown sender's
// sign-off and looks what it is taken for.
func (b *bench) peopleAndCompanies() error {
	var person, company, below tally
	for _, kind := range []string{"person", "company"} {
		lines, err := taggedLines("Name", glob("names-probablepeople/name_data/labeled", kind+"_labeled.xml"))
		if err != nil {
			return err
		}
		for _, l := range lines {
			if words := strings.Fields(l.text); len(words) < 2 || len(words) > 6 || strings.ContainsAny(l.text, ",&/0123456789") && kind == "person" {
				continue
			}
			text := capitals(l.text)
			f := signature.Extract(signature.Message{Text: "Hello\n\nBest regards,\n" + text + "\nTel: (415) 555-0134\n"})
			if kind == "company" {
				below.add(companyBelow(text))
			}
			isName, isCompany := f.Get(signature.FieldName) != "", f.Get(signature.FieldCompany) != ""
			person.add(tally{right: boolInt(isName && kind == "person"), wrong: boolInt(isName && kind != "person"), missing: boolInt(!isName && kind == "person")})
			company.add(tally{right: boolInt(isCompany && kind == "company"), wrong: boolInt(isCompany && kind != "company"), missing: boolInt(!isCompany && kind == "company")})
		}
	}
	b.lineRows("names-probablepeople: a person's line", person)
	b.lineRows("names-probablepeople: a company's line", company)
	b.lineRows("names-probablepeople: a company below its sender's name and title", below)
	return nil
}

// companyBelow puts a company into a known sender's signature; nothing else tells
// of it. Right is the company word by word.
func companyBelow(company string) tally {
	f := signature.Extract(signature.Message{FromName: "Mara Lind", FromEmail: "mara.lind@post-box.example", Text: "Hello\n\nBest regards,\nMara Lind\nHead of Sales\n" + company + "\nTel: (415) 555-0134\n"})
	switch got := f.Get(signature.FieldCompany); {
	case got == "":
		return tally{missing: 1}
	case plainWords(got) == plainWords(company):
		return tally{right: 1}
	default:
		return tally{wrong: 1, missing: 1}
	}
}

func (b *bench) lineRows(what string, t tally) {
	if t.right+t.wrong+t.missing == 0 {
		return
	}
	b.add(row{What: what + ", precision", Value: t.precision(), Unit: "of 1"})
	b.add(row{What: what + ", recall", Value: t.recall(), Unit: "of 1", Note: fmt.Sprintf("%d right, %d wrong, %d missing", t.right, t.wrong, t.missing)})
}

// capitals writes a line the way people write names: the set has many in small
// letters only.
func capitals(s string) string {
	if s != strings.ToLower(s) {
		return s
	}
	prev := ' '
	return strings.Map(func(r rune) rune {
		defer func() { prev = r }()
		if prev == ' ' {
			return unicode.ToUpper(r)
		}
		return r
	}, s)
}
