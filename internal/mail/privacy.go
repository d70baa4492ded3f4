package mail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/work"
)

// Privacy keeps who sees what, and which mail is not kept (implemented by the store).
// Audit rows are written in the transaction of what they tell.
type Privacy interface {
	// SaveShare opens a message or conversation of the caller's own to readers, with
	// the fact mail.shared; DropShare closes it again. What is not the caller's
	// own does not exist.
	SaveShare(ctx context.Context, c access.Caller, s crm.Share, a access.Audit) (crm.Share, error)
	DropShare(ctx context.Context, c access.Caller, id crm.ShareID, a access.Audit) error
	Shares(ctx context.Context, c access.Caller, connection crm.ConnectionID, thread string) ([]crm.Share, error)

	// MailRules lists the rules of a workspace and those of a user; kind "" is all.
	MailRules(ctx context.Context, w crm.WorkspaceID, u crm.UserID, kind crm.RuleKind) ([]crm.MailRule, error)
	MailRule(ctx context.Context, w crm.WorkspaceID, id crm.RuleID) (crm.MailRule, error)
	// SaveMailRule stores a rule and gives the mailboxes to Sweep. fault.Conflict
	// when there is such a rule.
	SaveMailRule(ctx context.Context, r crm.MailRule, a access.Audit) ([]crm.ConnectionID, error)
	// DropMailRule gives the mailboxes that lack what the rule kept out, and those to Sweep.
	DropMailRule(ctx context.Context, w crm.WorkspaceID, id crm.RuleID, a access.Audit) (lacking, sweep []crm.ConnectionID, err error)
	// MailboxAddresses gives the addresses of the mailboxes of a user or of all of the workspace.
	MailboxAddresses(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]string, error)
	// Affected counts stored messages with an address, in the mailboxes of a user or
	// of all of the workspace.
	Affected(ctx context.Context, w crm.WorkspaceID, u crm.UserID, pattern string) (int64, error)
	// RulesOf gives what applies to the mail of an owner. Apply decides by them
	// itself, in its transaction.
	RulesOf(ctx context.Context, w crm.WorkspaceID, owner crm.UserID) (*Rules, error)
	MailPolicy(ctx context.Context, w crm.WorkspaceID) (crm.MailPolicy, error)
	OwnDomains(ctx context.Context, w crm.WorkspaceID) ([]string, error)
	ChangeMailPolicy(ctx context.Context, w crm.WorkspaceID, change func(*crm.MailPolicy) ([]access.Audit, error)) (p crm.MailPolicy, lacking, sweep []crm.ConnectionID, err error)
	// Sweep applies the rules to up to n stored messages of a mailbox; more says that
	// it is not through. Of a mailbox that is not due it does nothing.
	Sweep(ctx context.Context, c crm.ConnectionID, n int) (removed int, more bool, err error)
	PendingSweeps(ctx context.Context, limit int) ([]crm.ConnectionID, error)
	// EachExcluded walks the ids of messages that rules keep out of a mailbox.
	EachExcluded(ctx context.Context, c crm.ConnectionID, yield func(gmailID string) error) error

	// PeopleSeen gives people in the newest mail that the caller sees whose names or
	// addresses begin so, the most frequent first.
	PeopleSeen(ctx context.Context, c access.Caller, text string, n int) ([]Person, error)
	// MailboxLabels gives the names of the labels in the caller's own mailboxes.
	MailboxLabels(ctx context.Context, c access.Caller) ([]string, error)
}

// Person is somebody who stands in mail.
type Person struct {
	crm.Address
	Messages int // of those that were looked at
}

// KindSweep applies rules to the stored mail of a mailbox.
const KindSweep work.Kind = "gmail.sweep"

func audit(s *Service, c access.Caller, action, target, detail string) access.Audit {
	return access.Audit{
		At: s.Now(), Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via,
		Action: action, Target: target, Outcome: "ok", Detail: detail, Remote: c.Remote,
	}
}

// ---- sharing ----

