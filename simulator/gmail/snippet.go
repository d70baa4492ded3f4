package gmail

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/text/encoding/htmlindex"
)

var errKeepWord = errors.New("word stays encoded")

// charsetReader serves mime.WordDecoder.
func charsetReader(charset string, in io.Reader) (io.Reader, error) {
	switch charset {
	case "iso-2022-jp", "gb18030", "gb2312", "gbk", "shift_jis", "euc-jp", "euc-kr", "big5":
		return nil, errKeepWord
	}
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return enc.NewDecoder().Reader(in), nil
}

// plain is the text of a message: its first text/plain part, else its HTML
// without tags. Text of attached files does not count.
func (p *part) plain() []byte {
	var text, page []byte
	p.walk(func(q *part) bool {
		switch {
		case len(q.parts) > 0 || !q.isInline():
		case q.kind == "text/plain" && text == nil:
			text = q.text()
		case q.kind == "text/html" && page == nil:
			page = q.text()
		}
		return text == nil
	})
	if len(bytes.TrimSpace(text)) > 0 {
		return text
	}
	return stripHTML(page)
}

// stripHTML is the readable text of HTML.
func stripHTML(page []byte) []byte {
	if len(page) == 0 {
		return nil
	}
	z := html.NewTokenizer(bytes.NewReader(page))
	var out []byte
	hidden := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			return out
		case html.TextToken:
			if hidden == 0 {
				out = append(append(out, z.Text()...), ' ')
			}
		case html.StartTagToken:
			if isHidden(z) {
				hidden++
			}
		case html.EndTagToken:
			if isHidden(z) && hidden > 0 {
				hidden--
			}
		}
	}
}

func isHidden(z *html.Tokenizer) bool {
	name, _ := z.TagName()
	switch string(name) {
	case "style", "script", "title", "head":
		return true
	}
	return false
}

// snippetLen is how much text a snippet shows, in bytes.
const snippetLen = 200

// appendSnippet appends the beginning of a text, white space folded, quoted
// lines left out, escaped as HTML and then as JSON.
func appendSnippet(dst, text []byte) []byte {
	n, space := 0, false
	for len(text) > 0 && n < snippetLen {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		if bytes.HasPrefix(line, []byte(">")) {
			continue
		}
		for len(line) > 0 && n < snippetLen {
			r, size := utf8.DecodeRune(line)
			line = line[size:]
			if r == ' ' || r == '\t' || r == '\r' || r == 0xa0 || r < 0x20 || r == 0x7f {
				space = true
				continue
			}
			if space && n > 0 {
				dst = append(dst, ' ')
				n++
			}
			space = false
			n += size
			dst = appendSnippetRune(dst, r)
		}
		space = true
	}
	return dst
}

func appendSnippetRune(dst []byte, r rune) []byte {
	switch r {
	case '&':
		return append(dst, "&amp;"...)
	case '<':
		return append(dst, "&lt;"...)
	case '>':
		return append(dst, "&gt;"...)
	case '"':
		return append(dst, "&quot;"...)
	case '\'':
		return append(dst, "&#39;"...)
	case '\\':
		return append(dst, `\\`...)
	default:
		return utf8.AppendRune(dst, r)
	}
}
