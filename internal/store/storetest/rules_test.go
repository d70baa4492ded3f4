package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/org"
	"rapport/internal/store"
)

// Writing to, and copying, somebody.
func from(email string) func(*crm.Email) { return func(e *crm.Email) { e.From.Email = email } }
func copied(email string) func(*crm.Email) {
	return func(e *crm.Email) { e.Cc = []crm.Address{{Name: "Copy, of Sales", Email: email}} }
}

func attached(e *crm.Email) {
	e.HasAttachments, e.Raw = true, []byte("raw")
	e.Attachments = []crm.Attachment{{PartID: "2", Name: "terms.pdf", Type: "application/pdf", Size: 3}}
}

// TestBlockedMailGoes: a new rule applies to what is stored, with all that hangs
// on it; lifted, the mail is unknown again, so that a back-fill fetches it.
func TestBlockedMailGoes(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		bens := w.Connect(w.Home, w.Ben, "ben")
		blocked := []*crm.Email{Mail(1, from("news@shop.example"), attached), Mail(2, copied("ann@mail.shop.example"), InThread("t")), Mail(3, from("news@shop.example"), Labelled("INBOX", "UNREAD"))}
		kept := []*crm.Email{Mail(10, InThread("t")), Mail(11, from("news@workshop.example")), Mail(12, from("shop@example.example"))}
		w.Put(c, Whole(slices.Concat(blocked, kept)...)...)
		w.Put(c, Gone(blocked[2], 5000)) // a tombstone goes, too
		w.Put(bens, Whole(blocked...)...)
		_, err := w.IndexPending(ctx, 100)
		require.NoError(t, err)
		page, err := w.List(ctx, Caller(w.Home, w.Ada), mail.ListQuery{Connection: c.ID, Search: &mail.Search{Root: word("terms")}})
		require.NoError(t, err)
		require.Len(t, page.Emails, 1)
		e, err := w.Email(ctx, Caller(w.Home, w.Ada), page.Emails[0].ID)
		require.NoError(t, err)
		require.NoError(t, w.CacheAttachment(ctx, e.Attachments[0].ID, "hash", []byte("abc")))

		n, err := w.Affected(ctx, w.Home, w.Ada.ID, "@shop.example")
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		n, err = w.Affected(ctx, w.Home, w.Ada.ID, "news@shop.example")
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		id, boxes := w.rule(w.Home, w.Ada.ID, crm.RuleBlocked, "@shop.example")
		require.Equal(t, []crm.ConnectionID{c.ID}, boxes, "a personal rule is for one's own mailboxes")
		pending, err := w.PendingSweeps(ctx, 10)
		require.NoError(t, err)
		require.Equal(t, boxes, pending)
		seq, err := w.LastFact(ctx)
		require.NoError(t, err)
		require.Equal(t, 3, w.sweepAll(boxes))
		facts, err := w.FactsAfter(ctx, seq, 100)
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(facts, func(f fact.Fact) bool { return f.Kind == fact.MailChanged && f.UserID == w.Ada.ID }))
		pending, err = w.PendingSweeps(ctx, 10)
		require.NoError(t, err)
		require.Empty(t, pending)

		require.Len(t, w.Stored(c), 3)
		require.Len(t, w.Stored(bens), 3)
		totals, err := w.CountsOf(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, mail.Totals{Messages: 3, Threads: 3}, totals)
		require.Empty(t, w.paged(c, mail.ListQuery{Search: &mail.Search{Root: word("terms")}}, 10))
		dump := w.Dump()
		require.Len(t, dump["synced_emails"], 6)
		require.Len(t, dump["email_bodies"], 6)
		require.Len(t, dump["email_attachments"], 1, "Ben's")
		require.Len(t, dump["email_raw"], 1)
		require.Empty(t, dump["attachments_cache"])
		require.Len(t, dump["excluded_emails"], 3)

		known, err := w.Known(ctx, c.ID, []string{blocked[0].GmailID, kept[0].GmailID})
		require.NoError(t, err)
		require.True(t, known[blocked[0].GmailID].Excluded)
		require.False(t, known[kept[0].GmailID].Excluded)
		counts := w.Put(c, Whole(Mail(20, from("x@shop.example")), Mail(21))...)
		require.EqualValues(t, 1, counts.Skipped)
		require.EqualValues(t, 1, counts.Added)
		var out []string
		require.NoError(t, w.EachExcluded(ctx, c.ID, func(id string) error { out = append(out, id); return nil }))
		require.Len(t, out, 4)

		lacking, sweep, err := w.DropMailRule(ctx, w.Home, id, access.Audit{At: Start, Workspace: w.Home, Action: "mail_rule.drop", Outcome: "ok"})
		require.NoError(t, err)
		require.Equal(t, []crm.ConnectionID{c.ID}, lacking)
		require.Empty(t, sweep)
		known, err = w.Known(ctx, c.ID, []string{blocked[0].GmailID})
		require.NoError(t, err)
		require.Empty(t, known, "unknown, so it is fetched")
		require.EqualValues(t, 1, w.Put(c, Whole(blocked[0])...).Added)
		_, _, err = w.DropMailRule(ctx, w.Home, id, access.Audit{})
		require.Equal(t, fault.NotFound, fault.Of(err))
	})
}

