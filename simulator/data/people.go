package data

import (
	"strings"
	"sync"
)

// Person is somebody who writes mail.
type Person struct {
	First, Last string // as in the address: Latin letters
	Display     string // as in a From header
	Native      string // as in a greeting in the language of the country
	Email       string
	Title       string
	Phone       string
	Mobile      string
	Address     string
	Lang        string
	Charset     string // of this person's mail program
	Company     *Company

	zone  int
	style uint64 // everything habitual: greeting, signature, mail program
}

// Company is where people work.
type Company struct {
	Name, Legal, Domain, City, Country, Currency, Trade string

	Colour string // of the logo and the links
	People []*Person

	lang string
	logo []byte
}

// Cast is all people and companies of a seed.
type Cast struct {
	Home      *Company // where the accounts of the demo work
	Companies []*Company

	byTrade map[string][]*Person // customers, suppliers, partners
	langs   map[string][]*Person // customers by language of their country
}

var casts sync.Map // uint64 -> *Cast

// CastOf returns the people of a seed; the same seed gives the same people.
func CastOf(seed uint64) *Cast {
	if c, ok := casts.Load(seed); ok {
		return c.(*Cast)
	}
	c, _ := casts.LoadOrStore(seed, newCast(seed))
	return c.(*Cast)
}

func newCast(seed uint64) *Cast {
	c := &Cast{byTrade: map[string][]*Person{}, langs: map[string][]*Person{}}
	for i, f := range firms {
		co := newCompany(f, hash2(seed, uint64(i)))
		d := dice(hash2(seed, uint64(i)+1000))
		for _, seat := range Demo() {
			if seat.Domain == f.domain {
				addSeat(co, seat, countryNamed(f.country), dice(d.next()))
			}
		}
		for range d.in(3, 7) {
			addPerson(co, countryNamed(f.country), dice(d.next()))
		}
		c.Companies = append(c.Companies, co)
		kind := "customer"
		if f.trade == supplier || f.trade == partner {
			kind = f.trade
		}
		c.byTrade[kind] = append(c.byTrade[kind], co.People...)
		if kind == "customer" {
			c.langs[co.lang] = append(c.langs[co.lang], co.People...)
		}
	}
	c.Home = newHome(seed)
	return c
}

func newCompany(f firm, h uint64) *Company {
	d := dice(h)
	ct := countryNamed(f.country)
	co := &Company{
		Name: f.name, Legal: f.name + " " + ct.legal, Domain: f.domain, City: pick(&d, ct.cities), Country: ct.name,
		Currency: ct.currency, Trade: f.trade, lang: ct.lang,
		Colour: pick(&d, []string{"#0b5d7a", "#8a3324", "#2f5d34", "#3b3a6b", "#b0640f", "#4a4a4a", "#7a1f4b", "#1e6b62"}),
	}
	if ct.code == "JP" {
		co.Legal = ct.legal + f.name
	}
	co.logo = logo(co.Colour, h)
	return co
}

func addPerson(co *Company, ct *country, d dice) *Person {
	first, firstNative := native(pick(&d, ct.first))
	last, lastNative := native(pick(&d, ct.last))
	p := &Person{
		First: first, Last: last, Company: co, Lang: ct.lang, zone: ct.zone, style: d.next(), Charset: "utf-8",
		Title: pick(&d, titles[co.Trade]), Phone: digits(ct.phone, &d), Mobile: digits(ct.mobile, &d),
	}
	if d.pct(45) {
		p.Charset = ct.charset
	}
	p.name(ct.lang, firstNative, lastNative)
	p.Email = address(p, co.Domain, d.n(4))
	p.Address = strings.NewReplacer("{street}", pick(&d, ct.streets), "{no}", digits([]string{"#", "1#", "2#", "#8"}[d.n(4)], &d),
		"{post}", digits(ct.post, &d), "{city}", co.City, "{country}", ct.name).Replace(ct.address)
	for _, other := range co.People {
		if other.Email == p.Email {
			return other
		}
	}
	co.People = append(co.People, p)
	return p
}

