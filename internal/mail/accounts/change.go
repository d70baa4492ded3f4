package accounts

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// What is changed here is written back to the server: read state and stars as flags,
// labels as folders. Archiving moves to the archive, binning to the folder for
// deleted mail, a label is a copy in its folder. Done twice it comes to the same as
// once: what is where it should be is left there, and what is no more where it was
// is looked for where it was to go.

// Modify writes what becomes of messages to the server of a connection's account.
// missing are those that the server does not have. fault.Invalid with the code
// change_refused, and nothing moved, for what the server cannot do.
func (s *Service) Modify(ctx context.Context, c crm.Connection, ids []string, d mail.Delta) (missing []string, err error) {
	a, err := s.Rows.AccountOf(ctx, c.ID)
	if err != nil {
		return nil, fmt.Errorf("finding the account of a connection: %w", err)
	}
	box, err := s.open(ctx, a)
	if err != nil {
		return nil, err
	}
	defer box.Close()
	list, err := box.Folders(ctx)
	if err != nil {
		return nil, err
	}
	m := &mover{Service: s, account: a, conn: c, box: box, folders: list, missing: map[string]bool{}}
	if m.followed, err = s.followed(ctx, a, list, box.Features().Gmail); err != nil {
		return nil, err
	}
	if m.items, err = m.find(ctx, ids); err != nil {
		return nil, err
	}
	plan, err := m.plan(d)
	if err != nil {
		return nil, err
	}
	if err := m.flag(ctx, d); err != nil {
		return nil, err
	}
	for _, g := range grouped(plan) {
		if err := m.carryOut(ctx, g); err != nil {
			return nil, err
		}
	}
	if err := s.News(ctx, a.ID); err != nil {
		return nil, fmt.Errorf("asking for a look at an account: %w", err)
	}
	return slices.Sorted(maps.Keys(m.missing)), nil
}

// mover is a Modify under way.
type mover struct {
	*Service
	account  crm.Account
	conn     crm.Connection
	box      Box
	folders  []Folder
	followed []Folder
	items    []*item
	missing  map[string]bool
}

// item is a message with the places where it is known to lie.
type item struct {
	id     string
	places []Place
}

// find reads where messages lie.
func (m *mover) find(ctx context.Context, ids []string) ([]*item, error) {
	var out []*item
	for _, id := range ids {
		places, err := m.Copies.CopiesOf(ctx, m.account.ID, id)
		if err != nil {
			return nil, fmt.Errorf("finding the copies of a message: %w", err)
		}
		if len(places) == 0 {
			m.missing[id] = true
			continue
		}
		out = append(out, &item{id, places})
	}
	return out, nil
}

// enter opens a folder for changing and makes sure that its numbers are those known.
func (m *mover) enter(ctx context.Context, folder string, validity uint32) error {
	p, err := m.box.Change(ctx, folder)
	if err == nil && p.Validity != validity {
		err = fault.New(fault.Unavailable, "The folder %q got new UIDs. It is read anew first.", folder)
	}
	return err
}

// flag writes read state and stars to all copies.
func (m *mover) flag(ctx context.Context, d mail.Delta) error {
	set, clear := flagsOf(d)
	if len(set)+len(clear) == 0 {
		return nil
	}
	in := map[Place]map[uint32]string{}
	for _, x := range m.items {
		for _, p := range x.places {
			at := Place{Folder: p.Folder, Validity: p.Validity}
			if in[at] == nil {
				in[at] = map[uint32]string{}
			}
			in[at][p.UID] = x.id
		}
	}
	var said []FolderBatch
	for at, ids := range in {
		if err := m.enter(ctx, at.Folder, at.Validity); err != nil {
			return err
		}
		uids := slices.Sorted(maps.Keys(ids))
		for add, flags := range map[bool][]string{true: set, false: clear} {
			if len(flags) > 0 {
				if err := m.box.Store(ctx, uids, add, flags); err != nil {
					return err
				}
			}
		}
		heads, err := m.box.Standing(ctx, uids)
		if err != nil {
			return err
		}
		said = append(said, FolderBatch{Account: m.account.ID, Folder: at.Folder, Validity: at.Validity, Seen: m.seen(at.Folder, heads, ids)})
	}
	return m.placed(ctx, said...)
}

func flagsOf(d mail.Delta) (set, clear []string) {
	if slices.Contains(d.Remove, "UNREAD") {
		set = append(set, `\Seen`)
	}
	if slices.Contains(d.Add, "UNREAD") {
		clear = append(clear, `\Seen`)
	}
	if slices.Contains(d.Add, "STARRED") {
		set = append(set, `\Flagged`)
	}
	if slices.Contains(d.Remove, "STARRED") {
		clear = append(clear, `\Flagged`)
	}
	return set, clear
}

// seen is what copies say of messages.
func (m *mover) seen(folder string, heads []Head, ids map[uint32]string) []Copy {
	f := &folderFeed{session: &session{}, own: m.labelOf(folder)}
	var out []Copy
	for _, h := range heads {
		if id, asked := ids[h.UID]; asked {
			out = append(out, Copy{UID: h.UID, MessageID: id, Labels: f.labelsOf(h)})
		}
	}
	return out
}

// placed notes what the server has been told, so that it is no news when it is read.
func (m *mover) placed(ctx context.Context, said ...FolderBatch) error {
	k := mail.Key{Workspace: m.conn.WorkspaceID, Connection: m.conn.ID, Owner: m.conn.UserID}
	if err := m.Copies.Placed(ctx, k, said); err != nil {
		return fmt.Errorf("noting where messages lie: %w", err)
	}
	return nil
}

