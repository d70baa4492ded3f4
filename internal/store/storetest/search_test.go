package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// A mailbox to search: every message has something of its own.
func library() []*crm.Email {
	n := 0
	add := func(subject, body string, change ...func(*crm.Email)) *crm.Email {
		n++
		e := Mail(n, InThread(fmt.Sprint("t", n%9)))
		e.Subject, e.BodyText, e.Snippet = subject, body, ""
		e.From, e.To = crm.Address{Name: "Mira Tallow", Email: "mira@harbour-tea.example"}, []crm.Address{{Name: "Ada Quill", Email: "ada@northwind-lamps.example"}}
		e.Date = Start.Add(time.Duration(n*n) * time.Hour)
		e.Size = int64(n * 1000)
		for _, f := range change {
			f(e)
		}
		return e
	}
	from := func(name, email string) func(*crm.Email) {
		return func(e *crm.Email) { e.From = crm.Address{Name: name, Email: email} }
	}
	files := func(names ...string) func(*crm.Email) {
		return func(e *crm.Email) {
			e.HasAttachments = true
			for i, name := range names {
				e.Attachments = append(e.Attachments, crm.Attachment{PartID: fmt.Sprint(i + 2), Name: name})
			}
		}
	}
	return []*crm.Email{
		add("Invoice 4711", "Please find the invoice attached. Payment within 30 days.", files("Invoice_4711.pdf")),
		add("Re: Invoice 4711", "Paid yesterday, thank you.", Labelled("SENT"), from("Ada Quill", "ada@northwind-lamps.example")),
		add("Lamp order", "We would like twelve lamps for the harbour office.", Labelled("INBOX", "UNREAD", "Label_1")),
		add("Straße und Größe", "Die Straße ist größer, als Maß und Fuß es ahnen lassen.", from("Jörg Weiß", "joerg@weiss.example")),
		add("Été à Besançon", "Le café crème coûte 4,50 €. Déjà vu !", from("Élodie Brûlé", "elodie@brule.example"), Labelled("INBOX", "Label_2")),
		add("Smørrebrød", "Blåbær og fløde på Østerbro; Łódź, Đakovo, Þingvellir.", from("Søren", "soren@ost.example")),
		add("東京での会議", "明日の会議は東京駅の近くです。", from("山田", "yamada@tokyo.example")),
		add("ประชุม", "พรุ่งนี้เช้าที่กรุงเทพ"),
		add("Встреча", "Завтра встреча в Москве, ёлка уже стоит."),
		add("Ραντεβού", "Αύριο στην Αθήνα."),
		add("שלום", "שָׁלוֹם לכולם"),
		add("ﬁne ligatures", "ﬀ ﬁ ﬂ and full width ＡＢＣ１２３ and ① and ½"),
		add("don't stop", "It's o'clock. rock-and-roll e-mail co-operate x86_64 3.14 v2.0.1 a/b/c foo.bar@baz.example"),
		add("", "No subject here, but the word needle."),
		add("Needle in haystack", ""),
		add("Repeats", strings.Repeat("spam ham ", 400)+"final words of the repeats"),
		add("Quarterly report", "Numbers for the quarter.", files("report-2026-Q1.xlsx", "Übersicht größe.docx"), Labelled("INBOX", "STARRED", "Label_1")),
		add("Draft thoughts", "not yet sent", Labelled("DRAFT")),
		add("You won", "cheap lamps", Labelled("SPAM")),
		add("Old lamps", "to the bin", Labelled("TRASH", "Label_1", "UNREAD")),
		add("Meeting notes", "Alpha beta gamma. Delta epsilon.", Labelled("INBOX", "UNREAD", "IMPORTANT")),
		add("Gamma delta", "beta alpha", Labelled("INBOX", "UNREAD")),
		add("Newsletter", "unsubscribe here", func(e *crm.Email) { e.To, e.Cc = nil, []crm.Address{{Name: "List", Email: "list@news.example"}} }),
		add("Copy", "see cc", func(e *crm.Email) {
			e.Cc, e.Bcc = []crm.Address{{Name: "Zoë Öst", Email: "zoe@ost.example"}, {Email: "ben@northwind-lamps.example"}}, []crm.Address{{Email: "boss@secret.example"}}
		}),
		add("Long token", strings.Repeat("a", 100)+" "+strings.Repeat("b", 64)+" "+strings.Repeat("é", 50)),
		add("Punctuation only", "!!! ??? --- … « »"),
		add("AND OR NOT NEAR", `"quoted" (parens) col:on star* ^caret 'single' \back %percent_ $1 {brace} a<->b !bang & | :`),
		add("Lamp lamp lamps", "lamp", Labelled("INBOX", "Label_2"), from("Lamp Shop", "shop@lamp.example")),
		add("Same thread", "one", InThread("t1"), Labelled("INBOX", "UNREAD")),
		add("Same thread again", "two lamps", InThread("t1")),
		add("Soft\u00adhyphen", "zero\u200bwidth joi\u200dner"),
		add("Emoji 😀 lamp", "party 🎉🎉 time"),
	}
}

