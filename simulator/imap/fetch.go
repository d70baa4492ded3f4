package imap

import (
	"bufio"
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/backend/backendutil"
	"github.com/emersion/go-message/textproto"

	"rapport/simulator/gmail"
)

// chosen is a message a command is about.
type chosen struct {
	seq, uid uint32
	id       uint64
	deleted  bool
}

// choose finds the messages of a set: of UIDs, or of sequence numbers.
func (x *session) choose(a *account, arg any, byUID bool) ([]chosen, error) {
	s, _ := arg.(string)
	set, err := imap.ParseSeqSet(s)
	if err != nil || set.Empty() {
		return nil, bad("Could not parse command")
	}
	last := uint32(len(x.view))
	if byUID && last > 0 {
		last = x.view[last-1]
	}
	var uids []uint32
	for _, r := range set.Set {
		from, to := r.Start, r.Stop
		if from == 0 {
			from = last
		}
		if to == 0 {
			to = last
		}
		from, to = min(from, to), max(from, to)
		if byUID {
			uids = append(uids, cut(x.view, from, to)...)
		} else if from >= 1 && int(from) <= len(x.view) {
			uids = append(uids, x.view[from-1:min(int(to), len(x.view))]...)
		}
	}
	slices.Sort(uids)
	uids = slices.Compact(uids)
	out := make([]chosen, 0, len(uids))
	for _, uid := range uids {
		if i, ok := x.folder.find(uid); ok {
			seq, _ := slices.BinarySearch(x.view, uid)
			p := x.folder.places[i]
			out = append(out, chosen{uint32(seq + 1), uid, p.id, p.deleted})
		}
	}
	return out, nil
}

// pick is choose on the state of now.
func (x *session) pick(arg any, byUID bool) (out []chosen, err error) {
	err = x.locked(func(a *account) error {
		out, err = x.choose(a, arg, byUID)
		return err
	})
	return out, err
}

var macros = map[string][]string{
	"ALL":  {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"},
	"FAST": {"FLAGS", "INTERNALDATE", "RFC822.SIZE"},
	"FULL": {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"},
}

// fetch is FETCH with CHANGEDSINCE (RFC 7162).
func (x *session) fetch(args []any, byUID bool) (string, error) {
	if len(args) < 2 {
		return "", bad("Missing argument")
	}
	var items []string
	switch v := args[1].(type) {
	case string:
		if items = macros[strings.ToUpper(v)]; items == nil {
			items = []string{v}
		}
	case []any:
		var err error
		if items, err = imap.ParseStringList(v); err != nil {
			return "", bad("Could not parse command")
		}
	default:
		return "", bad("Could not parse command")
	}
	var since uint64
	if len(args) > 2 {
		n, ok := modifier(args[2], "CHANGEDSINCE")
		if !ok {
			return "", bad("Could not parse command")
		}
		since, x.condstore = n, true
		items = append(slices.Clone(items), "MODSEQ")
	}
	list, err := x.pick(args[0], byUID)
	if err != nil {
		return "", err
	}
	if byUID && !slices.ContainsFunc(items, func(i string) bool { return strings.EqualFold(i, "UID") }) {
		items = append([]string{"UID"}, items...)
	}
	box := x.account.box
	p := &page{x: x, box: box, names: writtenLabels(box)}
	changed := map[uint64]bool{}
	known := false
	if since > 0 {
		_, known = box.Since(since, func(c gmail.Change) { changed[c.ID] = true })
	}
	for _, c := range list {
		if known && !changed[c.id] {
			continue
		}
		s, ok := box.Message(c.id)
		if !ok || s.History <= since {
			continue
		}
		fields, err := p.fields(c, s, items)
		if err != nil {
			return "", err
		}
		x.respond(imap.RawString(strconv.FormatUint(uint64(c.seq), 10)), imap.RawString("FETCH"), fields)
	}
	return "Success", nil
}

// modifier reads (NAME 12).
func modifier(arg any, name string) (uint64, bool) {
	list, err := imap.ParseStringList(arg)
	if err != nil || len(list) != 2 || !strings.EqualFold(list[0], name) {
		return 0, false
	}
	n, err := strconv.ParseUint(list[1], 10, 64)
	return n, err == nil
}

// page answers the items of messages.
type page struct {
	x     *session
	box   gmail.Mailbox
	names map[string]string
	raw   []byte
}

func number[T uint32 | uint64 | int](n T) imap.RawString {
	return imap.RawString(strconv.FormatUint(uint64(n), 10))
}

func (p *page) load(id uint64) []byte {
	if p.raw == nil {
		p.raw, _ = p.box.Raw(id) // gone since: empty
	}
	return p.raw
}

func (p *page) fields(c chosen, s gmail.Summary, items []string) ([]any, error) {
	p.raw = nil
	var out []any
	seen := false
	for _, item := range items {
		key := strings.ToUpper(item)
		switch key {
		case "UID":
			out = append(out, imap.RawString(key), number(c.uid))
		case "X-GM-MSGID":
			out = append(out, imap.RawString(key), number(s.ID))
		case "X-GM-THRID":
			out = append(out, imap.RawString(key), number(s.Thread))
		case "X-GM-LABELS":
			var labels []any
			for _, l := range labelNames(s.Labels, p.names, p.x.folder.key) {
				labels = append(labels, l) // quoted
			}
			out = append(out, imap.RawString(key), labels)
		case "MODSEQ":
			p.x.condstore = true
			out = append(out, imap.RawString(key), []any{number(s.History)})
		case "FLAGS":
			out = append(out, imap.RawString(key), p.x.flagFields(c, s))
		case "INTERNALDATE":
			out = append(out, imap.RawString(key), s.Date.Truncate(time.Second).Format(imap.DateTimeLayout))
		case "RFC822.SIZE":
			out = append(out, imap.RawString(key), number(len(p.load(c.id))))
		case "ENVELOPE":
			e, err := backendutil.FetchEnvelope(headerOf(p.load(c.id)))
			if err != nil {
				return nil, no("Could not read the message (Failure)")
			}
			out = append(out, imap.RawString(key), e.Format())
		case "BODY", "BODYSTRUCTURE":
			b, err := structure(p.load(c.id), key == "BODYSTRUCTURE")
			if err != nil {
				return nil, no("Could not read the message (Failure)")
			}
			out = append(out, imap.RawString(key), b.Format())
		default:
			name, data, peek, err := section(p.load(c.id), item)
			if err != nil {
				return nil, err
			}
			seen = seen || !peek
			out = append(out, imap.RawString(name), data)
		}
	}
	if seen && !p.x.readOnly && slices.Contains(s.Labels, "UNREAD") {
		p.box.Modify([]uint64{s.ID}, nil, []string{"UNREAD"}, false)
	}
	return out, nil
}

func (x *session) flagFields(c chosen, s gmail.Summary) []any {
	x.account.mu.Lock()
	defer x.account.mu.Unlock()
	out := []any{}
	for _, f := range flags(s, x.account.keywords[c.id], c.deleted) {
		out = append(out, imap.RawString(f))
	}
	return out
}

func headerOf(raw []byte) textproto.Header {
	h, _ := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(raw))) // what can be read of it
	return h
}

