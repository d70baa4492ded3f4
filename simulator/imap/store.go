package imap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap"

	"rapport/simulator/gmail"
)

// order is what STORE asks for.
type order struct {
	sign   byte // +, -, or = for the whole list
	silent bool
	labels bool
	values []string
	before uint64 // UNCHANGEDSINCE
}

func readOrder(args []any) (o order, err error) {
	rest := args[1:]
	if len(rest) > 0 {
		if n, ok := modifier(rest[0], "UNCHANGEDSINCE"); ok {
			o.before, rest = n, rest[1:]
			if n == 0 {
				o.before = 1 // nothing is that old
			}
		}
	}
	item, err := text(rest, 0)
	if err != nil {
		return o, err
	}
	item = strings.ToUpper(item)
	o.sign = '='
	if item[:min(1, len(item))] == "+" || item[:min(1, len(item))] == "-" {
		o.sign, item = item[0], item[1:]
	}
	item, o.silent = strings.CutSuffix(item, ".SILENT")
	o.labels = item == "X-GM-LABELS"
	if !o.labels && item != "FLAGS" {
		return o, bad("Could not parse command")
	}
	list, ok := rest[len(rest)-1].([]any)
	if !ok {
		list = rest[1:]
	}
	if o.values, err = imap.ParseStringList(list); err != nil {
		return o, bad("Could not parse command")
	}
	return o, nil
}