// Share opens a message or a conversation of the caller's own mailbox to members
// or to the whole workspace.
func (s *Service) Share(ctx context.Context, c access.Caller, sh crm.Share) (crm.Share, error) {
	if err := access.Allow(c, access.MailChange); err != nil {
		return crm.Share{}, err
	}
	if (sh.ThreadID == "") == (sh.EmailID == "") {
		return crm.Share{}, &fault.Error{Kind: fault.Invalid, Text: "Name a conversation or a message to share.", Fields: map[string]string{"thread_id": "one of thread_id and email_id"}}
	}
	if len(sh.UserIDs) == 0 && !sh.Workspace {
		return crm.Share{}, &fault.Error{Kind: fault.Invalid, Text: "Say with whom to share.", Fields: map[string]string{"user_ids": "members, or workspace: true"}}
	}
	slices.Sort(sh.UserIDs)
	sh.UserIDs = slices.Compact(sh.UserIDs)
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return crm.Share{}, err
	}
	sh.ID = crm.ShareID(id)
	what, with := "a conversation", fmt.Sprintf("%d members", len(sh.UserIDs))
	if sh.EmailID != "" {
		what = "a message"
	}
	if sh.Workspace {
		with = "the workspace"
	} else if len(sh.UserIDs) == 1 {
		with = "one member"
	}
	return s.Privacy.SaveShare(ctx, c, sh, audit(s, c, "mail.share", id, what+" with "+with))
}

// Unshare ends a share of the caller's own mail.
func (s *Service) Unshare(ctx context.Context, c access.Caller, id crm.ShareID) error {
	if err := access.Allow(c, access.MailChange); err != nil {
		return err
	}
	return s.Privacy.DropShare(ctx, c, id, audit(s, c, "mail.unshare", string(id), ""))
}

// Shares lists the shares of a mailbox of the caller's own, of one thread or all.
func (s *Service) Shares(ctx context.Context, c access.Caller, connection crm.ConnectionID, thread string) ([]crm.Share, error) {
	if err := access.Allow(c, access.MailRead); err != nil {
		return nil, err
	}
	return s.Privacy.Shares(ctx, c, connection, thread)
}

// VisibleIDs says how much a caller sees of messages.
func (s *Service) VisibleIDs(ctx context.Context, c access.Caller, ids []crm.EmailID) (map[crm.EmailID]crm.Level, error) {
	if err := access.Allow(c, access.MailRead); err != nil {
		return nil, err
	}
	return s.Emails.VisibleIDs(ctx, c, ids)
}

// ---- rules ----

// MailRules lists the rules of the workspace and the caller's own.
func (s *Service) MailRules(ctx context.Context, c access.Caller, kind crm.RuleKind) ([]crm.MailRule, error) {
	if err := access.Allow(c, access.ConnectionRead); err != nil {
		return nil, err
	}
	return s.Privacy.MailRules(ctx, c.Workspace, c.UserID, kind)
}

// AddMailRule blocks or protects an address or domain: for the caller's own
// mailboxes, or as an administrator for all. It applies to mail that is stored already.
// affects is how many stored messages that is.
func (s *Service) AddMailRule(ctx context.Context, c access.Caller, kind crm.RuleKind, pattern string, workspace bool) (r crm.MailRule, affects int64, err error) {
	if err := s.mayRule(c, workspace); err != nil {
		return r, 0, err
	}
	if pattern, err = ReadPattern(pattern); err != nil {
		return r, 0, err
	}
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return r, 0, err
	}
	r = crm.MailRule{ID: crm.RuleID(id), WorkspaceID: c.Workspace, UserID: c.UserID, Kind: kind, Pattern: pattern, CreatedBy: c.UserID, CreatedAt: s.Now()}
	whose := "for their own mailboxes"
	if workspace {
		r.UserID, whose = "", "for the workspace"
	}
	if kind == crm.RuleBlocked {
		if err := s.notOneself(ctx, c, r); err != nil {
			return r, 0, err
		}
	}
	if affects, err = s.Privacy.Affected(ctx, c.Workspace, r.UserID, pattern); err != nil {
		return r, 0, err
	}
	what := "an address"
	if strings.HasPrefix(pattern, "@") {
		what = "a domain"
	}
	boxes, err := s.Privacy.SaveMailRule(ctx, r, audit(s, c, "mail_rule.add", id, string(kind)+": "+what+" "+whose))
	if err != nil {
		return r, 0, err
	}
	return r, affects, s.sweepSoon(ctx, boxes)
}

