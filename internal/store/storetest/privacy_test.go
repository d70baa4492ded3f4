package storetest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// reader is somebody who reads Ada's mail.
type reader struct {
	name   string
	caller access.Caller
	all    bool   // sees everything, as its owner or the system
	member bool   // of the workspace, and not the owner
	named  bool   // one of those that shares name
	as     string // who sees the same: then a few searches are enough
}

func (w *World) readers(dora crm.User) []reader {
	key := func(c access.Caller) access.Caller {
		c.Via, c.KeyID, c.Scopes = access.ViaKey, "k", []string{"*"}
		return c
	}
	role := func(c access.Caller, r crm.Role) access.Caller {
		c.Role = r
		return c
	}
	return []reader{
		{name: "owner", caller: Caller(w.Home, w.Ada), all: true},
		{name: "owner's key", caller: key(Caller(w.Home, w.Ada)), all: true, as: "owner"},
		{name: "system", caller: access.System(w.Home), all: true, as: "owner"},
		{name: "colleague", caller: Caller(w.Home, w.Ben), member: true, named: true},
		{name: "colleague's key", caller: key(Caller(w.Home, w.Ben)), member: true, named: true, as: "colleague"},
		{name: "another colleague", caller: Caller(w.Home, dora), member: true},
		{name: "administrator", caller: role(Caller(w.Home, dora), crm.RoleAdmin), member: true, as: "another colleague"},
		{name: "workspace's owner", caller: role(Caller(w.Home, dora), crm.RoleOwner), member: true, as: "another colleague"},
		{name: "administrator's key", caller: key(role(Caller(w.Home, dora), crm.RoleAdmin)), member: true, as: "another colleague"},
		{name: "everyone", caller: access.Everyone(w.Home), member: true},
		{name: "other workspace", caller: Caller(w.Abroad, w.Cleo)},
		{name: "owner in another workspace", caller: Caller(w.Abroad, w.Ada)},
		{name: "system of another workspace", caller: access.System(w.Abroad)},
		{name: "everyone in another workspace", caller: access.Everyone(w.Abroad)},
		{name: "no workspace", caller: access.Caller{Via: access.ViaSession, UserID: w.Ada.ID}},
		{name: "everyone nowhere", caller: access.Caller{Via: access.ViaWorkspace, UserID: w.Ada.ID}},
		{name: "nobody", caller: access.Caller{Workspace: w.Home}},
		{name: "nobody with a name", caller: access.Caller{Workspace: w.Home, UserID: w.Ada.ID}},
		{name: "somebody without a name", caller: access.Caller{Via: access.ViaSession, Workspace: w.Home}},
	}
}

// letter is a message of the matrix with all that decides who sees it.
type letter struct {
	*crm.Email
	id         crm.EmailID
	connection crm.ConnectionID
	visibility crm.Visibility
	toNamed    bool // shared with Ben
	toAll      bool // shared with the workspace
	protected  bool
	trash      bool
}

// level is the rule in words: an oracle that knows nothing of SQL.
func (l letter) level(r reader) crm.Level {
	switch {
	case r.all:
		return crm.LevelFull
	case !r.member, l.protected:
		return crm.LevelNone
	case l.toAll, l.toNamed && r.named, l.visibility == crm.VisibilityFull:
		return crm.LevelFull
	case l.trash:
		return crm.LevelNone
	case l.visibility == crm.VisibilityMetadata, l.visibility == crm.VisibilitySubject:
		return crm.Level(l.visibility)
	}
	return crm.LevelNone
}

// question is a search, and at which levels a letter with all of its words is found.
type question struct {
	text                    string
	full, subject, metadata bool
}

