package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

var _ mail.Privacy = (*Store)(nil)

const ruleColumns = "r.id, r.workspace_id, r.user_id, r.kind, r.pattern, r.created_by, r.created_at"

func scanRule(r scanner) (crm.MailRule, error) {
	var m crm.MailRule
	var at int64
	err := r.Scan(&m.ID, &m.WorkspaceID, &m.UserID, &m.Kind, &m.Pattern, &m.CreatedBy, &at)
	m.CreatedAt = clock(at)
	return m, err
}

// MailRules lists the rules of a workspace and those of a user, by pattern.
func (s *Store) MailRules(ctx context.Context, w crm.WorkspaceID, u crm.UserID, kind crm.RuleKind) ([]crm.MailRule, error) {
	return all(ctx, s.reading("mail.MailRules"), "list", scanRule, "SELECT "+ruleColumns+` FROM mail_rules r
		WHERE r.workspace_id = $1 AND r.user_id IN ('', $2) AND ($3 = '' OR r.kind = $3) ORDER BY r.pattern, r.user_id, r.kind`, string(w), string(u), string(kind))
}

// rulesOf reads what applies to the mail of an owner.
func (s *Store) rulesOf(ctx context.Context, from source, w crm.WorkspaceID, owner crm.UserID) (*mail.Rules, error) {
	var list []crm.MailRule
	internal, domains := false, ""
	policy := crm.MailPolicy{}
	err := each(ctx, from, "read rules", func(r scanner) error {
		var one crm.MailRule
		err := r.Scan(&internal, &domains, &policy.RetentionDays, &policy.BodyRetentionDays, &one.ID, &one.Kind, &one.Pattern)
		if one.ID != "" {
			list = append(list, one)
		}
		return err
	}, `SELECT COALESCE(p.store_internal, FALSE), COALESCE(p.own_domains, '[]'), COALESCE(p.retention_days, 0), COALESCE(p.body_retention_days, 0), COALESCE(r.id, ''), COALESCE(r.kind, ''), COALESCE(r.pattern, '')
		FROM workspaces w LEFT JOIN mail_policies p ON p.workspace_id = w.id LEFT JOIN mail_rules r ON r.workspace_id = w.id AND r.user_id IN ('', $2)
		WHERE w.id = $1`, string(w), string(owner))
	if err != nil {
		return nil, err
	}
	if internal {
		return mail.NewRules(list, true, nil).Keep(mail.Cutoffs(policy, s.now())), nil
	}
	own, err := readList(domains)
	if err == nil && len(own) == 0 {
		own, err = s.ownDomains(ctx, from, w)
	}
	return mail.NewRules(list, false, own).Keep(mail.Cutoffs(policy, s.now())), err
}

// domainMemory remembers the domains of workspaces for a while: they are asked
// for with every batch of messages, and change when people come and go.
type domainMemory struct {
	mu sync.Mutex
	of map[crm.WorkspaceID]knownDomains
}

type knownDomains struct {
	list []string
	at   time.Time
}

const domainsLife = time.Minute

func (s *Store) ownDomains(ctx context.Context, from source, w crm.WorkspaceID) ([]string, error) {
	s.domains.mu.Lock()
	known, ok := s.domains.of[w]
	s.domains.mu.Unlock()
	if now := s.now(); ok && now.Sub(known.at) < domainsLife && !now.Before(known.at) {
		return known.list, nil
	}
	list, err := vouchedDomains(ctx, from, w)
	if err != nil {
		return nil, err
	}
	known = knownDomains{list, s.now()}
	s.domains.mu.Lock()
	defer s.domains.mu.Unlock()
	if s.domains.of == nil || len(s.domains.of) > 10_000 {
		s.domains.of = map[crm.WorkspaceID]knownDomains{}
	}
	s.domains.of[w] = known
	return known.list, nil
}

// vouchedDomains are those of the addresses that owners and administrators sign in
// with, and those the organisation's approval allows. What members bring along
// does not count: anybody could make mail with a customer vanish by connecting an
// address there.
func vouchedDomains(ctx context.Context, from source, w crm.WorkspaceID) ([]string, error) {
	emails, err := all(ctx, from, "read addresses of those in charge", scanText, `SELECT u.email FROM members m JOIN users u ON u.id = m.user_id
		WHERE m.workspace_id = $1 AND m.role IN ('owner', 'admin')`, string(w))
	if err != nil {
		return nil, err
	}
	text, err := one(ctx, from, "read the approval's domains", scanText, "SELECT allowed_domains FROM workspaces WHERE id = $1", string(w))
	if err != nil && !errors.Is(err, errNone) {
		return nil, err
	}
	var allowed []string
	if text != "" {
		if allowed, err = readList(text); err != nil {
			return nil, err
		}
	}
	for _, d := range allowed {
		emails = append(emails, "@"+d)
	}
	return mail.OwnDomains(emails), nil
}

