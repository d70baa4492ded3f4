package data

// Seat is one account of the demo world.
type Seat struct {
	Email, Name, Domain string
	Outside             bool // not of the organisation
	Admin               bool
	Messages            int
	Seed                int64
}

// HomeDomain is the domain of the demo's organisation.
const HomeDomain = "northwind-lamps.example"

// Demo is the world that demonstrations start with: an organisation that makes
// lamps, with an owner, two more members, and customers who have an account too.
func Demo() []Seat {
	return []Seat{
		{Email: "mara.lindqvist@" + HomeDomain, Name: "Mara Lindqvist", Domain: HomeDomain, Admin: true, Messages: 1200, Seed: 11},
		{Email: "jonas.okafor@" + HomeDomain, Name: "Jonas Okafor", Domain: HomeDomain, Messages: 300, Seed: 12},
		{Email: "priya.raman@" + HomeDomain, Name: "Priya Raman", Domain: HomeDomain, Messages: 150, Seed: 13},
		{Email: "elena.marchetti@bellafonte-alberghi.example", Name: "Elena Marchetti", Domain: "bellafonte-alberghi.example", Outside: true, Messages: 60, Seed: 14},
		{Email: "callum.ashdown@oakrill.example", Name: "Callum Ashdown", Domain: "oakrill.example", Outside: true, Messages: 40, Seed: 15},
	}
}

// newHome is the organisation of the demo: its seats first, then colleagues
// without an account.
func newHome(seed uint64) *Company {
	co := newCompany(firm{"Northwind Lamps", HomeDomain, "SE", "home"}, hash2(seed, 77))
	co.City = "Stockholm"
	roles := map[string]string{"Mara": "Head of Sales", "Jonas": "Sales Manager", "Priya": "Application Engineer"}
	for i, s := range Demo()[:3] {
		d := dice(hash2(seed, uint64(i)+500))
		ct := countryNamed("SE")
		first, last := cut(s.Name)
		co.People = append(co.People, &Person{
			First: first, Last: last, Display: s.Name, Native: first, Email: s.Email, Title: roles[first], Lang: "en", Charset: "utf-8",
			Phone: digits(ct.phone, &d), Mobile: digits(ct.mobile, &d), Address: "Lyktgatan 8, 116 41 Stockholm, Sweden",
			Company: co, zone: 60, style: d.next(),
		})
	}
	for i, name := range []string{"Åsa Hedberg", "Viktor Norén", "Signe Halvorsen"} {
		d := dice(hash2(seed, uint64(i)+600))
		ct := countryNamed("SE")
		first, last := cut(name)
		p := &Person{
			First: first, Last: last, Display: name, Native: first, Title: titles["home"][i+2], Lang: "en", Charset: "utf-8",
			Phone: digits(ct.phone, &d), Mobile: digits(ct.mobile, &d), Address: "Lyktgatan 8, 116 41 Stockholm, Sweden",
			Company: co, zone: 60, style: d.next(),
		}
		p.Email = address(p, co.Domain, 2)
		co.People = append(co.People, p)
	}
	return co
}

func cut(name string) (first, last string) {
	for i, r := range name {
		if r == ' ' {
			return name[:i], name[i+1:]
		}
	}
	return name, ""
}
