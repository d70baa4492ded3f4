package google

import (
	"strings"

	"rapport/internal/config"
	"rapport/internal/crm"
)

// Endpoints are the addresses of Google's services. Roots of APIs end in "/".
type Endpoints struct {
	Auth    string // consent page
	Token   string
	Revoke  string
	Keys    string   // JWKS of id tokens
	Issuers []string // accepted "iss" of id tokens and callbacks
	RISC    string   // configuration of security events

	Gmail, Calendar, People, Directory, Drive, Sheets, Meet, PubSub string

	// Base takes the place of every host of Google, without a slash at its end;
	// empty: Google's own.
	Base string
}

// Real are Google's own.
func Real() Endpoints { return From((&config.Config{}).Endpoints()) }

// issuers: the short form is historical and still seen in id tokens.
var issuers = []string{"https://accounts.google.com", "accounts.google.com"}

// At folds all services onto one server that speaks like Google, as
// GOOGLE_BASE_URL does. An empty base means Google itself. The server may name
// itself as issuer or say what Google says: its keys decide.
func At(base string) Endpoints { return From((&config.Config{GoogleBaseURL: base}).Endpoints()) }

// From are the addresses as configured.
func From(e config.Endpoints) Endpoints {
	out := Endpoints{Auth: e.Auth, Token: e.Token, Revoke: e.Revoke, Keys: e.JWKS, Issuers: []string{e.Issuer}, RISC: e.RISC,
		Gmail: e.Gmail, Calendar: e.Calendar, People: e.People, Directory: e.Directory, Drive: e.Drive, Sheets: e.Sheets, Meet: e.Meet, PubSub: e.PubSub, Base: e.Base}
	for _, iss := range issuers {
		if iss != e.Issuer {
			out.Issuers = append(out.Issuers, iss)
		}
	}
	return out
}

// host gives the root of the API that a path of a service belongs to. Google's
// hosts know each other's paths only in part, so the path decides where a
// service has several; an operator's service is looked for under its own name.
// Empty: there is no such host.
func (e Endpoints) host(service crm.Service, path string) string {
	if service == crm.ServiceMeet && strings.HasPrefix(path, "/calendar/") {
		service = crm.ServiceCalendar
	}
	root, known := map[crm.Service]string{
		crm.ServiceGmail: e.Gmail, crm.ServiceCalendar: e.Calendar, crm.ServiceContacts: e.People, crm.ServiceDirectory: e.Directory,
		crm.ServiceDrive: e.Drive, crm.ServiceSheets: e.Sheets, crm.ServiceMeet: e.Meet,
	}[service]
	switch {
	case known:
		return root
	case e.Base != "":
		return e.Base + "/"
	case service == "" || strings.Trim(string(service), "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return ""
	}
	return "https://" + string(service) + ".googleapis.com/"
}
