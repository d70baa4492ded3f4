package link

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProvidersOfManyCountries(t *testing.T) {
	for country, domains := range map[string]string{
		"the world": "gmail.com outlook.com hotmail.com yahoo.com icloud.com aol.com proton.me gmx.com zoho.com fastmail.com", "Argentina": "fibertel.com.ar ciudad.com.ar arnet.com.ar uol.com.ar", "Australia": "bigpond.com optusnet.com.au iinet.net.au start.com.au",
		"Austria": "aon.at gmx.at", "Belgium": "telenet.be skynet.be advalvas.be", "Brazil": "uol.com.br bol.com.br globo.com terra.com.br mailbr.com.br", "Bulgaria": "abv.bg dir.bg boxbg.com lex.bg", "Canada": "shaw.ca rogers.com sympatico.ca bell.net",
		"China": "qq.com 163.com sina.com aliyun.com 126.net", "Colombia": "une.net.co etb.net.co", "Czechia": "seznam.cz centrum.cz post.cz sweb.cz", "Denmark": "jubii.dk mail.dk mailme.dk forum.dk", "Estonia": "hot.ee uno.ee", "Finland": "luukku.com elisanet.fi jippii.fi",
		"France": "orange.fr free.fr laposte.net netcourrier.com", "Germany": "web.de t-online.de freenet.de online.de addcom.de", "Greece": "otenet.gr mailbox.gr vip.gr", "Hungary": "freemail.hu citromail.hu drotposta.hu eposta.hu",
		"India": "rediffmail.com sify.com rediffmailpro.com epatra.com", "Ireland": "eircom.net ireland.com dublin.ie", "Israel": "walla.co.il netvision.net.il intermail.co.il", "Italy": "libero.it alice.it tiscali.it mybox.it", "Japan": "docomo.ne.jp ezweb.ne.jp nifty.com yahoo.co.jp",
		"Korea": "naver.com daum.net hanmail.net nate.com kakao.com", "Latvia": "inbox.lv apollo.lv navigator.lv", "Lithuania": "takas.lt one.lt", "Mexico": "prodigy.net.mx uol.com.mx", "the Netherlands": "ziggo.nl kpnmail.nl freesurf.nl zeepost.nl", "Norway": "online.no spray.no",
		"New Zealand": "xtra.co.nz", "Pakistan": "karachioye.com", "Poland": "wp.pl onet.pl interia.pl opoczta.pl", "Portugal": "sapo.pt clix.pt aeiou.pt", "Romania": "home.ro posta.ro personal.ro", "Russia": "mail.ru yandex.ru rambler.ru qip.ru 74.ru",
		"Singapore": "singnet.com.sg", "Slovakia": "azet.sk zoznam.sk", "South Africa": "mweb.co.za webmail.co.za ananzi.co.za", "Spain": "telefonica.net terra.es iespana.es eresmas.com", "Sweden": "telia.com altavista.se", "Switzerland": "bluewin.ch sunrise.ch dplanet.ch",
		"Taiwan": "hinet.net pchome.com.tw", "Turkey": "mynet.com superonline.com ilkposta.com", "Ukraine": "ukr.net i.ua meta.ua 3g.ua", "the United Kingdom": "btinternet.com talktalk.net sky.com freeuk.com", "the United States": "comcast.net verizon.net sbcglobal.net care2.com",
		"a family": "mail2rome.com mail2paul.com", "Vietnam": "vnn.vn",
	} {
		for d := range strings.FieldsSeq(domains) {
			require.True(t, FreeMail(d), "%s: %s", country, d)
			require.Empty(t, CompanyDomain("anna@"+d), d)
		}
	}
}

func TestCompaniesAreNoProviders(t *testing.T) {
	for d := range strings.FieldsSeq(`microsoft.com apple.com google.com amazon.com ibm.com oracle.com sap.com siemens.com bmw.de bosch.com volkswagen.de basf.com bayer.com allianz.de lufthansa.com dhl.com ikea.com volvo.com ericsson.com nokia.com
		maersk.com novonordisk.com philips.com shell.com unilever.com airbus.com renault.fr danone.com loreal.com nestle.com novartis.com roche.com ubs.com enel.net eni.com ferrari.com santander.com inditex.com bp.com bbc.co.uk tesco.com
		samsung.com lg.com hyundai.com toyota.co.jp sony.com panasonic.com tatasteel.com infosys.com wipro.com alibaba.com tencent.com huawei.com facebook.com meta.com netflix.com salesforce.com adobe.com cisco.com intel.com hp.com dell.com
		comcast.com vodafone.com telekom.com nus.edu.sg mit.edu ox.ac.uk unican.es un.org who.int mailchimp.com mailgun.com discovery.com medscape.com test.de name.com northwind-lamps.example`) {
		require.False(t, FreeMail(d), d)
	}
}

func TestTheListOfProvidersIsInOrder(t *testing.T) {
	require.True(t, slices.IsSorted(moreFreeMail))
	require.Equal(t, moreFreeMail, slices.Compact(slices.Clone(moreFreeMail)))
	for _, d := range moreFreeMail {
		require.Equal(t, d, Registrable(d), "in lower case, and no name below a domain")
		require.False(t, freeMail[d], "%s stands in both", d)
	}
	require.Less(t, len(moreFreeMailText), 60_000)
}