// joinDomains does what changes who vouches for the domains of a workspace. If that
// brings a domain, mail with it may be among colleagues, stored mail too; if it
// takes one, what was left out for its sake is missing, and the next check for
// completeness fetches it.
func (t *tx) joinDomains(ctx context.Context, w crm.WorkspaceID, do func() error) error {
	before, err := vouchedDomains(ctx, t, w)
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	after, err := vouchedDomains(ctx, t, w)
	if err != nil || slices.Equal(before, after) {
		return err
	}
	t.s.domains.forget(w)
	beyond := func(list, others []string) bool {
		return slices.ContainsFunc(list, func(d string) bool { return !slices.Contains(others, d) })
	}
	if beyond(before, after) {
		if _, err := t.forgetExcluded(ctx, w, mail.InternalRule); err != nil {
			return err
		}
	}
	if !beyond(after, before) {
		return nil
	}
	_, err = t.exec(ctx, "mark mailboxes", `INSERT INTO mail_sweeps (mailbox, below, hides) SELECT c.no, (c.no + 1) * `+sweepStep+`, FALSE FROM google_integrations c
		WHERE c.workspace_id = $1 ON CONFLICT (mailbox) DO UPDATE SET below = excluded.below`, string(w))
	return err
}

func (m *domainMemory) forget(w crm.WorkspaceID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, w)
}

// RulesOf gives what applies to the mail of an owner.
func (s *Store) RulesOf(ctx context.Context, w crm.WorkspaceID, owner crm.UserID) (*mail.Rules, error) {
	return s.rulesOf(ctx, s.reading("mail.RulesOf"), w, owner)
}

// SaveMailRule stores a rule with its audit row and marks the mailboxes it is for:
// their stored mail is still to be gone through (Sweep). Of a protected
// address nobody but the owners sees these mailboxes until then.
func (s *Store) SaveMailRule(ctx context.Context, r crm.MailRule, a access.Audit) ([]crm.ConnectionID, error) {
	var concerned []crm.ConnectionID
	err := s.write(ctx, "mail.SaveMailRule", func(t *tx) error {
		var err error
		if concerned, err = t.lockMailboxes(ctx, r.WorkspaceID, r.UserID); err != nil {
			return err
		}
		n, err := t.exec(ctx, "insert rule", "INSERT INTO mail_rules (id, workspace_id, user_id, kind, pattern, created_by, created_at) VALUES "+marks(1, 7)+
			" ON CONFLICT (workspace_id, user_id, kind, pattern) DO NOTHING",
			string(r.ID), string(r.WorkspaceID), string(r.UserID), string(r.Kind), clean(r.Pattern), string(r.CreatedBy), stamp(r.CreatedAt))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "There is such a rule already.")
		}
		if err := t.markForSweep(ctx, concerned, r.Kind == crm.RuleProtected); err != nil {
			return err
		}
		return t.record(ctx, []access.Audit{a})
	})
	return concerned, err
}

// DropMailRule deletes a rule of the workspace, or of the user, with its audit
// row. It gives the mailboxes whose mail it kept out, and those whose mail is to be
// gone through again.
func (s *Store) DropMailRule(ctx context.Context, w crm.WorkspaceID, id crm.RuleID, a access.Audit) (lacking, sweep []crm.ConnectionID, err error) {
	err = s.write(ctx, "mail.DropMailRule", func(t *tx) error {
		r, err := one(ctx, t, "delete rule", scanRule, "DELETE FROM mail_rules AS r WHERE r.id = $1 AND r.workspace_id = $2 RETURNING "+strings.ReplaceAll(ruleColumns, "r.", ""), string(id), string(w))
		if r, err = found(r, err, noRule); err != nil {
			return err
		}
		if lacking, err = t.forgetExcluded(ctx, w, string(id)); err != nil {
			return err
		}
		sweep = nil
		if r.Kind == crm.RuleProtected {
			if sweep, err = t.lockMailboxes(ctx, r.WorkspaceID, r.UserID); err != nil {
				return err
			}
			if err := t.markForSweep(ctx, sweep, false); err != nil {
				return err
			}
		}
		return t.record(ctx, []access.Audit{a})
	})
	return lacking, sweep, err
}

const noRule = "There is no such rule."

// MailRule reads a rule of a workspace.
func (s *Store) MailRule(ctx context.Context, w crm.WorkspaceID, id crm.RuleID) (crm.MailRule, error) {
	r, err := one(ctx, s.reading("mail.MailRule"), "read", scanRule, "SELECT "+ruleColumns+" FROM mail_rules r WHERE r.id = $1 AND r.workspace_id = $2", string(id), string(w))
	return found(r, err, noRule)
}

