package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/mail"
	"rapport/internal/store"
	"rapport/internal/vault"
)

// Start is when a World's clock begins.
var Start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Clock is a clock that tests turn.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock begins at Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move turns the clock on.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// World is a store with two workspaces and people in them: Ada and Ben in the
// first, Cleo in the second.
type World struct {
	*store.Store
	T        testing.TB
	Clock    *Clock
	Options  store.Options
	Home     crm.WorkspaceID
	Abroad   crm.WorkspaceID
	Ada, Ben crm.User
	Cleo     crm.User
	// Hook, if set, is the store's Options.Hook.
	Hook func(ctx context.Context, operation string) error
	ids  int
}

// NewWorld opens a store and fills it.
func NewWorld(t testing.TB, d Database, options ...func(*store.Options)) *World {
	t.Helper()
	w := &World{T: t, Clock: NewClock()}
	w.Options = Options(t, d, append([]func(*store.Options){func(o *store.Options) {
		o.Now = w.Clock.Now
		o.Hook = func(ctx context.Context, operation string) error {
			if w.Hook == nil {
				return nil
			}
			return w.Hook(ctx, operation)
		}
	}}, options...)...)
	s, err := store.Open(context.Background(), w.Options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	w.Store = s
	t.Cleanup(w.tagsFollowTheirRecords)
	w.Home, w.Abroad = crm.WorkspaceID(w.ID()), crm.WorkspaceID(w.ID())
	w.Ada, w.Ben, w.Cleo = w.user("ada"), w.user("ben"), w.user("cleo")
	ctx := context.Background()
	approved := crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull}
	require.NoError(t, s.Setup(ctx, crm.Workspace{ID: w.Home, Name: "Northwind Lamps", CreatedAt: Start, Approval: approved}, w.Ada))
	require.NoError(t, s.AddMember(ctx, crm.Member{WorkspaceID: w.Home, UserID: w.Ben.ID, Role: crm.RoleAdmin, JoinedAt: Start}, w.Ben))
	require.NoError(t, s.SaveWorkspace(ctx, crm.Workspace{ID: w.Abroad, Name: "Harbour Tea", CreatedAt: Start, Approval: approved}))
	w.KeepInternal(w.Home, true)
	require.NoError(t, s.AddMember(ctx, crm.Member{WorkspaceID: w.Abroad, UserID: w.Cleo.ID, Role: crm.RoleOwner, JoinedAt: Start}, w.Cleo))
	return w
}

// tagsFollowTheirRecords is true of every world at its end: what lists are ordered by
// stands beside each tag as it stands in the record.
func (w *World) tagsFollowTheirRecords() {
	db := w.Look()
	defer func() { require.NoError(w.T, db.Close()) }()
	var astray int
	require.NoError(w.T, db.QueryRow(`SELECT COUNT(*) FROM record_tags x LEFT JOIN records r ON r.no = x.record_no
		WHERE r.no IS NULL OR x.list_no <> r.list_no OR x.name_key <> r.name_key OR x.created_at <> r.created_at
		OR x.updated_at <> r.updated_at OR x.last_at <> r.last_at OR COALESCE(x.deleted_at, -1) <> COALESCE(r.deleted_at, -1)`).Scan(&astray))
	require.Zero(w.T, astray, "tags that do not stand as their records")
}

// KeepInternal says whether a workspace keeps mail among colleagues only; Home does.
func (w *World) KeepInternal(ws crm.WorkspaceID, keep bool) (lacking, sweep []crm.ConnectionID) {
	w.T.Helper()
	_, lacking, sweep, err := w.ChangeMailPolicy(context.Background(), ws, func(p *crm.MailPolicy) ([]access.Audit, error) {
		p.StoreInternal = keep
		return nil, nil
	})
	require.NoError(w.T, err)
	return lacking, sweep
}

// ID makes identifiers in their order.
func (w *World) ID() string {
	w.ids++
	return fmt.Sprintf("00000000-0000-7000-8000-%012d", w.ids)
}

func (w *World) user(name string) crm.User {
	return crm.User{ID: crm.UserID(w.ID()), Email: name + "@northwind-lamps.example", Name: name, CreatedAt: Start}
}

// Caller is a user signed in to a workspace.
func Caller(ws crm.WorkspaceID, u crm.User) access.Caller {
	return access.Caller{Via: access.ViaSession, UserID: u.ID, Workspace: ws, Role: crm.RoleMember}
}