// TestRulesOfTheWorkspace are for everybody's mailboxes, and for no other workspace's.
func TestRulesOfTheWorkspace(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		mine, bens, abroad := w.Connect(w.Home, w.Ada, "ada"), w.Connect(w.Home, w.Ben, "ben"), w.Connect(w.Abroad, w.Cleo, "cleo")
		id, boxes := w.rule(w.Home, "", crm.RuleBlocked, "mira@harbour-tea.example")
		require.Equal(t, []crm.ConnectionID{mine.ID, bens.ID}, boxes)
		for _, c := range []crm.Connection{mine, bens} {
			require.EqualValues(t, 1, w.Put(c, Whole(Mail(1))...).Skipped)
		}
		require.EqualValues(t, 1, w.Put(abroad, Whole(Mail(1))...).Added)
		_, err := w.SaveMailRule(ctx, crm.MailRule{ID: "again", WorkspaceID: w.Home, Kind: crm.RuleBlocked, Pattern: "mira@harbour-tea.example"}, access.Audit{})
		require.Equal(t, fault.Conflict, fault.Of(err))
		_, _, err = w.DropMailRule(ctx, w.Abroad, id, access.Audit{})
		require.Equal(t, fault.NotFound, fault.Of(err))
		list, err := w.MailRules(ctx, w.Home, w.Ben.ID, "")
		require.NoError(t, err)
		require.Len(t, list, 1)
		w.rule(w.Home, w.Ada.ID, crm.RuleProtected, "a@b.example")
		list, err = w.MailRules(ctx, w.Home, w.Ben.ID, "")
		require.NoError(t, err)
		require.Len(t, list, 1, "personal rules are personal")
		list, err = w.MailRules(ctx, w.Home, w.Ada.ID, crm.RuleProtected)
		require.NoError(t, err)
		require.Len(t, list, 1)
	})
}