var libraryLabels = []crm.Label{
	{ID: "INBOX", Name: "INBOX", Type: "system"}, {ID: "SENT", Name: "SENT", Type: "system"},
	{ID: "Label_1", Name: "Trips/North Sea", Type: "user"}, {ID: "Label_2", Name: "Größe", Type: "user"}, {ID: "Label_3", Name: "Empty", Type: "user"},
}

// naive is the oracle: it reads every message and thinks slowly. nothing: the
// node says nothing.
func naive(n mail.Node, e *crm.Email) (match, nothing bool) {
	switch n := n.(type) {
	case nil:
		return true, true
	case mail.And:
		nothing = true
		match = true
		for _, one := range n.Nodes {
			m, no := naive(one, e)
			if !no {
				match, nothing = match && m, false
			}
		}
		return match, nothing
	case mail.Or:
		nothing = true
		for _, one := range n.Nodes {
			m, no := naive(one, e)
			if !no {
				match, nothing = match || m, false
			}
		}
		return match, nothing
	case mail.Not:
		m, no := naive(n.Node, e)
		return !m, no
	case mail.Words:
		words := naiveWords(n.Text)
		for _, f := range naiveFields(e) {
			match = match || naivePhrase(f, words, n.Prefix)
		}
		return match, len(words) == 0
	case mail.Field:
		if n.Name == mail.FieldMessageID {
			return e.RFC822MessageID == strings.Trim(n.Text, "<>"), false
		}
		words := naiveWords(n.Text)
		return naivePhrase(naiveFields(e)[n.Name], words, n.Prefix), len(words) == 0
	case mail.Flag:
		switch n.Name {
		case mail.FlagUnread:
			return !e.IsRead(), false
		case mail.FlagRead:
			return e.IsRead(), false
		case mail.FlagStarred:
			return e.IsStarred(), false
		case mail.FlagAttachment:
			return e.HasAttachments, false
		}
		return true, true
	case mail.Label:
		return slices.ContainsFunc(e.Labels, func(id string) bool { return naiveLabel(n.Name, id) }), false
	case mail.Date:
		at := e.Date.Unix()
		return (n.From == 0 || at >= n.From) && (n.To == 0 || at < n.To), n.From == 0 && n.To == 0
	case mail.SizeRange:
		return (n.From == 0 || e.Size >= n.From) && (n.To == 0 || e.Size < n.To), n.From == 0 && n.To == 0
	}
	panic(fmt.Sprintf("%T", n))
}

func naiveLabel(name, id string) bool {
	form := func(v string) string {
		return strings.NewReplacer(" ", "-", "/", "-", "_", "-").Replace(strings.ToLower(v))
	}
	names := []string{form(id)}
	for _, l := range libraryLabels {
		if l.ID == id {
			names = append(names, form(l.Name))
		}
	}
	if id == "DRAFT" {
		names = append(names, "drafts")
	}
	return slices.Contains(names, form(name))
}

func naiveFields(e *crm.Email) map[mail.FieldName][]string {
	people := func(list []crm.Address) (words []string) {
		for _, a := range list {
			words = append(append(words, naiveWords(a.Name)...), naiveWords(a.Email)...)
		}
		return words
	}
	var files []string
	for _, f := range e.Attachments {
		files = append(files, naiveWords(f.Name)...)
	}
	return map[mail.FieldName][]string{
		mail.FieldSubject: naiveWords(e.Subject), mail.FieldFrom: people([]crm.Address{e.From}), mail.FieldTo: people(e.To),
		mail.FieldCc: people(e.Cc), mail.FieldBcc: people(e.Bcc), mail.FieldFilename: files, "body": naiveRepeats(naiveWords(e.BodyText)),
	}
}

// naiveRepeats: no phrase goes through the later repetitions of one word.
func naiveRepeats(words []string) []string {
	times := map[string]int{}
	for i, w := range words {
		if times[w]++; times[w] > 255 {
			words[i] = "·"
		}
	}
	return words
}

