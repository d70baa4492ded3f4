package mail

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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

// CreateLabel makes a label in the caller's mailbox at Google.
func (s *Service) CreateLabel(ctx context.Context, caller access.Caller, id crm.ConnectionID, name string) (crm.Label, error) {
	x, box, err := s.labeller(ctx, caller, id)
	if err != nil {
		return crm.Label{}, err
	}
	l, err := box.CreateLabel(ctx, strings.TrimSpace(name))
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
	l, err := box.RenameLabel(ctx, label, strings.TrimSpace(name))
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