// lockMailboxes waits for what is being written into the mailboxes of a
// workspace, or of one of its users: what comes after sees the new rules.
func (t *tx) lockMailboxes(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]crm.ConnectionID, error) {
	return all(ctx, t, "lock mailboxes", func(r scanner) (id crm.ConnectionID, err error) { return id, r.Scan(&id) },
		"SELECT id FROM google_integrations WHERE workspace_id = $1 AND ($2 = '' OR user_id = $2) ORDER BY no"+t.s.d.forUpdate(), string(w), string(u))
}

// forgetExcluded forgets what a rule kept out of the mailboxes of a workspace, and
// gives the mailboxes.
func (t *tx) forgetExcluded(ctx context.Context, w crm.WorkspaceID, rule string) ([]crm.ConnectionID, error) {
	lacking, err := all(ctx, t, "find what was kept out", func(r scanner) (id crm.ConnectionID, err error) { return id, r.Scan(&id) },
		`SELECT c.id FROM google_integrations c WHERE c.workspace_id = $1 AND EXISTS
			(SELECT 1 FROM excluded_emails x WHERE x.rule = $2 AND x.integration_id = c.id) ORDER BY c.no`, string(w), rule)
	if err != nil || len(lacking) == 0 {
		return nil, err
	}
	_, err = t.exec(ctx, "forget what was kept out", "DELETE FROM excluded_emails WHERE rule = $1 AND "+t.s.d.in("integration_id", 2), rule, t.s.d.list(lacking))
	return lacking, err
}

// MailPolicy reads what a workspace has decided about mail; OwnDomains is empty
// while it has not chosen any.
func (s *Store) MailPolicy(ctx context.Context, w crm.WorkspaceID) (crm.MailPolicy, error) {
	return s.mailPolicy(ctx, s.reading("mail.MailPolicy"), w)
}

func (s *Store) mailPolicy(ctx context.Context, from source, w crm.WorkspaceID) (crm.MailPolicy, error) {
	p, err := one(ctx, from, "read policy", func(r scanner) (p crm.MailPolicy, err error) {
		var domains string
		var at int64
		err = r.Scan(&p.StoreInternal, &domains, &p.BodyRetentionDays, &p.RetentionDays, &at)
		p.UpdatedAt = clock(at)
		return p, errors.Join(err, fromJSON(domains, &p.OwnDomains))
	}, "SELECT store_internal, own_domains, body_retention_days, retention_days, updated_at FROM mail_policies WHERE workspace_id = $1", string(w))
	if errors.Is(err, errNone) {
		p, err = crm.MailPolicy{}, nil
	}
	p.WorkspaceID = w
	return p, err
}

// OwnDomains gives the domains of a workspace by those in charge and its approval.
func (s *Store) OwnDomains(ctx context.Context, w crm.WorkspaceID) ([]string, error) {
	return s.ownDomains(ctx, s.reading("mail.OwnDomains"), w)
}

// ChangeMailPolicy lets change work on a workspace's policy and stores it with
// the audit rows it gives. lacking are the mailboxes that now lack mail among colleagues, sweep
// those that may hold some that is not wanted any more.
func (s *Store) ChangeMailPolicy(ctx context.Context, w crm.WorkspaceID, change func(*crm.MailPolicy) ([]access.Audit, error)) (p crm.MailPolicy, lacking, sweep []crm.ConnectionID, err error) {
	err = s.write(ctx, "mail.ChangeMailPolicy", func(t *tx) error {
		boxes, err := t.lockMailboxes(ctx, w, "")
		if err != nil {
			return err
		}
		before, err := s.mailPolicy(ctx, t, w)
		if err != nil {
			return err
		}
		p = before
		p.OwnDomains = slices.Clone(before.OwnDomains)
		rows, err := change(&p)
		if err != nil {
			return err
		}
		p.UpdatedAt = clock(t.now)
		_, err = t.exec(ctx, "save policy", `INSERT INTO mail_policies (workspace_id, store_internal, own_domains, body_retention_days, retention_days, updated_at) VALUES `+marks(1, 6)+`
			ON CONFLICT (workspace_id) DO UPDATE SET store_internal = excluded.store_internal, own_domains = excluded.own_domains,
				body_retention_days = excluded.body_retention_days, retention_days = excluded.retention_days, updated_at = excluded.updated_at`,
			string(w), p.StoreInternal, listText(p.OwnDomains), int64(p.BodyRetentionDays), int64(p.RetentionDays), t.now)
		if err != nil {
			return err
		}
		lacking, sweep = nil, nil
		domains := !slices.Equal(before.OwnDomains, p.OwnDomains)
		if p.StoreInternal && !before.StoreInternal || domains {
			if lacking, err = t.forgetExcluded(ctx, w, mail.InternalRule); err != nil {
				return err
			}
		}
		if longer := p.RetentionDays == 0 || p.RetentionDays > before.RetentionDays; before.RetentionDays > 0 && longer {
			again, err := t.forgetExcluded(ctx, w, mail.RetentionRule)
			if err != nil {
				return err
			}
			lacking = append(lacking, again...)
		}
		if !p.StoreInternal && (before.StoreInternal || domains) {
			sweep = boxes
			if err := t.markForSweep(ctx, boxes, false); err != nil {
				return err
			}
		}
		if len(rows) == 0 {
			return nil
		}
		return t.record(ctx, rows)
	})
	return p, lacking, sweep, err
}

