package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Bounds of a lease.
const (
	DefaultLeaseLife = 15 * time.Minute
	LongestLease     = time.Hour
	DefaultPerMinute = 600
	mostPerMinute    = 6000
	mostPaths        = 20
	longestPath      = 300 // characters
	longestDetail    = 200 // of an audit row
	handlePrefix     = "rapl_"
)

// LeaseWish is a wish for a lease: a handle for calls to Google through us, in
// place of the access token.
type LeaseWish struct {
	Name      string // for people, up to 100 characters
	Subject   string
	Service   crm.Service
	Methods   []string      // GET alone when empty
	Paths     []string      // patterns of Google's paths, "/gmail/v1/users/me/messages*"; see checkPattern
	Life      time.Duration // up to LongestLease; DefaultLeaseLife when 0
	MaxCalls  int64         // 0: no bound
	PerMinute int64         // DefaultPerMinute when 0
}

// Lease is a down-scoped, short-lived permission to call Google through us.
type Lease struct {
	ID          crm.LeaseID
	WorkspaceID crm.WorkspaceID
	UserID      crm.UserID // who made it, and
	KeyID       crm.KeyID  // the key it was made with, if any
	Name        string
	Subject     string
	Service     crm.Service
	Methods     []string
	Paths       []string
	PerMinute   int64
	MaxCalls    int64 // 0: no bound
	Calls       int64
	Refused     int64
	CreatedAt   time.Time
	ExpiresAt   time.Time
	LastUsedAt  *time.Time
	CutAt       *time.Time
}

// CreateLease makes a lease and its handle, which is shown once. It needs the
// right to vend, and a token that can be vended now; errors are those of Vend,
// and fault.Invalid for the wish.
func (s *Service) CreateLease(ctx context.Context, c access.Caller, w LeaseWish) (Lease, crm.Secret, error) {
	l, handle, err := s.createLease(ctx, c, w)
	row := access.Audit{Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via, Action: "lease.create",
		Target: string(l.ID), Outcome: "ok", Detail: string(l.Service), Remote: c.Remote}
	if err != nil {
		row.Target, row.Outcome, row.Detail = "", outcomeOf(err), cut(string(w.Service), 40)+": "+reasonOf(err)
	}
	if !fault.Is(err, fault.Unauthenticated) {
		s.audit(ctx, row)
	}
	return l, handle, err
}

func (s *Service) createLease(ctx context.Context, c access.Caller, w LeaseWish) (Lease, crm.Secret, error) {
	if err := s.mayVend(c, w.Subject, w.Service); err != nil {
		return Lease{}, crm.Secret{}, err
	}
	if err := w.check(); err != nil {
		return Lease{}, crm.Secret{}, err
	}
	if _, err := s.serve(ctx, s.placeOf(c, w.Subject, w.Service)); err != nil {
		return Lease{}, crm.Secret{}, err
	}
	id, err := crm.NewID(s.now(), s.random())
	if err != nil {
		return Lease{}, crm.Secret{}, err
	}
	text, err := s.token(32)
	if err != nil {
		return Lease{}, crm.Secret{}, err
	}
	now := s.now()
	l := Lease{ID: crm.LeaseID(id), WorkspaceID: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Name: strings.TrimSpace(w.Name),
		Subject: w.Subject, Service: w.Service, Methods: w.Methods, Paths: w.Paths, PerMinute: w.PerMinute, MaxCalls: w.MaxCalls,
		CreatedAt: now, ExpiresAt: now.Add(w.Life)}
	handle := handlePrefix + text
	if err := s.Leases.PutLease(ctx, l, hashOf(handle)); err != nil {
		return Lease{}, crm.Secret{}, fmt.Errorf("storing the lease: %w", err)
	}
	return l, crm.NewSecret(handle), nil
}

