package data

import "strings"

// Place is where a message lies in a mailbox.
type Place struct {
	Sent, Inbox, Unread, Starred, Important, Spam, Trash bool
	Category                                             string // PROMOTIONS, UPDATES, ... or ""
	Folder                                               string // name of a label of the user, or ""
}

// Folders are the labels that a generated mailbox has.
var Folders = []string{"Customers", "Customers/Hotels", "Quotes", "Suppliers", "Receipts", "Team"}

// Plan calls yield for each message viewer has, with its time in milliseconds.
func (s *Source) Plan(viewer *Person, yield func(k Key, date int64, p Place)) {
	for no := range uint32(s.threads) {
		t := s.thread(no)
		for pos := range t.n {
			k := Key{no, uint16(pos)}
			if p, ok := s.place(&t, k, viewer); ok {
				yield(k, s.date(&t, k), p)
			}
		}
	}
}

// Place tells where viewer finds a message; false when viewer has no part in it.
func (s *Source) Place(k Key, viewer *Person) (Place, bool) {
	t := s.thread(k.Thread)
	return s.place(&t, k, viewer)
}

func (s *Source) place(t *thread, k Key, viewer *Person) (Place, bool) {
	m := s.parts(t, int(k.Pos))
	var p Place
	p.Sent = m.from == viewer
	if viewer != s.owner && !p.Sent && !m.includes(viewer) {
		return p, false
	}
	age := (s.until - s.date(t, k)) / 86400000
	d := dice(hash2(t.h, 31))
	archived := int64(d.n(60))+4 < age
	d = dice(hash2(t.h, uint64(k.Pos)+41))
	p.Inbox = !p.Sent && !archived
	p.Unread = !p.Sent && s.unread(t, k, age, &d)
	p.Starred = d.pct(3)
	switch t.kind {
	case newsletter:
		p.Category = "PROMOTIONS"
		p.Trash = d.pct(8) && age > 2 && age < 29
	case notification, receipt, invitation:
		p.Category = "UPDATES"
	case spam:
		return Place{Spam: true, Unread: true}, true
	default:
		p.Important = !p.Sent && d.pct(70)
		if !p.Sent {
			p.Category = "PERSONAL"
		}
	}
	if p.Trash {
		p.Inbox, p.Starred = false, false
	}
	p.Folder = folder(t)
	return p, true
}

func (s *Source) unread(t *thread, k Key, age int64, d *dice) bool {
	for pos := int(k.Pos) + 1; pos < t.n; pos++ {
		if t.story != nil && t.line(pos).who == 'm' {
			return false
		}
	}
	switch {
	case t.kind == newsletter || t.kind == notification:
		return d.pct(35)
	case age < 1:
		return d.pct(70)
	case age < 7:
		return d.pct(15)
	default:
		return d.pct(1)
	}
}

func folder(t *thread) string {
	switch {
	case t.kind == receipt:
		return "Receipts"
	case t.kind != conversation || t.h>>20%3 == 0:
		return ""
	case t.story.kind == "team":
		return "Team"
	case t.story.kind == "supplier":
		return "Suppliers"
	case strings.Contains(t.story.lang, "en") && t.h>>24%4 == 0:
		return "Quotes"
	case t.other.Company.Trade == hotel:
		return "Customers/Hotels"
	default:
		return "Customers"
	}
}