// MailboxAddresses gives the addresses of the mailboxes of a workspace or of one of its users.
func (s *Store) MailboxAddresses(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]string, error) {
	return all(ctx, s.reading("mail.MailboxAddresses"), "list", scanText,
		"SELECT google_email FROM google_integrations WHERE workspace_id = $1 AND ($2 = '' OR user_id = $2) ORDER BY no", string(w), string(u))
}

// Affected counts the stored messages that a pattern is about, in the mailboxes
// of a workspace or of one of its users.
func (s *Store) Affected(ctx context.Context, w crm.WorkspaceID, u crm.UserID, pattern string) (int64, error) {
	boxes, err := all(ctx, s.reading("mail.Affected"), "find mailboxes", scanInt,
		"SELECT no FROM google_integrations WHERE workspace_id = $1 AND ($2 = '' OR user_id = $2) ORDER BY no", string(w), string(u))
	if err != nil {
		return 0, err
	}
	within := jsonText(pattern)
	within = within[1 : len(within)-1] // as it stands in JSON
	end := literally(within) + `"%`
	lists, from := []string{`%"` + end}, []string{literally(pattern)}
	if strings.HasPrefix(pattern, "@") {
		lists = []string{"%" + end, "%." + literally(within[1:]) + `"%`}
		from = []string{"%" + literally(pattern), "%@%." + literally(pattern[1:])}
	}
	args := []any{int64(0), int64(0)}
	var or []string
	for _, p := range from {
		args = append(args, p)
		or = append(or, "from_email LIKE "+fmt.Sprintf("$%d", len(args))+like)
	}
	for _, p := range lists {
		args = append(args, p)
		for _, column := range []string{"to_emails", "cc", "bcc", "reply_to"} {
			or = append(or, column+" LIKE "+fmt.Sprintf("$%d", len(args))+like)
		}
	}
	rules := mail.NewRules([]crm.MailRule{{ID: "x", Kind: crm.RuleProtected, Pattern: pattern}}, true, nil)
	total := int64(0)
	for _, no := range boxes {
		args[0], args[1] = lowest(no), highest(no)
		err := each(ctx, s.reading("mail.Affected"), "count", func(r scanner) error {
			var e crm.Email
			var to, cc, bcc, replyTo string
			if err := r.Scan(&e.From.Email, &to, &cc, &bcc, &replyTo); err != nil {
				return err
			}
			var errs [4]error
			e.To, errs[0] = readAddresses(to)
			e.Cc, errs[1] = readAddresses(cc)
			e.Bcc, errs[2] = readAddresses(bcc)
			e.ReplyTo, errs[3] = readAddresses(replyTo)
			if rules.Protects(&e) {
				total++
			}
			return errors.Join(errs[:]...)
		}, "SELECT from_email, to_emails, cc, bcc, reply_to FROM synced_emails WHERE pos BETWEEN $1 AND $2 AND deleted_at IS NULL AND ("+strings.Join(or, " OR ")+")", args...)
		if err != nil {
			return 0, err
		}
	}
	return total, nil
}

const like = ` ESCAPE '\'`

// literally is a text within a LIKE pattern that stands for itself.
func literally(s string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s)
}

// EachExcluded walks the ids of messages of a connection that rules keep out.
func (s *Store) EachExcluded(ctx context.Context, c crm.ConnectionID, yield func(gmailID string) error) error {
	after := ""
	for {
		ids, err := all(ctx, s.reading("mail.EachExcluded"), "read", scanText,
			"SELECT gmail_id FROM excluded_emails WHERE integration_id = $1 AND gmail_id > $2 ORDER BY gmail_id LIMIT $3", string(c), after, int64(storedAtOnce))
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := yield(id); err != nil {
				return err
			}
		}
		if len(ids) < storedAtOnce {
			return nil
		}
		after = ids[len(ids)-1]
	}
}