// questions ask for every field that may be hidden, and for its absence.
var questions = []question{
	{"zebra", true, true, false}, {"quokka", true, false, false}, {"ledger", true, false, false}, {"mira", true, true, true}, {"ada", true, true, true}, {"zoe", true, true, true},
	{"boss", true, false, false}, {"subject:zebra", true, true, false}, {`"zebra crossing"`, true, true, false}, {`"quokka island"`, true, false, false}, {"zeb", true, true, false},
	{"from:mira", true, true, true}, {"to:ada", true, true, true}, {"cc:zoe", true, true, true}, {"bcc:boss", true, false, false}, {"filename:ledger", true, false, false},
	{"-zebra", false, false, true}, {"-quokka", false, true, true}, {"-ledger", false, true, true}, {"-mira", false, false, false}, {"-subject:zebra", false, false, true}, {"-bcc:boss", false, true, true},
	{"-filename:ledger", false, true, true}, {"mira quokka", true, false, false}, {"mira -quokka", false, true, true}, {"quokka OR mira", true, true, true}, {"quokka OR zebra", true, true, false},
	{"{quokka ledger}", true, false, false}, {"-(quokka zebra)", false, true, true}, {"-{quokka zebra}", false, false, true}, {"is:unread", true, false, false}, {"is:read", false, false, false},
	{"is:starred", true, false, false}, {"is:important", true, false, false}, {"has:attachment", true, false, false}, {"-is:unread", false, true, true}, {"-has:attachment", false, true, true},
	{"larger:1", true, false, false}, {"smaller:1G", true, false, false}, {"-larger:1", false, true, true}, {"label:affairs", true, false, false}, {"-label:affairs", false, true, true},
	{"in:inbox", true, true, true}, {"-in:inbox", false, false, false}, {"in:sent", false, false, false}, {"in:anywhere mira", true, true, true}, {"rfc822msgid:known@harbour.example", true, false, false},
	{"-rfc822msgid:known@harbour.example", false, true, true}, {"after:2026/01/01", true, true, true}, {"before:2026/01/01", false, false, false}, {"mira is:unread", true, false, false},
	{"is:unread OR mira", true, true, true}, {"larger:1 OR quokka", true, false, false}, {"-is:unread zebra", false, true, false}, {"label:affairs OR from:mira", true, true, true},
}

// matrix fills Ada's mailboxes: every visibility × every kind of share × protected
// or not, each with a conversation of several messages.
func (w *World) matrix() []letter {
	w.T.Helper()
	var letters []letter
	n := 0
	for _, visibility := range []crm.Visibility{"private", "metadata", "subject", "full", ""} {
		for _, shared := range []string{"nothing", "thread with Ben", "message with Ben", "thread with all", "message with all", "thread with both", "message and thread with Ben", "ended"} {
			if visibility == "" && shared != "nothing" && shared != "thread with Ben" { // as private
				continue
			}
			c := w.Connect(w.Home, w.Ada, fmt.Sprint("ada", n), func(c *crm.Connection) { c.Settings.Visibility = visibility })
			require.NoError(w.T, w.SaveLabels(ctx, c.ID, []crm.Label{{ID: "INBOX", Name: "INBOX", Type: "system"}, {ID: "Label_9", Name: "affairs", Type: "user"}}))
			put := func(change func(l *letter)) {
				n++
				l := letter{Email: Mail(n, InThread(fmt.Sprint("t", c.ID)), whispering), connection: c.ID, visibility: visibility}
				change(&l)
				w.Put(c, Whole(l.Email)...)
				l.id = w.idOf(c, l.GmailID)
				letters = append(letters, l)
			}
			first := len(letters)
			put(func(*letter) {})
			put(func(l *letter) { l.protected, l.Cc = true, append(l.Cc, crm.Address{Email: "counsel@law.example"}) })
			put(func(l *letter) { l.trash, l.Labels = true, []string{"TRASH", "UNREAD"} })
			put(func(l *letter) { l.ThreadID = "elsewhere" + string(c.ID) })
			w.shareAs(c, shared, letters[first].id, letters[first].ThreadID)
			put(func(*letter) {}) // arrives when the thread is shared already
			for i := first; i < len(letters); i++ {
				inThread := letters[i].ThreadID == letters[first].ThreadID
				switch shared {
				case "thread with Ben", "message and thread with Ben":
					letters[i].toNamed = inThread
				case "message with Ben":
					letters[i].toNamed = i == first
				case "thread with all":
					letters[i].toAll = inThread
				case "message with all":
					letters[i].toAll = i == first
				case "thread with both":
					letters[i].toNamed, letters[i].toAll = inThread, inThread
				}
			}
		}
	}
	return letters
}

