package mail

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/work"
)

// KindLabels brings what is shown of a mailbox in line with the labels that are
// on, and forgets labels that were deleted at Google.
const KindLabels work.Kind = "gmail.labels"

// LabelsJob is the job of a mailbox that does so.
func LabelsJob(c crm.ConnectionID, at time.Time) work.Job { return job(KindLabels, c, at) }

// Shelf is what is shown of a mailbox (implemented by internal/store).
type Shelf interface {
	// Reshow looks at up to n messages that are shown and should not be, or the
	// other way round (see Shown), and puts them right; 0 when there are none.
	Reshow(ctx context.Context, c crm.ConnectionID, n int) (int, error)
	// ForgetLabels takes labels that were deleted at Google from up to n messages,
	// and from the settings of the connection when no message has them; 0 when
	// there are none.
	ForgetLabels(ctx context.Context, c crm.ConnectionID, n int) (int, error)
}

// Shown says whether a message is shown by what was chosen: one with a label
// that was turned off to be hidden is not, unless it also has one that is on, or
// whose messages were kept when it was turned off.
func Shown(labels []string, s crm.ConnectionSettings) bool {
	has := func(some []string) bool {
		return slices.ContainsFunc(labels, func(l string) bool { return slices.Contains(some, l) })
	}
	return len(s.Hidden) == 0 || slices.Contains(s.Labels, crm.AllLabels) || !has(s.Hidden) || has(s.Labels) || has(s.Kept)
}

// ChooseLabels turns labels on and off. off says of those that are turned off
// whether their messages are to be hidden ("hide"), or stay and go on being
// updated ("keep", which is also what holds for those it does not name).
func ChooseLabels(s *crm.ConnectionSettings, chosen []string, off map[string]string) {
	before := slices.Concat(s.Labels, s.Hidden, s.Kept)
	if chosen != nil {
		s.Labels = slices.Compact(slices.Sorted(slices.Values(chosen)))
	}
	var hidden, kept []string
	for _, l := range before {
		switch {
		case l == crm.AllLabels || slices.Contains(s.Labels, l):
		case off[l] == "hide" || off[l] == "" && slices.Contains(s.Hidden, l):
			hidden = append(hidden, l)
		default:
			kept = append(kept, l)
		}
	}
	for l, how := range off { // chosen by "*", and turned off by leaving it out
		if how == "hide" && !slices.Contains(s.Labels, l) && !slices.Contains(hidden, l) {
			hidden = append(hidden, l)
		}
	}
	s.Hidden = slices.Compact(slices.Sorted(slices.Values(hidden)))
	s.Kept = slices.Compact(slices.Sorted(slices.Values(kept)))
}

// tidyLabels is the step of gmail.labels.
func (s *Service) tidyLabels(ctx context.Context, subject string) (more bool, err error) {
	const piece = 500
	id := crm.ConnectionID(subject)
	n, err := s.Changes.ForgetLabels(ctx, id, piece)
	if err == nil && n == 0 {
		n, err = s.Changes.Reshow(ctx, id, piece)
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Stale) { // the connection is gone
		return false, nil
	}
	return n > 0, err
}

// systemLabels are those that every Gmail account has (Gmail API guide, "Manage
// labels").
var systemLabels = []string{"INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "UNREAD", "STARRED", "IMPORTANT", "CHAT",
	"CATEGORY_PERSONAL", "CATEGORY_SOCIAL", "CATEGORY_PROMOTIONS", "CATEGORY_UPDATES", "CATEGORY_FORUMS"}

// CheckLabels refuses labels that a mailbox does not have, with their field. What
// is chosen already may stay, and before the labels are known all may be right.
func (s *Service) CheckLabels(ctx context.Context, c crm.Connection, ids []string) error {
	strange := slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return id == crm.AllLabels || slices.Contains(systemLabels, id) || slices.Contains(c.Settings.Labels, id)
	})
	if len(strange) == 0 {
		return nil
	}
	known, err := s.Emails.LabelsOf(ctx, access.System(c.WorkspaceID), c.ID)
	if err != nil || len(known) == 0 {
		return err
	}
	for _, id := range strange {
		if !slices.ContainsFunc(known, func(l LabelCount) bool { return l.ID == id }) {
			return &fault.Error{Kind: fault.Invalid, Text: "This mailbox has no such label any more. Load the page again.", Fields: map[string]string{"labels": "names a label that the mailbox does not have"}}
		}
	}
	return nil
}

// labelName is a name for a label without what nobody can see.
func labelName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || strings.ContainsFunc(name, unicode.IsControl) {
		return "", &fault.Error{Kind: fault.Invalid, Text: "A label needs a name of visible characters.", Fields: map[string]string{"name": "must be visible characters in one line"}}
	}
	return name, nil
}

