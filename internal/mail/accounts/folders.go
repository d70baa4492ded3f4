package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// roles are those of RFC 6154 in our words, with the Gmail label they stand for.
var roles = []struct{ role, word, label string }{
	{RoleSent, "sent", "SENT"}, {RoleDrafts, "drafts", "DRAFT"}, {RoleTrash, "trash", "TRASH"}, {RoleJunk, "spam", "SPAM"},
	{RoleArchive, "archive", ""}, {RoleAll, "all", ""}, {RoleFlagged, "starred", ""},
}

func isInbox(f Folder) bool { return strings.EqualFold(f.Name, "INBOX") }

func (f Folder) has(role string) bool {
	return slices.ContainsFunc(f.Roles, func(r string) bool { return strings.EqualFold(r, role) })
}

// roleOf is the role of a folder in our words, "" for none.
func roleOf(f Folder) string {
	if isInbox(f) {
		return "inbox"
	}
	for _, r := range roles {
		if f.has(r.role) {
			return r.word
		}
	}
	return ""
}

// folderLabel is the label that a message carries because it lies in a folder.
func folderLabel(f Folder) string {
	if isInbox(f) {
		return "INBOX"
	}
	for _, r := range roles {
		if r.label != "" && f.has(r.role) {
			return r.label
		}
	}
	return labelID(f.Name)
}

// LabelOf is the id of the label that stands for a folder without a role.
func LabelOf(folder string) string { return labelID(folder) }

// labelID is the id of a label of the user's own, by its name.
func labelID(name string) string {
	h := sha256.Sum256([]byte(name))
	return "Label_" + hex.EncodeToString(h[:6])
}

// chosen are the folders to follow. At Gmail a message lies once in All Mail
// with all its labels, so that folder stands for the rest.
func chosen(list []Folder, names []string, gmail bool) []Folder {
	all := len(names) == 1 && names[0] == crm.AllLabels
	whole := slices.IndexFunc(list, func(f Folder) bool { return f.has(RoleAll) && !f.Closed })
	if gmail && whole >= 0 && (all || len(names) == 0) {
		return list[whole : whole+1]
	}
	var out []Folder
	for _, f := range list {
		switch {
		case f.Closed:
		case len(names) == 0:
			if isInbox(f) || f.has(RoleSent) {
				out = append(out, f)
			}
		case all:
			if !f.has(RoleJunk) && !f.has(RoleTrash) && !f.has(RoleAll) && !f.has(RoleFlagged) {
				out = append(out, f)
			}
		case slices.ContainsFunc(names, func(n string) bool { return n == f.Name || isInbox(f) && strings.EqualFold(n, f.Name) }):
			out = append(out, f)
		}
	}
	return out
}

// folders are those to follow, with their names saved as labels.
func (x *session) folders(ctx context.Context) ([]Folder, error) {
	list, err := x.box.Folders(ctx)
	if err != nil {
		return nil, err
	}
	followed, err := x.followed(ctx, x.account, list, x.gmail)
	if err != nil {
		return nil, err
	}
	if len(followed) == 0 {
		return nil, fault.New(fault.Conflict, "None of the chosen folders exists on the server any more.")
	}
	names := make([]string, len(followed))
	for i, f := range followed {
		names[i] = f.Name
	}
	if err := x.Copies.KeepFolders(ctx, x.account, names); err != nil {
		return nil, fmt.Errorf("forgetting folders: %w", err)
	}
	if x.account.Shared {
		known, err := x.Copies.LabelsKnown(ctx, x.conn.ID)
		if err != nil {
			return nil, fmt.Errorf("reading labels: %w", err)
		}
		x.labels = namesOf(known)
		return followed, nil
	}
	return followed, x.saveLabels(ctx, list)
}

// system are the labels that every mailbox has.
var system = []string{"DRAFT", "INBOX", "SENT", "SPAM", "STARRED", "TRASH", "UNREAD"}

func (x *session) saveLabels(ctx context.Context, list []Folder) error {
	labels := make([]crm.Label, 0, len(system)+len(list))
	for _, id := range system {
		labels = append(labels, crm.Label{ID: id, Name: id, Type: "system"})
	}
	for _, f := range list {
		if id := folderLabel(f); strings.HasPrefix(id, "Label_") && !f.Closed {
			labels = append(labels, crm.Label{ID: id, Name: f.Name, Type: "user"})
		}
	}
	if err := x.Copies.SaveLabels(ctx, x.conn.ID, labels); err != nil {
		return fmt.Errorf("saving folders as labels: %w", err)
	}
	return nil
}

// labelNames gives ids of Gmail's labels by their names.
type labelNames map[string]string

func namesOf(labels []crm.Label) labelNames {
	out := labelNames{}
	for _, l := range labels {
		if l.Type == "user" {
			out[l.Name] = l.ID
		}
	}
	return out
}

// labelsOf is what a copy says of its message.
func (f *folderFeed) labelsOf(h Head) []string {
	var out []string
	for _, flag := range h.Flags {
		switch strings.ToLower(flag) {
		case `\flagged`:
			out = append(out, "STARRED")
		case `\draft`:
			out = append(out, "DRAFT")
		case `\deleted`:
			if !f.gmail {
				out = append(out, "TRASH")
			}
		}
	}
	if !slices.ContainsFunc(h.Flags, func(flag string) bool { return strings.EqualFold(flag, `\Seen`) }) {
		out = append(out, "UNREAD")
	}
	if !f.gmail {
		out = append(out, f.own)
	}
	for _, name := range h.GmailLabel {
		id := mail.IMAPLabel(name)
		if id == "" {
			id = f.labels[name]
		}
		if id == "" {
			id = labelID(name)
		}
		out = append(out, id)
	}
	if f.gmail && (f.own == "INBOX" || f.own == "SPAM" || f.own == "TRASH") {
		out = append(out, f.own)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
