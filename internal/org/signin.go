package org

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"github.com/golang-jwt/jwt/v5"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// passwordCost follows OWASP's recommendation for argon2id (19 MiB, two passes).
var passwordCost = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// decoy is a hash nobody has the password of: unknown people are compared with
// it, so that they take as long to refuse as known ones.
const decoy = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// hashing bounds how many passwords are hashed at once: each takes 19 MiB.
var hashing = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))

// badPassword says what is wrong with a new password, "" for nothing.
func badPassword(p crm.Secret) string {
	switch n := utf8.RuneCountInString(p.Reveal()); {
	case n < MinPassword:
		return fmt.Sprintf("must have at least %d characters", MinPassword)
	case len(p.Reveal()) > 1024:
		return "must have at most 1,024 bytes"
	}
	return ""
}

func (s *Service) hashPassword(p crm.Secret) (crm.Secret, error) {
	if what := badPassword(p); what != "" {
		return crm.Secret{}, invalid("password", what)
	}
	hashing <- struct{}{}
	defer func() { <-hashing }()
	hash, err := argon2id.CreateHash(p.Reveal(), passwordCost)
	if err != nil {
		return crm.Secret{}, fmt.Errorf("hashing the password: %w", err)
	}
	return crm.NewSecret(hash), nil
}

func passwordMatches(p, hash crm.Secret) (bool, error) {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	ok, err := argon2id.ComparePasswordAndHash(p.Reveal(), hash.Reveal())
	return ok, wrap("comparing the password", err)
}

// refused is the one answer to every wrong sign-in.
func refused() error {
	return &fault.Error{Kind: fault.Unauthenticated, Code: "wrong_credentials", Text: "The e-mail address or the password is not right."}
}

// SignIn checks a password. fault.Throttled after too many attempts.
func (s *Service) SignIn(ctx context.Context, email string, password crm.Secret, remote string) (crm.User, error) {
	email = normal(email)
	tries := triesOf(email, remote)
	if err := s.try(ctx, tries); err != nil {
		return crm.User{}, err
	}
	user, err := s.Store.UserByEmail(ctx, email)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return crm.User{}, wrap("finding the person", err)
	}
	hash := user.PasswordHash
	if hash.IsZero() {
		hash = crm.NewSecret(decoy)
	}
	ok, err := passwordMatches(password, hash)
	if err != nil {
		return crm.User{}, err
	}
	if !ok || user.PasswordHash.IsZero() {
		detail := "wrong password"
		if user.ID == "" {
			detail = "nobody has this address"
		}
		if err := s.auditPerson(ctx, access.Audit{UserID: user.ID, Action: "login.failed", Outcome: "denied", Detail: detail, Remote: remote}); err != nil {
			return crm.User{}, err
		}
		return crm.User{}, refused()
	}
	if err := s.right(ctx, tries); err != nil {
		return crm.User{}, err
	}
	return user, s.auditPerson(ctx, access.Audit{UserID: user.ID, Action: "login", Outcome: "ok", Detail: "password", Remote: remote})
}

// tries are the keys that guesses of a password are counted under.
type tries struct{ account, address string }

func triesOf(email, remote string) tries {
	return tries{"account:" + digest(email), "address:" + access.Line(remote)}
}

// try counts a guess; fault.Throttled when there were too many.
func (s *Service) try(ctx context.Context, t tries) error {
	wait, err := s.Store.Attempt(ctx, s.Now(), t.account, t.address)
	if err != nil {
		return wrap("counting the attempt", err)
	}
	if wait > 0 {
		return &fault.Error{Kind: fault.Throttled, After: wait, Text: "Too many attempts with a password. Wait " + (wait + time.Second - 1).Truncate(time.Second).String() + " and try again."}
	}
	return nil
}

// right frees the account of a guess that was right. The address keeps its
// wrong tries: somebody with one right password could otherwise go on guessing
// others for ever. This one was right: an office behind one address signs in as
// often as it likes.
func (s *Service) right(ctx context.Context, t tries) error {
	if err := s.Store.Succeeded(ctx, t.account); err != nil {
		return wrap("clearing attempts", err)
	}
	return wrap("taking back the attempt", s.Store.TakeBack(ctx, t.address))
}

// GoogleIdentity is a person as Google vouches for them: a verified id token.
type GoogleIdentity struct {
	Sub, Email, Name, HostedDomain string
	EmailVerified                  bool
}

// authoritative reports whether Google itself runs the mailbox of the address
// (OpenID Connect, "Authenticate the user"): for others the address was true
// once, and may be somebody else's now.
func (g GoogleIdentity) authoritative() bool {
	return g.EmailVerified && (g.HostedDomain != "" || strings.HasSuffix(normal(g.Email), "@gmail.com"))
}

