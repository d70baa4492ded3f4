package mail

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
)

func TestRules(t *testing.T) {
	rule := func(kind crm.RuleKind, pattern string) crm.MailRule {
		return crm.MailRule{ID: crm.RuleID(pattern), Kind: kind, Pattern: pattern}
	}
	list := []crm.MailRule{rule(crm.RuleBlocked, "ann@shop.example"), rule(crm.RuleBlocked, "@spam.example"), rule(crm.RuleProtected, "@law.example")}
	to := func(emails ...string) *crm.Email {
		e := &crm.Email{From: crm.Address{Email: emails[0]}}
		for _, one := range emails[1:] {
			e.To = append(e.To, crm.Address{Email: one})
		}
		return e
	}
	for _, c := range []struct {
		what      string
		email     *crm.Email
		rule      string
		protected bool
	}{
		{"a stranger", to("jo@x.example", "me@own.example"), "", false},
		{"a blocked sender", to("ann@shop.example", "me@own.example"), "ann@shop.example", false},
		{"in capitals", to("ANN@Shop.Example", "me@own.example"), "ann@shop.example", false},
		{"to a blocked one", to("me@own.example", "ann@shop.example"), "ann@shop.example", false},
		{"a colleague of a blocked one", to("bob@shop.example", "me@own.example"), "", false},
		{"an address that only ends so", to("joann@shop.example", "me@own.example"), "", false},
		{"a blocked domain", to("x@spam.example", "me@own.example"), "@spam.example", false},
		{"below a blocked domain", to("x@eu.spam.example", "me@own.example"), "@spam.example", false},
		{"a domain that only ends so", to("x@nospam.example", "me@own.example"), "", false},
		{"a blocked copy", &crm.Email{From: crm.Address{Email: "jo@x.example"}, Cc: []crm.Address{{Email: "x@spam.example"}}}, "@spam.example", false},
		{"a blocked blind copy", &crm.Email{From: crm.Address{Email: "jo@x.example"}, Bcc: []crm.Address{{Email: "x@spam.example"}}}, "@spam.example", false},
		{"a blocked address for replies", &crm.Email{From: crm.Address{Email: "jo@x.example"}, ReplyTo: []crm.Address{{Email: "x@spam.example"}}}, "@spam.example", false},
		{"protected", to("me@own.example", "x@law.example"), "", true},
		{"protected and blocked", to("ann@shop.example", "x@law.example"), "ann@shop.example", true},
		{"among colleagues", to("me@own.example", "you@own.example"), InternalRule, false},
		{"among colleagues below", to("me@own.example", "you@eu.own.example"), InternalRule, false},
		{"to oneself", to("me@own.example", "me@own.example"), InternalRule, false},
		{"to nobody", to("me@own.example"), InternalRule, false},
		{"to one outside", to("me@own.example", "you@own.example", "jo@x.example"), "", false},
		{"from outside", to("jo@x.example", "me@own.example"), "", false},
		{"from nobody", to("", "me@own.example"), "", false},
	} {
		r := NewRules(list, false, []string{"own.example"})
		rule, out := r.Excludes(c.email)
		require.Equal(t, c.rule != "", out, c.what)
		require.Equal(t, c.rule, rule, c.what)
		require.Equal(t, c.protected, r.Protects(c.email), c.what)
		rule, _ = NewRules(list, true, []string{"own.example"}).Excludes(c.email)
		require.NotEqual(t, InternalRule, rule, c.what)
	}
}

func TestReadPattern(t *testing.T) {
	for in, want := range map[string]string{
		"Ann@Shop.Example": "ann@shop.example", " shop.example ": "@shop.example", "@shop.example": "@shop.example", "*.shop.example": "@shop.example", "@*.shop.example": "@shop.example",
		"": "", "@": "", "shop": "", "ann@shop": "", "a b@shop.example": "", "ann@@shop.example": "", "ann@shop..example": "", "<ann@shop.example>": "", "ann@shop.example, bob@shop.example": "", "*": "",
	} {
		got, err := ReadPattern(in)
		require.Equal(t, want, got, in)
		require.Equal(t, want == "", err != nil, in)
	}
}

func TestOwnDomains(t *testing.T) {
	require.Equal(t, []string{"northwind.example", "sub.northwind.example"},
		OwnDomains([]string{"ada@northwind.example", "Ben@Northwind.Example", "cleo@gmail.com", "x@sub.northwind.example", "y@web.de", "nonsense", "z@localhost"}))
}

// TestWhatRulesKeepOutIsFetchedOnce: it counts as skipped, is no part of the newest N,
// is explained by the completeness check, and is not asked for again.
func TestWhatRulesKeepOutIsFetchedOnce(t *testing.T) {
	h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 10 })
	h.m.rules = NewRules([]crm.MailRule{{ID: "r", Kind: crm.RuleBlocked, Pattern: "@spam.example"}}, true, nil)
	var ids, spam []string
	send := func(from string) string {
		id := h.g.deliver("", "INBOX")
		h.g.messages[id].Payload.Headers = append([]Header{{"From", from}}, h.g.messages[id].Payload.Headers...)
		return id
	}
	for range 6 {
		ids, spam = append(ids, send("jo@x.example")), append(spam, send("ann@spam.example"))
	}
	h.must(KindHistory, KindBackfill)
	h.same(ids...)
	require.Len(t, h.m.kept, 6, "all of them are among the newest 10 that are wanted")
	skipped := int64(0)
	for _, r := range h.m.runs {
		skipped += r.Counts.Skipped
	}
	require.EqualValues(t, 6, skipped)

	h.g.calls = map[string]int{}
	for range 2 {
		h.must(KindVerify)
		require.EqualValues(t, 6, h.m.complete.GoogleCount)
		require.EqualValues(t, 6, h.m.complete.RapportCount)
		require.EqualValues(t, 6, h.m.complete.Excluded)
		require.Zero(t, h.m.complete.Missing+h.m.complete.Healed+h.m.complete.Unexplained)
	}
	require.NoError(t, h.restartBackfill())
	h.must(KindBackfill)
	h.g.label(spam[2], []string{"Label_1"}, nil)
	h.must(KindHistory)
	require.Zero(t, h.g.calls["get"], "nothing is asked for again")

	fresh := send("bob@spam.example") // arrives later
	h.must(KindHistory)
	require.Contains(t, h.m.kept, fresh)
	delete(h.m.kept, spam[0]) // forgotten: the check finds it, and notes it again
	h.must(KindVerify)
	require.Contains(t, h.m.kept, spam[0])
	require.EqualValues(t, 7, h.m.complete.Excluded)
	require.Zero(t, h.m.complete.Missing+h.m.complete.Unexplained)

	h.m.rules, h.m.kept = NewRules(nil, true, nil), map[string]string{} // the rule is lifted
	require.NoError(t, h.restartBackfill())
	h.must(KindBackfill, KindVerify)
	require.Zero(t, h.m.complete.Excluded+h.m.complete.Unexplained)
	for _, id := range append(ids, fresh, spam[5], spam[4]) {
		require.Contains(t, h.m.rows, id)
	}
}

func (h *house) restartBackfill() error {
	return h.Streams.Restart(context.Background(), key(h.m.connections[me], crm.StreamGmailBackfill))
}
