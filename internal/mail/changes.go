package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/work"
)

// A change of labels is shown here at once and written to Gmail a moment later.
// Until Gmail has it and its history has told so, it is pending: it lies over
// whatever Google says (Overlay). What Google says is kept beside it, so that a
// refusal brings back exactly what would be there without the change.

// ChangeRefused is the code of an error whose text says why a change is refused.
const ChangeRefused = "change_refused"

// KindChange writes the changes of a connection to Gmail, one after the other.
const KindChange work.Kind = "gmail.change"

// MostChanged is how many messages one change may be about
// (users.messages.batchModify).
const MostChanged = 1000

// changeLife is how long a change waits for Gmail to be reached.
const changeLife = 7 * 24 * time.Hour

// Delta is what is added to labels and taken from them.
type Delta struct{ Add, Remove []string }

// On gives labels after a delta, sorted.
func (d Delta) On(labels []string) []string {
	out := make([]string, 0, len(labels)+len(d.Add))
	for _, l := range labels {
		if !slices.Contains(d.Remove, l) {
			out = append(out, l)
		}
	}
	out = append(out, d.Add...)
	slices.Sort(out)
	return slices.Compact(out)
}

// Of gives the part of a delta that makes a difference to labels.
func (d Delta) Of(labels []string) Delta {
	return Delta{
		Add:    slices.DeleteFunc(slices.Clone(d.Add), func(l string) bool { return slices.Contains(labels, l) }),
		Remove: slices.DeleteFunc(slices.Clone(d.Remove), func(l string) bool { return !slices.Contains(labels, l) }),
	}
}

// Inverse takes a delta back.
func (d Delta) Inverse() Delta { return Delta{Add: d.Remove, Remove: d.Add} }

// Empty reports whether a delta makes no difference to anything.
func (d Delta) Empty() bool { return len(d.Add)+len(d.Remove) == 0 }

// Overlay is the one rule of what labels a message is shown with: what Google
// says, with the pending changes on top, in their order. A change that is no
// longer pending, because it was refused, undone in time, or has come back with
// the history, is simply left out.
func Overlay(remote []string, pending []Delta) []string {
	out := Delta{}.On(remote)
	for _, d := range pending {
		out = d.On(out)
	}
	return out
}

// Aim is what an action wants of a message.
type Aim struct {
	Delta
	// Having: only messages with this label are meant; "" for all.
	Having string
}

// aims of the actions without a label of their own. To archive is to take INBOX
// away; spam and trash leave the inbox, and whatever comes out of them goes back
// to it (Gmail API, guides, Managing labels).
var aims = map[crm.ChangeAction]Aim{
	crm.ActionRead:    {Delta: Delta{Remove: []string{"UNREAD"}}},
	crm.ActionUnread:  {Delta: Delta{Add: []string{"UNREAD"}}},
	crm.ActionStar:    {Delta: Delta{Add: []string{"STARRED"}}},
	crm.ActionUnstar:  {Delta: Delta{Remove: []string{"STARRED"}}},
	crm.ActionArchive: {Delta: Delta{Remove: []string{"INBOX"}}},
	crm.ActionInbox:   {Delta: Delta{Add: []string{"INBOX"}}},
	crm.ActionTrash:   {Delta: Delta{Add: []string{"TRASH"}, Remove: []string{"INBOX"}}},
	crm.ActionUntrash: {Delta: Delta{Add: []string{"INBOX"}, Remove: []string{"TRASH"}}, Having: "TRASH"},
	crm.ActionSpam:    {Delta: Delta{Add: []string{"SPAM"}, Remove: []string{"INBOX"}}},
	crm.ActionNotSpam: {Delta: Delta{Add: []string{"INBOX"}, Remove: []string{"SPAM"}}, Having: "SPAM"},
}

// fixed are labels that nobody may add or take away (Gmail API, users.labels).
var fixed = []string{"SENT", "DRAFT", "CHAT"}

