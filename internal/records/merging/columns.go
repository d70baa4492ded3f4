package merging

import (
	"slices"
	"strings"

	"rapport/internal/crm"
)

// Column of a file, with the field that it becomes; "" for none.
type Column struct {
	Name    string   `json:"name"`
	Samples []string `json:"samples"`
	Field   string   `json:"field"`
}

// heads are names of columns as programs and people write them, in several languages, by
// field. Words are compared as folded writes them.
var heads = map[string]string{
	"id":           "id|rapport id|record id",
	"name":         "name|full name|display name|fn|contact name|vollstandiger name|anzeigename|nom complet|nombre completo|nome completo|volledige naam|naam|kontakt|title of deal|deal name|deal|firmenname",
	"first_name":   "first name|firstname|given name|first|forename|vorname|prenom|nombre|nome|voornaam|imie|fornavn|fornamn",
	"last_name":    "last name|lastname|family name|surname|last|nachname|familienname|nom|nom de famille|apellido|apellidos|cognome|sobrenome|achternaam|nazwisko|etternavn|efternamn|efternavn",
	"email":        "email|e mail|mail|emails|e mails|email address|e mail address|mail address|email 1|e mail 1 value|primary email|work email|emailadresse|e mail adresse|adresse e mail|courriel|adresse electronique|correo|correo electronico|correo e|posta elettronica|indirizzo email|e mailadres|email 2|e mail 2 value|e mail 3 value|email addresses",
	"email.home":   "home email|private email|personal email|e mail privat",
	"phone":        "phone|phones|telephone|tel|phone number|phone 1|phone 1 value|phone 2 value|phone 3 value|work phone|business phone|business phone 2|office phone|telefon|telefonnummer|telefon geschaftlich|festnetz|rufnummer|telefono|telefone|telefoon|tel fixe|numero de telephone|telephone professionnel|phone numbers",
	"phone.mobile": "mobile|mobile phone|cell|cell phone|cellphone|mobil|handy|mobiltelefon|mobilnummer|portable|tel portable|telephone portable|movil|celular|cellulare|telemovel|mobiel|mobiele telefoon",
	"phone.home":   "home phone|home phone 2|telefon privat|private phone|telephone domicile",
	"phone.fax":    "fax|business fax|fax number|telefax|faxnummer|telecopie",
	"title":        "title|job title|job|position|role|function|organization title|organization 1 title|funktion|stelle|berufsbezeichnung|titel|poste|fonction|titre|cargo|puesto|ruolo|qualifica|functie",
	"company":      "company|company name|organization|organisation|organization name|organization 1 name|account|account name|employer|firma|unternehmen|gesellschaft|entreprise|societe|organisme|empresa|compania|organizacion|azienda|societa|ditta|bedrijf|firmanaam",
	"domain":       "domain|domains|domain name|domane|domaine|dominio",
	"website":      "website|web site|url|web|web page|webseite|homepage|internet|site web|sitio web|pagina web|sito|sito web",
	"linkedin":     "linkedin|linkedin url|linkedin profile|linkedin profil",
	"address":      "address|postal address|mailing address|address 1 formatted|adresse|anschrift|adresse postale|direccion|indirizzo|endereco|adres",
	"street":       "street|street address|business street|address 1 street|strasse|rue|calle|via|straat|address line 1",
	"city":         "city|town|business city|address 1 city|ort|stadt|ville|ciudad|citta|cidade|plaats",
	"zip":          "zip|zip code|postal code|postcode|business postal code|address 1 postal code|plz|postleitzahl|code postal|codigo postal|cap",
	"state":        "state|province|region|business state|address 1 region|bundesland|kanton|provincia",
	"country":      "country|business country region|business country|address 1 country|land|pays|pais|paese",
	"description":  "description|notes|note|comment|comments|beschreibung|notizen|notiz|bemerkung|kommentar|remarque|remarques|notas|descripcion|note e commenti|opmerkingen",
	"stage":        "stage|status|lifecycle stage|phase|stufe|etape|etapa|fase",
	"class":        "class|classification",
	"owner":        "owner|record owner|account owner|deal owner|assigned to|besitzer|zustandig|verantwortlich|proprietaire|responsable|responsabile",
	"tags":         "tags|tag|labels|categories|group membership|schlagworter|kategorien|etiquettes|etiquetas",
	"amount":       "amount|value|deal value|deal amount|betrag|wert|montant|importe|valor|importo|bedrag",
	"currency":     "currency|wahrung|devise|moneda|valuta",
	"close_date":   "close date|closing date|expected close date|abschlussdatum|date de cloture|fecha de cierre",
}

// fieldOfHead is heads turned round.
var fieldOfHead = func() map[string]string {
	of := map[string]string{}
	for field, names := range heads {
		for name := range strings.SplitSeq(names, "|") {
			of[name] = field
		}
	}
	return of
}()

// fieldFor is the field that a column of a name is for, "" for none.
func fieldFor(o crm.ObjectType, head string) string {
	if fieldExists(o, head) { // as our own export names them
		return head
	}
	name := strings.Join(folded(head), " ")
	for _, f := range o.Fields {
		if name == strings.Join(folded(f.Name), " ") || strings.EqualFold(head, f.Key) || strings.EqualFold(head, "fields."+f.Key) {
			return "fields." + f.Key
		}
	}
	field := fieldOfHead[name]
	if field == "first_name" && o.Key != crm.Person || field == "company" && o.Key == crm.Company || field == "title" && o.Key == crm.Deal {
		field = "name"
	}
	if !fieldExists(o, field) {
		return ""
	}
	return field
}

// fieldExists reports whether a column can become a field of a type.
func fieldExists(o crm.ObjectType, field string) bool {
	if own, is := strings.CutPrefix(field, "fields."); is {
		return slices.ContainsFunc(o.Fields, func(f crm.Field) bool { return f.Key == own })
	}
	if system, is := strings.CutPrefix(field, "external."); is {
		return system != ""
	}
	every := []string{"id", "name", "description", "owner", "tags"}
	contact := []string{"email", "email.home", "phone", "phone.mobile", "phone.home", "phone.fax", "website", "linkedin", "address", "street", "city", "zip", "state", "country"}
	switch o.Key {
	case crm.Person:
		every = append(append(every, contact...), "first_name", "last_name", "title", "company", "stage", "class")
	case crm.Company:
		every = append(append(every, contact...), "domain")
	case crm.Deal:
		every = append(every, "company", "stage", "amount", "currency", "close_date")
	}
	return slices.Contains(every, field)
}

// columnsOf guesses what the columns of a table become. One name goes to one column;
// addresses and numbers to several.
func columnsOf(o crm.ObjectType, t table) []Column {
	taken := map[string]bool{}
	out := make([]Column, len(t.heads))
	for i, head := range t.heads {
		c := Column{Name: head, Samples: []string{}, Field: fieldFor(o, head)}
		several := strings.HasPrefix(c.Field, "email") || strings.HasPrefix(c.Field, "phone") || c.Field == "tags" || c.Field == "domain"
		if taken[c.Field] && !several {
			c.Field = ""
		}
		taken[c.Field] = c.Field != ""
		for _, row := range t.rows[:min(len(t.rows), 50)] {
			if i >= len(row) {
				continue
			}
			if cell := row[i]; cell != "" && len(c.Samples) < 3 && !slices.Contains(c.Samples, cell) {
				if r := []rune(cell); len(r) > 80 {
					cell = string(r[:80]) + "…"
				}
				c.Samples = append(c.Samples, cell)
			}
		}
		out[i] = c
	}
	return out
}
