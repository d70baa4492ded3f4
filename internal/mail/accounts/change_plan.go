package accounts

import (
	"fmt"
	"slices"

	"rapport/internal/fault"
	"rapport/internal/mail"
)

func refused(format string, args ...any) error {
	return &fault.Error{Kind: fault.Invalid, Code: mail.ChangeRefused, Text: fmt.Sprintf(format, args...)}
}

// folder finds the folder that stands for a label.
func (m *mover) folder(label string) (Folder, error) {
	i := slices.IndexFunc(m.folders, func(f Folder) bool { return !f.Closed && folderLabel(f) == label })
	switch {
	case i >= 0:
		f := m.folders[i]
		special := label == "TRASH" || label == "SPAM"
		if !special && !slices.ContainsFunc(m.followed, func(x Folder) bool { return x.Name == f.Name }) {
			return f, refused("The folder %q is not among those that Rapport follows. Choose it in the settings of the account first.", f.Name)
		}
		return f, nil
	case label == "TRASH":
		return Folder{}, refused("The mail server has no folder for deleted mail.")
	case label == "SPAM":
		return Folder{}, refused("The mail server has no folder for spam.")
	}
	return Folder{}, refused("The mail server does not have this folder any more.")
}

func (m *mover) archive() (Folder, error) {
	i := slices.IndexFunc(m.folders, func(f Folder) bool { return !f.Closed && f.has(RoleArchive) })
	if i < 0 {
		return Folder{}, refused("The mail server has no folder for archived mail.")
	}
	return m.folders[i], nil
}

func (m *mover) labelOf(name string) string {
	i := slices.IndexFunc(m.folders, func(f Folder) bool { return f.Name == name })
	if i < 0 {
		return labelID(name)
	}
	return folderLabel(m.folders[i])
}

func (m *mover) archived(name string) bool {
	return slices.ContainsFunc(m.folders, func(f Folder) bool { return f.Name == name && f.has(RoleArchive) })
}

// isFolder says whether a label stands for a folder rather than for a flag.
func isFolder(label string) bool { return label != "UNREAD" && label != "STARRED" }

// ways of an operation.
type way int

const (
	moves way = iota
	copies
	expunges
)

// operation is what becomes of one copy.
type operation struct {
	way
	id   string
	from Place
	to   Folder
}

// plan decides what becomes of which copy, before anything is done.
func (m *mover) plan(d mail.Delta) ([]operation, error) {
	var out []operation
	for _, x := range m.items {
		ops, err := m.planOne(x, slices.DeleteFunc(slices.Clone(d.Add), func(l string) bool { return !isFolder(l) }),
			slices.DeleteFunc(slices.Clone(d.Remove), func(l string) bool { return !isFolder(l) }))
		if err != nil {
			return nil, err
		}
		out = append(out, ops...)
	}
	return out, nil
}

func (m *mover) planOne(x *item, add, remove []string) ([]operation, error) {
	for _, bin := range []string{"TRASH", "SPAM"} {
		if slices.Contains(add, bin) {
			return m.into(x, bin)
		}
	}
	for _, bin := range []string{"TRASH", "SPAM"} {
		if slices.Contains(remove, bin) {
			return m.outOf(x, bin, add)
		}
	}
	var out []operation
	left := slices.Clone(x.places) // those that nothing has become of yet
	take := func(is func(Place) bool) (Place, bool) {
		i := slices.IndexFunc(left, is)
		if i < 0 {
			return Place{}, false
		}
		p := left[i]
		left = slices.Delete(left, i, i+1)
		return p, true
	}
	in := func(label string) func(Place) bool { return func(p Place) bool { return m.labelOf(p.Folder) == label } }
	for _, label := range add {
		to, err := m.folder(label)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(x.places, in(label)) {
			continue // done before
		}
		from, moved := take(func(p Place) bool {
			return slices.Contains(remove, m.labelOf(p.Folder)) || label == "INBOX" && m.archived(p.Folder)
		})
		if moved {
			out = append(out, operation{moves, x.id, from, to})
		} else {
			out = append(out, operation{copies, x.id, x.places[0], to})
		}
	}
	for _, label := range remove {
		for {
			from, here := take(in(label))
			if !here {
				break
			}
			if label != "INBOX" && (len(left) > 0 || len(add) > 0) { // it lies elsewhere, too
				out = append(out, operation{expunges, x.id, from, Folder{}})
				continue
			}
			to, err := m.archive()
			if err != nil {
				return nil, err
			}
			out = append(out, operation{moves, x.id, from, to})
		}
	}
	return out, nil
}

// into moves all copies to a folder for what nobody wants to see.
func (m *mover) into(x *item, bin string) ([]operation, error) {
	to, err := m.folder(bin)
	if err != nil {
		return nil, err
	}
	var out []operation
	for _, p := range x.places {
		if p.Folder != to.Name {
			out = append(out, operation{moves, x.id, p, to})
		}
	}
	return out, nil
}

// outOf moves the copies in such a folder back: one to each of the folders named, to
// the inbox where none is.
func (m *mover) outOf(x *item, bin string, add []string) ([]operation, error) {
	if len(add) == 0 {
		add = []string{"INBOX"}
	}
	var out []operation
	n := 0
	for _, p := range x.places {
		if m.labelOf(p.Folder) != bin {
			continue
		}
		to, err := m.folder(add[min(n, len(add)-1)])
		if err != nil {
			return nil, err
		}
		out = append(out, operation{moves, x.id, p, to})
		n++
	}
	return out, nil
}

// group is operations that are done with one command.
type group struct {
	way
	from     string
	validity uint32
	to       Folder
	ids      map[uint32]string
}

func grouped(plan []operation) []*group {
	var out []*group
	for _, o := range plan {
		i := slices.IndexFunc(out, func(g *group) bool {
			return g.way == o.way && g.from == o.from.Folder && g.validity == o.from.Validity && g.to.Name == o.to.Name
		})
		if i < 0 {
			i = len(out)
			out = append(out, &group{o.way, o.from.Folder, o.from.Validity, o.to, map[uint32]string{}})
		}
		out[i].ids[o.from.UID] = o.id
	}
	return out
}