// AimOf gives what an action wants, fault.Invalid when it is none.
func AimOf(action crm.ChangeAction, label string) (Aim, error) {
	if aim, ok := aims[action]; ok {
		return aim, nil
	}
	if action != crm.ActionAddLabel && action != crm.ActionRemoveLabel {
		return Aim{}, wrongField("action", "is none of the actions")
	}
	add := action == crm.ActionAddLabel
	switch {
	case label == "":
		return Aim{}, wrongField("label_id", "is required")
	case slices.Contains(fixed, label):
		return Aim{}, wrongField("label_id", "Gmail does not let anybody change this label")
	case label == "TRASH" && add:
		return aims[crm.ActionTrash], nil
	case label == "TRASH":
		return aims[crm.ActionUntrash], nil
	case label == "SPAM" && add:
		return aims[crm.ActionSpam], nil
	case label == "SPAM":
		return aims[crm.ActionNotSpam], nil
	case add:
		return Aim{Delta: Delta{Add: []string{label}}}, nil
	}
	return Aim{Delta: Delta{Remove: []string{label}}}, nil
}

func wrongField(field, what string) error {
	return &fault.Error{Kind: fault.Invalid, Text: "The change is not possible: " + field + " " + what + ".", Fields: map[string]string{field: what}}
}

// Pick names the messages of a change.
type Pick struct {
	Emails  []crm.EmailID
	Threads []string // Gmail's ids: the messages that the thread shows
}

// ChangeItem is what a change does to one message.
type ChangeItem struct {
	GmailID string
	Delta
}

// Changes keeps changes on their way (implemented by internal/store). Every
// writing verb is one transaction that holds the rows, their index, their
// numbers, the change and the facts.
type Changes interface {
	// AddChange applies an aim to messages of a connection and stores the change,
	// with the job that writes it to Gmail. Messages that are so already, and
	// drafts, are no part of it; a change without messages is done at once.
	// fault.NotFound when none of the messages exists, fault.Invalid when there
	// are more than MostChanged.
	AddChange(ctx context.Context, c crm.Change, p Pick, aim Aim, send work.Job) (crm.Change, error)
	// NextChange gives the first change that Gmail does not have yet and notes
	// that it is on its way; fault.NotFound when there is none.
	NextChange(ctx context.Context, c crm.ConnectionID) (crm.Change, []ChangeItem, error)
	// ChangeDone notes that Gmail has a change, and that its history id was then at
	// least reached. The change stops being pending when the history has been
	// followed that far; at once where no history is followed (reached 0) and what the
	// server says has been stored with it.
	ChangeDone(ctx context.Context, c crm.Change, reached uint64) error
	// RefuseChange takes a change back from the messages named (all: nil) and tells
	// mail.refused; from the others it is kept as done.
	RefuseChange(ctx context.Context, c crm.Change, gmailIDs []string, reached uint64, reason string) error
	// UndoChange takes a change of a user back: one that is not on its way yet is
	// never sent, else the inverse, with the id and job given, follows it. Undoing
	// twice changes nothing. fault.Conflict when Gmail has refused it.
	UndoChange(ctx context.Context, c crm.Change, inverse crm.ChangeID, send work.Job) (crm.Change, error)
	// ChangeOf reads a change of a user.
	ChangeOf(ctx context.Context, w crm.WorkspaceID, u crm.UserID, id crm.ChangeID) (crm.Change, error)
	// ChangesOf lists the changes of a user, the newest first; state "" is all.
	ChangesOf(ctx context.Context, w crm.WorkspaceID, u crm.UserID, state crm.ChangeState, page Page) ([]crm.Change, string, error)
	// ChangesWait reports whether a connection has changes that Gmail does not have.
	ChangesWait(ctx context.Context, c crm.ConnectionID) (bool, error)
	// Pending gives the messages that lie under pending changes, by gmail id.
	Pending(ctx context.Context, c crm.ConnectionID) (map[string]struct{}, error)
	// ConnectionsOfEmails gives the connections of a user that messages belong to.
	ConnectionsOfEmails(ctx context.Context, w crm.WorkspaceID, u crm.UserID, ids []crm.EmailID) ([]crm.ConnectionID, error)

	Shelf
}