// CreateLabel makes a label in the caller's mailbox at Google.
func (s *Service) CreateLabel(ctx context.Context, caller access.Caller, id crm.ConnectionID, name string) (crm.Label, error) {
	x, box, err := s.labeller(ctx, caller, id)
	if err != nil {
		return crm.Label{}, err
	}
	if name, err = labelName(name); err != nil {
		return crm.Label{}, err
	}
	l, err := box.CreateLabel(ctx, name)
	if err != nil {
		return crm.Label{}, x.nameTaken(ctx, name, err)
	}
	_, err = x.saveLabels(ctx)
	return l, err
}

// RenameLabel gives a label of the caller's mailbox another name.
func (s *Service) RenameLabel(ctx context.Context, caller access.Caller, id crm.ConnectionID, label, name string) (crm.Label, error) {
	x, box, err := s.labeller(ctx, caller, id)
	if err != nil {
		return crm.Label{}, err
	}
	if err := ownLabel(label); err != nil {
		return crm.Label{}, err
	}
	if name, err = labelName(name); err != nil {
		return crm.Label{}, err
	}
	l, err := box.RenameLabel(ctx, label, name)
	if fault.Is(err, fault.NotFound) {
		return crm.Label{}, x.gone(ctx, err)
	}
	if err != nil {
		return crm.Label{}, x.nameTaken(ctx, name, err)
	}
	_, err = x.saveLabels(ctx)
	return l, err
}

// DeleteLabel deletes a label at Google; its messages stay. A label that is
// gone there already is forgotten here.
func (s *Service) DeleteLabel(ctx context.Context, caller access.Caller, id crm.ConnectionID, label string) error {
	x, box, err := s.labeller(ctx, caller, id)
	if err != nil {
		return err
	}
	if err := ownLabel(label); err != nil {
		return err
	}
	if err := box.DeleteLabel(ctx, label); err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("deleting a label: %w", err)
	}
	if _, err := x.saveLabels(ctx); err != nil {
		return err
	}
	return s.Queue.Enqueue(ctx, job(KindLabels, x.conn.ID, s.Now()), job(KindHistory, x.conn.ID, s.Now()))
}

func ownLabel(id string) error {
	if strings.HasPrefix(id, "Label_") {
		return nil
	}
	return &fault.Error{Kind: fault.Conflict, Code: "system_label", Text: "This label is Gmail's own: it cannot be renamed or deleted."}
}

// labeller opens the caller's mailbox for changing its labels.
func (s *Service) labeller(ctx context.Context, caller access.Caller, id crm.ConnectionID) (*session, Changer, error) {
	if err := access.Allow(caller, access.MailChange); err != nil {
		return nil, nil, err
	}
	c, err := s.changeable(ctx, caller, id)
	if err == nil {
		err = syncable(c)
	}
	if err != nil {
		return nil, nil, err
	}
	box, err := s.Mailboxes.Open(ctx, c, Interactive)
	if err != nil {
		return nil, nil, err
	}
	changer, ok := box.(Changer)
	if !ok {
		return nil, nil, fault.New(fault.Internal, "this mailbox can only be read")
	}
	return &session{Service: s, conn: c, box: box}, changer, nil
}

// nameTaken says which label has the name that Google refused. Names differ at
// Google by more than case.
func (x *session) nameTaken(ctx context.Context, name string, err error) error {
	if fault.Is(err, fault.Invalid) {
		return &fault.Error{Kind: fault.Invalid, Text: "Gmail does not take this name.", Fields: map[string]string{"name": "is reserved, too long or badly nested"}, Err: err}
	}
	if !fault.Is(err, fault.Conflict) {
		return fmt.Errorf("changing labels: %w", err)
	}
	out := &fault.Error{Kind: fault.Conflict, Code: "label_exists", Text: "There is a label of this name already.", Err: err}
	labels, failed := x.saveLabels(ctx)
	if failed != nil {
		return out
	}
	for _, l := range labels {
		if strings.EqualFold(l.Name, strings.TrimSpace(name)) {
			out.Text = fmt.Sprintf("There is a label %q already.", l.Name)
			out.Fields = map[string]string{"name": "is taken by the label " + l.ID}
		}
	}
	return out
}

// gone reads the labels anew when one has turned out to be gone.
func (x *session) gone(ctx context.Context, err error) error {
	if _, failed := x.saveLabels(ctx); failed != nil {
		return failed
	}
	return &fault.Error{Kind: fault.NotFound, Text: "Gmail does not have this label any more.", Err: err}
}
