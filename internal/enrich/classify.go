package enrich

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/link"
)

// Dealings are what is known of what a person has to do with the workspace.
type Dealings struct {
	Emails   []string
	Title    string
	Company  string
	Received int // messages from them
	Sent     int // messages to them
	Bulk     int // of those received: lists, newsletters, automatic ones
	Open     int // deals they take part in that are open
	Won      int
	Free     bool     // every address is at a free-mail domain
	Texts    []string // of their newest messages: subject and own words
}

// ByRules is who classified: Class.By.
const ByRules = "rules"

// ByPerson is Class.By of a correction, which stays.
const ByPerson = "person"

// speech is what people of a class write, folded; each counts once a message.
var speech = map[string][]string{
	"recruiter": {
		"talent acquisition", "recruiter", "recruiting", "recruitment", "headhunter", "hiring manager", "job opportunity", "career opportunity", "open position", "your cv", "your resume", "lebenslauf",
		"personalberater", "personalvermittl", "stellenangebot", "vakanz", "offre d emploi", "recrutement", "oferta de trabajo",
	},
	"vendor": {
		"your invoice", "invoice attached", "attached invoice", "our invoice", "payment is due", "payment reminder", "your subscription", "your order has", "thank you for your order", "order confirmation", "your receipt",
		"anbei die rechnung", "unsere rechnung", "ihre rechnung", "zahlungserinnerung", "ihre bestellung", "auftragsbestatigung", "votre facture", "votre commande", "su factura", "la tua fattura",
	},
	"customer": {
		"our order", "purchase order", "we would like to order", "like to place an order", "please deliver", "we ordered", "our contract with you", "renew our", "support ticket", "our account with you", "when will our",
		"unsere bestellung", "wir mochten bestellen", "wir haben bestellt", "bitte liefern", "unser vertrag", "notre commande", "nuestro pedido",
	},
	"lead": {
		"send me a quote", "a quote for", "request a quote", "your pricing", "price list", "how much would", "book a demo", "schedule a demo", "see a demo", "interested in your", "we are looking for a", "could you offer",
		"anfrage", "bitte um ein angebot", "ein angebot fur", "ihre preise", "preisliste", "interesse an ihr", "demander un devis", "un devis", "un presupuesto", "un preventivo",
	},
	"partner": {
		"partnership", "reseller", "referral program", "joint webinar", "joint offer", "co marketing", "distribution agreement", "channel partner", "partner program", "kooperation", "partnerschaft", "vertriebspartner", "partenariat", "colaboracion",
	},
}

// spoken is the order in which classes are looked for where they are equal.
var spoken = []string{"recruiter", "customer", "vendor", "lead", "partner"}

// Classify says what a person is to the workspace, with how sure that is and why:
// a pure function of their dealings. What somebody has said stands above it. Of whom
// there is no mail, it says nothing.
func Classify(d Dealings) crm.Class {
	class := func(name string, sure float64, why string, args ...any) crm.Class {
		return crm.Class{Name: name, Confidence: math.Round(sure*100) / 100, By: ByRules, Why: fmt.Sprintf(why, args...)}
	}
	if len(d.Emails) > 0 && !slices.ContainsFunc(d.Emails, func(e string) bool { return !link.Automated(e) }) {
		return class("automated", 0.97, "The address is one that nobody reads.")
	}
	if d.Received > 0 && d.Sent == 0 && d.Bulk*5 >= d.Received*4 {
		return class("automated", 0.9, "What comes is sent to lists or automatically, and nobody answers.")
	}
	switch {
	case d.Won > 0:
		return class("customer", 0.95, "Takes part in a deal that was won.")
	case d.Open > 0:
		return class("lead", 0.85, "Takes part in an open deal.")
	}
	title := " " + fold(d.Title) + " "
	for _, w := range []string{"recruiter", "recruiting", "recruitment", "talent acquisition", "headhunter", "personalberater", "talent partner"} {
		if strings.Contains(title, w) {
			return class("recruiter", 0.9, "The title is %q.", d.Title)
		}
	}
	best, hits, phrase := "", 0, ""
	for _, name := range spoken {
		if n, said := heard(d.Texts, speech[name]); n > hits {
			best, hits, phrase = name, n, said
		}
	}
	if hits > 0 {
		return class(best, min(0.55+0.1*float64(hits), 0.9), "Writes of %q.", phrase)
	}
	if d.Free && d.Received > 0 && d.Sent > 0 && d.Title == "" && d.Company == "" {
		return class("personal", 0.6, "Writes from a private address, in both directions, and of no business.")
	}
	if d.Received+d.Sent == 0 {
		return crm.Class{} // nothing is known of them, not even that
	}
	return class("unknown", 0.3, "Nothing in the mail tells.")
}

// heard counts the texts with one of the phrases, and gives the first that was found.
func heard(texts, phrases []string) (n int, first string) {
	for _, t := range texts {
		t = " " + fold(t) + " "
		for _, p := range phrases {
			if strings.Contains(t, " "+p) {
				if n++; first == "" {
					first = p
				}
				break
			}
		}
	}
	return n, first
}
