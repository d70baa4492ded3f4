package data

import (
	"encoding/base64"
	"strconv"
	"sync"
	"time"
)

// letter is a message on its way to be written.
type letter struct {
	s      *Source
	t      thread
	m      parts
	k      Key
	at     int64
	viewer *Person

	text, html []byte // UTF-8, lines end in \n
	charset    string
	files      []string
	ics        []byte
	logo       bool // the signature shows the company's logo
}

var letters = sync.Pool{New: func() any { return new(letter) }}

// AppendRaw writes a message as viewer's mailbox holds it (RFC 5322).
func (s *Source) AppendRaw(dst []byte, k Key, viewer *Person) []byte {
	l := letters.Get().(*letter)
	defer letters.Put(l)
	*l = letter{s: s, k: k, viewer: viewer, text: l.text[:0], html: l.html[:0], files: l.files[:0], ics: l.ics[:0]}
	l.t = s.thread(k.Thread)
	l.m = s.parts(&l.t, int(k.Pos))
	l.at = s.date(&l.t, k)
	l.files = s.fileNames(l.files, &l.t, &l.m)
	l.charset = "utf-8"
	l.compose()
	if _, ok := encodeText(l.text, l.charset); !ok {
		l.charset = "utf-8"
	} else if _, ok := encodeText(l.html, l.charset); !ok {
		l.charset = "utf-8"
	}
	dst = l.appendHeaders(dst)
	return l.appendContent(dst)
}

func (l *letter) compose() {
	switch {
	case l.t.kind == bounce:
		l.composeBounce()
	case l.t.kind == invitation:
		l.composeInvitation()
	case l.t.kind == newsletter:
		l.composeNewsletter()
	case l.t.robot != nil:
		l.composeNotice()
	default:
		l.composeTalk()
	}
}

// composeTalk writes what a person wrote, with signature and quotations.
func (l *letter) composeTalk() {
	from := l.m.from
	lang := l.t.lang(l.m.line)
	if from.Lang == lang || from.Charset == "iso-8859-1" {
		l.charset = from.Charset
	}
	if l.t.story != nil && lang != "en" && l.m.line.who == 'm' {
		l.charset = l.t.other.Charset // an answer keeps the charset of the question
	}
	body := len(l.text)
	l.text = l.s.appendBody(l.text, &l.t, &l.m, l.k, l.at)
	brief := l.k.Pos > 1 && from.style%4 == 0
	sigAt := len(l.text)
	l.text = from.appendSignature(l.text, brief)
	l.logo = !brief && from.style>>20%7 == 0
	if from.style>>24%5 != 0 || l.logo {
		if from.office() {
			l.html = append(l.html, officeHead...)
		}
		l.html = append(l.html, `<div dir="ltr">`...)
		l.html = appendParagraphs(l.html, l.text[body:sigAt], from)
		l.html = l.appendHTMLSignature(l.html, l.text[sigAt:], brief)
		l.html = append(l.html, "</div>\n"...)
	}
	if l.k.Pos > 0 && from.style>>28%9 != 0 {
		l.quote(lang)
	}
	if from.office() && len(l.html) > 0 {
		l.html = append(l.html, "</div></body></html>\n"...)
	}
}

// office tells that a person writes with the mail program of an office suite,
// whose HTML is a whole document with a style sheet.
func (p *Person) office() bool { return p.style>>44%3 == 0 }

const officeHead = `<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:w="urn:schemas-microsoft-com:office:word" xmlns="http://www.w3.org/TR/REC-html40">
<head><meta http-equiv="Content-Type" content="text/html"><meta name="Generator" content="Word 15 (filtered medium)">
<style><!--
@font-face {font-family:"Cambria Math"; panose-1:2 4 5 3 5 4 6 3 2 4;}
@font-face {font-family:Aptos; panose-1:2 11 0 4 2 2 2 2 2 4;}
p.MsoNormal, li.MsoNormal, div.MsoNormal {margin:0cm; font-size:11.0pt; font-family:"Aptos",sans-serif; mso-ligatures:standardcontextual; mso-fareast-language:EN-US;}
a:link, span.MsoHyperlink {mso-style-priority:99; color:#467886; text-decoration:underline;}
span.EmailStyle17 {mso-style-type:personal-compose; font-family:"Aptos",sans-serif; color:windowtext;}
.MsoChpDefault {mso-style-type:export-only; font-size:11.0pt; mso-fareast-language:EN-US;}
@page WordSection1 {size:612.0pt 792.0pt; margin:72.0pt 72.0pt 72.0pt 72.0pt;}
div.WordSection1 {page:WordSection1;}
--></style></head>
<body lang="EN-GB" link="#467886" vlink="#96607D" style="word-wrap:break-word"><div class="WordSection1">
`

