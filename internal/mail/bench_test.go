package mail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// typical is a message of about 10 KB as most are: text and HTML, a small picture.
func typical() []byte {
	var b strings.Builder
	b.WriteString("Delivered-To: ada@lamps.example\r\nReceived: by 2002:a05:6a10:1234 with SMTP id x; Mon, 2 Mar 2026 08:00:00 -0800 (PST)\r\n")
	for i := range 8 {
		fmt.Fprintf(&b, "X-Header-%d: %s\r\n", i, strings.Repeat("v", 60))
	}
	b.WriteString("From: =?utf-8?q?Ben_R=C3=A9y?= <ben@harbour-tea.example>\r\nTo: \"Winter, Ada\" <ada@lamps.example>, Cleo <cleo@lamps.example>\r\n")
	b.WriteString("Subject: =?utf-8?q?Re=3A_Order_of_40_lamps?=\r\nMessage-ID: <abc@harbour-tea.example>\r\nIn-Reply-To: <abb@lamps.example>\r\nReferences: <aba@lamps.example>\r\n <abb@lamps.example>\r\n")
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"000000000000m\"\r\n\r\n--000000000000m\r\nContent-Type: multipart/alternative; boundary=\"000000000000a\"\r\n\r\n")
	b.WriteString("--000000000000a\r\nContent-Type: text/plain; charset=\"UTF-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	b.WriteString(strings.Repeat("We would like forty lamps =E2=80=93 as soon as possible, please.\r\n", 24))
	b.WriteString("\r\n--000000000000a\r\nContent-Type: text/html; charset=\"UTF-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<div dir=3D\"ltr\">")
	b.WriteString(strings.Repeat("<p style=3D\"color:#333;margin:0\">We would like <b>forty</b> lamps =E2=80=93 <a href=3D\"https://harbour-tea.example/\">soon</a>.</p>\r\n", 28))
	b.WriteString("</div>\r\n--000000000000a--\r\n--000000000000m\r\nContent-Type: image/png; name=\"logo.png\"\r\nContent-Disposition: attachment; filename=\"logo.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	data := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("lamp"), 500))
	for len(data) > 76 {
		b.WriteString(data[:76] + "\r\n")
		data = data[76:]
	}
	b.WriteString(data + "\r\n--000000000000m--\r\n")
	return []byte(b.String())
}

func BenchmarkParseRaw(b *testing.B) {
	raw := typical()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseRaw(bytes.NewReader(raw)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseMessage(b *testing.B) {
	m := &Message{ID: "18c0", ThreadID: "18c0", Labels: []string{"INBOX", "UNREAD"}, InternalDate: time.Now(), Payload: *split(typical())}
	b.ReportAllocs()
	for b.Loop() {
		ParseMessage(m)
	}
}

func BenchmarkSanitise(b *testing.B) {
	e, err := ParseRaw(bytes.NewReader(typical()))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(e.BodyHTML)))
	b.ReportAllocs()
	for b.Loop() {
		Sanitise(e.BodyHTML, SafeOptions{})
	}
}

func BenchmarkTextOf(b *testing.B) {
	e, err := ParseRaw(bytes.NewReader(typical()))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(e.BodyHTML)))
	b.ReportAllocs()
	for b.Loop() {
		TextOf(e.BodyHTML)
	}
}

func BenchmarkCompress(b *testing.B) {
	raw := typical()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		compress(raw)
	}
}

func BenchmarkParseSearch(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ParseSearch(`from:ben has:attachment ("forty lamps" OR subject:order) -in:trash newer_than:2m`, viewer)
	}
}
