package link

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rapport/internal/crm"
)

// Contact is somebody whom mail makes a person of, unless there is one with the
// address.
type Contact struct {
	Key     string
	Email   string // lower case
	Name    string // as they write it themselves, else as the first to write it did; "" when nobody did
	Domain  string // of their company, "" where the address does not say
	Message int64  // the oldest one that makes them
}

// Contacts gives those of a conversation whom mail makes persons of, by their
// addresses. By crm.ContactsSent these are the people that the owner of the mailbox
// wrote to, by crm.ContactsAll everybody who takes part. Bulk and automated mail
// makes none, nor do drafts and messages with protected or blocked addresses; and
// colleagues, rooms, resources and addresses that nobody reads become none.
func Contacts(c Conversation, who Circle, policy crm.ContactPolicy) []Contact {
	if policy != crm.ContactsSent && policy != crm.ContactsAll {
		return nil
	}
	messages := slices.SortedFunc(slices.Values(c.Messages), func(x, y Message) int { return int(max(-1, min(1, x.ID-y.ID))) })
	found := map[string]*Contact{}
	names := map[string]string{}
	for i := range messages {
		m := &messages[i]
		if !m.Shown || m.Protected || skips(m, who) != "" {
			continue
		}
		for n, p := range parties(m) {
			key := Key(p.Email)
			if name := personName(p.Name, p.Email); name != "" && (names[key] == "" || n == 0) {
				names[key] = name
			}
			wanted := policy == crm.ContactsAll && n < 1+len(m.To)+len(m.Cc) || m.Sent && n > 0
			if !wanted || found[key] != nil || who.colleague(p.Email) || Automated(p.Email) || Resource(p.Email) {
				continue
			}
			found[key] = &Contact{Key: key, Email: strings.ToLower(strings.TrimSpace(p.Email)), Domain: CompanyDomain(p.Email), Message: m.ID}
		}
	}
	list := make([]Contact, 0, len(found))
	for _, c := range found {
		c.Name = names[c.Key]
		list = append(list, *c)
	}
	slices.SortFunc(list, func(x, y Contact) int { return strings.Compare(x.Key, y.Key) })
	return list
}

// automated are local parts, or beginnings of them, of addresses that no person reads
// or writes from.
var automated = set(`noreply donotreply dontreply notreply neverreply nepasrepondre nichtantworten keineantwort noresponder naoresponda nonrispondere niereageren svarainte
	mailerdaemon postmaster bounce bounces bounced returns autoreply autoresponder autoresponse automated automailer auto robot bot daemon nobody
	notification notifications notify notifier alert alerts alarm mailer newsletter newsletters news digest updates marketing unsubscribe subscribe listserv majordomo
	hostmaster webmaster abuse mdaemon root cron system sysadmin nagios jenkins comments reply replies calendarnotification calendar-notification drive-shares-noreply`)

// Automated reports whether an address is one that no person reads: no-reply@ in its
// many forms, mailer-daemon@, notifications@, bounce-123@.
func Automated(email string) bool {
	at := strings.LastIndexByte(email, '@')
	if at <= 0 {
		return false
	}
	local := strings.ToLower(strings.TrimSpace(email[:at]))
	plain := strings.NewReplacer("-", "", "_", "", ".", "").Replace(local)
	if automated[plain] {
		return true
	}
	for _, part := range []string{"noreply", "donotreply", "nepasrepondre", "mailerdaemon", "unsubscribe"} {
		if strings.Contains(plain, part) {
			return true
		}
	}
	first := strings.FieldsFunc(local, func(r rune) bool { return strings.ContainsRune("+-_=.", r) })
	return len(first) > 1 && (first[0] == "bounce" || first[0] == "bounces" || first[0] == "notification" || first[0] == "notifications" ||
		strings.HasPrefix(local, "reply+") || strings.HasPrefix(local, "msprvs1=") || strings.HasPrefix(local, "prvs=") || first[0] == "owner" || last(first) == "bounces" || last(first) == "request" || last(first) == "notifications" ||
		strings.HasPrefix(local, "srs0") || strings.HasPrefix(local, "srs1")) || tokenLike(local)
}

func last(list []string) string { return list[len(list)-1] }

// tokenLike reports whether a local part is a number that a machine made.
func tokenLike(local string) bool {
	digits := 0
	for i := range len(local) {
		if c := local[i]; '0' <= c && c <= '9' || 'a' <= c && c <= 'f' {
			digits++
		} else if c != '-' {
			return false
		}
	}
	return digits >= 20
}

// Resource reports whether an address is a room, a calendar or a group of Google's
// (Calendar API, "calendar identifiers").
func Resource(email string) bool {
	host := Host(email)
	return host == "resource.calendar.google.com" || strings.HasSuffix(host, ".calendar.google.com") || host == "docs.google.com" || strings.HasSuffix(host, ".gserviceaccount.com") || host == "googlegroups.com"
}

// personName is a display name made into a person's: without quotes, what stands in
// brackets, " via a list", and with the family name last. "" for what is none.
func personName(display, email string) string {
	n := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, display)), " ")
	if i := strings.IndexAny(n, "(<["); i >= 0 {
		n = n[:i]
	}
	for _, word := range []string{" via ", " über "} {
		if i := strings.Index(strings.ToLower(n), word); i > 0 && i < len(n) {
			n = n[:i]
		}
	}
	n = strings.Trim(n, " '\"`´‘’“”,;")
	if n == "" || strings.Contains(n, "@") || strings.EqualFold(n, email) || utf8.RuneCountInString(n) > 80 || !strings.ContainsFunc(n, unicode.IsLetter) {
		return ""
	}
	if last, first, ok := strings.Cut(n, ","); ok && !strings.Contains(first, ",") && strings.TrimSpace(first) != "" && len(strings.Fields(first)) <= 3 {
		n = strings.TrimSpace(first) + " " + strings.TrimSpace(last)
	}
	return n
}