func naiveWords(text string) []string {
	text = strings.NewReplacer("ß", "ss", "ẞ", "ss", "æ", "ae", "ø", "o", "Ø", "o", "Ł", "l", "ł", "l", "Đ", "d", "Þ", "th", "\u00ad", "", "\u200b", "", "\u200d", "").Replace(text)
	var b strings.Builder
	for _, r := range norm.NFKD.String(text) {
		switch {
		case r >= 0x300 && r <= 0x36f, r >= 0x591 && r <= 0x5c7:
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			b.WriteString(" " + string(r) + " ")
		case unicode.IsLetter(r), unicode.IsNumber(r), unicode.IsMark(r):
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte(' ')
		}
	}
	words := strings.Fields(b.String())
	for i, w := range words {
		if len(w) > 64 {
			words[i] = w[:64]
		}
	}
	return words
}

func naivePhrase(text, words []string, prefix bool) bool {
	for i := 0; len(words) > 0 && i+len(words) <= len(text); i++ {
		last := len(words) - 1
		if slices.Equal(text[i:i+last], words[:last]) && (text[i+last] == words[last] || prefix && strings.HasPrefix(text[i+last], words[last])) {
			return true
		}
	}
	return false
}

// naiveSearch gives the subjects of what matches, newest first.
func naiveSearch(q mail.ListQuery, emails []*crm.Email) []string {
	anywhere, asked := false, map[string]bool{}
	if q.Label != "" {
		asked[q.Label] = true
	}
	var look func(n mail.Node, wanted bool)
	look = func(n mail.Node, wanted bool) {
		switch n := n.(type) {
		case mail.And:
			for _, one := range n.Nodes {
				look(one, wanted)
			}
		case mail.Or:
			for _, one := range n.Nodes {
				look(one, wanted)
			}
		case mail.Not:
			look(n.Node, !wanted)
		case mail.Flag:
			anywhere = anywhere || wanted && n.Name == mail.FlagAnywhere
		case mail.Label:
			for _, id := range []string{"SPAM", "TRASH", "DRAFT"} {
				if wanted && naiveLabel(n.Name, id) {
					asked[id] = true
				}
			}
		}
	}
	if q.Search != nil {
		look(q.Search.Root, true)
	}
	list := slices.Clone(emails)
	slices.SortFunc(list, func(a, b *crm.Email) int { return b.Date.Compare(a.Date) })
	found, threads := []string{}, map[string]bool{}
	for _, e := range list {
		hidden, wanted := false, anywhere
		for _, l := range e.Labels {
			hidden = hidden || hides(l)
			wanted = wanted || hides(l) && asked[l]
		}
		match := !hidden || wanted
		if q.Search != nil {
			m, nothing := naive(q.Search.Root, e)
			match = match && (m || nothing)
		}
		match = match && (q.Label == "" || e.HasLabel(q.Label)) && (q.Unread == nil || *q.Unread == !e.IsRead())
		if match && !(q.Threads && threads[e.ThreadID]) {
			threads[e.ThreadID] = true
			found = append(found, e.Subject)
		}
	}
	return found
}

// paged reads a whole list in pages of a size.
func (w *World) paged(c crm.Connection, q mail.ListQuery, size int) []string {
	w.T.Helper()
	found := []string{}
	q.Connection, q.Page = c.ID, mail.Page{Limit: size}
	for {
		page, err := w.List(ctx, Caller(c.WorkspaceID, crm.User{ID: c.UserID}), q)
		require.NoError(w.T, err)
		found = append(found, subjects(page)...)
		if q.Page.Cursor == "" && page.Next == "" {
			require.EqualValues(w.T, len(found), page.Total)
		}
		if page.Next == "" {
			return found
		}
		require.Len(w.T, page.Emails, size)
		q.Page.Cursor = page.Next
	}
}

func word(text string) mail.Node              { return mail.Words{Text: text} }
func begins(text string) mail.Node            { return mail.Words{Text: text, Prefix: true} }
func in(f mail.FieldName, t string) mail.Node { return mail.Field{Name: f, Text: t} }
func flag(f mail.FlagName) mail.Node          { return mail.Flag{Name: f} }
func label(name string) mail.Node             { return mail.Label{Name: name} }
func not(n mail.Node) mail.Node               { return mail.Not{Node: n} }
func and(n ...mail.Node) mail.Node            { return mail.And{Nodes: n} }
func or(n ...mail.Node) mail.Node             { return mail.Or{Nodes: n} }