// Connect links a Google account of a user.
func (w *World) Connect(ws crm.WorkspaceID, u crm.User, account string, change ...func(*crm.Connection)) crm.Connection {
	w.T.Helper()
	c := crm.Connection{
		ID: crm.ConnectionID(w.ID()), WorkspaceID: ws, UserID: u.ID, Provider: crm.ProviderGoogle, GrantID: crm.GrantID(w.ID()),
		GoogleSub: "sub-" + account, GoogleEmail: account + "@northwind-lamps.example", Status: crm.StatusActive,
		GrantedScopes: []string{"gmail.readonly"}, WantedScopes: []string{"gmail.readonly"},
		GmailSync: true, Settings: crm.DefaultSettings(), CreatedAt: w.Clock.Now(), UpdatedAt: w.Clock.Now(),
	}
	for _, f := range change {
		f(&c)
	}
	g := vault.Grant{
		ID: c.GrantID, WorkspaceID: ws, UserID: u.ID, GoogleSub: c.GoogleSub, GoogleEmail: c.GoogleEmail, ClientID: "env",
		SealedAccess: "sealed-access", SealedRefresh: "sealed-refresh", Expiry: w.Clock.Now().Add(time.Hour), Scopes: c.GrantedScopes,
		Status: vault.GrantActive, CreatedAt: w.Clock.Now(), UpdatedAt: w.Clock.Now(),
	}
	require.NoError(w.T, w.Granted(context.Background(), c, g))
	return c
}

// Shared makes a connection visible to the whole workspace.
func Shared(c *crm.Connection) { c.Settings.Visibility = crm.VisibilityFull }

// Key names a stream of a connection.
func Key(c crm.Connection, stream crm.Stream) mail.Key {
	return mail.Key{Workspace: c.WorkspaceID, Connection: c.ID, Owner: c.UserID, Stream: stream}
}

// Mail is a message; n makes it unique and sets its date, minutes after Start.
func Mail(n int, change ...func(*crm.Email)) *crm.Email {
	e := &crm.Email{
		GmailID: fmt.Sprintf("18c%013x", n), ThreadID: fmt.Sprintf("18c%013x", n), RFC822MessageID: fmt.Sprintf("m%d@harbour-tea.example", n),
		Subject: fmt.Sprintf("Message %d", n), From: crm.Address{Name: "Mira Tallow", Email: "mira@harbour-tea.example"},
		To: []crm.Address{{Name: "Ada", Email: "ada@northwind-lamps.example"}}, Snippet: "…", BodyText: fmt.Sprintf("Body of message %d.", n),
		Labels: []string{"INBOX"}, Date: Start.Add(time.Duration(n) * time.Minute), Size: int64(1000 + n), HistoryID: uint64(1000 + n),
	}
	for _, f := range change {
		f(e)
	}
	return e
}

// Labelled sets the labels of a Mail.
func Labelled(labels ...string) func(*crm.Email) { return func(e *crm.Email) { e.Labels = labels } }

// InThread sets the thread of a Mail.
func InThread(id string) func(*crm.Email) { return func(e *crm.Email) { e.ThreadID = id } }

// Whole are changes that bring messages.
func Whole(emails ...*crm.Email) []engine.Change[mail.Item] {
	list := make([]engine.Change[mail.Item], len(emails))
	for i, e := range emails {
		list[i] = engine.Change[mail.Item]{ID: e.GmailID, Rev: fmt.Sprint(e.HistoryID), Value: &mail.Item{Email: e, ThreadID: e.ThreadID, Labels: e.Labels}}
	}
	return list
}

// Relabel is a change of labels at a history id.
func Relabel(e *crm.Email, rev uint64, labels ...string) engine.Change[mail.Item] {
	return engine.Change[mail.Item]{ID: e.GmailID, Rev: fmt.Sprint(rev), Value: &mail.Item{ThreadID: e.ThreadID, Labels: labels}}
}

// Gone is a deletion at a history id, 0 when nobody knows it.
func Gone(e *crm.Email, rev uint64) engine.Change[mail.Item] {
	c := engine.Change[mail.Item]{ID: e.GmailID}
	if rev > 0 {
		c.Rev = fmt.Sprint(rev)
	}
	return c
}

// Put applies changes to a stream without moving it.
func (w *World) Put(c crm.Connection, changes ...engine.Change[mail.Item]) crm.Counts {
	w.T.Helper()
	counts, err := w.TryPut(context.Background(), c, changes...)
	require.NoError(w.T, err)
	return counts
}

// TryPut is Put for where it may fail.
func (w *World) TryPut(ctx context.Context, c crm.Connection, changes ...engine.Change[mail.Item]) (crm.Counts, error) {
	k := Key(c, crm.StreamGmailBackfill)
	at, err := w.Load(ctx, k)
	if err != nil {
		return crm.Counts{}, err
	}
	return w.Apply(ctx, k, at, engine.Batch[mail.Item]{Changes: changes, At: at})
}

// Stored gives a connection's messages by gmail id, tombstones left out.
func (w *World) Stored(c crm.Connection) map[string][]string {
	w.T.Helper()
	all := map[string][]string{}
	require.NoError(w.T, w.EachStored(context.Background(), c.ID, func(id string, _ time.Time, labels []string) error {
		all[id] = labels
		return nil
	}))
	return all
}