// check completes a wish and refuses what cannot be.
func (w *LeaseWish) check() error {
	if len(w.Methods) == 0 {
		w.Methods = []string{"GET"}
	}
	if w.Life == 0 {
		w.Life = DefaultLeaseLife
	}
	if w.PerMinute == 0 {
		w.PerMinute = DefaultPerMinute
	}
	wrong := map[string]string{}
	unless := func(ok bool, field, text string) {
		if !ok {
			wrong[field] = text
		}
	}
	unless(utf8.ValidString(w.Name) && utf8.RuneCountInString(w.Name) <= 100, "name", "must be at most 100 characters")
	unless(w.Life >= time.Second && w.Life <= LongestLease, "seconds", "must be from 1 to 3600")
	unless(w.MaxCalls >= 0, "max_calls", "must not be negative")
	unless(w.PerMinute > 0 && w.PerMinute <= mostPerMinute, "per_minute", fmt.Sprintf("must be from 1 to %d", mostPerMinute))
	unless(len(w.Paths) > 0 && len(w.Paths) <= mostPaths, "paths", fmt.Sprintf("must be 1 to %d patterns", mostPaths))
	unless(!slices.ContainsFunc(w.Paths, func(p string) bool { return utf8.RuneCountInString(p) > longestPath }),
		"paths", fmt.Sprintf("must each have at most %d characters", longestPath))
	methods := make([]string, 0, len(w.Methods))
	for _, m := range w.Methods {
		m = strings.ToUpper(m)
		unless(slices.Contains(leaseMethods, m), "methods", "must be among "+strings.Join(leaseMethods, ", "))
		if !slices.Contains(methods, m) {
			methods = append(methods, m)
		}
	}
	w.Methods = methods
	if len(wrong) > 0 {
		return &fault.Error{Kind: fault.Invalid, Text: "The lease cannot be made as asked for.", Fields: wrong}
	}
	for _, p := range w.Paths {
		if err := checkPattern(w.Service, p); err != nil {
			return err
		}
	}
	return nil
}

// LeasesOf lists leases, the newest first: for an API key those made with it, for
// administrators all of the workspace, for others those they made.
func (s *Service) LeasesOf(ctx context.Context, c access.Caller, cursor string, limit int) ([]Lease, string, error) {
	maker, err := makerOf(c)
	if err != nil {
		return nil, "", err
	}
	var list []Lease
	var next string
	if c.Via == access.ViaKey {
		list, next, err = s.Leases.KeyLeases(ctx, c.Workspace, c.KeyID, cursor, limit)
	} else {
		list, next, err = s.Leases.LeasesOf(ctx, c.Workspace, maker, cursor, limit)
	}
	if err != nil {
		return nil, "", fmt.Errorf("listing leases: %w", err)
	}
	return list, next, nil
}

// makerOf is whose leases a person sees: "" means everybody's.
func makerOf(c access.Caller) (crm.UserID, error) {
	if c.Via == access.ViaNobody || c.UserID == "" && c.Via != access.ViaSystem {
		return "", fault.New(fault.Unauthenticated, "Sign in first.")
	}
	if access.Allow(c, access.WorkspaceManage) == nil {
		return "", nil
	}
	return c.UserID, nil
}

// CutLease ends a lease at once: for an API key one made with it, for others
// one's own or, for administrators, anybody's in the workspace. Cutting it twice is harmless.
func (s *Service) CutLease(ctx context.Context, c access.Caller, id crm.LeaseID) error {
	maker, err := makerOf(c)
	if err != nil {
		return err
	}
	if c.Via == access.ViaKey {
		err = s.Leases.CutKeyLease(ctx, c.Workspace, c.KeyID, id, s.now())
	} else {
		err = s.Leases.CutLease(ctx, c.Workspace, maker, id, s.now())
	}
	if err != nil {
		return fmt.Errorf("cutting the lease: %w", err)
	}
	s.audit(ctx, access.Audit{Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via,
		Action: "lease.cut", Target: string(id), Outcome: "ok", Remote: c.Remote})
	return nil
}

