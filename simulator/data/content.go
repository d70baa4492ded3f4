package data

import (
	"bytes"
	"strconv"
)

// appendContent writes everything from the Content-Type header on.
func (l *letter) appendContent(dst []byte) []byte {
	if l.t.kind == bounce {
		return l.appendReport(dst)
	}
	outer := l.boundary(0)
	if len(l.files) == 0 {
		return l.appendBodyPart(dst)
	}
	dst = append(append(append(dst, `Content-Type: multipart/mixed; boundary="`...), outer...), "\"\r\n\r\n--"...)
	dst = append(append(dst, outer...), "\r\n"...)
	dst = l.appendBodyPart(dst)
	sc := l.s.scene(&l.t, &l.m, l.at)
	for i, name := range l.files {
		data := l.ics
		if name != "invite.ics" {
			data = content(name, &l.t, &sc)
		}
		dst = append(append(append(dst, "\r\n--"...), outer...), "\r\nContent-Type: "...)
		dst = append(append(append(dst, mimeOf(name)...), `; name="`...), name...)
		dst = append(append(append(dst, "\"\r\nContent-Disposition: attachment; filename=\""...), name...), "\"\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <f_"...)
		dst = strconv.AppendUint(dst, hash2(l.t.h, uint64(l.k.Pos)<<8|uint64(i))>>20, 36)
		dst = append(dst, ">\r\nX-Attachment-Id: f_"...)
		dst = strconv.AppendUint(dst, hash2(l.t.h, uint64(l.k.Pos)<<8|uint64(i))>>20, 36)
		dst = appendBase64(append(dst, "\r\n\r\n"...), data)
	}
	return append(append(append(dst, "--"...), outer...), "--\r\n"...)
}

func (l *letter) boundary(level uint64) []byte {
	b := append(make([]byte, 0, 32), "000000000000"...)
	return strconv.AppendUint(b, hash2(l.t.h, uint64(l.k.Pos)<<4|level)|1<<63, 16)
}

// appendBodyPart writes the text: alone, with its HTML twin, with a logo.
func (l *letter) appendBodyPart(dst []byte) []byte {
	if l.t.kind == newsletter && l.t.h>>50%4 == 0 {
		return l.appendText(dst, "text/html", l.html) // some newsletters have no text at all
	}
	if len(l.html) == 0 {
		return l.appendText(dst, "text/plain", l.text)
	}
	b, rel := l.boundary(1), []byte(nil)
	if l.logo {
		rel = l.boundary(2)
		dst = append(append(append(dst, `Content-Type: multipart/related; boundary="`...), rel...), "\"\r\n\r\n--"...)
		dst = append(append(dst, rel...), "\r\n"...)
	}
	dst = append(append(append(dst, `Content-Type: multipart/alternative; boundary="`...), b...), "\"\r\n\r\n--"...)
	dst = l.appendText(append(append(dst, b...), "\r\n"...), "text/plain", l.text)
	dst = append(append(append(dst, "\r\n--"...), b...), "\r\n"...)
	dst = l.appendText(dst, "text/html", l.html)
	if len(l.ics) > 0 {
		dst = append(append(append(dst, "\r\n--"...), b...), "\r\n"...)
		dst = l.appendText(dst, "text/calendar; method=REQUEST", l.ics)
	}
	dst = append(append(append(dst, "\r\n--"...), b...), "--\r\n"...)
	if l.logo {
		dst = append(append(append(dst, "\r\n--"...), rel...), "\r\nContent-Type: image/png; name=\"logo.png\"\r\nContent-Disposition: inline; filename=\"logo.png\"\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <logo@"...)
		dst = append(append(dst, l.m.from.Company.Domain...), ">\r\n\r\n"...)
		dst = appendBase64(dst, l.m.from.Company.logo)
		dst = append(append(append(dst, "--"...), rel...), "--\r\n"...)
	}
	return dst
}