// Changer is what a Mailbox lets one change. All errors are classified as
// those of Mailbox.
type Changer interface {
	// Modify changes labels of up to MostChanged messages, by the cheaper of the
	// ways there are. missing are those that Gmail said do not exist; in a batch it
	// passes over them in silence (users.messages.batchModify).
	Modify(ctx context.Context, gmailIDs []string, d Delta) (missing []string, err error)
	// CreateLabel and RenameLabel give fault.Conflict when the name is taken, in
	// whatever case.
	CreateLabel(ctx context.Context, name string) (crm.Label, error)
	RenameLabel(ctx context.Context, id, name string) (crm.Label, error)
	DeleteLabel(ctx context.Context, id string) error
}

// Wish is a change that somebody asks for.
type Wish struct {
	Connection crm.ConnectionID // "": that of the messages
	Pick
	Action crm.ChangeAction
	Label  string
}

// ChangeMail changes labels of the caller's own mail: here at once, at Gmail a
// moment later. fault.Permission, with nothing changed, when Google did not give
// the permission.
func (s *Service) ChangeMail(ctx context.Context, caller access.Caller, w Wish) (crm.Change, error) {
	if err := access.Allow(caller, access.MailChange); err != nil {
		return crm.Change{}, err
	}
	aim, err := AimOf(w.Action, w.Label)
	switch n := len(w.Emails) + len(w.Threads); {
	case err != nil:
		return crm.Change{}, err
	case n == 0:
		return crm.Change{}, wrongField("email_ids", "or thread_ids are required")
	case n > MostChanged:
		return crm.Change{}, wrongField("email_ids", "are more than 1,000")
	}
	c, err := s.owned(ctx, caller, w)
	if err != nil {
		return crm.Change{}, err
	}
	if aim, err = s.suited(ctx, c, w, aim); err != nil {
		return crm.Change{}, err
	}
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return crm.Change{}, err
	}
	return s.Changes.AddChange(ctx, crm.Change{
		ID: crm.ChangeID(id), WorkspaceID: c.WorkspaceID, ConnectionID: c.ID, UserID: c.UserID, Action: w.Action, LabelID: w.Label,
		State: crm.ChangeWaiting, CreatedAt: s.Now(),
	}, w.Pick, aim, job(KindChange, c.ID, s.Now()))
}

// owned finds the connection that a wish is about: one of the caller's own, that
// can be changed.
func (s *Service) owned(ctx context.Context, caller access.Caller, w Wish) (crm.Connection, error) {
	id := w.Connection
	if id == "" {
		found, err := s.Changes.ConnectionsOfEmails(ctx, caller.Workspace, caller.UserID, w.Emails)
		switch {
		case err != nil:
			return crm.Connection{}, err
		case len(found) == 0 && len(w.Emails) > 0:
			return crm.Connection{}, fault.New(fault.NotFound, "There is no such message.")
		case len(found) != 1:
			return crm.Connection{}, wrongField("connection_id", "is required: messages of one mailbox at a time")
		}
		id = found[0]
	}
	c, err := s.changeable(ctx, caller, id)
	return c, err
}

// changeable finds a connection of the caller's own whose mail can be changed.
func (s *Service) changeable(ctx context.Context, caller access.Caller, id crm.ConnectionID) (crm.Connection, error) {
	c, err := s.Connections.Connection(ctx, caller.Workspace, id)
	if err != nil {
		return c, err
	}
	if c.UserID != caller.UserID {
		return c, fault.New(fault.NotFound, "There is no such connection.")
	}
	if syncsByIMAP(c) {
		if !c.Status.Syncs() {
			return c, fault.New(fault.Conflict, "This connection is %s; its mail cannot be changed.", c.Status)
		}
		return c, nil
	}
	if c.GrantID == "" && c.Status != crm.StatusDisconnected {
		return c, fault.New(fault.Conflict, "Mail of this account can only be read here.")
	}
	if err := syncable(c); err != nil {
		return c, err
	}
	return c, permitted(c)
}

