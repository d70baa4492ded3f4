package vault

import (
	"slices"
	"strings"

	"rapport/internal/crm"
)

// Google's scopes, by their published names.
const (
	ScopeOpenID  = "openid"
	ScopeEmail   = scopeBase + "userinfo.email"
	ScopeProfile = scopeBase + "userinfo.profile"

	ScopeMail          = "https://mail.google.com/"
	ScopeGmailModify   = scopeBase + "gmail.modify"
	ScopeGmailSend     = scopeBase + "gmail.send"
	ScopeGmailReadonly = scopeBase + "gmail.readonly"
	ScopeGmailMetadata = scopeBase + "gmail.metadata"

	ScopeCalendar         = scopeBase + "calendar"
	ScopeCalendarEvents   = scopeBase + "calendar.events"
	ScopeCalendarReadonly = scopeBase + "calendar.readonly"

	ScopeContacts         = scopeBase + "contacts"
	ScopeContactsReadonly = scopeBase + "contacts.readonly"
	ScopeDirectory        = scopeBase + "admin.directory.user.readonly"

	ScopeDrive          = scopeBase + "drive"
	ScopeDriveFile      = scopeBase + "drive.file"
	ScopeDriveReadonly  = scopeBase + "drive.readonly"
	ScopeMeetCreated    = scopeBase + "meetings.space.created"
	ScopeSheets         = scopeBase + "spreadsheets"
	ScopeSheetsReadonly = scopeBase + "spreadsheets.readonly"

	scopeBase = "https://www.googleapis.com/auth/"
)

// signIn scopes are part of every consent: the id token names the account.
var signIn = []string{ScopeOpenID, ScopeEmail, ScopeProfile}

// ServiceTable is what each service asks for under each profile. A service that
// is missing under a profile is not available there.
var ServiceTable = map[crm.ScopeProfile]map[crm.Service][]string{
	crm.ProfileMetadata: {
		crm.ServiceGmail:     {ScopeGmailMetadata},
		crm.ServiceCalendar:  {ScopeCalendarReadonly},
		crm.ServiceDirectory: {ScopeDirectory},
	},
	crm.ProfileRead: {
		crm.ServiceGmail:     {ScopeGmailReadonly},
		crm.ServiceCalendar:  {ScopeCalendarReadonly},
		crm.ServiceContacts:  {ScopeContactsReadonly},
		crm.ServiceDirectory: {ScopeDirectory},
	},
	crm.ProfileFull: {
		crm.ServiceGmail:     {ScopeGmailReadonly, ScopeGmailModify, ScopeGmailSend},
		crm.ServiceCalendar:  {ScopeCalendar, ScopeCalendarEvents},
		crm.ServiceContacts:  {ScopeContacts},
		crm.ServiceDirectory: {ScopeDirectory},
		crm.ServiceDrive:     {ScopeDriveFile, ScopeDriveReadonly},
		crm.ServiceMeet:      {ScopeCalendarEvents, ScopeMeetCreated},
		crm.ServiceSheets:    {ScopeSheets, ScopeSheetsReadonly},
		crm.ServiceIMAP:      {ScopeMail},
	},
}

// Services that a profile offers, in a fixed order. crm.ServiceIMAP is not among
// them: it is asked for when an e-mail account at Gmail is added, and belongs to
// crm.ServiceGmail where products are chosen.
func Services(p crm.ScopeProfile) []crm.Service {
	all := []crm.Service{crm.ServiceGmail, crm.ServiceCalendar, crm.ServiceContacts, crm.ServiceDirectory,
		crm.ServiceDrive, crm.ServiceMeet, crm.ServiceSheets}
	return slices.DeleteFunc(all, func(s crm.Service) bool { return ServiceTable[p][s] == nil })
}