// mayRule: members rule over their own mailboxes, administrators over all.
func (s *Service) mayRule(c access.Caller, workspace bool) error {
	if workspace {
		return access.Allow(c, access.WorkspaceManage)
	}
	return access.Allow(c, access.ConnectionManage)
}

// notOneself keeps people from blocking all of their own mail.
func (s *Service) notOneself(ctx context.Context, c access.Caller, r crm.MailRule) error {
	own, err := s.Privacy.OwnDomains(ctx, c.Workspace)
	if err != nil {
		return err
	}
	own = slices.DeleteFunc(slices.Clone(own), func(d string) bool { return "@"+d != r.Pattern && !strings.HasSuffix("."+d, "."+r.Pattern[1:]) })
	if strings.HasPrefix(r.Pattern, "@") && len(own) > 0 {
		return &fault.Error{Kind: fault.Invalid, Text: "This is a domain of your own: blocking it would block all of your mail. Mail among colleagues is left out by a choice of its own.",
			Fields: map[string]string{"pattern": "is a domain of the workspace"}}
	}
	mine, err := s.Privacy.MailboxAddresses(ctx, c.Workspace, r.UserID)
	if err != nil {
		return err
	}
	rules := NewRules([]crm.MailRule{r}, true, nil)
	for _, account := range mine {
		if _, all := rules.Excludes(&crm.Email{From: crm.Address{Email: account}}); all {
			return &fault.Error{Kind: fault.Invalid, Text: "This is the address of a mailbox here: blocking it would block all of its mail.", Fields: map[string]string{"pattern": "is the address of a connected mailbox"}}
		}
	}
	return nil
}

// DropMailRule ends a rule. Mail that it kept out is fetched again.
func (s *Service) DropMailRule(ctx context.Context, c access.Caller, id crm.RuleID) error {
	if err := access.Allow(c, access.ConnectionManage); err != nil {
		return err
	}
	r, err := s.Privacy.MailRule(ctx, c.Workspace, id)
	if err == nil && r.UserID != "" && r.UserID != c.UserID {
		err = fault.New(fault.NotFound, "There is no such rule.")
	}
	if err != nil {
		return err
	}
	if err := s.mayRule(c, r.UserID == ""); err != nil {
		return err
	}
	lacking, sweep, err := s.Privacy.DropMailRule(ctx, c.Workspace, id, audit(s, c, "mail_rule.drop", string(id), string(r.Kind)))
	if err != nil {
		return err
	}
	if err := s.sweepSoon(ctx, sweep); err != nil {
		return err
	}
	return s.fetchAgain(ctx, lacking)
}

// MailPolicy gives what the workspace has decided about mail; OwnDomains is never empty
// where its people's addresses tell.
func (s *Service) MailPolicy(ctx context.Context, c access.Caller) (p crm.MailPolicy, chosen bool, err error) {
	if err := access.Allow(c, access.ConnectionRead); err != nil {
		return p, false, err
	}
	p, err = s.Privacy.MailPolicy(ctx, c.Workspace)
	if err != nil || len(p.OwnDomains) > 0 {
		return p, true, err
	}
	p.OwnDomains, err = s.Privacy.OwnDomains(ctx, c.Workspace)
	return p, false, err
}

// PolicyPatch changes a policy; what is nil stays.
type PolicyPatch struct {
	StoreInternal                    *bool
	OwnDomains                       *[]string // empty: by people's addresses
	BodyRetentionDays, RetentionDays *int
}

