package gmail

import (
	"encoding/json"
	"regexp"
	"strings"

	"rapport/simulator/front"
)

// sendAs is an address an account may send from.
type sendAs struct {
	SendAsEmail    string `json:"sendAsEmail"`
	DisplayName    string `json:"displayName"` // present also when empty
	ReplyToAddress string `json:"replyToAddress,omitempty"`
	Signature      string `json:"signature,omitempty"`
	Primary        bool   `json:"isPrimary,omitempty"`
	Default        bool   `json:"isDefault,omitempty"`
	TreatAsAlias   bool   `json:"treatAsAlias,omitempty"`
	Verification   string `json:"verificationStatus,omitempty"` // of an alias: accepted, pending
}

// AddSendAs gives an account another address to send from, as the user would
// in Gmail's settings; verified false leaves it waiting for the user's click.
func (r *Room) AddSendAs(account, email, name string, verified bool) bool {
	m := r.box(account)
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := sendAs{SendAsEmail: strings.ToLower(email), DisplayName: name, TreatAsAlias: true, Verification: "pending"}
	if verified {
		s.Verification = "accepted"
	}
	m.sendAs = append(m.sendAs, s)
	return true
}

func (m *mailbox) alias(email string) *sendAs {
	for i := range m.sendAs {
		if strings.EqualFold(m.sendAs[i].SendAsEmail, email) {
			return &m.sendAs[i]
		}
	}
	return nil
}

func (r *Room) sendAsList(c *front.Call) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return map[string][]sendAs{"sendAs": append([]sendAs(nil), m.sendAs...)}, nil
}

func (r *Room) sendAsGet(c *front.Call) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	s := m.alias(c.Path.Get("sendAsEmail"))
	if s == nil {
		return nil, notFound()
	}
	return *s, nil
}

func (r *Room) sendAsPatch(c *front.Call) (any, error)  { return r.sendAsWrite(c, false) }
func (r *Room) sendAsUpdate(c *front.Call) (any, error) { return r.sendAsWrite(c, true) }

// sendAsWrite changes the primary address. Others are for service accounts
// with domain-wide authority, which the simulator does not have.
func (r *Room) sendAsWrite(c *front.Call, whole bool) (any, error) {
	var body struct {
		DisplayName    *string         `json:"displayName"`
		ReplyToAddress *string         `json:"replyToAddress"`
		Signature      *string         `json:"signature"`
		IsDefault      *bool           `json:"isDefault"`
		TreatAsAlias   *bool           `json:"treatAsAlias"`
		SMTP           json.RawMessage `json:"smtpMsa"`
	}
	if err := decodeBody(c, &body); err != nil {
		return nil, err
	}
	return r.change(c, func(m *mailbox) (any, error) {
		s := m.alias(c.Path.Get("sendAsEmail"))
		if s == nil {
			return nil, notFound()
		}
		if !s.Primary {
			return nil, forbidden("Access restricted to service accounts that have been delegated domain-wide authority")
		}
		set := func(into *string, v *string) {
			if v != nil {
				*into = *v
			} else if whole {
				*into = ""
			}
		}
		set(&s.DisplayName, body.DisplayName)
		set(&s.ReplyToAddress, body.ReplyToAddress)
		set(&s.Signature, body.Signature)
		s.Signature = sanitise(s.Signature)
		return *s, nil
	})
}

var (
	activeElements   = regexp.MustCompile(`(?is)<(script|style|iframe|object|embed|form)\b.*?(</(script|style|iframe|object|embed|form)\s*>|$)`)
	activeAttributes = regexp.MustCompile(`(?is)\s+on[a-z]+\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)`)
	activeLinks      = regexp.MustCompile(`(?i)javascript:`)
)

// sanitise takes out of a signature what runs.
func sanitise(html string) string {
	html = activeElements.ReplaceAllString(html, "")
	html = activeAttributes.ReplaceAllString(html, "")
	return activeLinks.ReplaceAllString(html, "")
}