// SignInWithGoogle finds the person of a Google account: by sub; the first time
// by having been added, or invited, under its address, if Google runs that
// mailbox; or, where the installation allows their domain, by joining. Somebody
// who belongs to no workspace accepts the open invitations of the address by
// signing in; others open the link of each.
//
// Whoever invited a person, or added them, may have chosen their password. When
// Google shows for the first time who they are, such a password goes, with all
// that was opened with it.
func (s *Service) SignInWithGoogle(ctx context.Context, g GoogleIdentity, remote string) (Arrival, error) {
	user, err := s.userOf(ctx, g, remote)
	row := access.Audit{UserID: user.ID, Action: "login", Outcome: "ok", Detail: "google", Remote: remote}
	if err != nil {
		if !fault.Is(err, fault.Forbidden) {
			return Arrival{}, err
		}
		row.Action, row.Outcome, row.Detail = "login.failed", "denied", "google: not a person of this installation"
	}
	if trail := s.auditPerson(ctx, row); trail != nil {
		return Arrival{}, trail
	}
	return user, err
}

// Arrival is a person who has signed in with Google.
type Arrival struct {
	crm.User
	// Cleared: the password they had here was taken away, with what was opened with
	// it; they should hear of it.
	Cleared bool
}

func (s *Service) userOf(ctx context.Context, g GoogleIdentity, remote string) (Arrival, error) {
	user, err := s.known(ctx, g, remote)
	if fault.Is(err, fault.NotFound) {
		user, err := s.join(ctx, g, remote)
		return Arrival{User: user}, err
	}
	if err != nil {
		return Arrival{}, err
	}
	at, err := s.Store.WorkspacesOf(ctx, user.ID)
	if err != nil || len(at) > 0 {
		return user, wrap("listing workspaces", err)
	}
	if err := s.acceptWithGoogle(ctx, user.User, g, remote); err != nil && !fault.Is(err, fault.NotFound) {
		return Arrival{}, err
	}
	return user, nil
}

// known finds a person who has an account; fault.NotFound when there is none.
func (s *Service) known(ctx context.Context, g GoogleIdentity, remote string) (Arrival, error) {
	user, err := s.Store.UserBySub(ctx, g.Sub)
	if !fault.Is(err, fault.NotFound) {
		return Arrival{User: user}, wrap("finding the person", err)
	}
	if !g.EmailVerified {
		return Arrival{}, fault.New(fault.Forbidden, "Google has not verified the address of this account. Verify it in the settings of the Google account, then sign in again.")
	}
	user, err = s.Store.UserByEmail(ctx, normal(g.Email))
	switch {
	case err != nil:
		return Arrival{}, wrap("finding the person", err)
	case user.GoogleSub != "":
		return Arrival{}, fault.New(fault.Forbidden, "This address belongs to another Google account here. Ask an administrator.")
	case !g.authoritative():
		return Arrival{}, notTheirMailbox()
	}
	return s.link(ctx, user, g.Sub, remote)
}

// notTheirMailbox refuses an address that Google had verified once: somebody else
// may have it by now.
func notTheirMailbox() error {
	return &fault.Error{Kind: fault.Forbidden, Code: "mailbox_not_google",
		Text: "Google does not run the mailbox of this address, so it cannot say whose it is. Open the link of your invitation, or sign in with your password; whoever runs Rapport can give you one."}
}

// link gives a person their Google account.
func (s *Service) link(ctx context.Context, user crm.User, sub, remote string) (Arrival, error) {
	ended, err := s.personal(ctx, user.ID, access.Audit{UserID: user.ID, Action: "password.clear", Target: string(user.ID), Outcome: "ok", Remote: remote,
		Detail: "their Google account showed who they are; the password somebody else may have chosen, sessions, keys and leases ended"})
	if err != nil {
		return Arrival{}, err
	}
	linked, err := s.Store.LinkGoogle(ctx, user.ID, sub, s.Now(), ended...)
	if fault.Is(err, fault.Conflict) { // another sign-in came in between
		return Arrival{}, &fault.Error{Kind: fault.Conflict, Text: "This account was linked just now. Sign in again.", Err: err}
	}
	s.keys.forget(func(_ [32]byte, k APIKey) bool { return k.UserID == user.ID })
	s.forgetPerson(user.ID)
	return Arrival{linked, linked.PasswordHash.IsZero() && !user.PasswordHash.IsZero()}, wrap("linking the Google account", err)
}

