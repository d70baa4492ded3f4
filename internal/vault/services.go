package vault

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// named are the services of the product, in the order users know.
var named = []crm.Service{crm.ServiceGmail, crm.ServiceDrive, crm.ServiceCalendar, crm.ServiceMeet,
	crm.ServiceSheets, crm.ServiceContacts, crm.ServiceDirectory}

// ServiceNames lists the services of the token service: the product's own, then
// the operator's by name.
func (s *Service) ServiceNames() []crm.Service {
	out := slices.Clone(named)
	for _, name := range slices.Sorted(maps.Keys(s.Extra)) {
		if !slices.Contains(named, name) {
			out = append(out, name)
		}
	}
	return out
}

// known refuses a service that nobody has defined.
func (s *Service) known(service crm.Service) error {
	if _, extra := s.Extra[service]; extra || slices.Contains(named, service) {
		return nil
	}
	return s.unknownService(service, s.ServiceNames())
}

func (s *Service) unknownService(service crm.Service, offered []crm.Service) error {
	names := make([]string, len(offered))
	for i, name := range offered {
		names[i] = string(name)
	}
	list := strings.Join(names, ", ")
	return &fault.Error{Kind: fault.Invalid, Code: "unknown_service",
		Text:   fmt.Sprintf("%q is not available here. Available: %s.", cut(string(service), 40), list),
		Fields: map[string]string{"service": "one of " + list}}
}

// scopesFor gives what a service asks for under a profile. A narrow profile has
// of the operator's services only those that merely read.
func (s *Service) scopesFor(profile crm.ScopeProfile, service crm.Service) ([]string, error) {
	if list, ok := s.offered(profile, service); ok {
		return list, nil
	}
	if err := s.known(service); err != nil {
		return nil, err
	}
	return nil, s.unknownService(service, slices.DeleteFunc(s.ServiceNames(), func(name crm.Service) bool {
		_, ok := s.offered(profile, name)
		return !ok
	}))
}

func (s *Service) offered(profile crm.ScopeProfile, service crm.Service) ([]string, bool) {
	if list, ok := ServiceTable[profile][service]; ok {
		return list, true
	}
	list, ok := s.Extra[service]
	if !ok || slices.Contains(named, service) {
		return nil, false
	}
	switch profile {
	case crm.ProfileFull:
		return list, true
	case crm.ProfileRead:
		writes := func(scope string) bool { return !strings.HasSuffix(scope, ".readonly") }
		return list, !slices.ContainsFunc(list, writes)
	}
	return nil, false
}

// cut shortens text from outside for a message.
func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n]) + "…"
	}
	return text
}