func structure(raw []byte, extended bool) (*imap.BodyStructure, error) {
	r := bufio.NewReader(bytes.NewReader(raw))
	h, err := textproto.ReadHeader(r)
	if err != nil {
		return nil, err
	}
	return backendutil.FetchBodyStructure(h, r, extended)
}

// section answers BODY[…] and its older forms.
func section(raw []byte, item string) (name string, data imap.Literal, peek bool, err error) {
	older := map[string]string{"RFC822": "BODY[]", "RFC822.HEADER": "BODY.PEEK[HEADER]", "RFC822.TEXT": "BODY[TEXT]"}
	name = strings.ToUpper(item)
	written := item
	if o, ok := older[name]; ok {
		written = o
	} else {
		name = strings.Replace(name, "BODY.PEEK[", "BODY[", 1)
		if at := strings.LastIndexByte(name, '<'); at > strings.LastIndexByte(name, ']') && at > 0 {
			from, _, _ := strings.Cut(name[at:], ".")
			name = name[:at] + strings.TrimSuffix(from, ">") + ">"
		}
	}
	s, perr := imap.ParseBodySectionName(imap.FetchItem(strings.ToUpper(written)))
	if perr != nil {
		return "", nil, false, bad("Could not parse command")
	}
	if len(s.Path) == 0 && len(s.Fields) == 0 {
		head := len(raw)
		if i := bytes.Index(raw, []byte("\r\n\r\n")); i >= 0 {
			head = i + 4
		}
		part := raw
		switch s.Specifier {
		case imap.HeaderSpecifier:
			part = raw[:head]
		case imap.TextSpecifier:
			part = raw[head:]
		}
		return name, bytes.NewBuffer(s.ExtractPartial(part)), s.Peek, nil
	}
	r := bufio.NewReader(bytes.NewReader(raw))
	h, herr := textproto.ReadHeader(r)
	if herr != nil {
		return name, bytes.NewBuffer(nil), s.Peek, nil
	}
	data, ferr := backendutil.FetchBodySection(h, r, s)
	if ferr != nil { // no such part
		data = bytes.NewBuffer(nil)
	}
	return name, data, s.Peek, nil
}
