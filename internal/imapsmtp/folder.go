package imapsmtp

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/responses"
	"github.com/emersion/go-imap/utf7"

	"rapport/internal/fault"
	"rapport/internal/mail/accounts"
)

// Folders lists all folders with their roles. Names come in modified UTF-7 (RFC
// 3501, 5.1.3) and leave decoded.
func (b *box) Folders(ctx context.Context) ([]accounts.Folder, error) {
	list := command("LIST", "", "*")
	if b.caps["LIST-EXTENDED"] && b.caps["SPECIAL-USE"] {
		list = command("LIST", "", "*", raw("RETURN"), []any{raw("SPECIAL-USE")})
	}
	var out []accounts.Folder
	err := b.run(ctx, list, func(r imap.Resp) error {
		name, fields, is := imap.ParseNamedResp(r)
		if !is || name != "LIST" {
			return responses.ErrUnhandled
		}
		if len(out) >= mostFolders {
			return fault.New(fault.Unavailable, "The mail server names more than %d folders.", mostFolders)
		}
		if f, ok := folder(fields); ok {
			out = append(out, f)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !b.features.Gmail {
		guessRoles(out)
	}
	return out, nil
}

const mostFolders = 20_000

// special are the attributes that give a folder a role (RFC 6154), with those of
// Gmail's older XLIST.
var special = []string{accounts.RoleAll, accounts.RoleArchive, accounts.RoleDrafts, accounts.RoleFlagged, accounts.RoleJunk, accounts.RoleSent, accounts.RoleTrash}

func folder(fields []any) (f accounts.Folder, ok bool) {
	if len(fields) < 3 {
		return f, false
	}
	attributes, err := imap.ParseStringList(fields[0])
	if err != nil {
		return f, false
	}
	name, err := imap.ParseString(fields[2])
	if err != nil || name == "" {
		return f, false
	}
	f.Name = decoded(name)
	if !utf8.ValidString(f.Name) || strings.ContainsFunc(f.Name, unicode.IsControl) {
		return f, false // nobody could choose it
	}
	if strings.EqualFold(f.Name, "INBOX") {
		f.Name = "INBOX"
	}
	for _, a := range attributes {
		if strings.EqualFold(a, imap.NoSelectAttr) || strings.EqualFold(a, `\NonExistent`) {
			f.Closed = true
		}
		for _, role := range special {
			if strings.EqualFold(a, role) {
				f.Roles = append(f.Roles, role)
			}
		}
	}
	return f, true
}

// decoded is a name from modified UTF-7, or as it is when it is none.
func decoded(name string) string {
	if text, err := utf7.Encoding.NewDecoder().String(name); err == nil {
		return text
	}
	return name
}

// encoded is the name of a folder as it is sent.
func encoded(name string) any {
	text, err := utf7.Encoding.NewEncoder().String(name)
	if err != nil {
		text = name
	}
	return imap.FormatMailboxName(text)
}

// usual are names that folders have on servers that tell no roles.
var usual = map[string][]string{
	accounts.RoleSent:    {"sent", "sent items", "sent messages", "sent mail", "gesendet", "gesendete elemente", "envoyés", "éléments envoyés", "enviados", "inviata", "verzonden"},
	accounts.RoleDrafts:  {"drafts", "draft", "entwürfe", "brouillons", "borradores", "bozze", "concepten"},
	accounts.RoleTrash:   {"trash", "deleted", "deleted items", "deleted messages", "papierkorb", "gelöschte elemente", "corbeille", "papelera", "cestino", "prullenbak"},
	accounts.RoleArchive: {"archive", "archives", "archiv", "archivo", "archivio", "archief"},
	accounts.RoleJunk:    {"junk", "spam", "junk e-mail", "junk mail", "bulk mail", "courrier indésirable", "correo no deseado"},
}

// guessRoles goes by names, for the roles of which the server says nothing.
func guessRoles(list []accounts.Folder) {
	told := map[string]bool{}
	for _, f := range list {
		for _, r := range f.Roles {
			told[r] = true
		}
	}
	for role, names := range usual {
		if told[role] {
			continue
		}
		for i := range list {
			if len(list[i].Roles) > 0 {
				continue
			}
			last := list[i].Name[strings.LastIndexAny(list[i].Name, "/.")+1:]
			if slices.Contains(names, strings.ToLower(last)) {
				list[i].Roles = append(list[i].Roles, role)
				break
			}
		}
	}
}

// Enter opens a folder for reading only (EXAMINE): nothing is marked as read.
func (b *box) Enter(ctx context.Context, name string) (accounts.Position, error) {
	return b.enter(ctx, "EXAMINE", name)
}

// Change opens a folder for changing (SELECT).
func (b *box) Change(ctx context.Context, name string) (accounts.Position, error) {
	return b.enter(ctx, "SELECT", name)
}

func (b *box) enter(ctx context.Context, how, name string) (accounts.Position, error) {
	args := []any{encoded(name)}
	if b.features.Condstore {
		args = append(args, []any{raw("CONDSTORE")})
	}
	var p accounts.Position
	b.c.SetState(imap.SelectedState, &imap.MailboxStatus{Name: name, Items: map[imap.StatusItem]any{}})
	err := b.run(ctx, command(how, args...), func(r imap.Resp) error {
		if status, is := r.(*imap.StatusResp); is {
			return noted(&p, status)
		}
		switch kind, fields, _ := imap.ParseNamedResp(r); {
		case kind == "EXISTS" && len(fields) > 0:
			p.Exists = uint32(number(fields[0], 32))
		case kind == "RECENT", kind == "FLAGS": // no news
		default:
			return responses.ErrUnhandled
		}
		return nil
	})
	if fault.Is(err, fault.Unavailable) && absent(err) {
		return p, &fault.Error{Kind: fault.NotFound, Text: "There is no such folder on the mail server.", Err: err}
	}
	if err != nil {
		return p, err
	}
	if p.Next == 0 { // RFC 3501 lets servers leave it out
		p.Next = 1
		last, err := b.UIDs(ctx, 1, 0)
		if err != nil {
			return p, err
		}
		if len(last) > 0 {
			p.Next = last[len(last)-1] + 1
		}
	}
	return p, nil
}

// absent says whether a server that gives no code means that a folder is not there.
func absent(err error) bool {
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "doesn't exist") || strings.Contains(text, "does not exist") || strings.Contains(text, "no such mailbox") || strings.Contains(text, "unknown mailbox")
}

// noted takes what EXAMINE tells in response codes.
func noted(p *accounts.Position, r *imap.StatusResp) error {
	if r.Tag != "*" || len(r.Arguments) == 0 {
		return responses.ErrUnhandled
	}
	switch r.Code {
	case "UIDVALIDITY":
		p.Validity = uint32(number(r.Arguments[0], 32))
	case "UIDNEXT":
		p.Next = uint32(number(r.Arguments[0], 32))
	case "HIGHESTMODSEQ":
		p.ModSeq = number(r.Arguments[0], 64)
	default:
		return responses.ErrUnhandled
	}
	return nil
}

// number reads a field; what is none is 0.
func number(f any, bits int) uint64 {
	switch v := f.(type) {
	case uint32:
		return uint64(v)
	case []any: // MODSEQ (12)
		if len(v) == 1 {
			return number(v[0], bits)
		}
	case string:
		n, err := strconv.ParseUint(v, 10, bits)
		if err == nil {
			return n
		}
	}
	return 0
}
