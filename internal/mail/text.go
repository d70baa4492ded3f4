package mail

import (
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// TextOf makes plain text of HTML as a reader would see it: blocks on lines of
// their own, list items marked, images by their alternative text, nothing of
// scripts and styles. Behind a link to a person (telephone, mail, profile) its
// address stands in angle brackets where the text has not got it: "LinkedIn
// <https://www.linkedin.com/in/mara>". It reads tokens one after the other, so
// that nesting costs nothing.
func TextOf(page string) string {
	z := html.NewTokenizer(strings.NewReader(page))
	z.SetMaxBuf(maxHTML)
	t := typist{}
	var raw string
	hidden := 0
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return t.text()
		case html.TextToken:
			if hidden == 0 {
				t.write(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, attrs := z.TagName()
			tag := atom.Lookup(name)
			if unseen(tag) && kind == html.StartTagToken {
				if hidden == 0 {
					raw = string(name)
				}
				if string(name) == raw {
					hidden++
				}
				continue
			}
			if hidden > 0 {
				continue
			}
			t.open(tag)
			for attrs && (tag == atom.Img || tag == atom.A) {
				var k, v []byte
				switch k, v, attrs = z.TagAttr(); {
				case tag == atom.Img && string(k) == "alt":
					t.write(string(v))
				case tag == atom.A && string(k) == "href":
					t.link, t.linked = reaches(string(v)), t.b.Len()
				}
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch {
			case hidden > 0 && string(name) == raw:
				hidden--
			case hidden == 0:
				t.close(atom.Lookup(name))
			}
		}
		if t.b.Len() > maxText {
			return t.text()
		}
	}
}

// unseen are elements whose content is not text to read.
func unseen(a atom.Atom) bool {
	switch a {
	case atom.Script, atom.Style, atom.Title, atom.Noembed, atom.Noframes, atom.Iframe:
		return true
	}
	return false
}

// typist writes text with HTML's white space rules.
type typist struct {
	b     strings.Builder
	lines int  // line breaks owed
	space bool // a space owed
	pre   int

	link   string // the address of the open link, "" if it reaches nobody
	linked int    // where the link's text begins
}

func (t *typist) open(a atom.Atom) {
	switch a {
	case atom.Br:
		t.flushBreaks()
		t.lines = 1
		t.b.WriteString("")
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Ul, atom.Ol, atom.Dl, atom.Table, atom.Hr, atom.Pre:
		t.newline(2)
	case atom.Div, atom.Tr, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Dt, atom.Dd, atom.Center, atom.Address, atom.Form, atom.Body, atom.Caption:
		t.newline(1)
	case atom.Li:
		t.newline(1)
		t.write("* ")
		t.space = true
	case atom.Td, atom.Th:
		t.space = true
	}
	if a == atom.Pre {
		t.pre++
	}
}

func (t *typist) close(a atom.Atom) {
	switch a {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Ul, atom.Ol, atom.Dl, atom.Table, atom.Pre:
		t.newline(2)
	case atom.Div, atom.Tr, atom.Li, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Dt, atom.Dd, atom.Center, atom.Address, atom.Form, atom.Caption:
		t.newline(1)
	case atom.Td, atom.Th:
		t.space = true
	case atom.A:
		t.address()
	}
	if a == atom.Pre && t.pre > 0 {
		t.pre--
	}
}

// address writes the address of a link that ends, unless its text has it.
func (t *typist) address() {
	link := t.link
	t.link = ""
	if link == "" || t.b.Len()+len(link) > maxText {
		return
	}
	text, bare := t.b.String()[t.linked:], link[max(0, strings.Index(link, "linkedin.com")):]
	if number, ok := strings.CutPrefix(link, "tel:"); ok {
		if want := numerals(number); strings.Contains(numerals(text), want[max(0, len(want)-7):]) {
			return
		}
	} else if strings.Contains(strings.ToLower(text), strings.ToLower(bare)) {
		return
	}
	t.write(" <" + link + ">")
}

// newline owes at least n line breaks.
func (t *typist) newline(n int) {
	t.lines, t.space = max(t.lines, n), false
}

func (t *typist) flushBreaks() {
	if t.lines > 0 && t.b.Len() > 0 {
		t.b.WriteString("\n\n"[:min(t.lines, 2)])
	}
	t.lines, t.space = 0, false
}

func (t *typist) write(s string) {
	if t.pre > 0 {
		t.flushBreaks()
		t.b.WriteString(strings.ReplaceAll(s, "\r\n", "\n"))
		return
	}
	for i, w := range strings.FieldsFunc(s, collapses) {
		if i == 0 && !collapses(rune(s[0])) && !t.space || t.lines > 0 {
			// joined to what stands before, or at the beginning of a line
		} else {
			t.space = true
		}
		t.word(w)
	}
	if s != "" && collapses(rune(s[len(s)-1])) {
		t.space = t.lines == 0
	}
}

func (t *typist) word(w string) {
	if t.lines > 0 {
		t.flushBreaks()
	} else if t.space && t.b.Len() > 0 {
		t.b.WriteByte(' ')
	}
	t.space = false
	t.b.WriteString(w)
}

// collapses is white space that HTML folds; a non-breaking space is a
// character, but a plain one reads better.
func collapses(r rune) bool {
	return r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f'
}

func (t *typist) text() string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r == '\u00a0':
			return ' '
		case r == '\u200b', r == '\u200c', r == '\u200d', r == '\ufeff', r == '\u00ad', r == '\u034f':
			return -1
		case unicode.IsControl(r) && r != '\n' && r != '\t':
			return -1
		}
		return r
	}, t.b.String())
	return strings.TrimSpace(clean(s))
}

// unflow joins the lines of format=flowed (RFC 3676): a line that ends with a
// space goes on in the next one of the same quoting depth.
func unflow(text string, delSp bool) string {
	var out strings.Builder
	open, depth := false, 0
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		quotes := 0
		for quotes < len(line) && line[quotes] == '>' {
			quotes++
		}
		content := strings.TrimPrefix(line[quotes:], " ")
		if open && quotes != depth {
			out.WriteByte('\n')
			open = false
		}
		if !open {
			if out.Len() > 0 {
				out.WriteByte('\n')
			}
			if quotes > 0 {
				out.WriteString(line[:quotes] + " ")
			}
		}
		depth = quotes
		open = strings.HasSuffix(content, " ") && content != "-- "
		if open && delSp {
			content = content[:len(content)-1]
		}
		out.WriteString(content)
	}
	return out.String()
}
