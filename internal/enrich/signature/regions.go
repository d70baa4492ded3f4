package signature

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// regionsOf are the countries the sender may be in, the likeliest first: the
// address's, the other numbers', the top-level domain's, what the caller knows.
func (r *reading) regionsOf(m Message) []string {
	var out []string
	add := func(region string) {
		for _, o := range out {
			if o == region {
				return
			}
		}
		if region != "" {
			out = append(out, region)
		}
	}
	for i := range r.parts.atoms {
		a := &r.parts.atoms[i]
		add(countries[strings.Trim(a.folded, " .()")])
		if zipUS.MatchString(a.text) && a.state == address {
			add("US")
		}
	}
	for _, p := range r.parts.phones {
		if p.it.plus {
			add(callingRegion(international(p.it.raw)))
		}
	}
	add(regionOfHost(r.who.host))
	for _, l := range r.parts.links {
		if l.it.url != "" {
			add(regionOfHost(hostOf(l.it.url)))
		}
	}
	add(strings.ToUpper(m.Region))
	return out
}

// callingRegion is the main country of an international number's code, "" if
// there is no such code; no code begins another one.
func callingRegion(raw string) string {
	code := 0
	for i := 0; i < len(raw) && code < 1000; i++ {
		if raw[i] < '0' || raw[i] > '9' {
			continue
		}
		if code = code*10 + int(raw[i]-'0'); code > 0 && code < 1000 {
			if region := phonenumbers.GetRegionCodeForCountryCode(code); len(region) == 2 && region != "ZZ" {
				return region
			}
		}
	}
	return ""
}

// regionOfHost is the country of a host's top-level domain, "" for those that
// are used everywhere.
func regionOfHost(host string) string {
	tld := host[strings.LastIndexByte(host, '.')+1:]
	switch tld {
	case "edu", "gov", "mil":
		return "US"
	case "uk":
		return "GB"
	case "io", "co", "me", "tv", "ai", "fm", "cc", "ws", "to", "eu", "ly", "gg", "sh", "im":
		return ""
	}
	if len(tld) != 2 || phonenumbers.GetCountryCodeForRegion(strings.ToUpper(tld)) == 0 {
		return ""
	}
	return strings.ToUpper(tld)
}

// international takes the trunk zero and double zeroes out of a number with a
// country code: +44 (0)20 and 0049.
func international(raw string) string {
	if m := orTrunk.FindString(raw); m != "" {
		raw = strings.TrimSuffix(m, " or 0)")[1:] + raw[len(m):]
	}
	raw = strings.Replace(raw, "(0)", " ", 1)
	if d := strings.TrimLeft(raw, "("); strings.HasPrefix(d, "00") {
		return "+" + d[2:]
	}
	return raw
}

// resolve reads a number in the likeliest country. It says whether it is a
// number there is, as far as the numbering plan tells, and without a label
// whether it is a mobile one.
func resolve(p phone, regions []string) (e164 string, mobile, sure bool) {
	raw := international(p.raw)
	var tries []*phonenumbers.PhoneNumber
	try := func(raw, region string) bool {
		n, err := phonenumbers.Parse(raw, region)
		if err != nil || !phonenumbers.IsPossibleNumber(n) {
			return false
		}
		tries = append(tries, n)
		return phonenumbers.IsValidNumber(n)
	}
	done := false
	if p.plus || strings.HasPrefix(raw, "+") || strings.HasPrefix(raw, "(+") {
		done = try(raw, "ZZ")
	} else {
		if p.grouped && !inPlan(regions) {
			done = try(raw, "US")
		}
		for i := 0; i < len(regions) && i < 3 && !done; i++ {
			done = try(raw, regions[i]) || coded(p, regions[i]) && try("+"+p.digits, "ZZ")
		}
		if !done && p.grouped {
			done = try(raw, "US")
		}
		if !done && strings.HasPrefix(raw, "(") && len(p.digits) >= 10 {
			done = try("+"+p.digits, "ZZ")
		}
	}
	if len(tries) == 0 {
		return "", false, false
	}
	n := tries[0]
	if done {
		n = tries[len(tries)-1]
	}
	mobile = done && p.label == "" && phonenumbers.GetNumberType(n) == phonenumbers.MOBILE
	return phonenumbers.Format(n, phonenumbers.E164), mobile, done
}

// inPlan says whether one of the countries has North American numbers.
func inPlan(regions []string) bool {
	for _, r := range regions {
		if phonenumbers.IsNANPACountry(r) {
			return true
		}
	}
	return false
}

// coded says whether a number without plus begins with the country's code.
func coded(p phone, region string) bool {
	code := phonenumbers.GetCountryCodeForRegion(region)
	return code > 1 && len(p.digits) >= 10 && strings.HasPrefix(p.digits, itoa(code))
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
