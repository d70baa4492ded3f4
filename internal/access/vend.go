package access

import (
	"slices"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// AllowVend answers nil when the caller may be given, list or revoke access
// tokens of a subject for a service: an API key needs the scope
// "tokens:vend:<service>" ("tokens:vend:*", "tokens:*" and "*" include it), and
// for ids other than its maker's the maker must be an administrator still. A
// person gets those of their own id. fault.Unauthenticated for nobody,
// fault.Forbidden otherwise.
func AllowVend(c Caller, service crm.Service, subject string) error {
	switch c.Via {
	case ViaSystem:
		return nil
	case ViaKey:
		if c.UserID != "" && mayVend(c.Scopes, service) {
			if string(c.UserID) == subject || c.Administers() {
				return nil
			}
			return &fault.Error{Kind: fault.Forbidden, Code: "not_your_tokens",
				Text: "This API key was made by a member who is no administrator: it serves its maker's own id only. Ask an administrator for a key."}
		}
		return &fault.Error{Kind: fault.Forbidden, Code: "insufficient_scope",
			Text: "This API key lacks the scope tokens:vend:" + string(service) + "."}
	case ViaSession, ViaToken:
		if c.UserID == "" {
			break
		}
		if string(c.UserID) == subject {
			return nil
		}
		return &fault.Error{Kind: fault.Forbidden, Code: "not_your_tokens",
			Text: "Tokens of somebody else need an API key with the scope tokens:vend:" + string(service) + "."}
	}
	return fault.New(fault.Unauthenticated, "Sign in first, or send an API key.")
}

// Administers reports whether the caller is, or a key acts for, an owner or
// administrator of the workspace.
func (c Caller) Administers() bool { return slices.Contains(admins, c.Role) }

func mayVend(scopes []string, service crm.Service) bool {
	return slices.ContainsFunc(scopes, func(s string) bool {
		return s == "*" || s == "tokens:*" || s == "tokens:vend:*" || service != "" && s == "tokens:vend:"+string(service)
	})
}
