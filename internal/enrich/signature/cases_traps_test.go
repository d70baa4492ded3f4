package signature

import "testing"

// Nothing may be found in these.
func TestMailWithoutASignature(t *testing.T) {
	var cases []letterCase
	for what, text := range map[string]string{
		"nothing":                         "",
		"only a first name":               "The cat needs something.\n\nThanks,\nMike\n",
		"a phone in the body":             "Please call me at 713-555-0186 or ask Stephen Becker, Partner, at 202/555-0108.\n\nThanks,\nMike\n",
		"only the quote has one":          "Works for me. Mike\n\nOn Mon, 4 Mar 2024 at 09:12, Jane Walters <jane@adatum.example>\nwrote:\n\n> Ok?\n>\n> Jane Walters\n> Adatum Freight, LLC\n> 212-555-0140\n",
		"forwarded by Apple":              "FYI\n\nBegin forwarded message:\n\nFrom: Jane Walters <jane@adatum.example>\nDate: 4 March 2024\nTo: Mike\nSubject: x\n\nBest,\nJane Walters\nCFO\nAdatum Freight, LLC\n212-555-0140\n",
		"Notes forward":                   "---------------------- Forwarded by Mike Stone/HOU on 05/16/2000 06:23 PM\n---------------------------\n\n\"Jane Walters\" <jane@adatum.example> on 05/16/2000 08:09:12 PM\nTo: Mike Stone\ncc:\nSubject: memo\n\nJane Walters\nSenior Associate\nAdatum Consulting\nVoice (703) 555-0147\n",
		"a list's footer":                 "I think so too.\n\nMike\n\n_______________________________________________\nLamps mailing list\nLamps@lists.lamps.example\nhttp://lists.lamps.example/mailman/listinfo/lamps\n",
		"a list's name and address":       "I think so too.\n\nMike\n\nLampshire Users' Group: lamps@lampshire.example\nhttp://www.lampshire.example/mailman/listinfo/lamps for (un)subscription information.\n",
		"a legal footer with the company": "Fine.\n\nMike\n\n________________________________\nFabrikam Lamps (UK) Ltd.,\nCompany Registered Office: 1 High Street, London, EC1A 1BB\nRegistered Number: 1234567\n",
		"a motto":                         "I agree.\n\n-- \nThose are my lamps, and if you don't like them... well, I have others.\n                                   -- Marcus Groll\n",
		"a telephone's footer":            "ok\n\nSent from my iPhone\n",
		"a disclaimer":                    "Thank you\nMike\n\n________________________________\nThis message is confidential. If you are not the intended recipient please notify Fabrikam Ltd, 1 High Street, London EC1A 1BB, +44 20 7946 0000 and delete it.\n",
		"a table of people":               "The team:\n\nJane Walters   212-555-0140\nJim Poole      212-555-0141\nAnn Moss       212-555-0142\nCarl Bauer     212-555-0143\nPriya Nair     212-555-0144\nLena Fox       212-555-0145\nOmar Haddad    212-555-0146\n\nMike\n",
		"a conference call":               "Dial-in for tomorrow:\n1-800-555-0100\nPasscode: 1234567\n\nMike\n",
		"code":                            "Try this:\n\nfor i in 1..10 {\n  print(i)\n}\n0x1234567890\n192.168.10.21\n2024-03-04 10:12:33\n\nMike\n",
		"an invitation of a calendar":     "Price talk\nTuesday 24 Nov 2026, 09:00 (UTC)\n\nOrganizer\nMike Stone <mike.stone@fabrikam.example>\n\nGuests\nMara Lind <mara@lind.example>\n\nReply to this invitation from your calendar.\n",
		"an invitation in German":         "Preise\nDienstag, 24. Nov. 2026\n\nOrganisator\nMike Stone\nmike.stone@fabrikam.example\n\nGäste\nMara Lind\n",
		"an automatic mail":               "Build 4711 of lamps failed.\n\n-- \nThe build server\nhttps://ci.lamps.example/4711\n",
	} {
		cases = append(cases, letterCase{what: what, from: "Mike Stone", email: "mike.stone@fabrikam.example", text: text})
	}
	runCases(t, cases)
}

func TestTraps(t *testing.T) {
	runCases(t, []letterCase{
		{
			what: "how to reach somebody else", from: "Mike Stone", email: "mike.stone@fabrikam.example",
			text: "Hi Mara,\n\nThanks!\n\nMike Stone\nHead of Sales\nFabrikam Lamps Ltd\nCall my assistant Anna, her phone is +44 20 7946 0000.\nPriya's direct number: +44 20 7946 0001\n+44 20 7946 0111\n",
			name: "Mike Stone", title: "Head of Sales", company: "Fabrikam Lamps Ltd", phones: []string{"+442079460111 work"},
		},
		{
			what: "numbers that are no phones", from: "Mara Lind", email: "mara@lind.example",
			text: "-- \nMara Lind\nICQ: 123456789\nVAT No GB 123 4567 89\nIBAN DE44 5001 0517 5407 3249 31\nPGP fingerprint: 1234 5678 9012 3456 7890\nTel +44 117 496 0123\n",
			name: "Mara Lind", phones: []string{"+441174960123 work"},
		},
		{
			what: "phone and fax in one label is a voice phone", from: "Mara Lind", email: "mara@lind.example",
			text: "Regards\nMara Lind\nTel/Fax: +44 117 496 0123\n", name: "Mara Lind", phones: []string{"+441174960123 work"},
		},
		{
			what: "the company's LinkedIn page is not the person's", from: "Mara Lind", email: "mara@lind.example",
			text: "Regards\nMara Lind\n+44 117 496 0123\nhttps://www.linkedin.com/company/lind\n", name: "Mara Lind", phones: []string{"+441174960123 work"},
		},
		{
			what: "an inline answer ends with the signature", from: "Mara Lind", email: "mara@lind.example",
			text: "On 4 Mar 2024, at 09:12, Tom Reed <tom@reed.example> wrote:\n\n> Is it blue?\n\nYes.\n\n> Tom Reed\n> +1 415 555 0134\n\n-- \nMara Lind\n+44 117 496 0123\n", name: "Mara Lind", phones: []string{"+441174960123 work"},
		},
		{
			what: "carriage returns", from: "Mara Lind", email: "mara@lind.example",
			text: "Hello\r\n\r\nRegards\r\nMara Lind\r\n12 Harbour Street\r\nBristol BS1 5TY\r\n+44 117 496 0123\r\n", name: "Mara Lind", phones: []string{"+441174960123 work"}, address: "12 Harbour Street Bristol BS1 5TY",
		},
	})
}

func TestRobotsHaveNoSignature(t *testing.T) {
	runCases(t, []letterCase{{what: "no-reply", from: "Northwind Lamps", email: "no-reply@northwind-lamps.example", text: "Your order is on its way.\n\nKind regards,\nMara Lind\nNorthwind Lamps Ltd.\n+44 117 496 0123\n"}})
}
