package mail

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// corpora is a folder of other people's mail and HTML beside the repository.
const corpora = "../../../shared/corpora"

func corpus(t testing.TB, parts ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{corpora}, parts...)...)
	if found, _ := filepath.Glob(path); len(found) == 0 {
		t.Skip("skipped: " + path + " is not here")
	}
	return path
}

// TestCorpusMailIsReadWithoutHarm parses every file of every mail corpus.
func TestCorpusMailIsReadWithoutHarm(t *testing.T) {
	corpus(t, "mime-*")
	files, total := 0, time.Duration(0)
	roots, err := filepath.Glob(filepath.Join(corpora, "mime-*"))
	require.NoError(t, err)
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			began := time.Now()
			e, err := ParseRaw(bytes.NewReader(data))
			took := time.Since(began)
			require.NoError(t, err, path)
			require.Less(t, took, 20*time.Second, path)
			for _, s := range []string{e.Subject, e.BodyText, e.BodyHTML, e.From.Name, e.From.Email, e.Snippet, e.RFC822MessageID} {
				require.True(t, utf8.ValidString(s) && !strings.Contains(s, "\x00"), path)
			}
			for _, a := range e.Attachments {
				require.True(t, utf8.ValidString(a.Name+a.Type+a.ContentID), path)
				require.NotEmpty(t, a.Name, path)
			}
			safe := Sanitise(e.BodyHTML, SafeOptions{})
			require.True(t, utf8.ValidString(safe.HTML), path)
			require.Equal(t, safe.HTML, Sanitise(safe.HTML, SafeOptions{}).HTML, path)
			files++
			total += took
			return nil
		})
		require.NoError(t, err)
	}
	t.Logf("%d files, %v for each", files, total/time.Duration(max(files, 1)))
}

// TestCorpusAgreement measures how often the parser agrees with what several
// independent ones agree on.
func TestCorpusAgreement(t *testing.T) {
	f, err := os.Open(corpus(t, "mime-reference", "mime-reference.dev.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	type value struct {
		Value string `json:"value"`
		Votes int    `json:"votes"`
	}
	right, all := map[string]int{}, map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var ref struct {
			File   string           `json:"file"`
			Agreed map[string]value `json:"agreed"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &ref))
		data, err := os.ReadFile(filepath.Join(corpora, ref.File))
		require.NoError(t, err)
		e, err := ParseRaw(bytes.NewReader(data))
		require.NoError(t, err)
		have := map[string]string{"subject": e.Subject, "from": e.From.Email, "fromName": e.From.Name, "text": e.BodyText}
		for field, want := range ref.Agreed {
			if want.Votes < 2 || field == "text" && want.Value == "" { // no text part: ours is made from HTML
				continue
			}
			if strings.ContainsRune(want.Value, utf8.RuneError) || strings.Contains(want.Value, "\u00ef\u00bf\u00bd") {
				continue // they agree that they could not read it
			}
			all[field]++
			a, b := folded(want.Value), folded(have[field])
			if field == "from" {
				a = strings.ToLower(a)
			}
			if a == b {
				right[field]++
			} else if os.Getenv("SHOW_DISAGREEMENT") == field {
				t.Logf("%s (%d votes)\n want %.300q\n have %.300q", ref.File, want.Votes, a, b)
			}
		}
	}
	require.NoError(t, lines.Err())
	for field, n := range all {
		t.Logf("%-9s %d of %d agree (%.1f %%)", field, right[field], n, 100*float64(right[field])/float64(n))
	}
	for field, least := range map[string]float64{"subject": 0.97, "from": 0.97, "fromName": 0.95, "text": 0.85} {
		require.GreaterOrEqual(t, float64(right[field]), least*float64(all[field]), field)
	}
}

func folded(s string) string { return strings.Join(strings.Fields(s), " ") }
