package data

// country is how people of a country are called, reached and written to.
// In patterns # is a digit; names may carry a native form after a bar.
type country struct {
	code, name string
	lang       string
	zone       int // minutes east of UTC
	currency   string
	legal      string // suffix of a company's name
	phone      string
	mobile     string
	post       string
	cities     []string
	streets    []string
	address    string // {street} {no} {post} {city} {country}
	charset    string // of the older half of its mail programs
	first      []string
	last       []string
}

const (
	europeanAddress = "{street} {no}, {post} {city}, {country}"
	atlanticAddress = "{no} {street}, {city} {post}, {country}"
	romanceAddress  = "{street}, {no}, {post} {city}, {country}"
)

var countries = []country{
	{"SE", "Sweden", "sv", 60, "EUR", "AB", "+46 8 465 004 ##", "+46 70 174 06 ##", "1## ##", []string{"Stockholm", "Malmö", "Göteborg", "Uppsala"},
		[]string{"Lyktgatan", "Hamngatan", "Björkvägen", "Norra Kajen"}, europeanAddress, "iso-8859-1",
		[]string{"Maja", "Jesper", "Elin", "Viktor", "Åsa", "Nils", "Linnea", "Björn"}, []string{"Lindell", "Sandström", "Hedberg", "Norén", "Åkesson", "Ekdahl"}},
	{"DE", "Germany", "de", 60, "EUR", "GmbH", "+49 30 23125 ###", "+49 171 39200 ##", "1####", []string{"Berlin", "Hamburg", "Leipzig", "Stuttgart", "München"},
		[]string{"Lindenstraße", "Werftweg", "Am Kanal", "Goldbachgasse"}, europeanAddress, "iso-8859-1",
		[]string{"Katrin", "Matthias", "Jürgen", "Sabine", "Lukas", "Anja", "Uwe", "Franziska"}, []string{"Brandt", "Köhlmann", "Seibold", "Weidner", "Töpfer", "Harms", "Grünwald"}},
	{"AT", "Austria", "de", 60, "EUR", "GmbH", "+43 1 500 12##", "+43 660 500 12##", "1##0", []string{"Wien", "Graz", "Linz"},
		[]string{"Ringgasse", "Mühlweg", "Salzplatz"}, europeanAddress, "iso-8859-1",
		[]string{"Theresa", "Florian", "Birgit", "Stefan"}, []string{"Moosbrugger", "Hinterleitner", "Gschwandtner", "Pichl"}},
	{"CH", "Switzerland", "de", 60, "CHF", "AG", "+41 44 500 12 ##", "+41 79 500 12 ##", "80##", []string{"Zürich", "Bern", "Basel"},
		[]string{"Seestrasse", "Bahnhofweg", "Limmatsteig"}, europeanAddress, "utf-8",
		[]string{"Reto", "Ursina", "Beat", "Nadja"}, []string{"Zbinden", "Amstutz", "Kälin", "Wyss"}},
	{"FR", "France", "fr", 60, "EUR", "SARL", "+33 1 99 00 ## ##", "+33 6 39 98 ## ##", "750##", []string{"Paris", "Lyon", "Nantes", "Bordeaux", "Lille"},
		[]string{"rue des Tilleuls", "quai de la Forge", "avenue du Phare", "place aux Herbes"}, "{no} {street}, {post} {city}, {country}", "iso-8859-1",
		[]string{"Élodie", "Benoît", "Camille", "Jérôme", "Maëlle", "Thierry", "Anaïs"}, []string{"Garnier-Petit", "Delcourt", "Rousselet", "Chauveau", "Lemoine", "Bréval"}},
	{"IT", "Italy", "it", 60, "EUR", "S.r.l.", "+39 02 5550 1##", "+39 347 555 01##", "201##", []string{"Milano", "Torino", "Verona", "Bologna"},
		[]string{"Via dei Vetrai", "Corso del Faro", "Viale dei Pini"}, romanceAddress, "iso-8859-1",
		[]string{"Elisa", "Paolo", "Giulia", "Niccolò", "Chiara", "Davide"}, []string{"Marcheselli", "Bonavita", "Serafini", "Colleoni", "Dell'Orto"}},
	{"ES", "Spain", "es", 60, "EUR", "S.L.", "+34 91 555 01 ##", "+34 655 501 2##", "280##", []string{"Madrid", "Valencia", "Sevilla", "Bilbao"},
		[]string{"Calle del Faro", "Avenida de los Olivos", "Plaza del Reloj"}, romanceAddress, "iso-8859-1",
		[]string{"Lucía", "Íñigo", "Marta", "Raúl", "Nuria", "Andrés"}, []string{"Peñalver", "Ibáñez", "Castañeda", "Murillo", "Garay"}},
	{"PT", "Portugal", "pt", 0, "EUR", "Lda.", "+351 21 555 01##", "+351 91 555 01##", "1###-0##", []string{"Lisboa", "Porto", "Braga"},
		[]string{"Rua das Oliveiras", "Travessa do Cais"}, europeanAddress, "iso-8859-1",
		[]string{"Inês", "João", "Catarina", "Tiago"}, []string{"Magalhães", "Quintela", "Brandão", "Seabra"}},
	{"NL", "Netherlands", "nl", 60, "EUR", "B.V.", "+31 20 555 01##", "+31 6 5550 1###", "10## AB", []string{"Amsterdam", "Rotterdam", "Utrecht"},
		[]string{"Lantaarnkade", "Molenweg", "Oude Gracht"}, europeanAddress, "utf-8",
		[]string{"Sanne", "Joost", "Femke", "Maarten"}, []string{"van der Linden", "Hoekstra", "de Wit", "Brouwer"}},
	{"GB", "United Kingdom", "en", 0, "GBP", "Ltd", "+44 20 7946 0###", "+44 7700 900###", "EC2A #BT", []string{"London", "Bristol", "Leeds", "Edinburgh"},
		[]string{"Foundry Lane", "Tanner Street", "Lantern Yard", "Quay Road"}, atlanticAddress, "utf-8",
		[]string{"Harriet", "Callum", "Imogen", "Rhys", "Poppy", "Oliver", "Zadie"}, []string{"Ashcombe", "Fairweather", "Oyelaran", "Ramsbury", "Thistlewood", "Penhallow"}},
	{"IE", "Ireland", "en", 0, "EUR", "Ltd", "+353 20 912 4###", "+353 85 555 01##", "D02 X#8#", []string{"Dublin", "Cork", "Galway"},
		[]string{"Harbour Row", "Mill Lane"}, atlanticAddress, "utf-8",
		[]string{"Aoife", "Cillian", "Niamh", "Declan"}, []string{"Brennan", "O'Halloran", "Mac Gabhann", "Tierney"}},
	{"US", "United States", "en", -300, "USD", "Inc.", "+1 (212) 555-01##", "+1 (646) 555-01##", "100##", []string{"New York", "Chicago", "Portland", "Denver", "Austin"},
		[]string{"Mercer Street", "Foundry Avenue", "Harbor Boulevard", "Maple Court"}, "{no} {street}, {city} {post}", "utf-8",
		[]string{"Dana", "Marcus", "Whitney", "Terrence", "Alicia", "Jordan", "Caleb"}, []string{"Whitcomb", "Delgado", "Harrell", "Nakamoto-Reyes", "Pruitt", "Bellweather"}},
	{"CA", "Canada", "en", -300, "CAD", "Inc.", "+1 (416) 555-01##", "+1 (647) 555-01##", "M5V #K#", []string{"Toronto", "Vancouver", "Halifax"},
		[]string{"Lakeshore Drive", "Timber Road"}, "{no} {street}, {city} {post}, {country}", "utf-8",
		[]string{"Noah", "Geneviève", "Hannah", "Tyler"}, []string{"Macallum", "Thibodeau-Lane", "Sinclair-Wong", "Frost"}},
	{"AU", "Australia", "en", 600, "AUD", "Pty Ltd", "+61 2 5550 1###", "+61 491 570 1##", "20##", []string{"Sydney", "Melbourne", "Hobart"},
		[]string{"Wattle Street", "Jetty Road"}, atlanticAddress, "utf-8",
		[]string{"Matilda", "Lachlan", "Bronte", "Kai"}, []string{"Everingham", "Tranter", "Billabong-Shaw", "Kerrigan"}},
	{"IN", "India", "en", 330, "INR", "Pvt. Ltd.", "+91 22 5550 01##", "+91 98190 005##", "4000##", []string{"Mumbai", "Bengaluru", "Pune"},
		[]string{"Lantern Road", "Mill Compound", "Station Road"}, atlanticAddress, "utf-8",
		[]string{"Ananya", "Rohan", "Kavita", "Arjun", "Meera"}, []string{"Deshmukh-Rao", "Iyengar", "Kulkarni", "Bhatnagar"}},
	{"SG", "Singapore", "en", 480, "SGD", "Pte. Ltd.", "+65 6555 01##", "+65 8555 01##", "0491##", []string{"Singapore"},
		[]string{"Lantern Quay", "Merchant Lane"}, "{no} {street}, {city} {post}", "utf-8",
		[]string{"Wei Ling", "Hafiz", "Joanne", "Darren"}, []string{"Tan-Lim", "Rahman", "Koh", "Selvarajan"}},
	{"AE", "United Arab Emirates", "en", 240, "AED", "LLC", "+971 4 555 01##", "+971 50 555 01##", "", []string{"Dubai", "Abu Dhabi"},
		[]string{"Creek Walk", "Palm Court"}, "{no} {street}, {city}, {country}", "utf-8",
		[]string{"Layla", "Omar", "Nadia", "Khalid"}, []string{"Al Mansoor", "Haddadin", "Rahimi", "Saleh-Khan"}},
	{"DK", "Denmark", "en", 60, "DKK", "ApS", "+45 55 50 1# ##", "+45 20 55 01 ##", "1###", []string{"København", "Aarhus"},
		[]string{"Lygtevej", "Havnegade"}, europeanAddress, "iso-8859-1",
		[]string{"Søren", "Freja", "Mikkel", "Astrid"}, []string{"Kjærulff", "Dalsgaard", "Møllebæk", "Winther"}},
	{"NO", "Norway", "en", 60, "NOK", "AS", "+47 22 55 01 ##", "+47 955 50 1##", "01##", []string{"Oslo", "Bergen"},
		[]string{"Fyrveien", "Storgata"}, europeanAddress, "utf-8",
		[]string{"Ingrid", "Håkon", "Solveig", "Trond"}, []string{"Bjørnstad", "Haugerud", "Nesse", "Tveit"}},
	{"FI", "Finland", "en", 120, "EUR", "Oy", "+358 9 555 01##", "+358 50 555 01##", "001##", []string{"Helsinki", "Tampere"},
		[]string{"Lyhtykatu", "Satamatie"}, europeanAddress, "iso-8859-1",
		[]string{"Aino", "Väinö", "Päivi", "Jukka"}, []string{"Hämäläinen", "Korpisalo", "Rantanen-Aho", "Laaksola"}},
	{"PL", "Poland", "pl", 60, "PLN", "Sp. z o.o.", "+48 22 555 01 ##", "+48 500 555 0##", "00-0##", []string{"Warszawa", "Kraków", "Gdańsk"},
		[]string{"ul. Latarniana", "ul. Hutnicza"}, europeanAddress, "iso-8859-2",
		[]string{"Agnieszka", "Łukasz", "Małgorzata", "Paweł"}, []string{"Wiśniak", "Brzozowiecki", "Górniak", "Żurawicka"}},
	{"BG", "Bulgaria", "bg", 120, "EUR", "ЕООД", "+359 2 555 01##", "+359 88 555 01##", "10##", []string{"София", "Пловдив"},
		[]string{"ул. Фенер", "бул. Витоша"}, "{street} {no}, {post} {city}", "windows-1251",
		[]string{"Ivanka|Иванка", "Georgi|Георги", "Rositsa|Росица", "Plamen|Пламен"}, []string{"Petrovska|Петровска", "Stoyanov|Стоянов", "Dimitrova|Димитрова", "Kolev|Колев"}},
	{"JP", "Japan", "ja", 540, "JPY", "株式会社", "+81 3 5550 01##", "+81 90 5550 01##", "10#-00##", []string{"東京", "大阪", "京都"},
		[]string{"灯台通り", "港町"}, "〒{post} {city}{street}{no}", "iso-2022-jp",
		[]string{"Misaki|美咲", "Kenta|健太", "Haruka|遥", "Daisuke|大輔"}, []string{"Fujimori|藤森", "Okazawa|岡沢", "Shirakawa|白川", "Minase|水瀬"}},
	{"CN", "China", "zh", 480, "CNY", "有限公司", "+86 21 5550 01##", "+86 139 0000 01##", "2000##", []string{"上海", "杭州", "深圳"},
		[]string{"灯塔路", "桂花街"}, "{city}市{street}{no}号 {post}", "gb18030",
		[]string{"Yiran|怡然", "Zhiyuan|志远", "Xiaowen|晓雯", "Haoran|浩然"}, []string{"Ouyang|欧阳", "Shen|沈", "Lu|陆", "Gu|顾"}},
	{"BR", "Brazil", "pt", -180, "BRL", "Ltda.", "+55 11 5555 01##", "+55 11 95555 01##", "01###-000", []string{"São Paulo", "Curitiba"},
		[]string{"Rua das Lanternas", "Avenida do Farol"}, romanceAddress, "iso-8859-1",
		[]string{"Thaís", "Otávio", "Renata", "Caetano"}, []string{"Figueiredo-Prado", "Antunes", "Siqueira", "Falcão"}},
	{"MX", "Mexico", "es", -360, "MXN", "S.A. de C.V.", "+52 55 5555 01##", "+52 55 5550 01##", "06###", []string{"Ciudad de México", "Monterrey"},
		[]string{"Calle Farol", "Avenida Encino"}, romanceAddress, "utf-8",
		[]string{"Ximena", "Emiliano", "Araceli", "Rodrigo"}, []string{"Zúñiga", "Barragán", "Villaseñor", "Ocampo"}},
}

// countryNamed finds a country by its code; GB when there is none.
func countryNamed(code string) *country {
	for i := range countries {
		if countries[i].code == code {
			return &countries[i]
		}
	}
	return countryNamed("GB")
}
