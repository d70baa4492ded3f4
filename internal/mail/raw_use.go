package mail

import (
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// What rooms beside this one need that get whole messages (RFC 5322) rather than
// Google's answers.

// Compress packs what is kept for reparse.
func Compress(raw []byte) []byte { return compress(raw) }

// Wanted says whether a message with these labels belongs to the chosen ones;
// one in spam, trash or drafts never does.
func Wanted(labels, chosen []string) bool { return wanted(labels, chosen) }

// RawPart gives the decoded bytes of a part of a message by its part id.
func RawPart(raw []byte, id string) ([]byte, error) {
	queue := []*Part{split(raw)}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		if p.ID == id && len(p.Parts) == 0 {
			return p.Body, nil
		}
		for i := range p.Parts {
			queue = append(queue, &p.Parts[i])
		}
	}
	return nil, fault.New(fault.NotFound, "The message has no such part.")
}

// syncsByIMAP says that a connection's mail comes from an e-mail account: none of
// the streams of this package are for it.
func syncsByIMAP(c crm.Connection) bool { return c.Provider == crm.ProviderIMAP }