// quote appends up to three earlier messages.
func (l *letter) quote(lang string) {
	inner := 0
	for depth := 1; depth <= 3; depth++ {
		pos := int(l.k.Pos) - depth
		if pos < 0 {
			break
		}
		k := Key{l.k.Thread, uint16(pos)}
		m := l.s.parts(&l.t, pos)
		at := l.s.date(&l.t, k)
		text := l.s.appendBody(nil, &l.t, &m, k, at)
		text = m.from.appendSignature(text, depth > 1)
		head := appendQuoteHead(nil, m.from, at, lang)
		l.text = append(l.text, '\n')
		if depth > 1 {
			l.text = appendQuoted(l.text[:len(l.text)-1], append(append([]byte("\n"), head...), '\n'), depth-1)
		} else {
			l.text = append(append(l.text, head...), "\n\n"...)
		}
		l.text = appendQuoted(l.text, text, depth)
		if len(l.html) > 0 {
			l.html = append(l.html, `<br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">`...)
			l.html = append(appendEscaped(l.html, head), "<br></div>\n"...)
			l.html = append(l.html, `<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">`...)
			l.html = appendParagraphs(l.html, text, m.from)
			inner++
		}
	}
	for range inner {
		l.html = append(l.html, "</blockquote></div>\n"...)
	}
}

// appendHeaders writes the header, received or sent.
func (l *letter) appendHeaders(dst []byte) []byte {
	if l.m.from != l.viewer || l.t.story == nil {
		dst = l.appendTrace(dst)
	}
	dst = append(dst, "MIME-Version: 1.0\r\n"...)
	dst = append(l.appendFrom(append(dst, "From: "...)), "\r\n"...)
	dst = append(appendDate(append(dst, "Date: "...), l.at, l.zone()), "\r\n"...)
	dst = l.s.messageID(append(dst, "Message-ID: "...), l.k, l.m.from, l.domain())
	dst = append(dst, "\r\nSubject: "...)
	subject := l.s.subject(nil, &l.t, &l.m, int(l.k.Pos), l.at)
	dst = append(appendWords(dst, subject, l.charset), "\r\n"...)
	dst = l.appendRecipients(dst)
	if l.k.Pos > 0 {
		dst = l.appendReferences(dst)
	}
	if l.t.robot != nil && l.t.robot.list != "" {
		dst = l.appendListHeaders(dst)
	}
	switch {
	case l.t.kind == bounce:
		dst = append(dst, "Auto-Submitted: auto-replied\r\n"...)
		dst = append(append(append(dst, "X-Failed-Recipients: "...), l.failed()...), "\r\n"...)
	case l.t.story != nil && l.m.from.style>>32%3 == 0:
		dst = append(dst, "Thread-Topic: "...)
		dst = append(appendWords(dst, subject, l.charset), "\r\nX-Mailer: "...)
		dst = append(dst, [...]string{"Postbote 7.2", "Mailwright 16.0", "Courier Desk 4"}[l.m.from.style>>36%3]...)
		dst = append(dst, "\r\nAccept-Language: en-GB, en-US\r\n"...)
	}
	return dst
}

func (l *letter) zone() int {
	if l.m.from == nil {
		return 0
	}
	return l.m.from.zone
}

