package imapsmtp

import (
	"context"
	"fmt"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/accounts"
)

// Sizes of what is asked for at once.
const (
	laneIndex  = 5000    // UIDs
	laneHeads  = 500     // messages
	laneBodies = 8 << 20 // bytes
)

var _ mail.Lanes = (*Servers)(nil)

// Lane is the IMAP lane to a Gmail mailbox: one connection, All Mail opened for
// reading.
func (s *Servers) Lane(c crm.Connection) mail.Lane {
	return &lane{servers: s, uids: map[uint64]uint32{}, login: accounts.Login{
		Account: crm.AccountID("lane:" + string(c.ID)), Grant: c.GrantID,
		Server: crm.MailServer{Host: accounts.GmailIMAP, Port: 993, Security: crm.SecurityTLS, Auth: crm.AuthOAuth2, Username: c.GoogleEmail},
	}}
}

// lane reads All Mail, where each message lies once.
type lane struct {
	servers *Servers
	login   accounts.Login
	box     *box

	// What is known of where messages lie: those with UIDs from lowest to below next.
	validity     uint32
	lowest, next uint32
	uids         map[uint64]uint32 // by X-GM-MSGID
}

// Rest ends the connection.
func (l *lane) Rest() {
	if l.box != nil {
		l.box.Close()
		l.box = nil
	}
}

// Read implements mail.Lane.
func (l *lane) Read(ctx context.Context, refs []mail.Ref, most int64, yield func(mail.Carried) error) (came int64, err error) {
	if l.box == nil {
		if err := l.enter(ctx); err != nil {
			return 0, err
		}
	}
	before := l.box.conn.came.Load()
	defer func(b *box) { came = b.conn.came.Load() - before }(l.box)
	at, err := l.locate(ctx, refs)
	if err != nil {
		return 0, err
	}
	uids := make([]uint32, 0, len(at))
	for uid := range at {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	for piece := range slices.Chunk(uids, laneHeads) {
		heads, err := l.box.Heads(ctx, piece)
		if err != nil {
			return 0, err
		}
		if err := l.bodies(ctx, heads, at, most, yield); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// enter signs in and opens All Mail, whatever it is called.
func (l *lane) enter(ctx context.Context) error {
	b, err := l.servers.open(ctx, l.login)
	if err != nil {
		return err
	}
	if err = l.look(ctx, b); err != nil {
		b.Close()
		return err
	}
	l.box = b
	return nil
}

func (l *lane) look(ctx context.Context, b *box) error {
	folders, err := b.Folders(ctx)
	if err != nil {
		return err
	}
	all := slices.IndexFunc(folders, func(f accounts.Folder) bool { return !f.Closed && slices.Contains(f.Roles, accounts.RoleAll) })
	if all < 0 || !b.features.Gmail {
		return fault.New(fault.Conflict, "Gmail does not show All Mail by IMAP. It can be shown in Gmail's settings, under Labels.")
	}
	p, err := b.Enter(ctx, folders[all].Name)
	if err != nil {
		return err
	}
	switch {
	case p.Validity != l.validity:
		clear(l.uids)
		l.validity, l.lowest, l.next = p.Validity, p.Next, p.Next
	case p.Next > l.next:
		if _, err := l.index(ctx, b, l.next, p.Next-1); err != nil {
			return err
		}
		l.next = p.Next
	}
	return nil
}

// index reads which messages have UIDs from first to last; lowest is the lowest
// number of a message among them.
func (l *lane) index(ctx context.Context, b *box, first, last uint32) (lowest uint64, err error) {
	heads, err := b.heads(ctx, fmt.Sprintf("%d:%d", first, last), "UID X-GM-MSGID", "", int(last-first)+1)
	if err != nil {
		return 0, err
	}
	for _, h := range heads {
		if n := mail.NumberOf(h.GmailID); n != 0 && h.UID >= first && h.UID <= last {
			l.uids[n] = h.UID
			if lowest == 0 || n < lowest {
				lowest = n
			}
		}
	}
	return lowest, nil
}

// locate finds where messages lie. UIDs grow with the time a message came into All
// Mail, as ids do, so it is read from its end, and not much further than to ids
// lower than those wanted.
func (l *lane) locate(ctx context.Context, refs []mail.Ref) (map[uint32]mail.Ref, error) {
	at := make(map[uint32]mail.Ref, len(refs))
	oldest, missing := ^uint64(0), 0
	for _, r := range refs {
		n := mail.NumberOf(r.ID)
		if uid, known := l.uids[n]; known {
			at[uid] = r
		} else {
			missing++
			oldest = min(oldest, n)
		}
	}
	for beyond := 0; missing > 0 && l.lowest > 1 && beyond < 2; {
		first := uint32(1)
		if l.lowest > laneIndex {
			first = l.lowest - laneIndex
		}
		lowest, err := l.index(ctx, l.box, first, l.lowest-1)
		if err != nil {
			return nil, err
		}
		l.lowest = first
		if lowest != 0 && lowest < oldest {
			beyond++
		}
		missing = 0
		for _, r := range refs {
			if uid, known := l.uids[mail.NumberOf(r.ID)]; known {
				at[uid] = r
			} else {
				missing++
			}
		}
	}
	return at, nil
}

// bodies reads the messages of heads that are the ones wanted and not too large.
func (l *lane) bodies(ctx context.Context, heads []accounts.Head, at map[uint32]mail.Ref, most int64, yield func(mail.Carried) error) error {
	byUID := make(map[uint32]accounts.Head, len(heads))
	var piece []accounts.Head
	size := int64(0)
	read := func() error {
		if len(piece) == 0 {
			return nil
		}
		list := piece
		piece, size = nil, 0
		return l.box.Bodies(ctx, list, func(uid uint32, raw []byte) error {
			h, asked := byUID[uid]
			if !asked || int64(len(raw)) < h.Size { // cut off
				return nil
			}
			return yield(mail.Carried{Ref: at[uid], Flags: h.Flags, Names: h.GmailLabel, Date: h.Date, Size: h.Size, Raw: raw})
		})
	}
	for _, h := range heads {
		ref, asked := at[h.UID]
		if !asked || mail.NumberOf(h.GmailID) != mail.NumberOf(ref.ID) || h.Size > most {
			continue
		}
		if _, twice := byUID[h.UID]; twice {
			continue
		}
		byUID[h.UID] = h
		piece = append(piece, h)
		if size += h.Size; size >= laneBodies {
			if err := read(); err != nil {
				return err
			}
		}
	}
	return read()
}
