package data

// Colleague is somebody of the demo's organisation who is in its directory and
// has no seat.
type Colleague struct {
	Email, Name, Title, OrgUnit string
	Suspended, Archived         bool
	NoMailbox                   bool
}

// Colleagues are the people of the demo's organisation without a seat: most
// could connect tomorrow, some never will.
func Colleagues() []Colleague {
	var out []Colleague
	const castSeed, seats = 1, 3 // of the cast that the mailboxes are written with
	for _, p := range CastOf(castSeed).Home.People[seats:] {
		out = append(out, Colleague{Email: p.Email, Name: p.Display, Title: p.Title, OrgUnit: "/Sales"})
	}
	for _, c := range []Colleague{
		{Email: "tove.lagerfelt", Name: "Tove Lagerfelt", Title: "Account Manager", OrgUnit: "/Sales"},
		{Email: "nils.brandqvist", Name: "Nils Brandqvist", Title: "Account Manager", OrgUnit: "/Sales/North"},
		{Email: "amina.diallo", Name: "Amina Diallo", Title: "Head of Service", OrgUnit: "/Service"},
		{Email: "henrik.solvang", Name: "Henrik Solvang", Title: "Service Technician", OrgUnit: "/Service"},
		{Email: "leila.haddadin", Name: "Leila Haddadin", Title: "Product Designer", OrgUnit: "/Product"},
		{Email: "oskar.wennerlind", Name: "Oskar Wennerlind", Title: "Accountant", OrgUnit: "/Finance"},
		{Email: "workshop", Name: "Workshop Tablet", Title: "Shared device", OrgUnit: "/Workshop", NoMailbox: true},
		{Email: "petra.ohlander", Name: "Petra Öhlander", Title: "Account Manager", OrgUnit: "/Sales", Suspended: true},
		{Email: "gustav.rehnman", Name: "Gustav Rehnman", Title: "Sales Manager", OrgUnit: "/Former", Archived: true},
	} {
		c.Email += "@" + HomeDomain
		out = append(out, c)
	}
	return out
}