// TestMailAmongColleagues is not stored unless a workspace wants it: by the domains
// of its people, or by those it names.
func TestMailAmongColleagues(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		inside := Mail(1, from("ben@northwind-lamps.example"))
		mixed := Mail(2, from("ben@northwind-lamps.example"), copied("mira@harbour-tea.example"))
		alone := Mail(3, from("ada@northwind-lamps.example"), func(e *crm.Email) { e.To = nil })
		w.Put(c, Whole(inside, mixed, alone, Mail(4))...)
		require.Len(t, w.Stored(c), 4, "this workspace keeps it")
		own, err := w.OwnDomains(ctx, w.Home)
		require.NoError(t, err)
		require.Equal(t, []string{"northwind-lamps.example"}, own)

		_, sweep := w.KeepInternal(w.Home, false)
		require.Equal(t, 2, w.sweepAll(sweep))
		require.Len(t, w.Stored(c), 2)
		require.EqualValues(t, 1, w.Put(c, Whole(Mail(5, from("ben@sub.northwind-lamps.example")))...).Skipped)
		lacking, _ := w.KeepInternal(w.Home, true)
		require.Equal(t, []crm.ConnectionID{c.ID}, lacking)
		require.EqualValues(t, 3, w.Put(c, Whole(inside, alone, Mail(5, from("ben@northwind-lamps.example")))...).Added)

		p, _, sweep, err := w.ChangeMailPolicy(ctx, w.Home, func(p *crm.MailPolicy) ([]access.Audit, error) {
			p.StoreInternal, p.OwnDomains, p.RetentionDays = false, []string{"harbour-tea.example"}, 30
			return nil, nil
		})
		require.NoError(t, err)
		require.Equal(t, 30, p.RetentionDays)
		require.Zero(t, w.sweepAll(sweep), "its domains are others now")
		require.EqualValues(t, 1, w.Put(c, Whole(Mail(7, func(e *crm.Email) { e.To = []crm.Address{{Email: "jo@harbour-tea.example"}} }))...).Skipped)
	})
}

// TestANewDomainOfTheWorkspace makes mail with it mail among colleagues, also what
// is stored.
func TestANewDomainOfTheWorkspace(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		w.KeepInternal(w.Home, false)
		c := w.Connect(w.Home, w.Ada, "ada")
		w.Put(c, Whole(Mail(1), Mail(2, from("jo@reed.example")))...)
		require.Len(t, w.Stored(c), 2)
		w.Connect(w.Home, w.Ben, "second")
		pending, err := w.PendingSweeps(ctx, 10)
		require.NoError(t, err)
		require.Empty(t, pending, "a domain that was known")
		_, err = w.DecideApproval(ctx, w.Home, Start, func(a *crm.Approval) ([]access.Audit, bool, error) {
			a.AllowedDomains = []string{"harbour-tea.example", "gmail.com"}
			return []access.Audit{{At: Start, Workspace: w.Home, Action: "x", Outcome: "ok"}}, false, nil
		})
		require.NoError(t, err)
		pending, err = w.PendingSweeps(ctx, 10)
		require.NoError(t, err)
		require.Contains(t, pending, c.ID)
		require.Equal(t, 1, w.sweepAll(pending))
		require.Len(t, w.Stored(c), 1)
		own, err := w.OwnDomains(ctx, w.Home)
		require.NoError(t, err)
		require.Equal(t, []string{"harbour-tea.example", "northwind-lamps.example"}, own)
	})
}

// TestADomainThatAMemberBrings is not the workspace's: neither by an account they
// connect nor by the address they sign in with, until they are put in charge.
func TestADomainThatAMemberBrings(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		w.KeepInternal(w.Home, false)
		c := w.Connect(w.Home, w.Ada, "ada")
		mia := crm.User{ID: "mia", Email: "mia@harbour-tea.example", Name: "Mia", CreatedAt: Start}
		require.NoError(t, w.AddMember(ctx, crm.Member{WorkspaceID: w.Home, UserID: mia.ID, Role: crm.RoleMember, JoinedAt: Start}, mia))
		w.Connect(w.Home, mia, "hers", func(c *crm.Connection) { c.GoogleEmail = mia.Email })
		w.Connect(w.Home, mia, "claimed", func(c *crm.Connection) { c.Provider, c.GoogleEmail = crm.ProviderIMAP, "mia@reed.example" })
		w.Clock.Move(2 * time.Minute) // domains are remembered so long at most
		own, err := w.OwnDomains(ctx, w.Home)
		require.NoError(t, err)
		require.Equal(t, []string{"northwind-lamps.example"}, own)
		require.EqualValues(t, 2, w.Put(c, Whole(Mail(1), Mail(2, from("jo@reed.example")))...).Added, "mail with customers stays")
		pending, err := w.PendingSweeps(ctx, 10)
		require.NoError(t, err)
		require.Empty(t, pending)

		mias := org.MemberChange{Workspace: w.Home, Target: mia.ID, At: Start}
		judge := func(org.Standing) (access.Audit, error) {
			return access.Audit{At: Start, Workspace: w.Home, Action: "x", Outcome: "ok"}, nil
		}
		for _, leave := range []func() error{
			func() error { return w.ChangeRole(ctx, mias, crm.RoleMember, judge) },
			func() error { return w.RemoveMember(ctx, mias, judge) },
		} {
			require.NoError(t, w.ChangeRole(ctx, mias, crm.RoleAdmin, judge))
			pending, err = w.PendingSweeps(ctx, 10)
			require.NoError(t, err)
			require.Equal(t, 1, w.sweepAll(pending))
			known, err := w.Known(ctx, c.ID, []string{Mail(1).GmailID})
			require.NoError(t, err)
			require.Len(t, known, 1, "left out on purpose")
			require.NoError(t, leave())
			known, err = w.Known(ctx, c.ID, []string{Mail(1).GmailID})
			require.NoError(t, err)
			require.Empty(t, known, "the domain is nobody's any more: what was left out for it is to be fetched")
			require.EqualValues(t, 1, w.Put(c, Whole(Mail(1))...).Added)
		}
	})
}