// whispering has a word of its own in every field.
func whispering(e *crm.Email) {
	e.Subject, e.BodyText, e.BodyHTML, e.Snippet = "Zebra crossing", "The quokka island.", "<p>The quokka island.</p>", "The quokka"
	e.Cc, e.Bcc, e.ReplyTo = []crm.Address{{Name: "Zoe", Email: "zoe@ost.example"}}, []crm.Address{{Email: "boss@hidden.example"}}, []crm.Address{{Email: "desk@harbour-tea.example"}}
	e.Labels, e.HasAttachments, e.Raw = []string{"INBOX", "UNREAD", "STARRED", "IMPORTANT", "Label_9"}, true, []byte("raw")
	e.Attachments = []crm.Attachment{{PartID: "2", Name: "ledger.pdf", Type: "application/pdf", Size: 5}}
	e.RFC822MessageID, e.InReplyTo, e.References, e.Size, e.Bulk = "known@harbour.example", "before@harbour.example", []string{"before@harbour.example"}, 4321, true
}

func (w *World) idOf(c crm.Connection, gmailID string) crm.EmailID {
	w.T.Helper()
	for cursor := ""; ; {
		page, err := w.List(ctx, access.System(c.WorkspaceID), mail.ListQuery{Connection: c.ID, Search: &mail.Search{Root: flag(mail.FlagAnywhere)}, Page: mail.Page{Limit: 500, Cursor: cursor}})
		require.NoError(w.T, err)
		for _, e := range page.Emails {
			if e.GmailID == gmailID {
				return e.ID
			}
		}
		cursor = page.Next
		require.NotEmpty(w.T, cursor, gmailID)
	}
}

// share opens something of Ada's mailbox c to Ben or to everybody.
func (w *World) share(c crm.Connection, id crm.EmailID, thread string, all bool) crm.Share {
	w.T.Helper()
	sh := crm.Share{ID: crm.ShareID(w.ID()), ConnectionID: c.ID, EmailID: id, ThreadID: thread, Workspace: all}
	if !all {
		sh.UserIDs = []crm.UserID{w.Ben.ID}
	}
	sh, err := w.SaveShare(ctx, Caller(c.WorkspaceID, crm.User{ID: c.UserID}), sh, access.Audit{At: w.Clock.Now(), Workspace: c.WorkspaceID, UserID: c.UserID, Action: "mail.share", Target: string(sh.ID), Outcome: "ok"})
	require.NoError(w.T, err)
	return sh
}

func (w *World) shareAs(c crm.Connection, how string, id crm.EmailID, thread string) {
	w.T.Helper()
	switch how {
	case "thread with Ben":
		w.share(c, "", thread, false)
	case "message with Ben":
		w.share(c, id, "", false)
	case "thread with all":
		w.share(c, "", thread, true)
	case "message with all":
		w.share(c, id, "", true)
	case "thread with both":
		w.share(c, "", thread, true)
		w.share(c, "", thread, false)
	case "message and thread with Ben":
		sh := w.share(c, id, "", false)
		w.share(c, "", thread, false)
		w.unshare(c, sh.ID) // the thread's share is left
	case "ended":
		w.unshare(c, w.share(c, "", thread, true).ID)
		w.unshare(c, w.share(c, id, "", false).ID)
	}
}

func (w *World) unshare(c crm.Connection, id crm.ShareID) {
	w.T.Helper()
	require.NoError(w.T, w.DropShare(ctx, Caller(c.WorkspaceID, crm.User{ID: c.UserID}), id, access.Audit{At: w.Clock.Now(), Workspace: c.WorkspaceID, Action: "mail.unshare", Outcome: "ok"}))
}

// rule makes a rule; owner "" is the workspace.
func (w *World) rule(ws crm.WorkspaceID, owner crm.UserID, kind crm.RuleKind, pattern string) (crm.RuleID, []crm.ConnectionID) {
	w.T.Helper()
	r := crm.MailRule{ID: crm.RuleID(w.ID()), WorkspaceID: ws, UserID: owner, Kind: kind, Pattern: pattern, CreatedBy: w.Ada.ID, CreatedAt: w.Clock.Now()}
	boxes, err := w.SaveMailRule(ctx, r, access.Audit{At: w.Clock.Now(), Workspace: ws, Action: "mail_rule.add", Outcome: "ok"})
	require.NoError(w.T, err)
	return r.ID, boxes
}

