package data

// firm is a line of the list of invented companies.
type firm struct{ name, domain, country, trade string }

// The trades of companies; customers buy lamps, suppliers deliver parts,
// partners recommend.
const (
	hotel      = "hotel"
	architect  = "architect"
	office     = "office"
	retail     = "retail"
	restaurant = "restaurant"
	museum     = "museum"
	wholesale  = "wholesale"
	contractor = "contractor"
	supplier   = "supplier"
	partner    = "partner"
)

var firms = []firm{
	{"Bellafonte Alberghi", "bellafonte-alberghi.example", "IT", hotel},
	{"Fernhollow Hotels", "fernhollow-hotels.example", "GB", hotel},
	{"Oakrill Architects", "oakrill.example", "GB", architect},
	{"Pellworth Contracting", "pellworth.example", "GB", contractor},
	{"Quillstone Museum Trust", "quillstone-museum.example", "GB", museum},
	{"Cobblewick Retail", "cobblewick.example", "GB", retail},
	{"Brightmoor Interiors", "brightmoor.example", "IE", architect},
	{"Saltmarsh Inns", "saltmarsh-inns.example", "IE", hotel},
	{"Lärchenhof Hotels", "laerchenhof.example", "AT", hotel},
	{"Hafenlicht Planung", "hafenlicht.example", "DE", architect},
	{"Ostwerk Büroausbau", "ostwerk-buero.example", "DE", office},
	{"Sternmühle Großhandel", "sternmuehle.example", "DE", wholesale},
	{"Glashütte Morgental", "morgental-glas.example", "DE", supplier},
	{"Alpwind Hospitality", "alpwind.example", "CH", hotel},
	{"Atelier Vauclair", "atelier-vauclair.example", "FR", architect},
	{"Maison Bréhaut", "maison-brehaut.example", "FR", hotel},
	{"Lumière du Quai", "lumiere-du-quai.example", "FR", retail},
	{"Studio Tramonti", "studio-tramonti.example", "IT", architect},
	{"Vetreria Colsanto", "vetreria-colsanto.example", "IT", supplier},
	{"Casa Almendro", "casa-almendro.example", "ES", restaurant},
	{"Estudio Peñablanca", "estudio-penablanca.example", "ES", architect},
	{"Hotéis Ribamar", "hoteis-ribamar.example", "PT", hotel},
	{"Kadeblik Projecten", "kadeblik.example", "NL", contractor},
	{"Oranjesluis Kantoren", "oranjesluis.example", "NL", office},
	{"Norrsken Inredning", "norrsken-inredning.example", "SE", architect},
	{"Skärvik Hotell", "skarvik-hotell.example", "SE", hotel},
	{"Drivhuset Elektronik", "drivhuset-elektronik.example", "SE", supplier},
	{"Havnefyr Design", "havnefyr.example", "DK", architect},
	{"Fjordlys Butikker", "fjordlys-butikker.example", "NO", retail},
	{"Kaisla Toimistot", "kaisla-toimistot.example", "FI", office},
	{"Harborline Hospitality", "harborline-hospitality.example", "US", hotel},
	{"Tallgrass & Pine Architects", "tallgrass-pine.example", "US", architect},
	{"Copper Finch Restaurants", "copperfinch.example", "US", restaurant},
	{"Meridian Falls Offices", "meridianfalls.example", "US", office},
	{"Brasswell Components", "brasswell-components.example", "US", supplier},
	{"Northlight Fitout", "northlight-fitout.example", "CA", contractor},
	{"Loonlake Lodges", "loonlake-lodges.example", "CA", hotel},
	{"Wattlebird Interiors", "wattlebird.example", "AU", architect},
	{"Kumbari Hotels", "kumbari-hotels.example", "IN", hotel},
	{"Deepa Jyoti Projects", "deepajyoti-projects.example", "IN", contractor},
	{"Lantern Quay Holdings", "lanternquay.example", "SG", office},
	{"Palmcreek Developments", "palmcreek-dev.example", "AE", hotel},
	{"Zielona Latarnia", "zielona-latarnia.example", "PL", restaurant},
	{"Feniks Interior", "feniks-interior.example", "BG", architect},
	{"Akari Kobo", "akari-kobo.example", "JP", architect},
	{"Minato Ryokan Group", "minato-ryokan.example", "JP", hotel},
	{"Guiyu Lighting Design", "guiyu-lighting.example", "CN", architect},
	{"Haitang Components", "haitang-components.example", "CN", supplier},
	{"Farol Azul Hotéis", "farolazul.example", "BR", hotel},
	{"Encino Arquitectos", "encino-arquitectos.example", "MX", architect},
	{"Candela & Rowe Consultants", "candela-rowe.example", "GB", partner},
	{"Lightwright Associates", "lightwright.example", "US", partner},
	{"Studio Halbschatten", "halbschatten.example", "DE", partner},
}

// titles by trade, in English; people of the trade carry one of them.
var titles = map[string][]string{
	hotel:      {"Head of Procurement", "General Manager", "Interior Design Manager", "Purchasing Assistant", "Director of Renovation"},
	architect:  {"Architect", "Senior Interior Designer", "Partner", "Lighting Designer", "Project Architect"},
	office:     {"Facility Manager", "Workplace Lead", "Office Manager", "Head of Real Estate"},
	retail:     {"Category Manager", "Store Design Lead", "Buyer", "Operations Manager"},
	restaurant: {"Owner", "Operations Director", "Project Manager"},
	museum:     {"Head of Exhibitions", "Conservator", "Buildings Manager"},
	wholesale:  {"Buyer Lighting", "Product Manager", "Branch Manager"},
	contractor: {"Site Manager", "Quantity Surveyor", "Electrical Engineer", "Project Director"},
	supplier:   {"Key Account Manager", "Customer Service", "Export Manager", "Production Planner"},
	partner:    {"Managing Partner", "Lighting Consultant", "Business Development"},
	"home":     {"Sales Manager", "Head of Sales", "Application Engineer", "Product Manager", "Customer Service", "Operations Lead"},
}

// products are the lamps everybody writes about.
var products = []string{
	"Skerry pendant", "Halden wall light", "Tarn desk lamp", "Corrie downlight", "Brae track spot", "Mere floor lamp",
	"Strand linear 1200", "Holm bollard", "Voe table lamp", "Cairn spotlight", "Firth ceiling ring", "Tidal step light",
}

// projects by trade of the customer.
var projects = map[string][]string{
	hotel:      {"lobby refurbishment", "spa extension", "guest room renovation", "rooftop bar", "conference wing"},
	architect:  {"Riverside offices", "town library", "Old Mill apartments", "courtyard school", "harbour pavilion"},
	office:     {"third floor fit-out", "new headquarters", "meeting room upgrade", "canteen"},
	retail:     {"flagship store", "shop window programme", "outlet roll-out"},
	restaurant: {"dining room", "new bakery", "terrace"},
	museum:     {"glass collection rooms", "spring exhibition", "entrance hall"},
	wholesale:  {"spring range", "showroom", "call-off stock"},
	contractor: {"station square", "clinic extension", "Kingsbridge school", "car park retrofit"},
	supplier:   {"driver programme", "new mould", "spare part stock"},
	partner:    {"city hall", "concert house foyer", "university library"},
}