const scopeModify = "https://www.googleapis.com/auth/gmail.modify"

// permitted refuses connections whose permission does not reach to changes
// (Gmail API, users.messages.modify, scopes).
func permitted(c crm.Connection) error {
	if slices.Contains(c.GrantedScopes, scopeModify) || slices.Contains(c.GrantedScopes, "https://mail.google.com/") {
		return nil
	}
	text := "The permission to change mail was not given at Google. Reconnect the account and leave the box for it ticked."
	if !slices.Contains(c.WantedScopes, scopeModify) {
		text = "Rapport may only read mail here. An administrator of the workspace can allow changing it; then reconnect the account."
	}
	return &fault.Error{Kind: fault.Permission, Code: "insufficient_permission", Scopes: []string{scopeModify}, Text: text,
		Action: "/api/v1/workspaces/" + string(c.WorkspaceID) + "/integrations/google/connect?redirect=1&connection_id=" + string(c.ID)}
}

// suited makes an aim fit a mailbox; it refuses labels that the mailbox does not have.
// On other servers than Gmail's labels are folders: what goes to the bin or to spam leaves all of
// them, so that taking it back brings it to where it was.
func (s *Service) suited(ctx context.Context, c crm.Connection, w Wish, aim Aim) (Aim, error) {
	onServer := syncsByIMAP(c)
	named := w.Action == crm.ActionAddLabel && (onServer || strings.HasPrefix(w.Label, "Label_"))
	binned := onServer && (slices.Contains(aim.Add, "TRASH") || slices.Contains(aim.Add, "SPAM"))
	if !named && !binned {
		return aim, nil
	}
	labels, err := s.Emails.LabelsOf(ctx, access.System(c.WorkspaceID), c.ID)
	if err != nil {
		return aim, err
	}
	if named && !slices.ContainsFunc(labels, func(l LabelCount) bool { return l.ID == w.Label }) {
		return aim, wrongField("label_id", "is no label of this mailbox")
	}
	if binned {
		aim.Remove = slices.Clone(aim.Remove)
		for _, l := range append([]string{"SENT", "TRASH", "SPAM"}, userLabels(labels)...) {
			if !slices.Contains(aim.Add, l) {
				aim.Remove = append(aim.Remove, l)
			}
		}
	}
	return aim, nil
}

func userLabels(labels []LabelCount) (ids []string) {
	for _, l := range labels {
		if l.Type == "user" {
			ids = append(ids, l.ID)
		}
	}
	return ids
}

// UndoChange takes back a change of the caller's.
func (s *Service) UndoChange(ctx context.Context, caller access.Caller, id crm.ChangeID) (crm.Change, error) {
	if err := access.Allow(caller, access.MailChange); err != nil {
		return crm.Change{}, err
	}
	c, err := s.Changes.ChangeOf(ctx, caller.Workspace, caller.UserID, id)
	if err != nil {
		return crm.Change{}, err
	}
	inverse, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return crm.Change{}, err
	}
	return s.Changes.UndoChange(ctx, c, crm.ChangeID(inverse), job(KindChange, c.ConnectionID, s.Now()))
}

// ChangesOf lists the caller's changes, the newest first.
func (s *Service) ChangesOf(ctx context.Context, caller access.Caller, state crm.ChangeState, p Page) ([]crm.Change, string, error) {
	if err := access.Allow(caller, access.MailRead); err != nil {
		return nil, "", err
	}
	return s.Changes.ChangesOf(ctx, caller.Workspace, caller.UserID, state, p)
}

// ChangeJob writes the changes of a connection that wait.
func ChangeJob(c crm.ConnectionID, at time.Time) work.Job { return job(KindChange, c, at) }

