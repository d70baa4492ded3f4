package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/store/storetest"
)

const fair = "Name;E-Mail;Telefon;Firma\nInes Duarte;ines@lumen-atelier.example;+351 21 555 0134;Lumen Atelier\nTiago Pires;tiago@lumen-atelier.example;;Lumen Atelier\n;no address;;\n"

type imported struct {
	State    string            `json:"state"`
	Rows     int64             `json:"rows"`
	Counts   map[string]int64  `json:"counts"`
	Mapping  map[string]string `json:"mapping"`
	Mistakes []struct {
		Row int64  `json:"row"`
		Why string `json:"why"`
	} `json:"mistakes"`
}

func TestRecordsFromAFileAndIntoAFile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		environ := settingsFor(t, d, nil)
		dir := t.TempDir()
		file := func(name, text string) string {
			path := filepath.Join(dir, name)
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			return path
		}
		ok := func(args ...string) string {
			t.Helper()
			r := runs(t, environ, append([]string{"records"}, args...)...)
			require.Equal(t, exitOK, r.code, r.errs)
			return r.out
		}
		made := runs(t, environ, "user", "create", "--email", "ada@oakrill.example", "--name", "Ada")
		require.Equal(t, exitOK, made.code, made.errs)
		people := file("fair.csv", fair)

		// Looked at, nothing is stored: the bad line is told by its number.
		look := runs(t, environ, "records", "import", people, "--dry-run")
		require.Equal(t, "1 of 3 lines could not be read", look.oneLine(t, exitFailure))
		require.Contains(t, look.out, "Telefon: phone\n")
		require.Contains(t, look.out, "line 3: There is no name.\n")
		require.Contains(t, look.out, "fair.csv: 3 lines; 2 would be made, 0 completed, 0 left out, 1 with mistakes; nothing is stored")
		require.Equal(t, 1, strings.Count(ok("export"), "\n"), "heads alone")

		// Stored; who runs it again changes nothing.
		for i, want := range []map[string]int64{{"created": 2, "failed": 1}, {"skipped": 2, "failed": 1}} {
			r := runs(t, environ, "records", "import", people, "--json", "--email", "ada@oakrill.example")
			require.Equal(t, exitFailure, r.code, r.errs)
			var got imported
			require.NoError(t, json.Unmarshal([]byte(r.out), &got))
			require.Equal(t, want, got.Counts, i)
			require.Equal(t, "done", got.State)
			require.Equal(t, "company", got.Mapping["Firma"])
			require.Len(t, got.Mistakes, 1)
			require.Equal(t, int64(3), got.Mistakes[0].Row)
		}

		// Standard input, columns mapped by hand, currencies with other decimals.
		in := command(t, environ, "records", "import", "-", "--type", "deal", "--map", "What=name", "--map", "Note=")
		in.Stdin = strings.NewReader("What,Amount,Currency,Note\nLobby,1200,JPY,x\nGarden,1.5,KWD,x\nRoof,3,ABC,x\n")
		deals := finish(t, in)
		require.Equal(t, exitOK, deals.code, deals.errs)
		require.Contains(t, deals.out, "Note: left out\n")
		require.Contains(t, deals.out, `line 3: Left out: amount has the currency "ABC", which ISO 4217 does not have.`)
		require.Contains(t, deals.out, "3 made")
		out := ok("export", "--type", "deal")
		require.Contains(t, out, ",1200,JPY,")
		require.Contains(t, out, ",1.500,KWD,")

		// Into files, each whole, and back: nothing changes.
		csv := filepath.Join(dir, "out.csv")
		require.Contains(t, ok("export", "-o", csv), "person: 2 records written to "+csv)
		require.Contains(t, ok("import", csv), "0 made, 0 completed, 2 left out, 0 with mistakes")
		cards := filepath.Join(dir, "out.vcf")
		require.JSONEq(t, `{"type":"person","format":"vcard","written":2}`, ok("export", "--format", "vcard", "-o", cards, "--json"))
		require.Contains(t, ok("import", cards), "0 made, 0 completed, 2 left out, 0 with mistakes")
		lines := strings.Split(strings.TrimSpace(ok("export", "--type", "all", "--format", "json")), "\n")
		require.Len(t, lines, 6, "two people, their company, three deals")
		var one struct{ Type, Name string }
		require.NoError(t, json.Unmarshal([]byte(lines[0]), &one))
		require.Equal(t, "Garden", one.Name)
		require.Len(t, strings.Split(strings.TrimSpace(ok("export", "--query", "tiago")), "\n"), 2)

		// What cannot be is said in one line.
		for _, c := range []struct {
			want string
			args []string
		}{
			{"cannot be read: no such file or directory", []string{"import", filepath.Join(dir, "none.csv")}},
			{"--type is no type of records", []string{"import", people, "--type", "ship"}},
			{"--map names a column that is none", []string{"import", people, "--map", "Foo=email"}},
			{"--map names a field that is none", []string{"import", people, "--map", "Name=foo"}},
			{"--map must be COLUMN=FIELD", []string{"import", people, "--map", "Name"}},
			{"--on-match must be", []string{"import", people, "--on-match", "maybe"}},
			{"--format must be csv or vcard", []string{"import", people, "--format", "xml"}},
			{"--format must be csv, vcard or json", []string{"export", "--format", "xml"}},
			{"--format is for people and companies", []string{"export", "--format", "vcard", "--type", "deal"}},
			{"--type ship is no type of records", []string{"export", "--type", "ship"}},
			{"accepts 1 arg", []string{"import"}},
		} {
			r := runs(t, environ, append([]string{"records"}, c.args...)...)
			require.Contains(t, r.oneLine(t, exitUsage), c.want)
		}
	})
}