// TestASweepGoesByTheDomainsOfNow, not by those this process remembers.
func TestASweepGoesByTheDomainsOfNow(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		w.KeepInternal(w.Home, false)
		c := w.Connect(w.Home, w.Ada, "ada")
		w.Put(c, Whole(Mail(1))...)
		_, err := w.OwnDomains(ctx, w.Home)
		require.NoError(t, err)
		elsewhere, err := store.Open(ctx, store.Options{URL: w.Options.URL, Logger: w.Options.Logger})
		require.NoError(t, err)
		defer func() { require.NoError(t, elsewhere.Close()) }()
		mia := crm.User{ID: "mia", Email: "mia@harbour-tea.example", Name: "Mia", CreatedAt: Start}
		require.NoError(t, elsewhere.AddMember(ctx, crm.Member{WorkspaceID: w.Home, UserID: mia.ID, Role: crm.RoleAdmin, JoinedAt: Start}, mia))
		pending, err := w.PendingSweeps(ctx, 10)
		require.NoError(t, err)
		require.Equal(t, 1, w.sweepAll(pending))
	})
}

// TestProtectedByNewMail: what comes after the rule is protected from the start, and
// opened when the rule goes.
func TestProtectedByNewMail(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", Shared)
		id, boxes := w.rule(w.Home, w.Ada.ID, crm.RuleProtected, "mira@harbour-tea.example")
		w.sweepAll(boxes)
		w.Put(c, Whole(Mail(1), Mail(2, from("jo@reed.example")))...)
		count := func() int {
			page, err := w.List(ctx, Caller(w.Home, w.Ben), mail.ListQuery{})
			require.NoError(t, err)
			return len(page.Emails)
		}
		require.Equal(t, 1, count())
		_, sweep, err := w.DropMailRule(ctx, w.Home, id, access.Audit{At: Start, Workspace: w.Home, Action: "x", Outcome: "ok"})
		require.NoError(t, err)
		require.Equal(t, 1, count(), "until it has been applied")
		w.sweepAll(sweep)
		require.Equal(t, 2, count())
	})
}