// ChangeMailPolicy changes what the workspace has decided about mail, for stored
// mail too: what is not wanted any more goes, what is wanted again is fetched.
func (s *Service) ChangeMailPolicy(ctx context.Context, c access.Caller, patch PolicyPatch) error {
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return err
	}
	if patch.OwnDomains != nil {
		list, err := readDomains(*patch.OwnDomains)
		if err != nil {
			return err
		}
		patch.OwnDomains = &list
	}
	_, lacking, sweep, err := s.Privacy.ChangeMailPolicy(ctx, c.Workspace, func(p *crm.MailPolicy) ([]access.Audit, error) {
		var did []string
		if patch.StoreInternal != nil {
			p.StoreInternal = *patch.StoreInternal
			did = append(did, fmt.Sprintf("mail among colleagues is stored: %t", p.StoreInternal))
		}
		if patch.OwnDomains != nil {
			p.OwnDomains = *patch.OwnDomains
			did = append(did, fmt.Sprintf("own domains: %d chosen", len(p.OwnDomains)))
		}
		if patch.BodyRetentionDays != nil {
			p.BodyRetentionDays = *patch.BodyRetentionDays
			did = append(did, fmt.Sprintf("bodies are kept for days: %d", p.BodyRetentionDays))
		}
		if patch.RetentionDays != nil {
			p.RetentionDays = *patch.RetentionDays
			did = append(did, fmt.Sprintf("messages are kept for days: %d", p.RetentionDays))
		}
		return []access.Audit{audit(s, c, "mail_policy.change", string(c.Workspace), strings.Join(did, "; "))}, nil
	})
	if err != nil {
		return err
	}
	if err := s.sweepSoon(ctx, sweep); err != nil {
		return err
	}
	if patch.BodyRetentionDays != nil || patch.RetentionDays != nil {
		if err := s.Queue.Enqueue(ctx, s.ageJob(s.Now())); err != nil {
			return fmt.Errorf("asking for a round of old mail: %w", err)
		}
	}
	return s.fetchAgain(ctx, lacking)
}

func readDomains(list []string) ([]string, error) {
	out := make([]string, 0, len(list))
	for _, d := range list {
		pattern, err := ReadPattern(d)
		if d = strings.TrimPrefix(pattern, "@"); err != nil || strings.Contains(d, "@") || FreeMail(d) {
			return nil, &fault.Error{Kind: fault.Invalid, Text: "Write domains of your own, like northwind.example. Domains where everybody can have an address do not say who is a colleague.",
				Fields: map[string]string{"own_domains": "must be domains of the workspace"}}
		}
		out = append(out, d)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// sweepSoon asks for the rules to be applied to stored mail. Should this be lost, the
// poll finds the marks.
func (s *Service) sweepSoon(ctx context.Context, boxes []crm.ConnectionID) error {
	jobs := make([]work.Job, len(boxes))
	for i, c := range boxes {
		jobs[i] = job(KindSweep, c, s.Now())
	}
	if len(jobs) == 0 {
		return nil
	}
	return s.Queue.Enqueue(ctx, jobs...)
}

// fetchAgain walks the back-fills of mailboxes again, and compares them with
// Google's: what is missing is fetched.
func (s *Service) fetchAgain(ctx context.Context, boxes []crm.ConnectionID) error {
	for _, id := range boxes {
		c, err := s.Connections.ConnectionByID(ctx, id)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if syncsByIMAP(c) && s.Accounts != nil {
			if err := s.Accounts(ctx, id); err != nil {
				return err
			}
			continue
		}
		if syncable(c) != nil { // it begins with a back-fill when it syncs again
			if err := s.Streams.Restart(ctx, key(c, crm.StreamGmailBackfill)); err != nil {
				return err
			}
			continue
		}
		if err := s.restart(ctx, c, crm.StreamGmailBackfill); err != nil {
			return err
		}
		check := job(KindVerify, id, s.Now())
		check.Every = verifyEvery
		if err := s.Queue.Enqueue(ctx, job(KindBackfill, id, s.Now()), check); err != nil {
			return err
		}
	}
	return nil
}

// sweepPiece is how many messages are gone through in one transaction.
const sweepPiece = 500

// sweep is the step of gmail.sweep: rules that have changed are applied to the
// stored mail of a mailbox, whether or not it syncs.
func (s *Service) sweep(ctx context.Context, subject string) (bool, error) {
	for until := s.Now().Add(s.Budget); ; {
		_, more, err := s.Privacy.Sweep(ctx, crm.ConnectionID(subject), sweepPiece)
		if err != nil {
			return false, fmt.Errorf("applying rules to stored mail: %w", err)
		}
		if !more || !s.Now().Before(until) {
			return more, nil
		}
	}
}

// remindSweeps asks again for sweeps that nobody is at work on.
func (s *Service) remindSweeps(ctx context.Context) error {
	pending, err := s.Privacy.PendingSweeps(ctx, 500)
	if err != nil {
		return fmt.Errorf("finding mailboxes with new rules: %w", err)
	}
	return s.sweepSoon(ctx, pending)
}
