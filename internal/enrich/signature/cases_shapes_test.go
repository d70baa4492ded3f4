package signature

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSignaturesInManyShapes(t *testing.T) {
	runCases(t, []letterCase{
		{
			what: "three columns", from: "Ivo Hurrel", email: "ivo.hurrel@vandermere.example",
			text: "no.\n-- \nIvo E Hurrel         Professor and Chair           School of Lamps\n                     Department of Lighting        Vandermere University\n",
			name: "Ivo E Hurrel", title: "Professor and Chair", company: "Vandermere University",
		},
		{
			what: "drawn with letters", from: "Per Dalgren", email: "p.dalgren@lys.example",
			text: "yes\n\n-- \n   O__  ---- Per Dalgren                Øster Lampegade 5, Entr.B\n  c/ /'_ --- Dept. of Lamps             PO Box 2099, 1014 Cph. K\n (*) \\(*) -- University of Lysby        Denmark          Ph:  (+45) 32123456\n~~~~~~~~~~ - (p.dalgren@lys.example)                    FAX: (+45) 32123457\n",
			name: "Per Dalgren", company: "University of Lysby", phones: []string{"+4532123456 work", "+4532123457 fax"}, address: "Øster Lampegade 5 Entr.B PO Box 2099 1014 Cph. K Denmark",
		},
		{
			what: "one paragraph, broken anywhere", from: "Rolf Bivander", email: "rolf.bivander@lysskole.example",
			text: "Yes.\n\n-- \nRolf Bivander\nSection of Lamps, Department of Light, Norwegian School of\nLamps and Lighting Administration, Lysveien 30, N-5045 Bergen,\nNorway. voice: +47 55 95 93 55; fax +47 55 95 95 43\ne-mail: Rolf.Bivander at lysskole.example\n",
			name: "Rolf Bivander", company: "Norwegian School of Lamps and Lighting Administration", phones: []string{"+4755959355 work", "+4755959543 fax"}, address: "Lysveien 30 N-5045 Bergen Norway",
		},
		{
			what: "a law firm", from: "Greg Olson", email: "golson@olsonbeck.example",
			text: "ok\n\nGREGORY T. OLSON\nAttorney at Law\nOLSON, BECK & HARRIS LLP\n200 Public Square, Suite 3000\nCleveland, Ohio 44114\nDirect Dial: 216.555.0100 | Cell: 216.555.0101 | Fax: 216.555.0102\n",
			name: "GREGORY T. OLSON", title: "Attorney at Law", company: "OLSON, BECK & HARRIS LLP", phones: []string{"+12165550100 work", "+12165550101 mobile", "+12165550102 fax"}, address: "200 Public Square Suite 3000 Cleveland Ohio 44114",
		},
		{
			what: "labels with brackets, three kinds", from: "Kay Wang", email: "kay.wang@maths.lampu.example",
			text: "Cheers,\n\nKay\n\n------------------------------------------------------------------------------\nKo-Kay Wang\nPhD Student\nCentre for Lamp Science\nBuilding 27, Room 1004\nAustralian Lamp University\nCanberra, ACT 0200\nAustralia\n\nPh (W): +61-2-5550-2431\nPh (H): +61-2-5550-7488\nPh (M): +61-491-570-156\n",
			name: "Ko-Kay Wang", title: "PhD Student", company: "Australian Lamp University", phones: []string{"+61255502431 work", "+61255507488 home", "+61491570156 mobile"}, address: "Canberra ACT 0200 Australia",
		},
		{
			what: "company and title above the name", from: "Göran Ekman", email: "goran@ekmanbygg.example",
			text: "Hej\n\nHälsningar\n\nEkman Bygg AB\nProjektledare\nGöran Ekman\nKungsgatan 8\n111 43 Stockholm\nTel: +46 8 555 01 23\n",
			name: "Göran Ekman", title: "Projektledare", company: "Ekman Bygg AB", phones: []string{"+4685550123 work"}, address: "Kungsgatan 8 111 43 Stockholm",
		},
		{
			what: "a slash in front, a number without a country", from: "Jesper Nygård", email: "jn@nygaard.example", region: "DK",
			text: "Hej\n\n/Jesper Nygård\nTlf. 32 12 34 56\n", name: "Jesper Nygård", phones: []string{"+4532123456 work"},
		},
		{
			what: "a box of bars", from: "Phil Mayer", email: "p.mayer@lampcollege.example",
			text: "yes\n-- \n\nRegards,\nPhil\n\n+------------------------------------------+\n| Phil Mayer                               |\n| Network Engineer                         |\n| Imperial Lamp College                    |\n+------------------------------------------+\n",
			name: "Phil Mayer", title: "Network Engineer", company: "Imperial Lamp College",
		},
		{
			what: "cells of a table without a sign between", from: "Mara Lind", email: "mara.lind@northwind-lamps.example",
			text: "Fine.\n\nMara Lind Head of Sales\nNorthwind Lamps Ltd T +44 117 496 0123 M +44 7700 900123\n",
			name: "Mara Lind", title: "Head of Sales", company: "Northwind Lamps Ltd", phones: []string{"+441174960123 work", "+447700900123 mobile"},
		},
		{
			what: "an empty line after each, as from HTML paragraphs", from: "Mara Lind", email: "mara.lind@northwind-lamps.example",
			text: "Hi Tom,\n\nattached.\n\nKind regards,\n\nMara Lind\n\nHead of Sales\n\nNorthwind Lamps Ltd\n\n12 Harbour Street, Bristol BS1 5TY\n\nT: +44 117 496 0123 | M: +44 7700 900123\n\nLinkedIn\n\nFrom: Tom Reed <tom@reed.example>\nSent: Monday, March 4, 2024 9:12 AM\nTo: Mara Lind\nSubject: x\n\nHello\n\nTom Reed\nCEO\n212-555-0100\n",
			name: "Mara Lind", title: "Head of Sales", company: "Northwind Lamps Ltd", phones: []string{"+441174960123 work", "+447700900123 mobile"}, address: "12 Harbour Street Bristol BS1 5TY",
		},
		{
			what: "company by its link", from: "Joan Ulman", email: "joan.ulman@gmail.com",
			text: "Yes.\n\nBest,\n--\nJoan Ulman  |  about.example/joan\nFOSS Lamping  |  www.fosslamping.example\n", name: "Joan Ulman", company: "FOSS Lamping",
		},
		{
			what: "Brazilian", from: "Paula Souza", email: "paula.souza@luz.example", region: "BR",
			text: "Att,\n\nPaula Souza\nAnalista de Marketing\nLuz Brasil Ltda\n(11) 3555-1234 | (11) 98765-4321\nAv. Central, 1000 - 10º andar - São Paulo/SP - CEP 01310-100\n",
			name: "Paula Souza", title: "Analista de Marketing", company: "Luz Brasil Ltda", phones: []string{"+551135551234 work", "+5511987654321 mobile"}, address: "Av. Central 1000 - 10º andar - São Paulo/SP - CEP 01310-100",
		},
		{
			what: "the company shares the sender's name", from: "Thiago Cavalcanti", email: "thiago@cavalcanti.example",
			text: "Ok\n\nCavalcanti Engenharia Ltda\nThiago Cavalcanti\nAv. Central 2500\n80250-000 Curitiba\n+55 41 3555-0148\n",
			name: "Thiago Cavalcanti", company: "Cavalcanti Engenharia Ltda", phones: []string{"+554135550148 work"}, address: "Av. Central 2500 80250-000 Curitiba",
		},
		{
			what: "addresses behind links", from: "Mara Lind", email: "mara@northwind-lamps.example",
			text: "Hello\n\nBest regards\n\nMara Lind\nHead of Sales\nNorthwind Lamps\n\nCall me <tel:+441174960123> | Mobile <tel:+447700900123> | Email <mara@northwind-lamps.example> | LinkedIn <https://www.linkedin.com/in/mara-lind>\n",
			name: "Mara Lind", title: "Head of Sales", company: "Northwind Lamps", phones: []string{"+441174960123 work", "+447700900123 mobile"}, linkedIn: "https://www.linkedin.com/in/mara-lind",
		},
		{
			what: "a link whose text is the number", from: "Mara Lind", email: "mara@northwind-lamps.example",
			text: "Hello\n\nBest regards\nMara Lind\nNorthwind Lamps\n0117 496 0123 <tel:+441174960123>\n<https://www.linkedin.com/in/mara-lind>\n", region: "GB",
			name: "Mara Lind", company: "Northwind Lamps", phones: []string{"+441174960123 work"}, linkedIn: "https://www.linkedin.com/in/mara-lind",
		},
	})
}