// join makes an account for somebody new: invited, or of an allowed domain.
func (s *Service) join(ctx context.Context, g GoogleIdentity, remote string) (crm.User, error) {
	if !g.authoritative() {
		return crm.User{}, notTheirMailbox()
	}
	notInvited := &fault.Error{Kind: fault.Forbidden, Code: "not_invited", Text: "Nobody has invited this account yet. Ask an administrator of your workspace."}
	user, err := s.newUser(g.Email, g.Name, crm.Secret{})
	if err != nil {
		return crm.User{}, err
	}
	user.GoogleSub = g.Sub
	if err := s.acceptWithGoogle(ctx, user, g, remote); !fault.Is(err, fault.NotFound) {
		return user, err
	}
	if g.HostedDomain == "" || !slices.Contains(s.SignInDomains, strings.ToLower(g.HostedDomain)) {
		return crm.User{}, notInvited
	}
	w, err := s.Store.Only(ctx)
	if fault.Is(err, fault.NotFound) {
		return crm.User{}, notInvited
	}
	if err != nil {
		return crm.User{}, wrap("finding the workspace", err)
	}
	m := crm.Member{WorkspaceID: w.ID, UserID: user.ID, Email: user.Email, Name: user.Name, Role: crm.RoleMember, JoinedAt: s.Now()}
	row := access.Audit{At: m.JoinedAt, Workspace: w.ID, UserID: user.ID, Action: "member.join", Target: string(user.ID), Outcome: "ok", Detail: "by the domain of their Google account", Remote: remote}
	return user, wrap("joining by domain", s.Store.AddMember(ctx, m, user, row))
}

// OpenSession signs a browser in and gives the value of its cookie.
func (s *Service) OpenSession(ctx context.Context, u crm.User, remote, agent string) (crm.Secret, time.Time, error) {
	token, err := s.newToken()
	if err != nil {
		return crm.Secret{}, time.Time{}, err
	}
	now := s.Now()
	row := Session{
		TokenHash: digest(token), UserID: u.ID, CreatedAt: now, LastSeenAt: now,
		ExpiresAt: now.Add(s.SessionLife), Remote: remote, UserAgent: agent[:min(len(agent), 300)], TokensAfter: u.TokensAfter,
	}
	if err := s.Store.PutSession(ctx, row); err != nil {
		return crm.Secret{}, time.Time{}, wrap("storing the session", err)
	}
	return crm.NewSecret(token), now.Add(sessionMax), nil
}

// CloseSession signs a browser out.
func (s *Service) CloseSession(ctx context.Context, token crm.Secret) error {
	err := s.Store.DropSession(ctx, digest(token.Reveal()))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return wrap("ending the session", err)
}

const (
	tokenIssuer   = "rapport"
	tokenAudience = "rapport-api"
)

// IssueToken makes a short-lived bearer token for a person.
func (s *Service) IssueToken(u crm.User) (crm.Secret, time.Duration, error) {
	now, key := s.Now(), s.SigningKeys[0]
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, tokenClaims{jwt.RegisteredClaims{
		Issuer: tokenIssuer, Audience: jwt.ClaimStrings{tokenAudience}, Subject: string(u.ID),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(s.TokenLife)),
	}, micros(u.TokensAfter)})
	t.Header["kid"] = keyName(key)
	signed, err := t.SignedString(key)
	if err != nil {
		return crm.Secret{}, 0, fmt.Errorf("signing a token: %w", err)
	}
	return crm.NewSecret(signed), s.TokenLife, nil
}

// tokenClaims of a bearer token. SignedOut is when its person had last signed
// out everywhere (microseconds since 1970): seconds, as "iat" has them, could not
// tell a token made just before from one made just after.
type tokenClaims struct {
	jwt.RegisteredClaims
	SignedOut int64 `json:"signed_out,omitempty"`
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// verifyToken gives the person of a token, and when they had signed out
// everywhere as far as the token knows.
func (s *Service) verifyToken(token crm.Secret) (crm.UserID, time.Time, error) {
	var claims tokenClaims
	_, err := jwt.ParseWithClaims(token.Reveal(), &claims, s.signingKey,
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(tokenIssuer), jwt.WithAudience(tokenAudience),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.Now))
	if err != nil {
		return "", time.Time{}, badToken(err)
	}
	var signedOut time.Time
	if claims.SignedOut != 0 {
		signedOut = time.UnixMicro(claims.SignedOut)
	}
	return crm.UserID(claims.Subject), signedOut, nil
}

func badToken(err error) error {
	return &fault.Error{Kind: fault.Unauthenticated, Code: "invalid_token", Text: "The token is not valid or has expired. Get a new one.", Err: err}
}

func (s *Service) signingKey(t *jwt.Token) (any, error) {
	kid, _ := t.Header["kid"].(string)
	for _, k := range s.SigningKeys {
		if subtle.ConstantTimeCompare([]byte(keyName(k)), []byte(kid)) == 1 {
			return k, nil
		}
	}
	return nil, fmt.Errorf("no key named %q", kid)
}

// keyName names a signing key without telling anything about it.
func keyName(key []byte) string {
	sum := sha256.Sum256(append([]byte("kid:"), key...))
	return hex.EncodeToString(sum[:6])
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
