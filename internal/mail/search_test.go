package mail

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var berlin = func() *time.Location {
	l, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return l
}()

// viewer searches on 2026-06-15 12:00 in Berlin.
var viewer = Viewer{Now: time.Date(2026, 6, 15, 10, 0, 0, 0, time.UTC), Zone: berlin, Emails: []string{"ada@lamps.example"}}

func day(y int, m time.Month, d int) int64 { return time.Date(y, m, d, 0, 0, 0, 0, berlin).Unix() }

func TestParseSearch(t *testing.T) {
	and := func(n ...Node) Node { return And{n} }
	or := func(n ...Node) Node { return Or{n} }
	for query, want := range map[string]Node{
		"":                        nil,
		"  ":                      nil,
		"()":                      nil,
		"lamp":                    Words{Text: "lamp", Prefix: true},
		"lamp ":                   Words{Text: "lamp"},
		"blue lamp":               and(Words{Text: "blue"}, Words{Text: "lamp", Prefix: true}),
		`"blue  lamp"`:            Words{Text: "blue lamp", Phrase: true},
		`"blue lamp`:              Words{Text: "blue lamp", Phrase: true},
		"-lamp ":                  Not{Words{Text: "lamp"}},
		`-"blue lamp"`:            Not{Words{Text: "blue lamp", Phrase: true}},
		"a OR b ":                 or(Words{Text: "a"}, Words{Text: "b"}),
		"a OR b c ":               and(or(Words{Text: "a"}, Words{Text: "b"}), Words{Text: "c"}),
		"a b OR c OR d ":          and(Words{Text: "a"}, or(Words{Text: "b"}, Words{Text: "c"}, Words{Text: "d"})),
		"{a b} c ":                and(or(Words{Text: "a"}, Words{Text: "b"}), Words{Text: "c"}),
		"(a b) OR c ":             or(and(Words{Text: "a"}, Words{Text: "b"}), Words{Text: "c"}),
		"-(a b) ":                 Not{and(Words{Text: "a"}, Words{Text: "b"})},
		"a AND b ":                and(Words{Text: "a"}, Words{Text: "b"}),
		"OR ":                     nil,
		"ORDER ":                  Words{Text: "ORDER"},
		"from:Ada@Lamps.example":  Field{Name: FieldFrom, Text: "Ada@Lamps.example", Prefix: true},
		`from:"Ada Lamp"`:         Field{Name: FieldFrom, Text: "Ada Lamp"},
		"FROM:ada":                Field{Name: FieldFrom, Text: "ada", Prefix: true},
		"subject:lam ":            Field{Name: FieldSubject, Text: "lam"},
		"from:fr is:unread":       and(Field{Name: FieldFrom, Text: "fr"}, Flag{FlagUnread}),
		"from:me":                 Field{Name: FieldFrom, Text: "ada@lamps.example"},
		"from:(a OR b)":           or(Field{Name: FieldFrom, Text: "a"}, Field{Name: FieldFrom, Text: "b"}),
		"from:{a b}":              or(Field{Name: FieldFrom, Text: "a"}, Field{Name: FieldFrom, Text: "b"}),
		"subject:(blue lamp)":     and(Field{Name: FieldSubject, Text: "blue"}, Field{Name: FieldSubject, Text: "lamp"}),
		`subject:("blue lamp" x)`: and(Field{Name: FieldSubject, Text: "blue lamp"}, Field{Name: FieldSubject, Text: "x"}),
		"-to:x cc:y bcc:z":        and(Not{Field{Name: FieldTo, Text: "x"}}, Field{Name: FieldCc, Text: "y"}, Field{Name: FieldBcc, Text: "z", Prefix: true}),
		"filename:pdf":            Field{Name: FieldFilename, Text: "pdf", Prefix: true},
		"rfc822msgid:<a@b>":       Field{Name: FieldMessageID, Text: "a@b"},
		"label:customers":         Label{"customers"},
		`label:"Big Customers"`:   Label{"Big Customers"},
		"in:inbox":                Label{"INBOX"},
		"in:drafts":               Label{"DRAFT"},
		"in:anywhere":             Flag{FlagAnywhere},
		"in:Customers":            Label{"Customers"},
		"is:unread":               Flag{FlagUnread},
		"is:READ":                 Flag{FlagRead},
		"is:starred":              Flag{FlagStarred},
		"is:important":            Label{"IMPORTANT"},
		"is:odd":                  Words{Text: "is:odd"},
		"has:attachment":          Flag{FlagAttachment},
		"has:pony":                Words{Text: "has:pony"},
		"category:primary":        Label{"CATEGORY_PERSONAL"},
		"after:2026/05/01":        Date{From: day(2026, 5, 1)},
		"after:2026-5-1":          Date{From: day(2026, 5, 1)},
		"before:2026/05/01":       Date{To: day(2026, 5, 1)},
		"older:2026/05/01":        Date{To: day(2026, 5, 1)},
		"newer:05/31/2026":        Date{From: day(2026, 5, 31)},
		"after:1700000000":        Date{From: 1700000000},
		"after:today":             Date{From: day(2026, 6, 15)},
		"before:someday":          Words{Text: "before:someday"},
		"newer_than:2d":           Date{From: viewer.Now.AddDate(0, 0, -2).Unix()},
		"older_than:1y":           Date{To: viewer.Now.AddDate(-1, 0, 0).Unix()},
		"newer_than:3m":           Date{From: viewer.Now.In(berlin).AddDate(0, -3, 0).Unix()},
		"newer_than:2":            Words{Text: "newer_than:2"},
		"larger:10M":              SizeRange{From: 10 << 20},
		"smaller:500k":            SizeRange{To: 500 << 10},
		"size:1000":               SizeRange{From: 1000},
		"larger:much":             Words{Text: "larger:much"},
		"from:":                   nil,
		"list:a@b":                or(Field{Name: FieldTo, Text: "a@b"}, Field{Name: FieldCc, Text: "a@b"}, Field{Name: FieldFrom, Text: "a@b"}),
		"deliveredto:a@b":         or(Field{Name: FieldTo, Text: "a@b"}, Field{Name: FieldCc, Text: "a@b"}, Field{Name: FieldBcc, Text: "a@b"}),
		"http://lamps.example ":   Words{Text: "http://lamps.example"},
		"a) b} ":                  and(Words{Text: "a"}, Words{Text: "b"}),
		"((a ":                    Words{Text: "a"},
		"- a ":                    Words{Text: "a"},
		"--a ":                    Not{Not{Words{Text: "a"}}},
	} {
		got := ParseSearch(query, viewer)
		if want == nil {
			require.Nil(t, got, "%q", query)
			continue
		}
		require.NotNil(t, got, "%q", query)
		require.Empty(t, cmp.Diff(want, got.Root), "%q", query)
	}
}