// sweepAll applies what rules say about stored mail, a few messages at a time.
func (w *World) sweepAll(boxes []crm.ConnectionID) (removed int) {
	w.T.Helper()
	for _, c := range boxes {
		for more := true; more; {
			n, again, err := w.Sweep(ctx, c, 3)
			require.NoError(w.T, err)
			removed, more = removed+n, again
		}
	}
	return removed
}

func (w *World) newMember(name string) crm.User {
	w.T.Helper()
	u := w.user(name)
	require.NoError(w.T, w.AddMember(ctx, crm.Member{WorkspaceID: w.Home, UserID: u.ID, Role: crm.RoleMember, JoinedAt: Start}, u))
	return u
}

// concealed is what is left of a letter at a level.
func concealed(e crm.Email, level crm.Level) crm.Email {
	if level == crm.LevelFull {
		return e
	}
	e.Snippet, e.BodyText, e.BodyHTML, e.Raw, e.Attachments, e.HasAttachments = "", "", "", nil, nil, false
	e.Bcc, e.ReplyTo, e.RFC822MessageID, e.InReplyTo, e.References, e.Size, e.Bulk, e.HistoryID = nil, nil, "", "", nil, 0, false, 0
	e.Labels = []string{"INBOX"}
	if level == crm.LevelMetadata {
		e.Subject = ""
	}
	return e
}

// TestPrivacyMatrix: every way of reading mail × everybody who might × every
// visibility, share and protection. All of them agree with the rule in words.
func TestPrivacyMatrix(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		dora := w.newMember("dora")
		letters := w.matrix()
		readers := w.readers(dora)
		_, boxes := w.rule(w.Home, "", crm.RuleProtected, "@law.example")
		require.Len(t, boxes, 34)
		for _, r := range readers { // nobody has gone through what is stored yet
			page, err := w.List(ctx, r.caller, mail.ListQuery{})
			require.NoError(t, err)
			require.Equal(t, r.all, len(page.Emails) > 0, "%s, before the rule is applied", r.name)
			_, err = w.Email(ctx, r.caller, letters[0].id)
			require.Equal(t, r.all, err == nil)
		}
		require.Zero(t, w.sweepAll(boxes))
		for _, r := range readers {
			t.Run(r.name, func(t *testing.T) {
				w.checkOne(t, r, letters)
				w.checkLists(t, r, letters)
				w.checkLabels(t, r, letters)
			})
		}
	})
}

// checkOne reads each letter by itself.
func (w *World) checkOne(t *testing.T, r reader, letters []letter) {
	var ids []crm.EmailID
	for _, l := range letters {
		ids = append(ids, l.id)
	}
	levels, err := w.VisibleIDs(ctx, r.caller, ids)
	require.NoError(t, err)
	for i, l := range letters {
		what := fmt.Sprintf("%s reads letter %d of %+v", r.name, i, l)
		level := l.level(r)
		told := level
		if l.trash && !l.protected && r.member && level == crm.LevelNone { // gone: they hear of it
			told = letter{visibility: l.visibility}.level(r)
		}
		require.Equal(t, told, levels[l.id], what)
		e, err := w.Email(ctx, r.caller, l.id)
		_, rawErr := w.Raw(ctx, r.caller, l.id)
		require.Equal(t, level == crm.LevelFull, rawErr == nil, what)
		if level == crm.LevelNone {
			require.Equal(t, fault.NotFound, fault.Of(err), what)
			require.Equal(t, fault.NotFound, fault.Of(rawErr), what)
			continue
		}
		require.NoError(t, err, what)
		require.Equal(t, level, e.View.Level, what)
		require.Equal(t, w.Ada.ID, e.View.Owner)
		require.Equal(t, "ada", e.View.OwnerName)
		require.Equal(t, r.all, e.View.Mine)
		require.Equal(t, l.protected && r.all, e.View.Protected, what)
		require.Equal(t, (l.toAll || l.toNamed) && (r.all || l.visibility != crm.VisibilityFull && level == crm.LevelFull), e.View.Shared, what)
		want := concealed(*l.Email, level)
		for _, f := range []struct{ a, b any }{{want.Subject, e.Subject}, {want.Snippet, e.Snippet}, {want.BodyText, e.BodyText}, {want.BodyHTML, e.BodyHTML}, {len(want.Labels), len(e.Labels)},
			{len(want.Attachments), len(e.Attachments)}, {want.HasAttachments, e.HasAttachments}, {want.RFC822MessageID, e.RFC822MessageID}, {want.InReplyTo, e.InReplyTo}, {len(want.References), len(e.References)},
			{want.Size, e.Size}, {len(want.Bcc), len(e.Bcc)}, {len(want.ReplyTo), len(e.ReplyTo)}, {want.From, e.From}, {want.To, e.To}, {want.Cc, e.Cc}, {want.Bulk, e.Bulk}} {
			require.Equal(t, f.a, f.b, what)
		}
		thread, err := w.Thread(ctx, r.caller, l.connection, l.ThreadID)
		require.NoError(t, err, what)
		for _, e := range thread {
			i := slices.IndexFunc(letters, func(l letter) bool { return l.id == e.ID })
			require.Equal(t, letters[i].level(r), e.View.Level, what)
		}
	}
}

