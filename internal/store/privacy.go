package store

import (
	"context"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/mail"
)

// privacy is what an apply does about rules and shares.
type privacy struct {
	rules    *mail.Rules // nil: nothing whole has come
	shares   bool        // something of the mailbox is shared
	owner    crm.UserID
	hears    crm.UserID // whose matter facts about messages are, "" when others may see some of them
	kept     []string   // gmail ids that a rule keeps out
	keptRule []string
}

// sharesSome: something of mailbox c is shared.
const sharesSome = "EXISTS (SELECT 1 FROM mail_shares s WHERE s.integration_id = c.id)"

// open says whether others than the owner see anything of the mailbox.
func (p *privacy) open(v crm.Visibility) bool {
	return p.shares || v != "" && v != crm.VisibilityPrivate
}

// readRules reads what applies to the mailbox, under its lock: a rule that is made
// meanwhile waits, and then goes through what this has stored.
func (a *apply) readRules(ctx context.Context, changes []engine.Change[mail.Item]) (err error) {
	whole := slices.ContainsFunc(changes, func(c engine.Change[mail.Item]) bool {
		return c.Err == nil && c.Value != nil && c.Value.Email != nil && !c.Value.Skip
	})
	if whole {
		a.rules, err = a.t.s.rulesOf(ctx, a.t, a.k.Workspace, a.owner)
	}
	return err
}

// keepsOut notes a message that a rule keeps out. One that is stored is left to the
// sweep that follows every new rule.
func (a *apply) keepsOut(e *crm.Email, gmailID string, stored *message) bool {
	rule, out := a.rules.Excludes(e)
	a.rules.Trim(e)
	if !out || stored != nil && stored.live {
		return false
	}
	a.kept, a.keptRule = append(a.kept, gmailID), append(a.keptRule, rule)
	return true
}

// saveKept stores what was kept out.
func (a *apply) saveKept(ctx context.Context) error {
	if len(a.kept) == 0 {
		return nil
	}
	a.wrote = true
	return a.t.saveExcluded(ctx, a.k.Connection, a.kept, a.keptRule)
}

func (a *apply) protectedColumn(of []*message) column {
	return flags("protected", of, func(m *message) bool { return a.rules.Protects(m.email) })
}

// openShared lets the readers of a shared conversation read what is new in it.
func (a *apply) openShared(ctx context.Context) error {
	if !a.shares {
		return nil
	}
	var threads []string
	for _, m := range slices.Concat(a.inserts, a.contents) {
		threads = append(threads, clean(m.thread))
	}
	if len(threads) == 0 {
		return nil
	}
	slices.Sort(threads)
	return a.t.openThreads(ctx, a.no, a.k.Connection, slices.Compact(threads))
}