func (l *letter) appendFrom(dst []byte) []byte {
	switch {
	case l.t.robot != nil:
		if name := []byte(l.t.robot.name); isASCII(name) {
			dst = append(append(append(dst, '"'), name...), '"')
		} else {
			dst = appendWords(dst, name, "utf-8")
		}
		return append(append(append(dst, " <"...), l.t.robot.email...), '>')
	case l.t.kind == bounce:
		return append(dst, bounceFrom...)
	default:
		return appendMailbox(dst, l.m.from, l.charset)
	}
}

func (l *letter) appendRecipients(dst []byte) []byte {
	for i, list := range [2][2]*Person{l.m.to, l.m.cc} {
		if list[0] == nil {
			continue
		}
		dst = append(dst, [2]string{"To: ", "Cc: "}[i]...)
		for j, p := range list {
			if p == nil {
				continue
			}
			if j > 0 {
				dst = append(dst, ",\r\n\t"...)
			}
			dst = appendMailbox(dst, p, l.charset)
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
}

func (l *letter) appendReferences(dst []byte) []byte {
	prev := l.s.parts(&l.t, int(l.k.Pos)-1)
	dst = l.s.messageID(append(dst, "In-Reply-To: "...), Key{l.k.Thread, l.k.Pos - 1}, prev.from, "")
	dst = append(dst, "\r\nReferences:"...)
	for pos := max(0, int(l.k.Pos)-8); pos < int(l.k.Pos); pos++ {
		m := l.s.parts(&l.t, pos)
		if pos > 0 && pos > int(l.k.Pos)-8 {
			dst = append(dst, "\r\n"...)
		}
		dst = l.s.messageID(append(dst, ' '), Key{l.k.Thread, uint16(pos)}, m.from, "")
	}
	return append(dst, "\r\n"...)
}

func (l *letter) appendListHeaders(dst []byte) []byte {
	r := l.t.robot
	tag := strconv.FormatUint(l.t.h>>16, 36)
	dst = append(dst, "List-Unsubscribe: <https://"...)
	dst = append(append(append(dst, r.list...), "/leave/"...), tag...)
	dst = append(append(append(append(append(dst, ">,\r\n\t<mailto:leave+"...), tag...), '@'), r.list...), ">\r\n"...)
	dst = append(dst, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Id: "...)
	dst = append(append(append(append(dst, r.name...), " <"...), r.list...), ">\r\nPrecedence: bulk\r\nFeedback-ID: "...)
	return append(append(append(append(dst, tag...), ":news:"...), r.list...), "\r\n"...)
}

func (l *letter) domain() string {
	switch {
	case l.t.robot != nil:
		return l.t.robot.email[indexByte(l.t.robot.email, '@')+1:]
	case l.t.kind == bounce:
		return "googlemail.com"
	default:
		return l.m.from.Company.Domain
	}
}

func indexByte(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

// appendTrace writes what servers add on the way in.
func (l *letter) appendTrace(dst []byte) []byte {
	d := dice(hash2(l.t.h, uint64(l.k.Pos)+200))
	domain := l.domain()
	id := func(dst []byte) []byte { return strconv.AppendUint(dst, d.next()>>4, 36) }
	when := func(dst []byte) []byte { return append(appendDate(dst, l.at, -480), " (PST)\r\n"...) }
	dst = append(append(append(dst, "Delivered-To: "...), l.viewer.Email...), "\r\n"...)
	dst = append(id(append(dst, "Received: by 2002:a05:7010:1f0e:b0:3d5:7e6c:9a1b with SMTP id "...)), "csp;\r\n        "...)
	dst = when(dst)
	dst = append(id(append(dst, "X-Google-Smtp-Source: AGHT+I"...)), d.appendNoise(nil, 48)...)
	dst = append(id(append(dst, "\r\nX-Received: by 2002:a17:907:3e0f:b0:b73:5b3a:22c1 with SMTP id "...)), ";\r\n        "...)
	dst = when(dst)
	dst = append(dst, "ARC-Seal: i=1; a=rsa-sha256; t="...)
	dst = strconv.AppendInt(dst, l.at/1000, 10)
	dst = append(d.appendSeal(append(dst, "; cv=none;\r\n        d=google.com; s=arc-20240605;\r\n        b="...)), "\r\n"...)
	dst = append(dst, "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=google.com; s=arc-20240605;\r\n        h=to:subject:message-id:date:from:mime-version:dkim-signature;\r\n        bh="...)
	dst = append(d.appendNoise(dst, 32), ";\r\n        fh="...)
	dst = append(d.appendNoise(dst, 32), ";\r\n        b="...)
	dst = append(d.appendSeal(dst), ";\r\n        dara=google.com\r\nARC-Authentication-Results: i=1; mx.google.com;\r\n       dkim=pass header.i=@"...)
	dst = append(append(dst, domain...), " header.s=mail1;\r\n       spf=pass (google.com: domain of "...)
	dst = append(append(dst, l.returnPath()...), " designates 192.0.2."...)
	dst = strconv.AppendInt(dst, int64(1+hashString(domain)%250), 10)
	dst = append(append(append(dst, " as permitted sender) smtp.mailfrom="...), l.returnPath()...), ";\r\n       dmarc=pass (p=QUARANTINE sp=QUARANTINE dis=NONE) header.from="...)
	dst = append(append(dst, domain...), "\r\n"...)
	dst = append(append(append(dst, "Return-Path: <"...), l.returnPath()...), ">\r\n"...)
	dst = append(append(append(dst, "Received: from mail."...), domain...), " (mail."...)
	dst = append(append(dst, domain...), " [192.0.2."...)
	dst = strconv.AppendInt(dst, int64(1+hashString(domain)%250), 10)
	dst = append(id(append(dst, "])\r\n        by mx.google.com with ESMTPS id "...)), "\r\n        for <"...)
	dst = append(append(dst, l.viewer.Email...), ">\r\n        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);\r\n        "...)
	dst = when(dst)
	dst = append(append(append(dst, "Received-SPF: pass (google.com: domain of "...), l.returnPath()...), " designates 192.0.2."...)
	dst = strconv.AppendInt(dst, int64(1+hashString(domain)%250), 10)
	dst = append(dst, " as permitted sender)\r\nAuthentication-Results: mx.google.com;\r\n       dkim=pass header.i=@"...)
	dst = append(append(dst, domain...), " header.s=mail1;\r\n       spf=pass smtp.mailfrom="...)
	dst = append(append(dst, l.returnPath()...), ";\r\n       dmarc=pass (p=QUARANTINE) header.from="...)
	dst = append(append(dst, domain...), "\r\nDKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n        d="...)
	dst = append(append(dst, domain...), "; s=mail1; h=from:to:subject:date:message-id;\r\n        bh="...)
	dst = append(d.appendNoise(dst, 32), ";\r\n        b="...)
	return append(d.appendSeal(dst), "\r\n"...)
}

func (l *letter) returnPath() string {
	switch {
	case l.t.robot != nil:
		return "bounces@" + l.domain()
	case l.t.kind == bounce:
		return ""
	default:
		return l.m.from.Email
	}
}

// appendNoise appends n random bytes as base64.
func (d *dice) appendNoise(dst []byte, n int) []byte {
	var b [48]byte
	for i := 0; i < n; i += 8 {
		v := d.next()
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	return base64.StdEncoding.AppendEncode(dst, b[:n])
}

// appendSeal appends what looks like an RSA signature of 2048 bits, folded.
func (d *dice) appendSeal(dst []byte) []byte {
	for i := range 5 {
		if i > 0 {
			dst = append(dst, "\r\n         "...)
		}
		dst = d.appendNoise(dst, 48)
	}
	return d.appendNoise(dst, 16)
}

// appendDate appends a date as RFC 5322 wants it.
func appendDate(dst []byte, ms int64, zone int) []byte {
	return time.UnixMilli(ms).In(zones(zone)).AppendFormat(dst, "Mon, 2 Jan 2006 15:04:05 -0700")
}

var zoneCache sync.Map // int -> *time.Location

func zones(minutes int) *time.Location {
	if z, ok := zoneCache.Load(minutes); ok {
		return z.(*time.Location)
	}
	z, _ := zoneCache.LoadOrStore(minutes, time.FixedZone("", minutes*60))
	return z.(*time.Location)
}