// checkLists reads lists of all mailboxes at once and of each, plain and by search.
func (w *World) checkLists(t *testing.T, r reader, letters []letter) {
	byID := map[crm.EmailID]letter{}
	for _, l := range letters {
		byID[l.id] = l
	}
	yes, no := true, false
	type list struct {
		name   string
		q      mail.ListQuery
		wanted func(l letter, level crm.Level) bool
	}
	shown := func(l letter, level crm.Level) bool { return !l.trash }
	lists := []list{
		{"all", mail.ListQuery{}, shown},
		{"inbox", mail.ListQuery{Label: "INBOX"}, shown},
		{"a label", mail.ListQuery{Label: "Label_9"}, func(l letter, level crm.Level) bool { return !l.trash && level == crm.LevelFull }},
		{"trash", mail.ListQuery{Label: "TRASH"}, func(l letter, level crm.Level) bool { return l.trash && level == crm.LevelFull }},
		{"unread", mail.ListQuery{Unread: &yes}, func(l letter, level crm.Level) bool { return !l.trash && level == crm.LevelFull }},
		{"mine", mail.ListQuery{Mine: &yes}, func(l letter, level crm.Level) bool { return !l.trash && r.all }},
		{"of others", mail.ListQuery{Mine: &no}, func(l letter, level crm.Level) bool { return !l.trash && !r.all }},
		{"read", mail.ListQuery{Unread: &no}, func(letter, crm.Level) bool { return false }},
	}
	for _, q := range questions {
		lists = append(lists, list{q.text, mail.ListQuery{Search: mail.ParseSearch(q.text, mail.Viewer{Now: Start})}, func(l letter, level crm.Level) bool {
			if l.trash {
				return q.text == "in:anywhere mira"
			}
			return level == crm.LevelFull && q.full || level == crm.LevelSubject && q.subject || level == crm.LevelMetadata && q.metadata
		}})
	}
	for i, one := range lists {
		if r.as != "" && i%5 != 0 || !r.all && !r.member && i%20 != 0 {
			continue
		}
		want, threads, all, wrote := map[crm.EmailID]crm.Level{}, map[string]bool{}, map[string]int{}, map[string]bool{}
		for _, l := range letters {
			level := l.level(r)
			if level == crm.LevelNone {
				continue
			}
			if !l.trash {
				all[string(l.connection)+l.ThreadID]++
				wrote[string(l.connection)+l.ThreadID+l.From.Email] = true
			}
			if one.wanted(l, level) {
				want[l.id] = level
				threads[string(l.connection)+l.ThreadID] = true
			}
		}
		for _, relevance := range []bool{false, true} {
			if relevance && i%4 != 0 {
				continue
			}
			q, size := one.q, 300
			if i%7 == 0 {
				size = 77
			}
			q.Relevance = relevance
			found := w.everyPage(t, r.caller, q, size)
			got := map[crm.EmailID]crm.Level{}
			for _, e := range found {
				got[e.ID] = e.View.Level
				require.Equal(t, concealed(*byID[e.ID].Email, e.View.Level).Subject, e.Subject)
				require.Equal(t, concealed(*byID[e.ID].Email, e.View.Level).Snippet, e.Snippet)
				require.Equal(t, e.View.Level == crm.LevelFull, e.HasAttachments)
			}
			require.Len(t, found, len(got), "%s: %s: some twice", r.name, one.name)
			require.Empty(t, cmp.Diff(want, got), "%s: %s (relevance %v)", r.name, one.name, relevance)
		}
		q := one.q
		q.Threads = true
		heads := map[string]bool{}
		for _, e := range w.everyPage(t, r.caller, q, 13+i%6*12) {
			id := string(e.ConnectionID) + e.ThreadID
			require.False(t, heads[id], "%s: %s: a thread twice", r.name, one.name)
			heads[id] = true
			require.Equal(t, max(1, all[id]), e.ThreadCount, "%s: %s", r.name, one.name)
			for _, a := range e.ThreadSenders {
				require.True(t, wrote[id+a.Email], "%s: %s: a sender of a message that is not seen", r.name, one.name)
			}
		}
		require.Empty(t, cmp.Diff(threads, heads), "%s: threads of %s", r.name, one.name)
	}
	for _, c := range slices.Compact(slices.Sorted(func(yield func(crm.ConnectionID) bool) {
		for _, l := range letters {
			if !yield(l.connection) {
				return
			}
		}
	})) {
		want := 0
		sees := false
		for _, l := range letters {
			if l.connection == c && l.level(r) != crm.LevelNone {
				sees = true
				if !l.trash {
					want++
				}
			}
		}
		page, err := w.List(ctx, r.caller, mail.ListQuery{Connection: c, Page: mail.Page{Limit: 2}})
		if !sees {
			require.True(t, fault.Is(err, fault.NotFound) || err == nil && len(page.Emails) == 0)
			continue
		}
		require.NoError(t, err)
		require.Len(t, page.Emails, min(2, want))
		if page.Total >= 0 {
			require.EqualValues(t, want, page.Total, "a total says no more than what is seen")
		}
		_, err = w.List(ctx, r.caller, mail.ListQuery{Connection: c, Workspace: "somewhere else"})
		require.Equal(t, fault.NotFound, fault.Of(err))
	}
	people, err := w.PeopleSeen(ctx, r.caller, "", 50)
	require.NoError(t, err)
	got := map[string]bool{}
	for _, p := range people {
		got[p.Email] = true
	}
	want := map[string]bool{}
	for _, l := range letters {
		if l.level(r) != crm.LevelNone && !l.trash {
			for _, a := range slices.Concat([]crm.Address{l.From}, l.To, l.Cc) {
				want[a.Email] = true
			}
		}
	}
	require.Equal(t, want, got, "suggestions know nobody else, and no recipients of blind copies")
	people, err = w.PeopleSeen(ctx, r.caller, "counsel", 50)
	require.NoError(t, err)
	require.Equal(t, r.all, len(people) == 1)
}