// carryOut does a group of operations and notes where the messages lie then.
func (m *mover) carryOut(ctx context.Context, g *group) error {
	if g.way != copies && !m.box.Features().Expunge && !m.box.Features().Move {
		return refused("The mail server cannot move single messages (MOVE, UIDPLUS).")
	}
	if err := m.enter(ctx, g.from, g.validity); err != nil {
		return err
	}
	uids := slices.Sorted(maps.Keys(g.ids))
	heads, err := m.box.Standing(ctx, uids)
	if err != nil {
		return err
	}
	here := map[uint32]bool{}
	for _, h := range heads {
		here[h.UID] = true
	}
	if g.way == expunges {
		return m.expunge(ctx, g, here)
	}
	before, err := m.there(ctx, g, func(uid uint32) bool { return g.way == copies || !here[uid] || !m.box.Features().Move })
	if err != nil {
		return err
	}
	var list, stay []uint32 // to be brought there; there already
	for _, uid := range uids {
		switch {
		case !here[uid]: // moved by a try before this one, or gone
		case before[g.ids[uid]] != 0 && !m.box.Features().Move:
			stay = append(stay, uid)
		case before[g.ids[uid]] != 0 && g.way == copies:
		default:
			list = append(list, uid)
		}
	}
	if err := m.bring(ctx, g, list, stay); err != nil {
		return err
	}
	return m.arrived(ctx, g, uids)
}

// bring moves or copies messages to a folder. Those in stay are there already and are
// only taken away.
func (m *mover) bring(ctx context.Context, g *group, list, stay []uint32) error {
	if len(list)+len(stay) == 0 {
		return nil
	}
	if err := m.enter(ctx, g.from, g.validity); err != nil {
		return err
	}
	switch {
	case g.way == moves && m.box.Features().Move:
		return m.box.Move(ctx, list, g.to.Name)
	case len(list) > 0:
		if err := m.box.Copy(ctx, list, g.to.Name); err != nil {
			return err
		}
	}
	if g.way == copies {
		return nil
	}
	return m.box.Expunge(ctx, append(list, stay...))
}

// there looks for messages in the folder they are to go to.
func (m *mover) there(ctx context.Context, g *group, ask func(uid uint32) bool) (map[string]uint32, error) {
	var ids []string
	for uid, id := range g.ids {
		if ask(uid) {
			ids = append(ids, id)
		}
	}
	out := map[string]uint32{}
	if len(ids) == 0 {
		return out, nil
	}
	sizes, err := m.Copies.Sizes(ctx, m.conn.ID, ids)
	if err != nil {
		return nil, fmt.Errorf("reading the sizes of messages: %w", err)
	}
	if _, err := m.box.Enter(ctx, g.to.Name); err != nil {
		return nil, err
	}
	for _, id := range ids {
		heads, err := m.box.OfSize(ctx, sizes[id])
		if err != nil {
			return nil, err
		}
		for _, h := range heads {
			if identity(h) == id {
				out[id] = max(out[id], h.UID)
			}
		}
	}
	return out, nil
}

// arrived notes where messages lie after they were brought somewhere.
func (m *mover) arrived(ctx context.Context, g *group, uids []uint32) error {
	now, err := m.there(ctx, g, func(uint32) bool { return true })
	if err != nil {
		return err
	}
	p, err := m.box.Enter(ctx, g.to.Name)
	if err != nil {
		return err
	}
	at := map[uint32]string{}
	from := FolderBatch{Account: m.account.ID, Folder: g.from, Validity: g.validity}
	for _, uid := range uids {
		id := g.ids[uid]
		if now[id] == 0 {
			m.missing[id] = true // gone from where it was, and not where it was to go
			continue
		}
		at[now[id]] = id
		if g.way == moves {
			from.Gone = append(from.Gone, uid)
		}
	}
	if len(at) == 0 {
		return nil
	}
	heads, err := m.box.Standing(ctx, slices.Sorted(maps.Keys(at)))
	if err != nil {
		return err
	}
	return m.placed(ctx, FolderBatch{Account: m.account.ID, Folder: g.to.Name, Validity: p.Validity, Seen: m.seen(g.to.Name, heads, at)}, from)
}

// expunge takes copies away of messages that lie elsewhere, too.
func (m *mover) expunge(ctx context.Context, g *group, here map[uint32]bool) error {
	if !m.box.Features().Expunge {
		return refused("The mail server cannot take single copies away (UIDPLUS).")
	}
	if list := slices.Sorted(maps.Keys(here)); len(list) > 0 {
		if err := m.box.Expunge(ctx, list); err != nil {
			return err
		}
	}
	return m.placed(ctx, FolderBatch{Account: m.account.ID, Folder: g.from, Validity: g.validity, Gone: slices.Sorted(maps.Keys(g.ids))})
}

// followed are the folders of an account that are looked at: those chosen, and those for
// archived, deleted and unwanted mail into which something was moved from here.
func (s *Service) followed(ctx context.Context, a crm.Account, list []Folder, gmail bool) ([]Folder, error) {
	followed := chosen(list, a.Folders, gmail)
	if a.Shared || len(followed) == 0 {
		return followed, nil
	}
	holding, err := s.Copies.FoldersOf(ctx, a.ID)
	if err != nil {
		return nil, fmt.Errorf("reading which folders hold mail: %w", err)
	}
	for _, f := range list {
		special := f.has(RoleArchive) || f.has(RoleTrash) || f.has(RoleJunk)
		if special && !f.Closed && slices.Contains(holding, f.Name) && !slices.ContainsFunc(followed, func(x Folder) bool { return x.Name == f.Name }) {
			f.Known = true
			followed = append(followed, f)
		}
	}
	return followed, nil
}