// searches are the queries that have to find the same everywhere.
func searches() map[string]mail.Node {
	at := func(hours int) int64 { return Start.Add(time.Duration(hours) * time.Hour).Unix() }
	return map[string]mail.Node{
		"a word": word("invoice"), "two words": and(word("invoice"), word("paid")), "a phrase": word("Invoice 4711"), "phrase over fields": word("4711 please"),
		"phrase in the wrong order": word("4711 invoice"), "case": word("LAMPS"), "not a stem": word("lamp"), "prefix": begins("lam"), "prefix of a phrase": begins("twelve la"),
		"prefix of one letter": begins("m"), "prefix of a field's letter": begins("f"), "digits": word("30"), "sharp s": word("strasse"), "sharp s typed": word("Straße"), "umlaut": word("grosse"),
		"accents": word("ete"), "accents typed": word("Été"), "accents in capitals": word("BESANÇON"), "cedilla": word("besancon"), "o slash": word("smorrebrod"),
		"a ring": word("blabaer"), "l slash": word("lodz"), "d stroke": word("dakovo"), "thorn": word("thingvellir"), "two characters": word("東京"), "one character": word("駅"),
		"characters apart": word("京東"), "kana": word("での"), "thai": word("เช้า"), "cyrillic": word("встреча"), "cyrillic accent": word("елка"), "greek": word("αυριο"),
		"hebrew without points": word("שלום"), "ligature": word("fine"), "full width": word("abc123"), "circled": word("1"), "fraction": word("1⁄2"),
		"apostrophe": word("don't"), "hyphen": word("rock-and-roll"), "half a hyphen": word("roll"), "underscore": word("x86 64"), "decimal": word("3.14"), "address": word("foo.bar@baz.example"),
		"nothing but signs": word("!!!"), "signs and a word": and(word("!!!"), word("needle")), "signs or a word": or(word("???"), word("needle")), "not signs": not(word("--")),
		"empty": word(""), "no such word": word("unicorn"), "too often for a phrase": word("spam ham"), "after the repeats": word("final words"), "within the repeats": word("ham final"),
		"a file": in(mail.FieldFilename, "report"), "a whole file name": in(mail.FieldFilename, "Invoice_4711.pdf"), "file by word": word("xlsx"), "file with accents": in(mail.FieldFilename, "ubersicht"),
		"from a name": in(mail.FieldFrom, "mira"), "from an address": in(mail.FieldFrom, "ada@northwind-lamps.example"), "from a domain": in(mail.FieldFrom, "lamp.example"), "from with accents": in(mail.FieldFrom, "elodie brule"),
		"from, half typed": mail.Field{Name: mail.FieldFrom, Text: "elodie br", Prefix: true}, "subject, half typed": mail.Field{Name: mail.FieldSubject, Text: "inv", Prefix: true},
		"from nobody": in(mail.FieldFrom, "zoe"), "to": in(mail.FieldTo, "ada"), "cc": in(mail.FieldCc, "zoe"), "cc domain": in(mail.FieldCc, "ost.example"), "bcc": in(mail.FieldBcc, "secret"), "bcc by word": word("secret"),
		"subject": in(mail.FieldSubject, "lamp"), "subject not body": in(mail.FieldSubject, "lamps"), "message id": in(mail.FieldMessageID, "m3@harbour-tea.example"), "message id in brackets": in(mail.FieldMessageID, "<m3@harbour-tea.example>"),
		"unread": flag(mail.FlagUnread), "read": flag(mail.FlagRead), "starred": flag(mail.FlagStarred), "attachment": flag(mail.FlagAttachment), "anywhere": flag(mail.FlagAnywhere),
		"word anywhere": and(word("lamps"), flag(mail.FlagAnywhere)), "label by id": label("Label_1"), "label by name": label("trips-north-sea"), "label by its own name": label("Trips/North Sea"), "label with accents": label("größe"),
		"label in capitals": label("INBOX"), "in spam": label("spam"), "in drafts": label("drafts"), "in trash": and(label("trash"), word("lamps")), "not in trash": not(label("trash")), "unknown label": label("nowhere"), "empty label": label("Empty"),
		"unknown label or word": or(label("nowhere"), word("needle")), "two labels": and(label("Label_1"), label("inbox")), "label and unread": and(label("label_1"), flag(mail.FlagUnread)), "trash or a word": or(label("trash"), word("needle")),
		"before": mail.Date{To: at(100)}, "after": mail.Date{From: at(100)}, "between": mail.Date{From: at(100), To: at(400)}, "on the second": mail.Date{From: at(9), To: at(9) + 1}, "word between": and(word("lamps"), mail.Date{From: at(50), To: at(2000)}), "any date": mail.Date{},
		"larger": mail.SizeRange{From: 20000}, "smaller": mail.SizeRange{To: 5000}, "size between": mail.SizeRange{From: 5000, To: 9000},
		"or": or(word("invoice"), word("needle")), "or in and": and(or(word("invoice"), word("lamps")), or(word("paid"), word("harbour"))), "and in or": or(and(word("invoice"), word("paid")), and(word("alpha"), word("gamma"))),
		"minus": and(word("lamps"), not(word("harbour"))), "only minus": not(word("lamps")), "two minus": and(not(word("lamps")), not(word("invoice"))), "minus a phrase": and(word("gamma"), not(word("gamma delta"))),
		"minus a field": and(word("lamp"), not(in(mail.FieldFrom, "shop"))), "minus label": and(word("lamps"), not(label("Label_1"))), "minus or": and(word("example"), not(or(word("lamps"), word("invoice")))), "or of minus": or(not(word("example")), word("lamps")),
		"minus minus": not(not(word("needle"))), "minus of and": not(and(word("lamps"), flag(mail.FlagUnread))), "word or flag": or(word("needle"), flag(mail.FlagStarred)), "operators as words": word("AND OR NOT NEAR"), "fts signs": word(`"quoted" (parens) col:on star* ^caret`),
		"tsquery signs": word(`a<->b !bang & | :`), "single quotes": word(`'single' \back`), "like signs": word("%percent_"), "long": word(strings.Repeat("a", 100)), "long cut": word(strings.Repeat("a", 64)), "long prefix": begins(strings.Repeat("a", 20)),
		"exactly as long": word(strings.Repeat("b", 64)), "soft hyphen": word("softhyphen"), "zero width": word("zerowidth"), "emoji is no word": word("😀"), "beside emoji": word("emoji lamp"), "no nodes": and(), "or nothing": or(), "everything at once": and(
			or(word("lamps"), in(mail.FieldFrom, "mira")), not(in(mail.FieldSubject, "again")), flag(mail.FlagRead), label("inbox"), mail.Date{From: at(1), To: at(900)}, mail.SizeRange{To: 30000}),
	}
}