// addSeat makes the person of a customer who has an account.
func addSeat(co *Company, seat Seat, ct *country, d dice) {
	p := addPerson(co, ct, d)
	p.First, p.Last = cut(seat.Name)
	p.Display, p.Native, p.Email, p.Charset = seat.Name, p.First, seat.Email, "utf-8"
}

func (p *Person) name(lang, first, last string) {
	switch {
	case lang == "ja" || lang == "zh":
		p.Display, p.Native = last+first, last
		if lang == "ja" {
			p.Display = last + " " + first
		}
	case first != p.First:
		p.Display, p.Native = first+" "+last, first
	default:
		p.Display, p.Native = p.First+" "+p.Last, p.First
	}
}

// native splits "Latin|native".
func native(s string) (latin, own string) {
	latin, own, found := strings.Cut(s, "|")
	if !found {
		own = latin
	}
	return latin, own
}

// digits fills a pattern; the first # is never zero.
func digits(pattern string, d *dice) string {
	b := []byte(pattern)
	first := true
	for i, c := range b {
		if c == '#' {
			n := d.n(10)
			if first && n == 0 {
				n = 7
			}
			b[i], first = byte('0'+n), false
		}
	}
	return string(b)
}

var fold = strings.NewReplacer("å", "a", "ä", "a", "ö", "o", "Å", "a", "Ä", "a", "Ö", "o", "ü", "u", "ß", "ss", "é", "e", "è", "e", "É", "e", "ë", "e", "î", "i", "ï", "i",
	"ô", "o", "ç", "c", "í", "i", "Í", "i", "ñ", "n", "á", "a", "ú", "u", "ó", "o", "ò", "o", "ê", "e", "ã", "a", "õ", "o", "ø", "o", "æ", "ae", "Ł", "l", "ł", "l", "ś", "s",
	"Ż", "z", "ż", "z", "ń", "n", "ę", "e", "ą", "a", "'", "", " ", "", "-", "")

func address(p *Person, domain string, pattern int) string {
	first, last := strings.ToLower(fold.Replace(p.First)), strings.ToLower(fold.Replace(p.Last))
	switch pattern {
	case 0:
		return first[:1] + "." + last + "@" + domain
	case 1:
		return first + "@" + domain
	default:
		return first + "." + last + "@" + domain
	}
}

// Someone makes a person of an account: at home when the domain is the demo's,
// else in a company named after the domain.
func (c *Cast) Someone(email, name string) *Person {
	for _, p := range c.Home.People {
		if p.Email == email {
			return p
		}
	}
	for _, co := range c.Companies {
		for _, p := range co.People {
			if p.Email == email {
				return p
			}
		}
	}
	local, domain, _ := strings.Cut(email, "@")
	if name == "" {
		name = strings.ReplaceAll(local, ".", " ")
	}
	first, last, _ := strings.Cut(name, " ")
	co := c.Home
	if domain != co.Domain {
		co = c.companyOf(domain)
	}
	d := dice(hash2(hashString(email), 7))
	ct := countryNamed("SE")
	return &Person{
		First: first, Last: last, Display: name, Native: first, Email: email, Title: pick(&d, titles["home"]), Lang: "en", Charset: "utf-8",
		Phone: digits(ct.phone, &d), Mobile: digits(ct.mobile, &d), Address: c.Home.People[0].Address, Company: co, zone: 60, style: d.next(),
	}
}

func (c *Cast) companyOf(domain string) *Company {
	for _, co := range c.Companies {
		if co.Domain == domain {
			return co
		}
	}
	label, _, _ := strings.Cut(domain, ".")
	words := strings.FieldsFunc(label, func(r rune) bool { return r == '-' || r == '_' })
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	name := strings.Join(words, " ")
	co := newCompany(firm{name, domain, "SE", "home"}, hashString(domain))
	d := dice(hashString(domain) + 5)
	for range 6 {
		addPerson(co, pick(&d, []*country{countryNamed("SE"), countryNamed("GB"), countryNamed("DE")}), dice(d.next()))
	}
	return co
}

func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}
