package store

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
)

// FuzzLists: what is written is read back, however it is quoted.
func FuzzLists(f *testing.F) {
	for _, v := range []string{"", "INBOX", `a","b`, `"},{"name":"`, `\`, "<&>", "é\u2028", `","email":"`, "x\x00y"} {
		f.Add(v, "b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = clean(a), clean(b)
		for _, words := range [][]string{nil, {a}, {a, b}, {b, a, ""}} {
			got, err := readList(listText(words))
			require.NoError(t, err)
			require.Equal(t, strings.Join(words, "|"), strings.Join(got, "|"))
			require.Len(t, got, len(words))
		}
		for _, list := range [][]crm.Address{nil, {{Name: a, Email: b}}, {{Email: a}, {Name: b}, {Name: a, Email: a}}} {
			got, err := readAddresses(addressesText(list))
			require.NoError(t, err)
			require.Equal(t, len(list), len(got))
			for i := range list {
				require.Equal(t, list[i], got[i])
			}
		}
	})
}

// FuzzReadAddresses: any JSON is read as encoding/json reads it.
func FuzzReadAddresses(f *testing.F) {
	f.Add(`[{"name":"a","email":"b"}]`)
	f.Add(`[{"name":"a","email":"b","x":"y"}]`)
	f.Add(`[{"name":"a"}]`)
	f.Add(`["a","b"]`)
	f.Fuzz(func(t *testing.T, text string) {
		var want []crm.Address
		if json.Unmarshal([]byte(text), &want) != nil {
			return
		}
		got, err := readAddresses(text)
		require.NoError(t, err)
		require.Equal(t, len(want), len(got))
		for i := range want {
			require.Equal(t, want[i], got[i])
		}
	})
}

// FuzzWords: folding gives words of letters and digits within their bounds, and
// folding them again changes nothing.
func FuzzWords(f *testing.F) {
	for _, v := range []string{"Straße", "東京 tower", "ﬁne", "a\u0301", "שָׁלוֹם", "½ ① x²", "İstanbul", "e\xff\xfe", "ประชุม", strings.Repeat("é", 100)} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list := foldedWords(text, 100)
		require.LessOrEqual(t, len(list), 100)
		for _, w := range list {
			require.NotEmpty(t, w)
			require.LessOrEqual(t, len(w), wordMost)
			require.NotContains(t, w, " ")
			require.NotContains(t, w, filler)
			require.NotContains(t, w, "'")
			require.NotContains(t, w, ":")
		}
		require.Equal(t, list, foldedWords(strings.Join(list, " "), 100))
	})
}