func TestSearchFindsTheSameEverywhere(t *testing.T) {
	library, yes, no := library(), true, false
	require.GreaterOrEqual(t, len(searches()), 60)
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		beside := w.Connect(w.Home, w.Ada, "beside") // the same words in another mailbox
		require.NoError(t, w.SaveLabels(ctx, c.ID, libraryLabels))
		w.Put(c, Whole(library...)...)
		w.Put(beside, Whole(library[:9]...)...)
		check := func(name string, q mail.ListQuery) {
			want := naiveSearch(q, library)
			if diff := cmp.Diff(want, w.paged(c, q, 50)); diff != "" {
				t.Errorf("%s: %+v\n%s", name, q.Search, diff)
			}
			if diff := cmp.Diff(want, w.paged(c, q, 3)); diff != "" {
				t.Errorf("%s, in pages of three: %+v\n%s", name, q.Search, diff)
			}
		}
		for name, root := range searches() {
			check(name, mail.ListQuery{Search: &mail.Search{Root: root}})
			check(name+", threads", mail.ListQuery{Search: &mail.Search{Root: root}, Threads: true})
		}
		for name, q := range map[string]mail.ListQuery{
			"all": {}, "threads": {Threads: true}, "label": {Label: "INBOX"}, "label threads": {Label: "INBOX", Threads: true}, "unread": {Unread: &yes}, "read": {Unread: &no},
			"unread label": {Unread: &yes, Label: "Label_1"}, "trash": {Label: "TRASH"}, "spam threads": {Label: "SPAM", Threads: true}, "no root": {Search: &mail.Search{}},
			"label and words": {Label: "Label_1", Search: &mail.Search{Root: word("lamps")}}, "unread words threads": {Unread: &yes, Threads: true, Search: &mail.Search{Root: word("example")}},
		} {
			check(name, q)
		}
		r := rand.New(rand.NewPCG(1, 2))
		random := 150
		if testing.Short() {
			random = 40
		}
		for i := range random {
			check(fmt.Sprint("random ", i), mail.ListQuery{Search: &mail.Search{Root: randomNode(r, 3)}, Threads: i%4 == 0})
		}
	})
}

