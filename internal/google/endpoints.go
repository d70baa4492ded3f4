package google

import "strings"

// Endpoints are the addresses of Google's services. Gmail ends in "/".
type Endpoints struct {
	Auth    string // consent page
	Token   string
	Revoke  string
	Keys    string   // JWKS of id tokens
	Issuers []string // accepted "iss" of id tokens and callbacks
	Gmail   string
}

// Real are Google's own.
func Real() Endpoints {
	return Endpoints{
		Auth:    "https://accounts.google.com/o/oauth2/v2/auth",
		Token:   "https://oauth2.googleapis.com/token",
		Revoke:  "https://oauth2.googleapis.com/revoke",
		Keys:    "https://www.googleapis.com/oauth2/v3/certs",
		Issuers: issuers,
		Gmail:   "https://gmail.googleapis.com/",
	}
}

// issuers: the short form is historical and still seen in id tokens.
var issuers = []string{"https://accounts.google.com", "accounts.google.com"}

// At folds all services onto one server that speaks like Google, as
// GOOGLE_BASE_URL does. An empty base means Google itself. The server may name
// itself as issuer or say what Google says: its keys decide.
func At(base string) Endpoints {
	base = strings.TrimRight(base, "/")
	if base == "" {
		return Real()
	}
	return Endpoints{
		Auth:    base + "/o/oauth2/v2/auth",
		Token:   base + "/token",
		Revoke:  base + "/revoke",
		Keys:    base + "/oauth2/v3/certs",
		Issuers: append([]string{base}, issuers...),
		Gmail:   base + "/",
	}
}