// ScopesOf gives the scopes the services need under a profile, without those
// of signing in, each once. unknown names services the profile does not offer.
func ScopesOf(p crm.ScopeProfile, want ...crm.Service) (scopes []string, unknown []crm.Service) {
	for _, s := range want {
		list, ok := ServiceTable[p][s]
		if !ok {
			unknown = append(unknown, s)
		}
		for _, scope := range list {
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
	}
	return scopes, unknown
}

// covers is Google's hierarchy: a scope includes these others (behaviour of the
// scope lists per method in the discovery documents).
var covers = map[string][]string{
	ScopeMail:           {ScopeGmailModify, ScopeGmailReadonly, ScopeGmailSend, ScopeGmailMetadata},
	ScopeGmailModify:    {ScopeGmailReadonly, ScopeGmailSend, ScopeGmailMetadata},
	ScopeGmailReadonly:  {ScopeGmailMetadata},
	ScopeCalendar:       {ScopeCalendarEvents, ScopeCalendarReadonly},
	ScopeContacts:       {ScopeContactsReadonly},
	ScopeDrive:          {ScopeDriveFile, ScopeDriveReadonly},
	ScopeSheets:         {ScopeSheetsReadonly},
	ScopeSheetsReadonly: nil,
}

// Canonical gives the form in which Google reports a scope: "email" and
// "profile" become their long names.
func Canonical(scope string) string {
	switch scope {
	case "email":
		return ScopeEmail
	case "profile":
		return ScopeProfile
	}
	return scope
}

// Covered reports whether the granted scopes include want, by itself, by an
// alias, or through a wider scope.
func Covered(granted []string, want string) bool {
	want = Canonical(want)
	return slices.ContainsFunc(granted, func(g string) bool {
		g = Canonical(g)
		return g == want || slices.Contains(covers[g], want)
	})
}

// Missing gives those of want that the granted scopes do not include.
func Missing(granted, want []string) []string {
	var out []string
	for _, w := range want {
		if !Covered(granted, w) {
			out = append(out, w)
		}
	}
	return out
}

// MetadataOnly reports whether Gmail will refuse bodies and searches: as soon
// as a token holds gmail.metadata, its restrictions apply, even beside a
// broader scope.
func MetadataOnly(granted []string) bool { return slices.Contains(granted, ScopeGmailMetadata) }

// Feature is something a scope makes possible, in words for people.
type Feature struct {
	Service crm.Service `json:"service"`
	Scope   string      `json:"scope"`
	Name    string      `json:"name"` // "Send mail"
	Text    string      `json:"text"` // what is off without it
}

// features in the order in which they are shown.
var features = []Feature{
	{crm.ServiceGmail, ScopeGmailMetadata, "Mail headers and labels", "The inbox cannot be shown."},
	{crm.ServiceGmail, ScopeGmailReadonly, "Read mail", "The inbox cannot be shown and mail is not linked to records."},
	{crm.ServiceGmail, ScopeGmailModify, "Change mail", "Reading, starring, archiving and labelling here do not reach Gmail."},
	{crm.ServiceGmail, ScopeGmailSend, "Send mail", "Mail cannot be sent or answered from here."},
	{crm.ServiceGmail, ScopeMail, "Use IMAP and SMTP", "The e-mail account of this address cannot be read by IMAP or sent from."},
	{crm.ServiceCalendar, ScopeCalendarReadonly, "Read calendars", "Events are not shown."},
	{crm.ServiceCalendar, ScopeCalendar, "Manage calendars", "Calendars cannot be listed or chosen, and free time is not known."},
	{crm.ServiceCalendar, ScopeCalendarEvents, "Manage events", "Meetings are not kept in step with Google Calendar."},
	{crm.ServiceContacts, ScopeContactsReadonly, "Read contacts", "Contacts are not imported."},
	{crm.ServiceContacts, ScopeContacts, "Manage contacts", "Contacts are not kept in step with Google Contacts."},
	{crm.ServiceDirectory, ScopeDirectory, "See the organisation's directory", "Colleagues who have not connected yet cannot be listed."},
	{crm.ServiceDrive, ScopeDriveFile, "Files made here", "Files cannot be saved to Google Drive."},
	{crm.ServiceDrive, ScopeDriveReadonly, "Read Drive files", "Files in Google Drive cannot be opened."},
	{crm.ServiceMeet, ScopeMeetCreated, "Create Meet rooms", "Video rooms cannot be created."},
	{crm.ServiceSheets, ScopeSheets, "Edit spreadsheets", "Spreadsheets cannot be written."},
	{crm.ServiceSheets, ScopeSheetsReadonly, "Read spreadsheets", "Spreadsheets cannot be read."},
}

// Describe gives the features behind scopes; a scope nobody knows is described
// by its own short name. Sign-in scopes are left out.
func Describe(scopes []string) []Feature {
	var out []Feature
	for _, f := range features {
		if slices.Contains(scopes, f.Scope) {
			out = append(out, f)
		}
	}
	for _, scope := range scopes {
		if slices.Contains(signIn, Canonical(scope)) || slices.ContainsFunc(features, func(f Feature) bool { return f.Scope == scope }) {
			continue
		}
		out = append(out, Feature{Scope: scope, Name: strings.TrimPrefix(scope, scopeBase)})
	}
	return out
}
