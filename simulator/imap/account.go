package imap

import (
	"slices"
	"sort"
	"sync"

	"rapport/simulator/gmail"
)

// account is what IMAP keeps of a mailbox: the UIDs of its folders.
type account struct {
	server *Server
	email  string

	mu       sync.Mutex
	box      gmail.Mailbox
	at       uint64 // the history that folders show
	folders  map[string]*folder
	validity map[string]uint32
	keywords map[uint64][]string // flags that are no labels, by message
	news     []news              // everything that changed since the first session
	settings Settings
	sessions map[*session]int // which sign-in of the account each is
	signIns  int
}

// news is a change of a message that stays.
type news struct{ id, history uint64 }

// folder is the mail of a folder in the order of UIDs.
type folder struct {
	key      string
	validity uint32
	next     uint32
	places   []place
	uids     map[uint64]uint32 // by message
	gen      int               // of places
}

type place struct {
	uid     uint32
	id      uint64
	deleted bool // \Deleted is a flag of a folder's copy
}

func (f *folder) find(uid uint32) (int, bool) {
	return slices.BinarySearchFunc(f.places, uid, func(p place, uid uint32) int { return int(int64(p.uid) - int64(uid)) })
}

func (f *folder) add(id uint64) uint32 {
	if uid, ok := f.uids[id]; ok {
		return uid
	}
	uid := f.next
	f.next++
	f.places, f.uids[id] = append(f.places, place{uid: uid, id: id}), uid
	f.gen++
	return uid
}

func (f *folder) drop(id uint64) {
	uid, ok := f.uids[id]
	if !ok {
		return
	}
	delete(f.uids, id)
	if i, ok := f.find(uid); ok {
		f.places = slices.Delete(f.places, i, i+1)
	}
	f.gen++
}

// refresh brings folders to the state of the mailbox. The caller holds the lock.
// It is false when the mailbox is gone.
func (a *account) refresh() bool {
	b, ok := a.server.door.Mail.Mailbox(a.email)
	if !ok {
		return false
	}
	if b != a.box { // made anew: other messages, other UIDs
		if a.box != (gmail.Mailbox{}) {
			a.validity = map[string]uint32{}
		}
		a.box, a.at, a.folders, a.keywords = b, 0, map[string]*folder{}, map[uint64][]string{}
	}
	if len(a.folders) == 0 {
		return true
	}
	to, known := b.Since(a.at, a.follow)
	if !known {
		a.recount()
		return true
	}
	a.at = to
	return true
}

// follow applies a line of history.
func (a *account) follow(c gmail.Change) {
	for key, f := range a.folders {
		if !c.Gone && has(key, c.Labels) {
			f.add(c.ID)
		} else {
			f.drop(c.ID)
		}
	}
	if c.Gone {
		delete(a.keywords, c.ID)
	} else {
		a.news = append(a.news, news{c.ID, c.History})
	}
}

// recount compares folders with the whole mailbox, where history is forgotten.
func (a *account) recount() {
	alive := map[uint64][]string{}
	var order []uint64
	a.at = a.box.All(func(s gmail.Summary) {
		alive[s.ID], order = s.Labels, append(order, s.ID)
		a.news = append(a.news, news{s.ID, s.History})
	})
	for key, f := range a.folders {
		for _, p := range slices.Clone(f.places) {
			if labels, ok := alive[p.id]; !ok || !has(key, labels) {
				f.drop(p.id)
			}
		}
		for _, id := range order {
			if has(key, alive[id]) {
				f.add(id)
			}
		}
	}
}

// folder makes the UIDs of a folder when it is first looked at. The caller holds
// the lock and has refreshed.
func (a *account) folder(key string) *folder {
	if f := a.folders[key]; f != nil {
		return f
	}
	f := &folder{key: key, validity: a.validityOf(key), next: 1, uids: map[uint64]uint32{}}
	first := len(a.folders) == 0
	at := a.box.All(func(s gmail.Summary) {
		if has(key, s.Labels) {
			f.add(s.ID)
		}
	})
	a.folders[key] = f
	if first {
		a.at = at
	}
	return f
}

// validityOf is the UIDVALIDITY of a folder: the seconds when it was first looked
// at, and more after each change of it.
func (a *account) validityOf(key string) uint32 {
	if v, ok := a.validity[key]; ok {
		return v
	}
	v := a.server.nextValidity()
	a.validity[key] = v
	return v
}

// changeValidity gives folders new UIDs: key of one, or "" for all.
func (a *account) changeValidity(key string) {
	for k := range a.validity {
		if key == "" || k == key {
			a.validity[k] = a.server.nextValidity()
			delete(a.folders, k)
		}
	}
}

// flags are those of a message in a folder.
func flags(s gmail.Summary, keywords []string, deleted bool) []string {
	out := []string{}
	if !slices.Contains(s.Labels, "UNREAD") {
		out = append(out, `\Seen`)
	}
	if slices.Contains(s.Labels, "STARRED") {
		out = append(out, `\Flagged`)
	}
	if slices.Contains(s.Labels, "DRAFT") {
		out = append(out, `\Draft`)
	}
	if deleted {
		out = append(out, `\Deleted`)
	}
	return append(out, keywords...)
}

// cut is the part of a sorted list from one UID to another.
func cut(uids []uint32, from, to uint32) []uint32 {
	i := sort.Search(len(uids), func(i int) bool { return uids[i] >= from })
	j := sort.Search(len(uids), func(i int) bool { return uids[i] > to })
	if j < i {
		return nil
	}
	return uids[i:j]
}
