package oauth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rapport/simulator/world"
)

// ServiceAccount is a robot account of a project. With Delegated scopes it may
// act for members of the organisations that authorised it (domain-wide
// delegation).
type ServiceAccount struct {
	Email     string
	ClientID  string // numeric, what an administrator authorises
	Project   string // project number
	ProjectID string
	Delegated map[string][]string // organisation to the scopes it authorised

	key *rsa.PrivateKey
}

type serviceAccounts struct {
	mu   sync.Mutex
	list map[string]*ServiceAccount
}

// AddServiceAccount registers a service account and returns its key file, as
// Google's console hands it out, with the token address at base.
func (s *Server) AddServiceAccount(sa ServiceAccount, base string) ([]byte, error) {
	if sa.Email == "" {
		return nil, fmt.Errorf("service account without an address")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	if sa.Project == "" {
		sa.Project, sa.ProjectID = world.DemoProject, world.DemoProjectID
	}
	if sa.ClientID == "" {
		sa.ClientID = sa.Project + "000000001"
	}
	sa.key = key
	s.robots.mu.Lock()
	s.robots.list[sa.Email] = &sa
	s.robots.mu.Unlock()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return json.MarshalIndent(map[string]string{
		"type": "service_account", "project_id": sa.ProjectID, "private_key_id": keyID(&key.PublicKey),
		"private_key":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email": sa.Email, "client_id": sa.ClientID,
		"auth_uri": base + "/o/oauth2/auth", "token_uri": base + "/token",
	}, "", "  ")
}

// fromAssertion is the JWT bearer grant of service accounts.
func (s *Server) fromAssertion(r *http.Request) (*tokenAnswer, *refusal) {
	raw := r.PostForm.Get("assertion")
	if raw == "" {
		return nil, invalidRequest("Missing required parameter: assertion")
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(raw, claims); err != nil {
		return nil, invalidGrant("Invalid JWT: " + err.Error())
	}
	issuer, _ := claims["iss"].(string)
	s.robots.mu.Lock()
	sa := s.robots.list[issuer]
	s.robots.mu.Unlock()
	if sa == nil {
		return nil, invalidGrant("Invalid grant: account not found")
	}
	if refused := s.verifyAssertion(raw, claims, sa, r); refused != nil {
		return nil, refused
	}
	text, _ := claims["scope"].(string)
	scopes := Normalise(strings.Fields(text))
	if len(scopes) == 0 {
		return nil, &refusal{Status: 400, Code: "invalid_scope", Description: "Invalid OAuth scope or ID token audience provided."}
	}
	cl := world.Client{ID: sa.ClientID, Project: sa.Project, ProjectID: sa.ProjectID}
	email, sub := sa.Email, sa.ClientID
	if as, _ := claims["sub"].(string); as != "" && as != sa.Email {
		a, refused := s.impersonated(as, sa, scopes)
		if refused != nil {
			return nil, refused
		}
		email, sub = a.Email, a.Sub
	}
	return &tokenAnswer{AccessToken: s.store.issueAccess(cl, sub, email, scopes, nil), ExpiresIn: int(AccessLife.Seconds()), TokenType: "Bearer"}, nil
}

func (s *Server) verifyAssertion(raw string, claims jwt.MapClaims, sa *ServiceAccount, r *http.Request) *refusal {
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation()).
		Parse(raw, func(*jwt.Token) (any, error) { return &sa.key.PublicKey, nil })
	if err != nil {
		return invalidGrant("Invalid JWT Signature.")
	}
	now := s.world.Clock.Now()
	iat, exp := seconds(claims["iat"]), seconds(claims["exp"])
	if now.After(exp) || iat.After(now.Add(5*time.Minute)) || exp.Sub(iat) > time.Hour+time.Minute {
		return invalidGrant("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.")
	}
	aud, _ := claims.GetAudience()
	for _, ok := range []string{s.base(r) + "/token", "https://oauth2.googleapis.com/token"} {
		if slices.Contains(aud, ok) {
			return nil
		}
	}
	return invalidGrant("Invalid JWT: Failed audience check.")
}

func seconds(v any) time.Time {
	f, _ := v.(float64)
	return time.Unix(int64(f), 0)
}

// impersonated checks domain-wide delegation.
func (s *Server) impersonated(as string, sa *ServiceAccount, scopes []string) (world.Account, *refusal) {
	_, domain, isEmail := strings.Cut(as, "@")
	if !isEmail {
		return world.Account{}, invalidGrant("Not a valid email")
	}
	a, ok := s.world.Accounts.Get(as)
	if !ok {
		return world.Account{}, invalidGrant("Invalid email or User ID")
	}
	authorised, ok := sa.Delegated[domain]
	missing := slices.ContainsFunc(scopes, func(x string) bool { return !slices.Contains(authorised, x) })
	if !ok || missing {
		return world.Account{}, &refusal{Status: 401, Code: "unauthorized_client",
			Description: "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."}
	}
	policy := s.world.Domains.Policy(a.Domain)
	switch {
	case slices.Contains(policy.BlockedClients, sa.ClientID):
		return world.Account{}, &refusal{Status: 403, Code: "access_denied", Description: "Requested client not authorized"}
	case policy.Forbids(sa.ClientID, scopes):
		return world.Account{}, &refusal{Status: 403, Code: "access_denied", Description: "Account restricted"}
	}
	return a, nil
}
