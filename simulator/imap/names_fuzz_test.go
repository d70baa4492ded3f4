package imap

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func FuzzListPatterns(f *testing.F) {
	f.Add("INBOX", "*")
	f.Add("[Gmail]/Sent Mail", "[Gmail]/%")
	f.Add("a/b/c", "%")
	f.Add("a/b/c", "a*%c")
	f.Fuzz(func(t *testing.T, name, pattern string) {
		if len(name) > 60 || len(pattern) > 60 || !utf8.ValidString(name) || !utf8.ValidString(pattern) {
			return
		}
		like := strings.NewReplacer(`\*`, "(?s:.*)", "%", "[^/]*").Replace(regexp.QuoteMeta(pattern))
		require.Equal(t, regexp.MustCompile("^(?:"+like+")$").MatchString(name), matches(name, pattern))
	})
}