// sendChange is the step of gmail.change: one change to Gmail. Sending it twice
// does nothing the second time, so a crash leads to that.
func (s *Service) sendChange(ctx context.Context, subject string) (more bool, err error) {
	conn, err := s.Connections.ConnectionByID(ctx, crm.ConnectionID(subject))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the connection: %w", err)
	}
	if err := syncable(conn); err != nil && !(syncsByIMAP(conn) && conn.Status.Syncs()) {
		return false, nil // they wait until it is connected again
	}
	c, items, err := s.Changes.NextChange(ctx, conn.ID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("taking a change: %w", err)
	}
	missing, reached, err := s.deliver(ctx, conn, items)
	switch reason, refused := refusal(c, err); {
	case refused:
		s.log().InfoContext(ctx, "Gmail refused a change", "connection", conn.ID, "change", c.ID, "error", err)
		return true, s.Changes.RefuseChange(ctx, c, nil, 0, reason)
	case err != nil && s.Now().Sub(c.CreatedAt) > changeLife:
		return true, s.Changes.RefuseChange(ctx, c, nil, 0, "The mailbox could not be reached for a week.")
	case err != nil:
		return false, err
	case len(missing) > 0:
		return true, s.Changes.RefuseChange(ctx, c, missing, reached, missingText(conn, len(missing), len(items)))
	}
	return true, s.Changes.ChangeDone(ctx, c, reached)
}

// deliver writes what a change does to Gmail, messages of which the same becomes
// at a time, and gives how far the history was then.
func (s *Service) deliver(ctx context.Context, conn crm.Connection, items []ChangeItem) (missing []string, reached uint64, err error) {
	box, err := s.Mailboxes.Open(ctx, conn, Interactive)
	if err != nil {
		return nil, 0, err
	}
	changer, ok := box.(Changer)
	if !ok {
		return nil, 0, fault.New(fault.Internal, "this mailbox can only be read")
	}
	for _, g := range alike(items) {
		gone, err := changer.Modify(ctx, g.ids, g.Delta)
		if err != nil {
			return nil, 0, fmt.Errorf("changing labels of %d messages: %w", len(g.ids), err)
		}
		missing = append(missing, gone...)
	}
	if syncsByIMAP(conn) {
		return missing, 0, nil
	}
	p, err := box.Profile(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("reading how far the history is: %w", err)
	}
	return missing, p.HistoryID, nil
}

// group is messages of which the same becomes.
type group struct {
	Delta
	ids []string
}

func alike(items []ChangeItem) []*group {
	var out []*group
	known := map[string]*group{}
	for _, i := range items {
		key := strings.Join(i.Add, ",") + "-" + strings.Join(i.Remove, ",")
		g := known[key]
		if g == nil {
			g = &group{Delta: i.Delta}
			known[key] = g
			out = append(out, g)
		}
		g.ids = append(g.ids, i.GmailID)
	}
	return out
}

// refusal says whether an error is Gmail's last word on a change, and puts it
// into words for people.
func refusal(c crm.Change, err error) (reason string, refused bool) {
	if err == nil {
		return "", false
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Code == ChangeRefused {
		return f.Text, true
	}
	switch fault.Of(err) {
	case fault.Invalid:
		if c.LabelID != "" {
			return "Gmail does not have this label any more.", true
		}
		return "Gmail did not accept this change.", true
	case fault.NotFound, fault.Gone:
		return "Gmail does not have this mail any more.", true
	case fault.Permission:
		return "The permission to change mail is missing at Google. Reconnect the account.", true
	case fault.Forbidden, fault.Blocked:
		if errors.As(err, &f) && f.Text != "" {
			return f.Text, true
		}
		return "Google does not allow this for the account.", true
	}
	return "", false
}

func missingText(c crm.Connection, missing, all int) string {
	who := "Gmail"
	if syncsByIMAP(c) {
		who = "The mail server"
	}
	if missing == all {
		return who + " does not have this mail any more."
	}
	return fmt.Sprintf("%s does not have %d of these %d messages any more.", who, missing, all)
}