// everyPage reads a list to its end.
func (w *World) everyPage(t *testing.T, c access.Caller, q mail.ListQuery, size int) (found []mail.ListedEmail) {
	t.Helper()
	q.Page.Limit = size
	for {
		page, err := w.List(ctx, c, q)
		require.NoError(t, err)
		found = append(found, page.Emails...)
		if page.Next == "" {
			return found
		}
		require.Len(t, page.Emails, size)
		q.Page.Cursor = page.Next
	}
}

// checkLabels: a mailbox seen in part tells nothing of its labels; numbers leave out
// what is not seen.
func (w *World) checkLabels(t *testing.T, r reader, letters []letter) {
	seen := map[crm.ConnectionID]int64{}
	unseen := map[crm.ConnectionID]bool{}
	full := map[crm.ConnectionID]bool{}
	for _, l := range letters {
		if l.level(r) != crm.LevelNone {
			seen[l.connection] += 0
			if !l.trash {
				seen[l.connection]++
			}
		}
		full[l.connection] = r.all || l.visibility == crm.VisibilityFull
	}
	for _, l := range letters {
		if _, sees := seen[l.connection]; !sees {
			unseen[l.connection] = true
		}
	}
	for c := range maps.Keys(unseen) {
		_, err := w.LabelsOf(ctx, r.caller, c)
		require.Equal(t, fault.NotFound, fault.Of(err), r.name)
	}
	for c, n := range seen {
		labels, err := w.LabelsOf(ctx, r.caller, c)
		require.NoError(t, err)
		if !full[c] {
			require.Empty(t, labels, r.name)
			continue
		}
		require.Len(t, labels, 2)
		for _, l := range labels {
			require.Equal(t, n, l.Total, "%s: %s", r.name, l.Name)
			require.Equal(t, n, l.Unread)
		}
	}
}
