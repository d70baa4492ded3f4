package mail

import (
	"slices"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	domains "rapport/internal/link"
)

// Rules are what keeps messages of a mailbox out, or makes them its owner's
// alone: those of the workspace and those of the mailbox's owner.
type Rules struct {
	StoreInternal bool // keep mail among colleagues only
	blocked       patterns
	protected     patterns
	own           patterns // the workspace's domains

	oldest, oldestText time.Time // that are kept; see Keep
}

// InternalRule stands for a rule's id where mail among colleagues is left out.
const InternalRule = "internal"

// NewRules makes rules ready for use. own are the workspace's domains.
func NewRules(list []crm.MailRule, storeInternal bool, own []string) *Rules {
	r := &Rules{StoreInternal: storeInternal}
	for _, one := range list {
		switch one.Kind {
		case crm.RuleBlocked:
			r.blocked.add(one.Pattern, string(one.ID))
		case crm.RuleProtected:
			r.protected.add(one.Pattern, string(one.ID))
		}
	}
	for _, d := range own {
		r.own.add("@"+d, d)
	}
	return r
}

// patterns are addresses and "@domain"s with what they stand for.
type patterns map[string]string

func (p *patterns) add(pattern, id string) {
	if *p == nil {
		*p = patterns{}
	}
	(*p)[pattern] = id
}

// match finds an address: by itself, by its domain, or by one above that.
func (p patterns) match(email string) (id string, ok bool) {
	if len(p) == 0 || email == "" {
		return "", false
	}
	email = strings.ToLower(email)
	if id, ok = p[email]; ok {
		return id, true
	}
	at := strings.LastIndexByte(email, '@')
	if at < 0 {
		return "", false
	}
	for domain := email[at+1:]; domain != ""; {
		if id, ok = p["@"+domain]; ok {
			return id, true
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return "", false
}

// addressesOf are all addresses of a message.
func addressesOf(e *crm.Email) []crm.Address {
	return slices.Concat([]crm.Address{e.From}, e.To, e.Cc, e.Bcc, e.ReplyTo)
}

// Excludes says whether a message is not to be stored, and by which rule: that of
// a blocked address, InternalRule when all its addresses are the workspace's own,
// or RetentionRule when it is too old.
func (r *Rules) Excludes(e *crm.Email) (rule string, excluded bool) {
	if e.Date.Before(r.oldest) && !e.Date.IsZero() {
		return RetentionRule, true
	}
	if len(r.blocked) > 0 {
		for _, a := range addressesOf(e) {
			if rule, ok := r.blocked.match(a.Email); ok {
				return rule, true
			}
		}
	}
	if r.StoreInternal || len(r.own) == 0 || e.From.Email == "" {
		return "", false
	}
	if _, ours := r.own.match(e.From.Email); !ours {
		return "", false
	}
	for _, a := range addressesOf(e) {
		if _, ours := r.own.match(a.Email); !ours && a.Email != "" {
			return "", false
		}
	}
	return InternalRule, true
}

// Protects says whether a message has a protected address.
func (r *Rules) Protects(e *crm.Email) bool {
	return len(r.protected) > 0 && slices.ContainsFunc(addressesOf(e), func(a crm.Address) bool {
		_, ok := r.protected.match(a.Email)
		return ok
	})
}

// Blocks says whether mail with an address is kept out.
func (r *Rules) Blocks(email string) bool {
	_, out := r.blocked.match(email)
	return out
}

// Ours says whether an address is at one of the workspace's domains.
func (r *Rules) Ours(email string) bool {
	_, ours := r.own.match(email)
	return ours
}

// ReadPattern reads what somebody wrote into the form rules are kept in: an
// address, or "@" and a domain.
func ReadPattern(text string) (string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	local, domain, isAddress := strings.Cut(text, "@")
	if !isAddress {
		local, domain = "", text
	}
	domain = strings.TrimPrefix(domain, "*.")
	if !validDomain(domain) || strings.ContainsAny(local, " \t\r\n<>()[],;:\\\"") || len(text) > 320 {
		return "", &fault.Error{Kind: fault.Invalid, Text: "Write an address like ann@shop.example, or a domain like shop.example.",
			Fields: map[string]string{"pattern": "must be an address or a domain"}}
	}
	return local + "@" + domain, nil
}

func validDomain(d string) bool {
	if len(d) > 253 || !strings.Contains(d, ".") {
		return false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 || strings.ContainsAny(label, " \t\r\n@<>()[],;:\\\"/'") {
			return false
		}
	}
	return true
}

// OwnDomains are the domains of addresses that speak for a workspace: all but those that give everybody an address.
func OwnDomains(emails []string) []string {
	var list []string
	for _, e := range emails {
		at := strings.LastIndexByte(e, '@')
		d := strings.ToLower(e[at+1:])
		if at >= 0 && validDomain(d) && !FreeMail(d) {
			list = append(list, d)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// FreeMail says whether everybody can have an address of a domain, so that those
// who have one are not colleagues.
func FreeMail(domain string) bool { return domains.FreeMail(domain) }