// Somebody else's signature stays somebody else's, however he is quoted.
func TestQuotedSignaturesInEveryStyle(t *testing.T) {
	quotedMail := "Hello Mike,\n\nthe lamps are on their way.\n\nBest regards,\n\nMara Lind\nHead of Sales\nNorthwind Lamps Ltd.\n12 Harbour Street, Bristol BS1 5TY\nTel: +44 117 496 0123\nhttps://www.linkedin.com/in/maralind\n"
	marked := "> " + strings.ReplaceAll(strings.TrimSpace(quotedMail), "\n", "\n> ") + "\n"
	for _, head := range []string{
		"On Mon, Mar 4, 2024 at 9:12 AM Mara Lind <mara@lind.example> wrote:\n\n",
		"On Mon, Mar 4, 2024 at 9:12 AM Mara Lind\n<mara@lind.example> wrote:\n",
		"Am 04.03.24 um 09:12 schrieb Mara Lind:\n",
		"Le lun. 4 mars 2024 à 09:12, Mara Lind <mara@lind.example> a écrit :\n\n",
		"El lun, 4 mar 2024 a las 9:12, Mara Lind (<mara@lind.example>) escribió:\n\n",
		"Il giorno lun 4 mar 2024 alle ore 09:12 Mara Lind <mara@lind.example> ha scritto:\n\n",
		"Em seg., 4 de mar. de 2024 às 09:12, Mara Lind <mara@lind.example> escreveu:\n\n",
		"Op ma 4 mrt 2024 om 09:12 schreef Mara Lind <mara@lind.example>:\n\n",
		"Den mån 4 mars 2024 kl 09:12 skrev Mara Lind <mara@lind.example>:\n\n",
		"pon., 4 mar 2024 o 09:12 Mara Lind <mara@lind.example> napisał(a):\n\n",
		"2024-03-04 9:12 GMT+01:00 Mara Lind <mara@lind.example>:\n\n",
		"Mara Lind wrote:\n",
		"",
	} {
		nothing(t, "marked below "+head, head+marked)
	}
	for _, head := range []string{
		"-----Original Message-----\nFrom: Mara Lind [mailto:mara@lind.example]\nSent: Monday, March 4, 2024 9:12 AM\nTo: Mike Stone\nSubject: Lamps\n\n",
		"________________________________\nFrom: Mara Lind <mara@lind.example>\nSent: Monday, March 4, 2024 9:12 AM\nTo: Mike Stone\nSubject: Lamps\n\n",
		"*From:* Mara Lind <mara@lind.example>\n*Sent:* Monday, March 4, 2024 9:12 AM\n*To:* Mike Stone\n*Subject:* Lamps\n\n",
		"---------- Forwarded message ---------\nFrom: Mara Lind <mara@lind.example>\nDate: Mon, Mar 4, 2024\nSubject: Lamps\nTo: Mike\n\n",
		"-------- Weitergeleitete Nachricht --------\nBetreff: Lampen\nDatum: Mon, 4 Mar 2024\nVon: Mara Lind\nAn: Mike\n\n",
		"Von: Mara Lind\nGesendet: Montag, 4. März 2024 09:12\nAn: Mike Stone\nBetreff: Lampen\n\n",
		"De : Mara Lind\nEnvoyé : lundi 4 mars 2024 09:12\nÀ : Mike Stone\nObjet : Lampes\n\n",
		"De: Mara Lind\nEnviado el: lunes, 4 de marzo de 2024 9:12\nPara: Mike Stone\nAsunto: Lámparas\n\n",
		"Da: Mara Lind\nInviato: lunedì 4 marzo 2024 09:12\nA: Mike Stone\nOggetto: Lampade\n\n",
		"Van: Mara Lind\nVerzonden: maandag 4 maart 2024 09:12\nAan: Mike Stone\nOnderwerp: Lampen\n\n",
		"Från: Mara Lind\nSkickat: den 4 mars 2024 09:12\nTill: Mike Stone\nÄmne: Lampor\n\n",
		"Od: Mara Lind\nWysłano: poniedziałek, 4 marca 2024 09:12\nDo: Mike Stone\nTemat: Lampy\n\n",
		"差出人: Mara Lind\n送信日時: 2024年3月4日 9:12\n宛先: Mike Stone\n件名: ランプ\n\n",
		"Begin forwarded message:\n\nFrom: Mara Lind <mara@lind.example>\nDate: 4 March 2024\n\n",
		"On Monday, 4 March 2024 at 09:12, Mara Lind <mara@lind.example> wrote:\n\n",
		"Mara Lind <mara@lind.example>\n03/04/2024 09:12 AM\n\nTo\nMike Stone\n\n",
	} {
		nothing(t, "below "+head, head+quotedMail)
	}
}

