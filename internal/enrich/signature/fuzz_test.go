package signature

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzExtract: whatever stands in a mail, nothing panics, every quoted line
// stands in the text byte by byte, and every value has its parts.
func FuzzExtract(f *testing.F) {
	for _, seed := range []string{
		"", "-- \n", "Regards,\nMara Lind\n+44 117 496 0123\n", "> quoted\n-- \nMara Lind\nHead of Sales, Northwind Lamps Ltd.\n12 Harbour Street\n",
		"Mara Lind | CEO | Lind GmbH | (415) 555-0134 x12 | linkedin.com/in/mara\n", "-- \nMara Lind      wk: 415 555 0134\nRoom 5         fax: 415 555 0135\n",
		"On 4 Mar, Tom <tom@reed.example> wrote:\n\nhello\n", "Von: a\nGesendet: b\nAn: c\nBetreff: d\n", "Tel:\n+49 30\n1234567\n", "\r\n\r\n*Mara*\t\u00a0Lind\r\n〒100-0001 東京都\r\n",
		"Thanks, Mara Lind\n1-800-LAMPS-4U\n", "(+353 or 0)86 555 0101\n", "Mara?L\xffnd\n(Mara\n", "Address: 51, rue X 75001 Paris (France) - at @ | | |\n",
	} {
		f.Add("Mara Lind", "mara.lind@northwind-lamps.example", "DE", seed)
	}
	f.Fuzz(func(t *testing.T, name, email, region, text string) {
		m := Message{FromName: name, FromEmail: email, Region: region, Text: text}
		found := Extract(m)
		if len(found.Values) == 0 {
			require.Equal(t, KindNone, found.Kind)
		}
		require.Contains(t, text, found.Block)
		for _, v := range found.Values {
			require.Contains(t, text, v.Line)
			require.NotEmpty(t, strings.TrimSpace(v.Line))
			require.NotEmpty(t, v.Value)
			require.NotEmpty(t, v.Raw)
			require.True(t, v.Confidence > 0 && v.Confidence < 1)
			require.Equal(t, v.Field == FieldPhone, v.Label != "")
			if utf8.ValidString(text) {
				require.True(t, utf8.ValidString(v.Value), "%q", v.Value)
			}
		}
		for _, line := range Own(text) {
			require.Contains(t, text, line)
		}
	})
}

// Time grows with the text and not with its square: each of these megabytes is
// read in the time that some thousand ordinary messages take.
func TestLongTextsTakeLinearTime(t *testing.T) {
	for what, piece := range map[string]string{
		"spaces": " ", "dots": ".", "digits": "1", "dashes": "-", "gaps": "1   ", "brackets": "(", "quotes": ">", "plus": "+1 ", "empty lines": "\n", "short lines": "a\n", "rules": "-- \n",
		"sign-offs": "Regards,\nMara Lind\n", "numbers": "+49 30 1234567\n", "headers": "From: a@b\n", "announcements": "On 4 Mar 2024 Tom\n", "names": "Mara Lind ", "commas": "Mara, ", "at": "a at b.c ", "urls": "www.a.b/c ",
		"broken runs": "> a\nMara Lind\n+49 30 1234567\n", "legal": "confidential ", "stars": "*", "half numbers": "Tel 02\n9114\n", "columns": "a             b\n", "equal signs": "=?", "fields": "To: a\n\n\n",
	} {
		t.Run(what, func(t *testing.T) {
			for _, tail := range []string{"", "\n-- \nMara Lind\nHead of Sales\n"} {
				text := strings.Repeat(piece, 1<<20/len(piece)) + tail
				start := time.Now()
				Extract(Message{FromName: "Mara Lind", FromEmail: "mara@lind.example", Text: text})
				require.Less(t, time.Since(start), 10*time.Second)
			}
		})
	}
}

func BenchmarkExtract(b *testing.B) {
	m := Message{FromName: "Mara Lind", FromEmail: "mara.lind@northwind-lamps.example",
		Text: strings.Repeat("We looked at the lamps again and think that the blue ones, which came last week, are the better choice.\n", 8) + "\nBest regards,\n\nMara Lind\nHead of Sales\nNorthwind Lamps Ltd.\n12 Harbour Street, Bristol BS1 5TY, United Kingdom\nTel: +44 117 496 0123\nMobile: +44 7700 900123\n\nOn Tue, Mar 5, 2024 at 10:02 AM Sam Bell <sam@bell.example> wrote:\n> ok?\n"}
	b.ReportAllocs()
	for b.Loop() {
		Extract(m)
	}
}
