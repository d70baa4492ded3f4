package gmail

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"rapport/simulator/control"
	"rapport/simulator/discovery"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

// Room is the Gmail API of a world.
type Room struct {
	world *world.World
	pub   front.Publisher
	nonce atomic.Uint64 // of attachment ids

	mu    sync.RWMutex
	boxes map[string]*mailbox // by address

	sentMu sync.Mutex
	sent   []control.Sent
}

var (
	_ front.Room        = (*Room)(nil)
	_ front.Delivery    = outbox{}
	_ control.Mailboxes = (*Room)(nil)
	_ control.Resetter  = (*Room)(nil)
)

// New makes a Gmail without mailboxes; Create adds them. A nil publisher means
// that there is no Pub/Sub: watches answer that their topic does not exist.
func New(w *world.World, pub front.Publisher) *Room {
	return &Room{world: w, pub: pub, boxes: map[string]*mailbox{}}
}

// Name is the room's name in faults and logs.
func (r *Room) Name() string { return "gmail" }

// Document is Gmail's discovery document.
func (r *Room) Document() []byte { return discovery.Document("gmail") }

// Methods lists what is served.
func (r *Room) Methods() map[string]front.Handler {
	all := map[string]front.Handler{
		"getProfile": r.getProfile, "watch": r.watch, "stop": r.stop,
		"messages.list": r.messagesList, "messages.get": r.messagesGet, "messages.send": r.messagesSend, "messages.insert": r.messagesInsert,
		"messages.import": r.messagesImport, "messages.modify": r.messagesModify, "messages.batchModify": r.messagesBatchModify,
		"messages.trash": r.messagesTrash, "messages.untrash": r.messagesUntrash, "messages.delete": r.messagesDelete,
		"messages.batchDelete": r.messagesBatchDelete, "messages.attachments.get": r.attachmentsGet,
		"threads.list": r.threadsList, "threads.get": r.threadsGet, "threads.modify": r.threadsModify, "threads.trash": r.threadsTrash,
		"threads.untrash": r.threadsUntrash, "threads.delete": r.threadsDelete,
		"drafts.list": r.draftsList, "drafts.get": r.draftsGet, "drafts.create": r.draftsCreate, "drafts.update": r.draftsUpdate,
		"drafts.send": r.draftsSend, "drafts.delete": r.draftsDelete,
		"labels.list": r.labelsList, "labels.get": r.labelsGet, "labels.create": r.labelsCreate, "labels.update": r.labelsUpdate,
		"labels.patch": r.labelsPatch, "labels.delete": r.labelsDelete,
		"history.list":         r.historyList,
		"settings.sendAs.list": r.sendAsList, "settings.sendAs.get": r.sendAsGet, "settings.sendAs.patch": r.sendAsPatch, "settings.sendAs.update": r.sendAsUpdate,
	}
	out := make(map[string]front.Handler, len(all))
	for name, h := range all {
		out["gmail.users."+name] = h
	}
	return out
}

// box returns a mailbox by address, plus-addresses included.
func (r *Room) box(email string) *mailbox {
	email = strings.ToLower(email)
	r.mu.RLock()
	defer r.mu.RUnlock()
	if m := r.boxes[email]; m != nil {
		return m
	}
	if local, domain, ok := strings.Cut(email, "@"); ok {
		if base, _, plus := strings.Cut(local, "+"); plus {
			return r.boxes[base+"@"+domain]
		}
	}
	return nil
}

// mailboxOf finds the mailbox a call is about: the caller's own.
func (r *Room) mailboxOf(c *front.Call) (*mailbox, error) {
	if u := c.Path.Get("userId"); u != "me" && u != "" && !strings.EqualFold(u, c.Account) {
		return nil, forbidden("Delegation denied for " + u)
	}
	m := r.box(c.Account)
	a, known := r.world.Accounts.Get(c.Account)
	if m == nil && !known {
		return nil, noPrecondition() // a service account that acts for nobody
	}
	if m == nil || a.NoMailbox {
		return nil, noMailbox()
	}
	r.purge(m)
	return m, nil
}

// change runs f on the caller's mailbox alone and sends the notifications of
// what it changed.
func (r *Room) change(c *front.Call, f func(m *mailbox) (any, error)) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	answer, err := f(m)
	due := m.takeDue()
	m.mu.Unlock()
	r.notify(m, due)
	return answer, err
}

// message finds a message by the id of a request.
func (m *mailbox) message(text string) (uint32, error) {
	id, ok := parseID(text)
	if !ok {
		return 0, invalid("Invalid id value")
	}
	slot, ok := m.find(id)
	if !ok {
		return 0, notFound()
	}
	return slot, nil
}

func (r *Room) getProfile(c *front.Call) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return profile{m.account.Email, m.messages, m.threads, m.history}, nil
}

type profile struct {
	EmailAddress  string `json:"emailAddress"`
	MessagesTotal int    `json:"messagesTotal"`
	ThreadsTotal  int    `json:"threadsTotal"`
	HistoryID     uint64 `json:"historyId,string"`
}

func (r *Room) String() string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return fmt.Sprintf("gmail room with %d mailboxes", len(r.boxes))
}
