package scenario

import (
	"fmt"

	"github.com/stretchr/testify/require"
	gmail "google.golang.org/api/gmail/v1"

	"rapport/simulator/control"
)

// What the owner of a mailbox does with it, through Google's own client.

// ids of the newest messages, by labels they have.
func (h *house) ids(labels ...string) []string {
	h.t.Helper()
	c := h.google.Users.Messages.List("me").MaxResults(500).IncludeSpamTrash(true)
	if len(labels) > 0 {
		c.LabelIds(labels...)
	}
	list, err := c.Do()
	require.NoError(h.t, err)
	out := make([]string, len(list.Messages))
	for i, m := range list.Messages {
		out[i] = m.Id
	}
	return out
}

func (h *house) label(name string) string {
	h.t.Helper()
	l, err := h.google.Users.Labels.Create("me", &gmail.Label{Name: name}).Do()
	require.NoError(h.t, err)
	return l.Id
}

// modify changes the labels of a message; nobody minds when it is gone.
func (h *house) modify(id string, add, remove []string) {
	h.t.Helper()
	_, err := h.google.Users.Messages.Modify("me", id, &gmail.ModifyMessageRequest{AddLabelIds: add, RemoveLabelIds: remove}).Do()
	require.NoError(h.t, err)
}

func (h *house) trash(id string) {
	h.t.Helper()
	_, err := h.google.Users.Messages.Trash("me", id).Do()
	require.NoError(h.t, err)
}

func (h *house) untrash(id string) {
	h.t.Helper()
	_, err := h.google.Users.Messages.Untrash("me", id).Do()
	require.NoError(h.t, err)
}

func (h *house) remove(id string) {
	h.t.Helper()
	require.NoError(h.t, h.google.Users.Messages.Delete("me", id).Do())
}

// deliver lets a message arrive; thread "" begins a new one.
func (h *house) deliver(thread string, labels ...string) string {
	h.t.Helper()
	d, err := h.sim.Mail.Deliver(h.account, control.Message{From: "Mira Tallow <mira@harbour-tea.example>", To: []string{h.account}, ThreadID: thread,
		Subject: fmt.Sprintf("Order %d of lamps", h.clock.Now().Unix()), Text: "The lamps are on their way.\n", Labels: labels})
	require.NoError(h.t, err)
	return d.ID
}

func (h *house) threadOf(id string) string {
	h.t.Helper()
	m, err := h.google.Users.Messages.Get("me", id).Format("minimal").Do()
	require.NoError(h.t, err)
	return m.ThreadId
}

// before puts into the mailbox what the changes need.
type stage struct {
	trashed, gone, unread, archived, starred, plain, chosen, label, other string
}

// furnish prepares a mailbox for change: messages in every state.
func (h *house) furnish() stage {
	h.t.Helper()
	var s stage
	s.label, s.other = h.label("Projects"), h.label("Later")
	s.trashed = h.deliver("", "INBOX")
	h.trash(s.trashed)
	h.deliver("", "SPAM", "UNREAD")
	s.gone = h.deliver("", "INBOX", s.label)
	s.unread = h.deliver("", "INBOX", "UNREAD")
	s.archived = h.deliver("", "INBOX", s.other)
	s.starred = h.deliver(h.threadOf(s.unread), "INBOX", "STARRED")
	s.plain = h.deliver("", "INBOX")
	s.chosen = h.deliver("", s.other) // not in a chosen label
	return s
}

// change makes every kind of change there is.
func (h *house) change(s stage) {
	h.t.Helper()
	h.deliver("", "INBOX", "UNREAD")
	h.deliver(h.threadOf(s.plain), "INBOX", "UNREAD")
	h.deliver("", "SENT")
	h.remove(s.gone)
	h.trash(s.plain)
	h.untrash(s.trashed)
	h.modify(s.unread, []string{s.label}, []string{"UNREAD"})
	h.modify(s.starred, []string{"UNREAD"}, []string{"STARRED"})
	h.modify(s.archived, nil, []string{"INBOX", s.other})
	h.modify(s.chosen, []string{"INBOX"}, nil) // moved into a chosen label
	brief := h.deliver("", "INBOX")
	h.remove(brief)
	binned := h.deliver("", "INBOX")
	h.trash(binned)
	h.deliver("", "DRAFT")
	moved := h.deliver("", s.other)
	h.modify(moved, []string{"INBOX", s.label}, []string{s.other})
	h.modify(moved, []string{"STARRED"}, nil)
	fresh := h.label("New since")
	h.modify(s.unread, []string{fresh}, nil)
}