func (l *letter) appendText(dst []byte, mime string, text []byte) []byte {
	charset := l.charset
	dst = append(append(append(dst, "Content-Type: "...), mime...), "; charset=\""...)
	switch {
	case isASCII(text):
		dst = append(append(dst, charset...), '"')
		if longLines(text) {
			return appendQP(append(dst, "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"...), text)
		}
		return appendCRLF(append(dst, "\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"...), text)
	case charset == "iso-2022-jp":
		out, _ := encodeText(text, charset)
		return appendCRLF(append(append(dst, charset...), "\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"...), out)
	case charset == "windows-1251" || charset == "gb18030" || l.wide():
		out, _ := encodeText(text, charset)
		dst = append(append(dst, charset...), "\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"...)
		return appendBase64(dst, appendCRLF(nil, out))
	default:
		out, _ := encodeText(text, charset)
		return appendQP(append(append(dst, charset...), "\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"...), out)
	}
}

// wide tells that most letters of the language are not Latin.
func (l *letter) wide() bool {
	if l.m.line == nil {
		return false
	}
	switch l.t.lang(l.m.line) {
	case "ja", "zh", "bg":
		return true
	}
	return false
}

func longLines(text []byte) bool {
	for len(text) > 0 {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			i = len(text) - 1
		}
		if i > 900 {
			return true
		}
		text = text[i+1:]
	}
	return false
}

const paragraphStyle = `<p style="margin:0 0 12px 0;font-family:Helvetica,Arial,sans-serif;font-size:14px;line-height:20px;color:#222222">`

// appendParagraphs turns text into HTML in the habit of its writer's program.
func appendParagraphs(dst, text []byte, p *Person) []byte {
	plain := p.style>>40%2 == 0
	for len(text) > 0 {
		para := text
		if i := bytes.Index(text, []byte("\n\n")); i >= 0 {
			para, text = text[:i], text[i+2:]
		} else {
			text = nil
		}
		if len(para) == 0 {
			continue
		}
		if plain {
			dst = append(dst, "<div>"...)
		} else {
			dst = append(dst, paragraphStyle...)
		}
		dst = appendLines(dst, para)
		if plain {
			dst = append(dst, "</div><div><br></div>\n"...)
		} else {
			dst = append(dst, "</p>\n"...)
		}
	}
	return dst
}

func appendLines(dst, para []byte) []byte {
	for i := 0; len(para) > 0; i++ {
		row := para
		if j := bytes.IndexByte(para, '\n'); j >= 0 {
			row, para = para[:j], para[j+1:]
		} else {
			para = nil
		}
		if i > 0 {
			dst = append(dst, "<br>\n"...)
		}
		dst = appendEscaped(dst, row)
	}
	return dst
}

func (l *letter) appendHTMLSignature(dst, sig []byte, brief bool) []byte {
	p := l.m.from
	sig = bytes.TrimSpace(sig)
	if brief {
		return append(appendLines(append(dst, "<div>"...), sig), "</div>"...)
	}
	dst = append(dst, `<table cellpadding="0" cellspacing="0" border="0" style="margin-top:16px;border-left:3px solid `...)
	dst = append(append(dst, p.Company.Colour...), `;font-family:Arial,sans-serif;font-size:12px;line-height:17px;color:#555555"><tr><td style="padding-left:12px">`...)
	if l.logo {
		dst = append(dst, `<img src="cid:logo@`...)
		dst = append(append(append(append(dst, p.Company.Domain...), `" width="96" height="24" alt="`...), p.Company.Name...), "\"><br>\n"...)
	}
	dst = append(dst, "<b>"...)
	first := bytes.IndexByte(sig, '\n')
	dst = append(appendEscaped(dst, sig[:first]), "</b><br>\n"...)
	dst = appendLines(dst, sig[first+1:])
	return append(dst, "</td></tr></table>\n"...)
}