// store is STORE of flags and of labels.
func (x *session) store(args []any, byUID bool) (string, error) {
	if len(args) < 3 {
		return "", bad("Missing argument")
	}
	if x.readOnly {
		return "", no("[READ-ONLY] Folder is read-only (Failure)")
	}
	o, err := readOrder(args)
	if err != nil {
		return "", err
	}
	var modified []uint32
	var list []chosen
	err = x.locked(func(a *account) error {
		all, err := x.choose(a, args[0], byUID)
		if err != nil {
			return err
		}
		for _, c := range all {
			s, ok := a.box.Message(c.id)
			switch {
			case !ok:
			case o.before > 0 && s.History > o.before:
				modified = append(modified, map[bool]uint32{true: c.uid, false: c.seq}[byUID])
			default:
				list = append(list, c)
				if o.labels {
					err = x.storeLabels(a, c, s, o)
				} else {
					x.storeFlags(a, c, s, o)
				}
				if err != nil {
					return err
				}
			}
		}
		for _, c := range list {
			if s, ok := a.box.Message(c.id); ok {
				x.own[c.id] = s.History
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	x.echo(list, o, byUID)
	if len(modified) > 0 {
		return fmt.Sprintf("[MODIFIED %s] Success", setOf(modified)), nil
	}
	return "Success", nil
}

// echo tells what became of the messages.
func (x *session) echo(list []chosen, o order, byUID bool) {
	if o.silent && !x.condstore {
		return
	}
	items := []string{}
	if byUID {
		items = append(items, "UID")
	}
	if !o.silent {
		items = append(items, map[bool]string{true: "X-GM-LABELS", false: "FLAGS"}[o.labels])
	}
	if x.condstore {
		items = append(items, "MODSEQ")
	}
	p := &page{x: x, box: x.account.box, names: writtenLabels(x.account.box)}
	for _, c := range list {
		s, ok := p.box.Message(c.id)
		if !ok {
			continue
		}
		x.account.mu.Lock()
		if i, in := x.folder.find(c.uid); in {
			c.deleted = x.folder.places[i].deleted
		}
		x.account.mu.Unlock()
		if fields, err := p.fields(c, s, items); err == nil {
			x.respond(number(c.seq), imap.RawString("FETCH"), fields)
		}
	}
}

// storeFlags changes flags: those that are labels in the mailbox.
func (x *session) storeFlags(a *account, c chosen, s gmail.Summary, o order) {
	now := flags(s, a.keywords[c.id], c.deleted)
	var then []string
	switch o.sign {
	case '=':
		then = canonical(o.values)
	case '+':
		then = append(slices.Clone(now), canonical(o.values)...)
	case '-':
		off := canonical(o.values)
		then = slices.DeleteFunc(slices.Clone(now), func(f string) bool { return slices.Contains(off, f) })
	}
	var add, remove, keywords []string
	label := func(name string, on bool) {
		if on {
			add = append(add, name)
		} else {
			remove = append(remove, name)
		}
	}
	label("UNREAD", !slices.Contains(then, `\Seen`))
	label("STARRED", slices.Contains(then, `\Flagged`))
	for _, f := range then {
		if !slices.Contains([]string{`\Seen`, `\Flagged`, `\Draft`, `\Deleted`, `\Recent`}, f) && !slices.Contains(keywords, f) {
			keywords = append(keywords, f)
		}
	}
	deleted := slices.Contains(then, `\Deleted`)
	touch := deleted != c.deleted || !slices.Equal(keywords, a.keywords[c.id])
	if i, ok := x.folder.find(c.uid); ok {
		x.folder.places[i].deleted = deleted
	}
	a.keywords[c.id] = keywords
	a.box.Modify([]uint64{c.id}, add, remove, touch)
}

func canonical(flags []string) []string {
	out := make([]string, 0, len(flags))
	for _, f := range flags {
		if strings.HasPrefix(f, `\`) && len(f) > 1 {
			f = `\` + strings.ToUpper(f[1:2]) + strings.ToLower(f[2:])
		}
		out = append(out, f)
	}
	return out
}

// storeLabels changes labels; those that are not there yet are made.
func (x *session) storeLabels(a *account, c chosen, s gmail.Summary, o order) error {
	ids := []string{}
	for _, v := range o.values {
		id, err := a.labelID(v, o.sign != '-')
		if err != nil {
			return err
		}
		if id != "" {
			ids = append(ids, id)
		}
	}
	var remove []string
	switch o.sign {
	case '-':
		ids, remove = nil, ids
	case '=':
		for _, id := range s.Labels {
			if _, ok := writtenLabels(a.box)[id]; ok && id != "SENT" && id != "DRAFT" && id != x.folder.key && !slices.Contains(ids, id) {
				remove = append(remove, id)
			}
		}
	}
	a.box.Modify([]uint64{c.id}, ids, remove, false)
	return nil
}

// labelID finds or makes the label of a name as X-GM-LABELS writes it; "" for one
// that is not there and is not to be made.
func (a *account) labelID(name string, create bool) (string, error) {
	if strings.HasPrefix(name, `\`) {
		for id, n := range writtenLabels(a.box) {
			if strings.EqualFold(n, name) && id != "SENT" && id != "DRAFT" {
				return id, nil
			}
		}
		return "", bad("Invalid label %s", name)
	}
	plain, ok := decoded(name)
	if !ok {
		return "", bad("Invalid label %s", name)
	}
	for _, l := range a.box.Labels() {
		if shown(l) && strings.EqualFold(l.Name, plain) {
			return l.ID, nil
		}
	}
	if !create {
		return "", nil
	}
	l, err := a.box.CreateLabel(plain)
	if err != nil {
		return "", no("[CANNOT] Invalid label %s (Failure)", name)
	}
	return l.ID, nil
}

func setOf(uids []uint32) string {
	set := new(imap.SeqSet)
	set.AddNum(uids...)
	return set.String()
}

func (x *session) copy(args []any, byUID bool) (string, error) { return x.transfer(args, byUID, false) }
func (x *session) move(args []any, byUID bool) (string, error) { return x.transfer(args, byUID, true) }

// transfer is COPY and MOVE: a label more, and one less.
func (x *session) transfer(args []any, byUID, move bool) (string, error) {
	name, err := folderName(args, 1)
	if err != nil {
		return "", err
	}
	if move && x.readOnly {
		return "", no("[READ-ONLY] Folder is read-only (Failure)")
	}
	code := ""
	err = x.locked(func(a *account) error {
		list, err := x.choose(a, args[0], byUID)
		if err != nil {
			return err
		}
		n, ok := byName(listOf(a), name)
		if !ok || n.key == "" {
			return no("[TRYCREATE] No folder %s (Failure)", encoded(name))
		}
		from := x.folder.key
		var add, remove []string
		if n.key != keyAll {
			add = []string{n.key}
		}
		if from != n.key && (move && from != keyAll || from == "SPAM" || from == "TRASH") {
			remove = []string{from}
		}
		to := a.folder(n.key)
		var ids []uint64
		var source, target []uint32
		for _, c := range list {
			ids = append(ids, c.id)
		}
		a.box.Modify(ids, add, remove, false)
		a.refresh()
		for _, c := range list {
			if uid, ok := to.uids[c.id]; ok {
				source, target = append(source, c.uid), append(target, uid)
			}
		}
		if len(source) > 0 {
			code = fmt.Sprintf("[COPYUID %d %s %s] ", to.validity, setOf(source), setOf(target))
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if move && code != "" {
		x.say("* OK %s", strings.TrimSpace(code))
		code = ""
	}
	return code + "Success", nil
}

func listOf(a *account) []named { return list(a.box, a.settings.Language) }

// expunge is EXPUNGE, and UID EXPUNGE (RFC 4315).
func (x *session) expunge(args []any, byUID bool) (string, error) {
	if x.readOnly {
		return "", no("[READ-ONLY] Folder is read-only (Failure)")
	}
	return "Success", x.locked(func(a *account) error {
		var only []chosen
		if byUID {
			if len(args) == 0 {
				return bad("Missing argument")
			}
			var err error
			if only, err = x.choose(a, args[0], true); err != nil {
				return err
			}
			if only == nil {
				only = []chosen{}
			}
		}
		a.expunge(x.folder, only)
		return nil
	})
}

// expunge takes messages with \Deleted out of a folder: the label goes, the
// message stays in All Mail, as is Gmail's default. Out of spam and trash it is
// deleted for good; in All Mail nothing happens.
func (a *account) expunge(f *folder, only []chosen) {
	var ids []uint64
	for i, p := range f.places {
		if p.deleted && (only == nil || slices.ContainsFunc(only, func(c chosen) bool { return c.uid == p.uid })) {
			ids = append(ids, p.id)
			f.places[i].deleted = false
		}
	}
	switch {
	case len(ids) == 0 || f.key == keyAll:
	case f.key == "SPAM" || f.key == "TRASH":
		a.box.Delete(ids)
	default:
		a.box.Modify(ids, nil, []string{f.key}, false)
	}
	a.refresh()
}
