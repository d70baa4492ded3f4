package signature

import "testing"

func TestEnglishSignatures(t *testing.T) {
	runCases(t, []letterCase{
		{
			what: "the plain one", from: "Mara Lind", email: "mara.lind@northwind-lamps.example",
			text: "Hello Tom,\n\nplease find the offer attached.\n\nBest regards,\n\nMara Lind\nHead of Sales\nNorthwind Lamps Ltd.\n12 Harbour Street, Bristol BS1 5TY, United Kingdom\nTel: +44 117 496 0123\nMobile: +44 7700 900123\nwww.northwind-lamps.example\n",
			name: "Mara Lind", title: "Head of Sales", company: "Northwind Lamps Ltd.", phones: []string{"+441174960123 work", "+447700900123 mobile"},
			website: "www.northwind-lamps.example", address: "12 Harbour Street Bristol BS1 5TY United Kingdom",
		},
		{
			what: "one line with bars", from: "Tom Reed", email: "tom@fabrikam-tools.example",
			text: "Sounds good, let's do that.\n\nTom Reed | Account Manager | Fabrikam Tools Inc. | (415) 555-0134 | linkedin.com/in/tomreed\n",
			name: "Tom Reed", title: "Account Manager", company: "Fabrikam Tools Inc.", phones: []string{"+14155550134 work"}, linkedIn: "https://www.linkedin.com/in/tomreed",
		},
		{
			what: "bullets and a degree", from: "Ana Duarte", email: "ana.duarte@contoso-health.example",
			text: "Thanks,\nAna\n\nAna Duarte, PhD • Director of Research • Contoso Health Corporation\nO: 617.555.0111 • C: 617.555.0122 • F: 617.555.0133\n400 Main Street, Suite 210, Cambridge, MA 02139\n",
			name: "Ana Duarte", title: "Director of Research", company: "Contoso Health Corporation",
			phones: []string{"+16175550111 work", "+16175550122 mobile", "+16175550133 fax"}, address: "400 Main Street Suite 210 Cambridge MA 02139",
		},
		{
			what: "labels behind the numbers, the quote below is somebody else's", from: "Walters, Jane", email: "jwalters@adatum-freight.example",
			text: "Jim,\nship it.\n\nJane Walters\nAdatum Freight, LLC\n212-555-0140 (office)\n212-555-0141 (cell)\n212-555-0142 fax\n\n-----Original Message-----\nFrom: Jim Poole [mailto:jim@tailspin.example]\nSent: Monday, March 4, 2024 9:12 AM\nTo: Walters, Jane\nSubject: RE: pallets\n\nJane, can we?\n\nJim Poole\nVP Operations\nTailspin Toys\n303-555-0199\n",
			name: "Jane Walters", company: "Adatum Freight, LLC", phones: []string{"+12125550140 work", "+12125550141 mobile", "+12125550142 fax"},
		},
		{
			what: "extension", from: "Omar Haddad", email: "ohaddad@proseware.example",
			text: "Regards,\nOmar Haddad\nSenior Software Engineer\nProseware, Inc.\nPhone: (206) 555-0177 ext. 4021\n",
			name: "Omar Haddad", title: "Senior Software Engineer", company: "Proseware, Inc.", phones: []string{"+12065550177 x4021 work"},
		},
		{
			what: "text made from an HTML table", from: "Lena Fox", email: "lena@litware-design.example",
			text: "Hi all,\n\nsee below.\n\n[image: logo]\n*Lena Fox*\u00a0| Creative Director\nLitware Design Studio\nT:\u00a0+61 2 5550 1234\u00a0|\u00a0M:\u00a0+61 491 570 156\nE: lena@litware-design.example <mailto:lena@litware-design.example>\nLevel 3, 25 Bridge Street, Sydney NSW 2000\n<https://www.linkedin.com/in/lenafox?trk=x>\n",
			name: "Lena Fox", title: "Creative Director", company: "Litware Design Studio", phones: []string{"+61255501234 work", "+61491570156 mobile"},
			linkedIn: "https://www.linkedin.com/in/lenafox", address: "Level 3 25 Bridge Street Sydney NSW 2000",
		},
		{
			what: "two columns", from: "Ruth Okafor", email: "rokafor@woodgrove-bank.example",
			text: "ok with me\n\n-- \nRuth Okafor                    Woodgrove Bank\nCredit Analyst                 88 Pine Street\nphone: (312) 555-0160          Chicago, IL 60603\n",
			name: "Ruth Okafor", title: "Credit Analyst", company: "Woodgrove Bank", phones: []string{"+13125550160 work"}, address: "88 Pine Street Chicago IL 60603",
		},
		{
			what: "company from the domain, no legal form", from: "Pete Grant", email: "pete.grant@alpineski.example",
			text: "See you there.\n\nCheers\nPete\n\nPete Grant\nBuyer\nAlpine Ski\n+1 970 555 0102\n",
			name: "Pete Grant", title: "Buyer", company: "Alpine Ski", phones: []string{"+19705550102 work"},
		},
		{
			what: "signature under a top post, disclaimer after it", from: "Dana Cole", email: "dcole@trey-research.example",
			text: "Approved.\n\nDana Cole\nProgram Manager, Clinical Trials\nTrey Research\nDirect: +1 (858) 555-0190\n\nThis e-mail and any attachments are confidential and intended solely for the addressee. If you have received it in error, please notify the sender and delete it. Call +1 858 555 0000 with questions.\n\nOn Tue, Mar 5, 2024 at 10:02 AM Sam Bell <sam@bell.example> wrote:\n> ok?\n> Sam Bell\n> +1 303 555 0101\n",
			name: "Dana Cole", title: "Program Manager, Clinical Trials", company: "Trey Research", phones: []string{"+18585550190 work"},
		},
		{
			what: "only a first name and a phone", from: "Gina Dorn", email: "gina.dorn@fabrikam.example",
			text: "The call at 10:30 is cancelled.\n\ngd\n713-555-0151\n", phones: []string{"+17135550151 work"},
		},
		{
			what: "name on the sign-off's line", from: "Priya Nair", email: "priya@gmail.com",
			text: "That worked.\nRegards, Priya Nair\n+91 98200 12345\n", name: "Priya Nair", phones: []string{"+919820012345 mobile"},
		},
		{
			what: "a number broken over two lines", from: "Erik Holm", email: "erik.holm@uni-nordheim.example",
			text: "Yes.\n-- \nErik Holm\nInstitute for Lamps, University of Nordheim\nWeserstrasse 5, 48151 Nordheim, Germany. Phone: +49 251\n8333000, Fax: +49 251 8339000\n",
			name: "Erik Holm", company: "Institute for Lamps, University of Nordheim", phones: []string{"+492518333000 work", "+492518339000 fax"}, address: "Weserstrasse 5 48151 Nordheim Germany",
		},
		{
			what: "a name nobody knows from the header", from: "Sales Desk", email: "sales@wingtip-toys.example",
			text: "Happy to help!\n\nKind regards,\n\nHelen Marsh\nCustomer Service Representative\nWingtip Toys\n1-800-555-0155\n",
			name: "Helen Marsh", title: "Customer Service Representative", company: "Wingtip Toys", phones: []string{"+18005550155 work"},
		},
		{
			what: "only the name", from: "Carl Bauer", email: "carl@bauer.example",
			text: "I'll be there at nine.\n\nThanks,\nCarl Bauer\n", name: "Carl Bauer",
		},
		{
			what: "a state university's campus", from: "Joy Lee", email: "jlee@lampvalley.example",
			text: "Thanks!\n\nJoy Lee\nPostdoctoral Researcher\nUniversity of Montana, Lamp Valley\n805 555 0134\n",
			name: "Joy Lee", title: "Postdoctoral Researcher", company: "University of Montana, Lamp Valley", phones: []string{"+18055550134 work"},
		},
		{
			what: "title at company", from: "Max Reuter", email: "max@relecloud.example",
			text: "Cheers,\nMax\n\n--\nMax Reuter\nCo-Founder at Relecloud\nhttps://relecloud.example | https://www.linkedin.com/in/max-reuter/\n",
			name: "Max Reuter", title: "Co-Founder", company: "Relecloud", linkedIn: "https://www.linkedin.com/in/max-reuter", website: "https://relecloud.example",
		},
	})
}
