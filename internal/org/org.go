package org

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Service is the room of people. Every field but those marked optional is set
// before it is used.
type Service struct {
	Store  Store
	Trail  access.Trail
	Now    func() time.Time
	Random io.Reader
	Sealer Sealer // of the secrets of OAuth clients

	SigningKeys   [][]byte      // of bearer tokens: the first signs, all verify
	TokenLife     time.Duration // of a bearer token
	SessionLife   time.Duration // without being used
	AuditKept     time.Duration // how long rows of the audit trail are kept; 0: for ever
	SignInDomains []string      // Google Workspace domains (hd) whose people may join by themselves

	Directory Directory // optional: without it colleagues cannot be listed
	// Offered gives the services that members can connect under a scope profile;
	// optional: those of the product.
	Offered func(crm.ScopeProfile) []crm.Service
	// AnyClientID takes OAuth client ids of any form: for a Google that is not
	// Google (GOOGLE_BASE_URL).
	AnyClientID bool

	keys    recent[[32]byte, APIKey] // by SHA-256
	members recent[membership, crm.Member]
	people  recent[crm.UserID, crm.User] // without their password
}

// MinPassword is the least length of a password, in characters.
const MinPassword = 10

// sessionMax is how long a session lives however much it is used.
const sessionMax = 90 * 24 * time.Hour

// FirstOwner makes an installation usable.
type FirstOwner struct {
	Workspace, Name, Email string
	Password               crm.Secret
	Remote                 string
}

// NeedsSetup reports whether nobody can sign in yet.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	any, err := s.Store.AnyUser(ctx)
	if err != nil {
		return false, fmt.Errorf("looking for a user: %w", err)
	}
	return !any, nil
}

// Setup makes the first workspace with its owner; fault.Conflict when there is
// somebody already.
func (s *Service) Setup(ctx context.Context, f FirstOwner) (crm.User, error) {
	needed, err := s.NeedsSetup(ctx) // before the costly part: anybody may ask
	if err != nil {
		return crm.User{}, err
	}
	if !needed {
		return crm.User{}, isSetUp(nil)
	}
	w := crm.Workspace{Name: plainName(f.Workspace), CreatedAt: s.Now(), Approval: crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull}}
	u, err := s.newUser(f.Email, f.Name, f.Password)
	if err != nil {
		return crm.User{}, err
	}
	u.PasswordOwn = true
	if w.Name == "" {
		return crm.User{}, invalid("workspace_name", "must not be empty")
	}
	if w.ID, err = newID[crm.WorkspaceID](s); err != nil {
		return crm.User{}, err
	}
	if err := s.Store.Setup(ctx, w, u); err != nil {
		if fault.Is(err, fault.Conflict) {
			return crm.User{}, isSetUp(err)
		}
		return crm.User{}, fmt.Errorf("making the first owner: %w", err)
	}
	return u, s.audit(ctx, access.Audit{Workspace: w.ID, UserID: u.ID, Action: "workspace.setup", Target: string(w.ID), Outcome: "ok", Remote: f.Remote})
}

func isSetUp(err error) error {
	return &fault.Error{Kind: fault.Conflict, Text: "This installation is set up already. Sign in instead.", Action: "/login", Err: err}
}

func (s *Service) newUser(email, name string, password crm.Secret) (crm.User, error) {
	u := crm.User{Email: normal(email), Name: plainName(name), CreatedAt: s.Now()}
	if !validAddress(u.Email) {
		return u, invalid("email", "must be an e-mail address")
	}
	if u.Name == "" {
		u.Name, _, _ = strings.Cut(u.Email, "@")
	}
	if len(u.Name) > maxName {
		return u, invalid("name", fmt.Sprintf("must have at most %d bytes", maxName))
	}
	if !password.IsZero() {
		hash, err := s.hashPassword(password)
		if err != nil {
			return u, err
		}
		u.PasswordHash = hash
	}
	id, err := newID[crm.UserID](s)
	u.ID = id
	return u, err
}

// plainName is a name on one line, without what would show it as another one:
// control characters, and those that turn the direction of writing.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, name)
	return strings.Join(strings.Fields(name), " ")
}

// maxName bounds names of people and things.
const maxName = 200

// User gives a person; fault.Unauthenticated when there is no such person any more.
func (s *Service) User(ctx context.Context, id crm.UserID) (crm.User, error) {
	u, err := s.Store.User(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return u, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	return u, wrap("finding the user", err)
}

// WorkspacesOf lists the workspaces a person belongs to.
func (s *Service) WorkspacesOf(ctx context.Context, id crm.UserID) ([]Membership, error) {
	m, err := s.Store.WorkspacesOf(ctx, id)
	return m, wrap("listing workspaces", err)
}

// Workspace is the one the caller has entered.
func (s *Service) Workspace(ctx context.Context, c access.Caller) (crm.Workspace, error) {
	w, err := s.Store.Workspace(ctx, c.Workspace)
	return w, wrap("finding the workspace", err)
}

func (s *Service) audit(ctx context.Context, row access.Audit) error {
	row.At = s.Now()
	return wrap("writing the audit trail", s.Trail.Record(ctx, row))
}

// personal gives the audit row of something that is about a person, not a
// workspace, for each workspace they belong to: its administrators see how their
// people sign in. What is about nobody is told to the first workspace, whose
// owners run the installation.
func (s *Service) personal(ctx context.Context, u crm.UserID, row access.Audit) ([]access.Audit, error) {
	row.At, row.Workspace = s.Now(), ""
	// Both questions are asked for everybody: being unknown must not be quicker.
	list, err := s.Store.WorkspacesOf(ctx, u)
	if err != nil {
		return nil, wrap("listing workspaces", err)
	}
	first, err := s.Store.First(ctx)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, wrap("finding the first workspace", err)
	}
	if len(list) == 0 {
		row.Workspace = first.ID
		return []access.Audit{row}, nil
	}
	rows := make([]access.Audit, len(list))
	for i, m := range list {
		rows[i] = row
		rows[i].Workspace = m.Workspace.ID
	}
	return rows, nil
}

func (s *Service) auditPerson(ctx context.Context, row access.Audit) error {
	rows, err := s.personal(ctx, row.UserID, row)
	if err != nil {
		return err
	}
	return wrap("writing the audit trail", s.Trail.Record(ctx, rows...))
}

// act is the audit row of something a caller did.
func (s *Service) act(c access.Caller, action, target, detail string) access.Audit {
	return access.Audit{
		At: s.Now(), Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via,
		Action: action, Target: target, Outcome: "ok", Detail: detail, Remote: c.Remote,
	}
}

func newID[T ~string](s *Service) (T, error) {
	id, err := crm.NewID(s.Now(), s.Random)
	return T(id), err
}

// newToken is 256 random bits as text.
func (s *Service) newToken() (string, error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(s.Random, b); err != nil {
		return "", fmt.Errorf("reading randomness for a token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func normal(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

func validAddress(email string) bool {
	a, err := mail.ParseAddress(email)
	return err == nil && a.Address == email && a.Name == "" && len(email) <= 320
}

func invalid(field, what string) error {
	return &fault.Error{Kind: fault.Invalid, Text: "The " + strings.ReplaceAll(field, "_", " ") + " " + what + ".", Fields: map[string]string{field: what}}
}

// wrap says what was being done; classified errors keep their class.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