// randomNode makes searches of any shape from words that are there.
func randomNode(r *rand.Rand, depth int) mail.Node {
	words := []string{"lamps", "lamp", "invoice", "mira", "ada", "example", "gamma", "delta", "the", "alpha", "needle", "harbour", "!!", "beta gamma", "größe", "northwind-lamps"}
	pick := func() string { return words[r.IntN(len(words))] }
	some := func() []mail.Node {
		list := make([]mail.Node, 1+r.IntN(3))
		for i := range list {
			list[i] = randomNode(r, depth-1)
		}
		return list
	}
	if depth > 0 {
		switch r.IntN(6) {
		case 0, 1:
			return mail.And{Nodes: some()}
		case 2:
			return mail.Or{Nodes: some()}
		case 3:
			return mail.Not{Node: randomNode(r, depth-1)}
		}
	}
	switch r.IntN(8) {
	case 0:
		return flag([]mail.FlagName{mail.FlagUnread, mail.FlagRead, mail.FlagStarred, mail.FlagAttachment, mail.FlagAnywhere}[r.IntN(5)])
	case 1:
		return label([]string{"inbox", "Label_1", "größe", "trash", "spam", "nowhere", "SENT"}[r.IntN(7)])
	case 2:
		from := Start.Add(time.Duration(r.IntN(1000)) * time.Hour).Unix()
		return mail.Date{From: from, To: from + int64(r.IntN(1000*3600))}
	case 3:
		return in([]mail.FieldName{mail.FieldFrom, mail.FieldTo, mail.FieldCc, mail.FieldSubject, mail.FieldFilename}[r.IntN(5)], pick())
	case 4:
		return begins(pick()[:2])
	}
	return word(pick())
}

func TestSearchSeesWhatWasJustWritten(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		find := func(text string) []string {
			return w.listed(c, mail.ListQuery{Search: &mail.Search{Root: word(text)}})
		}
		w.Put(c, Whole(Mail(1), Mail(2))...)
		require.Equal(t, []string{"Message 2"}, find("2"))
		w.Put(c, Gone(Mail(2), 0))
		require.Empty(t, find("2"))
		w.Put(c, Whole(Mail(2))...)
		require.Equal(t, []string{"Message 2"}, find("2"))
		n, err := w.IndexPending(ctx, 100)
		require.NoError(t, err)
		require.Zero(t, n, "the search has indexed what waited")
	})
}

func TestIndexKeepsUpByItself(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		p := newProse(1)
		for i := range 13 { // more than may wait
			var emails []*crm.Email
			for j := range 400 {
				e := Mail(i*400 + j)
				e.BodyText = p.say(5)
				emails = append(emails, e)
			}
			w.Put(c, Whole(emails...)...)
		}
		waiting := len(w.Dump()["email_index_queue"])
		require.Less(t, waiting, 5000)
		n, err := w.IndexPending(ctx, 7)
		require.NoError(t, err)
		require.Equal(t, 7, n)
		n, err = w.IndexPending(ctx, 100000)
		require.NoError(t, err)
		require.Equal(t, waiting-7, n)
	})
}

func TestSearchesThatAreTooLong(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		w.Put(c, Whole(Mail(1))...)
		search := func(n mail.Node) error {
			_, err := w.List(ctx, Caller(w.Home, w.Ada), mail.ListQuery{Connection: c.ID, Search: &mail.Search{Root: n}})
			return err
		}
		var many []mail.Node
		for i := range 150 {
			many = append(many, word(fmt.Sprint("w", i)))
		}
		require.NoError(t, search(or(many...)))
		require.NoError(t, search(and(not(or(many...)), word(strings.Repeat("long words ", 500)))))
		require.Equal(t, fault.Invalid, fault.Of(search(or(append(many, many...)...))))
		deep := word("x")
		for range 60 {
			deep = not(and(deep, flag(mail.FlagUnread)))
		}
		require.NoError(t, search(deep))
	})
}

func TestBadCursors(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		for _, cursor := range []string{"x", "!!!", "AAAA", "eA", "Li4uLi4uLi4"} {
			_, err := w.List(ctx, Caller(w.Home, w.Ada), mail.ListQuery{Connection: c.ID, Page: mail.Page{Cursor: cursor}})
			require.Equal(t, fault.Invalid, fault.Of(err), cursor)
			_, _, err = w.RunsOf(ctx, c.ID, mail.Page{Cursor: cursor})
			require.Equal(t, fault.Invalid, fault.Of(err), cursor)
		}
	})
}