// UseLease lets a handle make one call to Google: it checks the method and the
// path (still escaped, as it stood in the request, without query), counts the
// call, audits it unless the lease is over or too fast, and gives the lease and the access token to make it with.
// Errors by Code:
//
//	lease_unknown    nothing has this handle (Unauthenticated)
//	lease_over       expired, cut, out of calls, or its maker has left (Unauthenticated)
//	lease_method, lease_path   not allowed (Forbidden)
//	lease_too_fast   too many calls this minute, see After (Throttled)
//
// and those of Vend.
func (s *Service) UseLease(ctx context.Context, handle crm.Secret, method, path, remote string) (Lease, Access, error) {
	if !strings.HasPrefix(handle.Reveal(), handlePrefix) {
		return Lease{}, Access{}, unknownLease()
	}
	now := s.now()
	l, err := s.Leases.UseLease(ctx, hashOf(handle.Reveal()), now, func(state LeaseState) (access.Audit, error) {
		if state.UserID == "" && state.KeyID == "" { // made by anybody, in an open house
			state.Holder = s.Open
		}
		pattern, err := state.judge(method, path, now)
		row := access.Audit{At: now, Workspace: state.WorkspaceID, UserID: state.UserID, KeyID: state.KeyID, Via: "lease",
			Action: "lease.use", Target: string(state.ID), Outcome: "ok", Detail: cut(method+" "+pattern, longestDetail), Remote: remote}
		if err != nil {
			row.Outcome, row.Detail = "denied", reasonOf(err)
		}
		if fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Throttled) {
			row = access.Audit{} // counted, no more: a loop that nobody watches must not fill the trail
		}
		return row, err
	})
	var classified *fault.Error
	switch {
	case fault.Is(err, fault.NotFound):
		return Lease{}, Access{}, unknownLease()
	case errors.As(err, &classified) && strings.HasPrefix(classified.Code, "lease_"):
		return l, Access{}, err
	case err != nil:
		return Lease{}, Access{}, fmt.Errorf("using the lease: %w", err)
	}
	v, err := s.serve(ctx, s.placeOf(access.Caller{Workspace: l.WorkspaceID, UserID: l.UserID, KeyID: l.KeyID}, l.Subject, l.Service))
	if err != nil {
		return l, Access{}, err
	}
	return l, v.Access, nil
}

func unknownLease() error {
	return &fault.Error{Kind: fault.Unauthenticated, Code: "lease_unknown", Text: "There is no such lease."}
}

// judge decides on a call, and names the pattern that allows it.
func (l LeaseState) judge(method, path string, now time.Time) (string, error) {
	over := func(text string) (string, error) {
		return "", &fault.Error{Kind: fault.Unauthenticated, Code: "lease_over", Text: text}
	}
	switch {
	case l.CutAt != nil:
		return over("This lease was cut off.")
	case !now.Before(l.ExpiresAt):
		return over("This lease has expired.")
	case !l.Holder:
		return over("The key or the person this lease was made by is no longer allowed here.")
	case l.MaxCalls > 0 && l.Calls >= l.MaxCalls:
		return over("This lease has made all its calls.")
	case l.PerMinute > 0 && l.InMinute >= l.PerMinute: // refused calls count, too: each writes a row
		return "", &fault.Error{Kind: fault.Throttled, Code: "lease_too_fast", Text: fmt.Sprintf("This lease may make %d calls a minute, and has made them. Wait until the next minute.", l.PerMinute),
			After: now.Truncate(time.Minute).Add(time.Minute).Sub(now)}
	case !slices.Contains(l.Methods, method):
		return "", &fault.Error{Kind: fault.Forbidden, Code: "lease_method",
			Text: "This lease allows " + strings.Join(l.Methods, ", ") + " only."}
	}
	pattern, ok := matching(l.Paths, path)
	if !ok {
		return "", &fault.Error{Kind: fault.Forbidden, Code: "lease_path", Text: "This lease does not allow this path."}
	}
	return pattern, nil
}