func ownText(text string) string { return strings.Join(Own(text), "\n") }

func nothing(t *testing.T, what, below string) {
	t.Helper()
	text := "That is fine with me.\n\nThanks\nMike\n\n" + below
	f := Extract(Message{FromName: "Mike Stone", FromEmail: "mike.stone@fabrikam.example", Text: text})
	require.Empty(t, f.Values, what)
	require.Equal(t, KindNone, f.Kind, what)
	require.NotContains(t, ownText(text), "Bristol", what)
	require.Contains(t, ownText(text), "fine with me", what)
}

func TestOwnKeepsAnswersBetweenQuotes(t *testing.T) {
	text := "On 4 Mar 2024, at 09:12, Tom Reed <tom@reed.example> wrote:\n> Is it blue?\n\nYes.\n\n> And round?\n\nNo.\n"
	require.Equal(t, "Yes. No.", strings.Join(strings.Fields(ownText(text)), " "))
}

func TestBulkMailNeedsMore(t *testing.T) {
	text := "Spring is here.\n\nFabrikam Inc., 100 Main Street, Springfield, IL 62704\n(217) 555-0100\n"
	require.NotEmpty(t, Extract(Message{FromName: "Fay Brick", FromEmail: "fay@fabrikam.example", Text: text + "\nFay Brick\nCEO\n"}).Values)
	require.Empty(t, Extract(Message{FromName: "Fabrikam", FromEmail: "news@fabrikam.example", Bulk: true, Text: text}).Values)
}

func TestRegionGivesTheCountry(t *testing.T) {
	for region, want := range map[string]string{"FR": "+33199001122", "DE": "+49199001122", "": "01 99 00 11 22"} {
		f := Extract(Message{FromName: "Ada Roux", FromEmail: "ada@roux.example", Region: region, Text: "Regards\nAda Roux\nTel: 01 99 00 11 22\n"})
		require.Equal(t, want, f.Get(FieldPhone), fmt.Sprintf("region %q", region))
	}
}