// TestSharesAreTheOwners: nobody else shares, sees or ends them; members only are
// shared with; each is written down.
func TestSharesAreTheOwners(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", Shared)
		w.Put(c, Whole(Mail(1, InThread("t")), Mail(2, InThread("t"), copied("counsel@law.example")))...)
		_, boxes := w.rule(w.Home, w.Ada.ID, crm.RuleProtected, "counsel@law.example")
		w.sweepAll(boxes)
		first, second := w.idOf(c, Mail(1).GmailID), w.idOf(c, Mail(2).GmailID)
		try := func(caller access.Caller, sh crm.Share) error {
			sh.ID, sh.ConnectionID = crm.ShareID(w.ID()), c.ID
			_, err := w.SaveShare(ctx, caller, sh, access.Audit{At: Start, Workspace: caller.Workspace, Action: "mail.share", Outcome: "ok"})
			return err
		}
		ada := Caller(w.Home, w.Ada)
		require.Equal(t, fault.NotFound, fault.Of(try(Caller(w.Home, w.Ben), crm.Share{ThreadID: "t", Workspace: true})))
		require.Equal(t, fault.NotFound, fault.Of(try(access.System(w.Home), crm.Share{ThreadID: "t", Workspace: true})))
		require.Equal(t, fault.NotFound, fault.Of(try(Caller(w.Abroad, w.Ada), crm.Share{ThreadID: "t", Workspace: true})))
		require.Equal(t, fault.NotFound, fault.Of(try(ada, crm.Share{ThreadID: "none", Workspace: true})))
		require.Equal(t, fault.NotFound, fault.Of(try(ada, crm.Share{EmailID: "none", Workspace: true})))
		require.Equal(t, fault.Conflict, fault.Of(try(ada, crm.Share{EmailID: second, Workspace: true})))
		for _, u := range []crm.UserID{w.Cleo.ID, w.Ada.ID, "nobody", ""} { // nobody named is not everybody
			require.Equal(t, fault.Invalid, fault.Of(try(ada, crm.Share{ThreadID: "t", UserIDs: []crm.UserID{w.Ben.ID, u}})))
		}
		require.NoError(t, try(ada, crm.Share{ThreadID: "t", UserIDs: []crm.UserID{w.Ben.ID}}))
		require.NoError(t, try(ada, crm.Share{EmailID: first, Workspace: true}))
		list, err := w.Shares(ctx, ada, c.ID, "t")
		require.NoError(t, err)
		require.Len(t, list, 2)
		_, err = w.Shares(ctx, Caller(w.Home, w.Ben), c.ID, "t")
		require.Equal(t, fault.NotFound, fault.Of(err))
		require.Equal(t, fault.NotFound, fault.Of(w.DropShare(ctx, Caller(w.Home, w.Ben), list[0].ID, access.Audit{})))
		facts, err := w.FactsAfter(ctx, 0, 1000)
		require.NoError(t, err)
		told := map[crm.UserID]int{}
		for _, f := range facts {
			if f.Kind == fact.MailShared && len(f.Data) > 2 {
				told[f.UserID]++
			}
		}
		require.Equal(t, map[crm.UserID]int{"": 1, w.Ada.ID: 1, w.Ben.ID: 1}, told)
	})
}

// TestWhoLeavesReadsNothing: shares of a member end with the membership, also when
// they come back.
func TestWhoLeavesReadsNothing(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		dora := w.newMember("dora")
		c := w.Connect(w.Home, w.Ada, "ada")
		w.Put(c, Whole(Mail(1, InThread("t")))...)
		sh := crm.Share{ID: crm.ShareID(w.ID()), ConnectionID: c.ID, ThreadID: "t", UserIDs: []crm.UserID{dora.ID}}
		_, err := w.SaveShare(ctx, Caller(w.Home, w.Ada), sh, access.Audit{At: Start, Workspace: w.Home, Action: "mail.share", Outcome: "ok"})
		require.NoError(t, err)
		id := w.idOf(c, Mail(1).GmailID)
		_, err = w.Email(ctx, Caller(w.Home, dora), id)
		require.NoError(t, err)
		require.NoError(t, w.RemoveMember(ctx, org.MemberChange{Workspace: w.Home, Target: dora.ID, At: Start}, func(org.Standing) (access.Audit, error) {
			return access.Audit{At: Start, Workspace: w.Home, Action: "member.remove", Outcome: "ok"}, nil
		}))
		require.NoError(t, w.AddMember(ctx, crm.Member{WorkspaceID: w.Home, UserID: dora.ID, Role: crm.RoleMember, JoinedAt: Start}, dora))
		_, err = w.Email(ctx, Caller(w.Home, dora), id)
		require.Equal(t, fault.NotFound, fault.Of(err))
		list, err := w.Shares(ctx, Caller(w.Home, w.Ada), c.ID, "")
		require.NoError(t, err)
		require.Empty(t, list)
	})
}
