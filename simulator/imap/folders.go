package imap

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-imap"

	"rapport/simulator/gmail"
)

// text is an argument that is a string.
func text(args []any, i int) (string, error) {
	if i >= len(args) {
		return "", bad("Missing argument")
	}
	s, err := imap.ParseString(args[i])
	if err != nil {
		return "", bad("Could not parse command")
	}
	return s, nil
}

// folderName is an argument that names a folder.
func folderName(args []any, i int) (string, error) {
	s, err := text(args, i)
	if err != nil {
		return "", err
	}
	name, ok := decoded(s)
	if !ok {
		return "", no("[CLIENTBUG] Invalid mailbox name (Failure)")
	}
	return name, nil
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// locked runs f on the account's state of now.
func (x *session) locked(f func(a *account) error) error {
	a := x.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.refresh() {
		return errGone
	}
	return f(a)
}

var errGone = no("[UNAVAILABLE] Temporary System Error (Failure)")

func unknown(name string) error {
	return no("[NONEXISTENT] Unknown Mailbox: %s (Failure)", encoded(name))
}

// seek finds a folder that can be opened. The caller holds the lock.
func (a *account) seek(name string) (named, error) {
	n, ok := byName(list(a.box, a.settings.Language), name)
	if !ok || n.key == "" {
		return n, unknown(name)
	}
	return n, nil
}

func (x *session) namespace([]any) (string, error) {
	x.say(`* NAMESPACE (("" "/")) NIL NIL`)
	return "Success", nil
}

func (x *session) enable(args []any) (string, error) {
	for i := range args {
		if s, _ := text(args, i); strings.EqualFold(s, "CONDSTORE") {
			x.condstore = true
			x.say("* ENABLED CONDSTORE")
		}
	}
	return "Success", nil
}

func (x *session) list(args []any) (string, error)  { return x.listAs("LIST", args) }
func (x *session) lsub(args []any) (string, error)  { return x.listAs("LSUB", args) }
func (x *session) xlist(args []any) (string, error) { return x.listAs("XLIST", args) }

// listAs is LIST (RFC 3501, 6.3.8) with options (RFC 5258) and roles (RFC 6154).
func (x *session) listAs(kind string, args []any) (string, error) {
	onlySpecial := false
	if len(args) > 0 {
		if options, ok := args[0].([]any); ok {
			for i := range options {
				o, _ := text(options, i)
				onlySpecial = onlySpecial || strings.EqualFold(o, "SPECIAL-USE")
			}
			args = args[1:]
		}
	}
	ref, err := text(args, 0)
	if err != nil {
		return "", err
	}
	if len(args) < 2 {
		return "", bad("Missing argument")
	}
	patterns, ok := args[1].([]any)
	if !ok {
		patterns = args[1:2]
	}
	var all []named
	if err := x.locked(func(a *account) error { all = list(a.box, a.settings.Language); return nil }); err != nil {
		return "", err
	}
	for i := range patterns {
		pattern, err := text(patterns, i)
		if err != nil {
			return "", err
		}
		if pattern == "" {
			x.say(`* %s (\Noselect) "/" "/"`, kind)
			continue
		}
		for _, n := range all {
			name := encoded(n.name)
			if matches(name, ref+pattern) && (!onlySpecial || n.use != "") {
				x.say(`* %s (%s) "/" %s`, kind, strings.Join(n.attributes(kind), " "), quote(name))
			}
		}
	}
	return "Success", nil
}

func (n named) attributes(kind string) []string {
	out := []string{`\HasNoChildren`}
	if n.children {
		out[0] = `\HasChildren`
	}
	if n.key == "" {
		out = append(out, `\Noselect`)
	}
	if use := n.use; kind == "LIST" && use != "" {
		out = append(out, use)
	} else if kind == "XLIST" && n.xlist != "" {
		out = append(out, n.xlist)
	}
	return out
}

// subscribe: all labels are shown always.
func (x *session) subscribe(args []any) (string, error) {
	name, err := folderName(args, 0)
	if err != nil {
		return "", err
	}
	return "Success", x.locked(func(a *account) error { _, err := a.seek(name); return err })
}

func (x *session) selectIt(args []any) (string, error) { return x.open(args, false) }
func (x *session) examine(args []any) (string, error)  { return x.open(args, true) }

// open is SELECT and EXAMINE.
func (x *session) open(args []any, readOnly bool) (string, error) {
	x.folder = nil
	name, err := folderName(args, 0)
	if err != nil {
		return "", err
	}
	if len(args) > 1 {
		x.condstore = true // the one parameter there is
	}
	var lines []string
	err = x.locked(func(a *account) error {
		n, err := a.seek(name)
		if err != nil {
			return err
		}
		f := a.folder(n.key)
		x.folder, x.name, x.readOnly, x.gen, x.heard, x.own = f, n, readOnly, f.gen, len(a.news), map[uint64]uint64{}
		x.view = uidsOf(f)
		lines = []string{
			`* FLAGS (\Answered \Flagged \Draft \Deleted \Seen $NotPhishing $Phishing)`,
			`* OK [PERMANENTFLAGS (\Answered \Flagged \Draft \Deleted \Seen $NotPhishing $Phishing \*)] Flags permitted.`,
			fmt.Sprintf("* OK [UIDVALIDITY %d] UIDs valid.", f.validity),
			fmt.Sprintf("* %d EXISTS", len(x.view)), "* 0 RECENT",
			fmt.Sprintf("* OK [UIDNEXT %d] Predicted next UID.", f.next),
			fmt.Sprintf("* OK [HIGHESTMODSEQ %d]", a.at),
		}
		if readOnly {
			lines[1] = "* OK [PERMANENTFLAGS ()] Flags permitted."
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	for _, l := range lines {
		x.say("%s", l)
	}
	if readOnly {
		return "[READ-ONLY] " + encoded(x.name.name) + " selected. (Success)", nil
	}
	return "[READ-WRITE] " + encoded(x.name.name) + " selected. (Success)", nil
}

func uidsOf(f *folder) []uint32 {
	out := make([]uint32, len(f.places))
	for i, p := range f.places {
		out[i] = p.uid
	}
	return out
}

func (x *session) status(args []any) (string, error) {
	name, err := folderName(args, 0)
	if err != nil {
		return "", err
	}
	if len(args) < 2 {
		return "", bad("Missing argument")
	}
	items, err := imap.ParseStringList(args[1])
	if err != nil {
		return "", bad("Could not parse command")
	}
	var out []string
	err = x.locked(func(a *account) error {
		n, err := a.seek(name)
		if err != nil {
			return err
		}
		f := a.folder(n.key)
		name = n.name
		for _, item := range items {
			item = strings.ToUpper(item)
			var v uint64
			switch item {
			case "MESSAGES":
				v = uint64(len(f.places))
			case "UIDNEXT":
				v = uint64(f.next)
			case "UIDVALIDITY":
				v = uint64(f.validity)
			case "UNSEEN":
				v = a.unseen(f)
			case "HIGHESTMODSEQ":
				v = a.at
			case "RECENT":
			default:
				return bad("Unknown status item")
			}
			out = append(out, item+" "+strconv.FormatUint(v, 10))
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	x.say("* STATUS %s (%s)", quote(encoded(name)), strings.Join(out, " "))
	return "Success", nil
}

func (a *account) unseen(f *folder) (n uint64) {
	for _, p := range f.places {
		if s, ok := a.box.Message(p.id); ok && slices.Contains(s.Labels, "UNREAD") {
			n++
		}
	}
	return n
}

func (x *session) create(args []any) (string, error) {
	name, err := folderName(args, 0)
	if err != nil {
		return "", err
	}
	name = strings.TrimSuffix(name, "/")
	return "Success", x.locked(func(a *account) error {
		if n, ok := byName(list(a.box, a.settings.Language), name); ok && n.key != "" || strings.HasPrefix(name, root) {
			return no("[ALREADYEXISTS] Duplicate folder name %s (Failure)", encoded(name))
		}
		if _, err := a.box.CreateLabel(name); err != nil {
			return no("[CANNOT] Invalid folder name (Failure)")
		}
		return nil
	})
}

// ownLabel finds a label of the user by the name of its folder.
func (a *account) ownLabel(name string) (named, error) {
	n, err := a.seek(name)
	if err != nil {
		return n, err
	}
	if n.key == keyIn || strings.HasPrefix(n.name, root) {
		return n, no("[CANNOT] Operation not allowed on a system folder (Failure)")
	}
	return n, nil
}

func (x *session) remove(args []any) (string, error) {
	name, err := folderName(args, 0)
	if err != nil {
		return "", err
	}
	return "Success", x.locked(func(a *account) error {
		n, err := a.ownLabel(name)
		if err != nil {
			return err
		}
		delete(a.folders, n.key)
		delete(a.validity, n.key)
		return refusal(a.box.DeleteLabel(n.key))
	})
}

func (x *session) rename(args []any) (string, error) {
	from, err := folderName(args, 0)
	if err != nil {
		return "", err
	}
	to, err := folderName(args, 1)
	if err != nil {
		return "", err
	}
	return "Success", x.locked(func(a *account) error {
		n, err := a.ownLabel(from)
		if err != nil {
			return err
		}
		return refusal(a.box.RenameLabel(n.key, to))
	})
}

func refusal(err error) error {
	if errors.Is(err, gmail.ErrRefused) {
		return no("[CANNOT] Operation not allowed (Failure)")
	}
	if err != nil {
		return no("[CANNOT] Invalid folder name (Failure)")
	}
	return nil
}

func (x *session) quota([]any) (string, error) {
	x.say(`* QUOTA "" (STORAGE 0 15728640)`)
	return "Success", nil
}

func (x *session) quotaRoot(args []any) (string, error) {
	name, err := folderName(args, 0)
	if err != nil {
		return "", err
	}
	x.say(`* QUOTAROOT %s ""`, quote(encoded(name)))
	return x.quota(nil)
}

func (x *session) check([]any) (string, error) { return "Success", nil }

func (x *session) unselect([]any) (string, error) {
	x.folder = nil
	return "Returned to authenticated state. (Success)", nil
}

func (x *session) closeIt([]any) (string, error) {
	if !x.readOnly {
		if err := x.locked(func(a *account) error { a.expunge(x.folder, nil); return nil }); err != nil {
			return "", err
		}
	}
	return x.unselect(nil)
}