func TestParseSearchIsBounded(t *testing.T) {
	for _, q := range []string{
		strings.Repeat("(", 100_000), strings.Repeat("-", 100_000) + "a", strings.Repeat("a OR ", 100_000),
		strings.Repeat("{a ", 50_000), strings.Repeat(`from:"`, 50_000), "\x00\xff\xfe" + strings.Repeat("\u00a0x", 1000),
	} {
		ParseSearch(q, viewer)
		Suggest(q, 10)
	}
}

func TestSuggest(t *testing.T) {
	texts := func(q string) (out []string) {
		for _, s := range Suggest(q, 3) {
			out = append(out, s.Text)
		}
		return out
	}
	require.Equal(t, []string{"from:", "to:", "cc:"}, texts(""))
	require.Equal(t, []string{"from:ada has:attachment"}, texts("from:ada has"))
	require.Equal(t, []string{"lamp -is:unread", "lamp -is:read", "lamp -is:starred"}, texts("lamp -is:"))
	require.Empty(t, texts(`"is:`))
	require.Empty(t, texts("from:ada"))
}

func FuzzSearch(f *testing.F) {
	for _, q := range []string{"a OR b", `from:(x y) -"z`, "{a (b c}) after:2026/1/1", "newer_than:9y larger:1G", "\xff:"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		s := ParseSearch(q, viewer)
		if s != nil && s.Root == nil {
			t.Fatal("a search without a root")
		}
		if s != nil {
			checkNode(t, s.Root)
		}
		Suggest(q, 5)
	})
}

// checkNode requires that a node says something the store can ask for.
func checkNode(t *testing.T, n Node) {
	text := func(s string) {
		if strings.TrimSpace(s) == "" || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			t.Fatalf("%q in %#v", s, n)
		}
	}
	several := func(nodes []Node) {
		if len(nodes) < 2 {
			t.Fatalf("%#v holds fewer than two", n)
		}
		for _, c := range nodes {
			checkNode(t, c)
		}
	}
	switch n := n.(type) {
	case And:
		several(n.Nodes)
	case Or:
		several(n.Nodes)
	case Not:
		checkNode(t, n.Node)
	case Words:
		text(n.Text)
	case Field:
		text(n.Text)
	case Label:
		text(n.Name)
	case Flag:
		text(string(n.Name))
	case Date:
		if n == (Date{}) {
			t.Fatal("a date without bounds")
		}
	case SizeRange:
		if n == (SizeRange{}) {
			t.Fatal("a size without bounds")
		}
	default:
		t.Fatalf("%#v", n)
	}
}
