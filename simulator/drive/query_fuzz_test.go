package drive

import "testing"

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "name = 'x' and (trashed=false or not starred = true)", `name contains 'It\'s'`, "'root' in parents", "properties has { key='a' and value='b' }", "modifiedTime > '2026-01-02'", "((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, ok := parseQuery(text); ok && c == nil {
			t.Fatal("a query without a condition")
		}
	})
}
