package signature

import "testing"

func TestSignaturesOfOtherLanguages(t *testing.T) {
	runCases(t, []letterCase{
		{
			what: "German", from: "Jürgen Weiß", email: "j.weiss@nordlicht-leuchten.example",
			text:   "Hallo Frau Lind,\n\nanbei das Angebot.\n\nMit freundlichen Grüßen\n\ni. A. Jürgen Weiß\nVertriebsleiter\n\nNordlicht Leuchten GmbH\nHafenstraße 12\n20457 Hamburg\nTel.: 040 / 5555 123\nFax: 040 / 5555 124\nMobil: 0151 23456789\nwww.nordlicht-leuchten.example\n\nSitz der Gesellschaft: Hamburg, Amtsgericht Hamburg HRB 12345\nGeschäftsführer: Dr. Otto Kern\nUSt-ID: DE123456789\n",
			region: "DE",
			name:   "Jürgen Weiß", title: "Vertriebsleiter", company: "Nordlicht Leuchten GmbH", phones: []string{"+49405555123 work", "+49405555124 fax", "+4915123456789 mobile"},
			address: "Hafenstraße 12 20457 Hamburg",
		},
		{
			what: "French", from: "Claire Fournier", email: "claire.fournier@lampes-du-nord.example",
			text: "Bonjour,\n\nvoici le devis.\n\nBien cordialement,\n\nClaire Fournier\nChargée de clientèle\nLampes du Nord SARL\n14 bis, rue des Lilas\n59000 Lille\nFrance\nTél. : 03 20 55 01 23\nPort. : 06 39 98 01 23\n\nLe 4 mars 2024 à 10:12, Paul Roux <paul@roux.example> a écrit :\n> Merci\n> Paul Roux\n> 01 99 00 11 22\n",
			name: "Claire Fournier", title: "Chargée de clientèle", company: "Lampes du Nord SARL", phones: []string{"+33320550123 work", "+33639980123 mobile"},
			address: "14 bis rue des Lilas 59000 Lille France",
		},
		{
			what: "Spanish", from: "Lucía Romero", email: "lromero@luces-ibericas.example",
			text: "Hola Mara:\n\nadjunto el presupuesto.\n\nUn saludo,\n\nLucía Romero\nDirectora Comercial\nLuces Ibéricas, S.L.\nCalle Mayor 25, 28013 Madrid, España\nTel. 915 550 123 | Móvil 612 345 678\n",
			name: "Lucía Romero", title: "Directora Comercial", company: "Luces Ibéricas, S.L.", phones: []string{"+34915550123 work", "+34612345678 mobile"},
			address: "Calle Mayor 25 28013 Madrid España",
		},
		{
			what: "Portuguese", from: "João Mendes", email: "joao.mendes@candeeiros.example",
			text: "Bom dia,\n\nsegue em anexo.\n\nCom os melhores cumprimentos,\n\nJoão Mendes\nGestor de Projeto\nCandeeiros do Porto, Lda.\nRua das Flores 120\n4050-262 Porto, Portugal\nTlf: 222 555 123\nTelemóvel: 912 345 678\n",
			name: "João Mendes", title: "Gestor de Projeto", company: "Candeeiros do Porto, Lda.", phones: []string{"+351222555123 work", "+351912345678 mobile"},
			address: "Rua das Flores 120 4050-262 Porto Portugal",
		},
		{
			what: "Italian", from: "Giulia Ferri", email: "g.ferri@lumi-italiani.example",
			text: "Buongiorno,\nconfermo.\n\nCordiali saluti\n\nDott.ssa Giulia Ferri\nResponsabile Acquisti\nLumi Italiani S.r.l.\nVia Garibaldi 10 - 20121 Milano\nTel. +39 02 5550123\nCell. +39 347 1234567\nP.IVA 01234567890\n",
			name: "Giulia Ferri", title: "Responsabile Acquisti", company: "Lumi Italiani S.r.l.", phones: []string{"+39025550123 work", "+393471234567 mobile"},
			address: "Via Garibaldi 10 - 20121 Milano",
		},
		{
			what: "Dutch", from: "Sanne de Vries", email: "sanne@lampenhuis.example",
			text: "Hoi,\n\nprima.\n\nMet vriendelijke groet,\n\nSanne de Vries\nProjectleider\n\nLampenhuis B.V.\nKeizersgracht 100\n1015 AA Amsterdam\nT +31 20 555 0123\nM +31 6 12345678\nKvK 12345678\n",
			name: "Sanne de Vries", title: "Projectleider", company: "Lampenhuis B.V.", phones: []string{"+31205550123 work", "+31612345678 mobile"},
			address: "Keizersgracht 100 1015 AA Amsterdam",
		},
		{
			what: "Swedish", from: "Åsa Lindqvist", email: "asa.lindqvist@ljus.example",
			text: "Hej!\n\nDet går bra.\n\nMed vänliga hälsningar\n\nÅsa Lindqvist\nFörsäljningschef\nLjus i Norr AB\nStorgatan 5, 903 26 Umeå\nTel: +46 90 555 01 23\nMobil: +46 70 174 06 05\n",
			name: "Åsa Lindqvist", title: "Försäljningschef", company: "Ljus i Norr AB", phones: []string{"+46905550123 work", "+46701740605 mobile"},
			address: "Storgatan 5 903 26 Umeå",
		},
		{
			what: "Polish", from: "Małgorzata Zięba", email: "m.zieba@lampy.example",
			text: "Dzień dobry,\n\nw załączeniu.\n\nZ poważaniem,\n\nMałgorzata Zięba\nSpecjalista ds. sprzedaży\nLampy Bałtyk Sp. z o.o.\nul. Długa 15\n80-831 Gdańsk\ntel. +48 58 555 01 23\nkom. +48 512 345 678\n",
			name: "Małgorzata Zięba", title: "Specjalista ds. sprzedaży", company: "Lampy Bałtyk Sp. z o.o.", phones: []string{"+48585550123 work", "+48512345678 mobile"},
			address: "ul. Długa 15 80-831 Gdańsk",
		},
		{
			what: "Danish", from: "Søren Holm", email: "soren@lygten.example",
			text: "Hej\n\nFint.\n\nMed venlig hilsen\n\nSøren Holm\nProjektleder\nLygten ApS\nNørregade 7\n1165 København K\nTlf.: +45 32 12 34 56\n",
			name: "Søren Holm", title: "Projektleder", company: "Lygten ApS", phones: []string{"+4532123456 work"}, address: "Nørregade 7 1165 København K",
		},
		{
			what: "Japanese", from: "山田 太郎", email: "yamada@akari.example",
			text:   "お世話になっております。\n資料をお送りします。\n\nよろしくお願いいたします。\n\n----------------------------\n株式会社あかり\n営業部長\n山田 太郎\n〒100-0001 東京都千代田区千代田1-1\nTEL: 03-5555-0123\nFAX: 03-5555-0124\n----------------------------\n",
			region: "JP", name: "山田 太郎", title: "営業部長", company: "株式会社あかり", phones: []string{"+81355550123 work", "+81355550124 fax"},
			address: "〒100-0001 東京都千代田区千代田1-1",
		},
		{
			what: "Russian, with the header's name in Latin letters", from: "Olga Petrova", email: "olga.petrova@lampa.example",
			text: "Добрый день!\n\nС уважением,\nОльга Петрова\nМенеджер по продажам\nООО «Лампа»\nтел. +7 (495) 555-01-23\nмоб. +7 916 555-01-23\n\n4 марта 2024 г., 09:12 пользователь Tom <tom@reed.example> написал:\n\n> Да\n",
			name: "Ольга Петрова", title: "Менеджер по продажам", company: "ООО «Лампа»",
			phones: []string{"+74955550123 work", "+79165550123 mobile"},
		},
		{
			what: "Chinese, with full-width signs", from: "李伟", email: "liwei@lamps.example", region: "CN",
			text: "您好，\n\n此致\n敬礼\n\n李伟\n销售经理\n北京灯具有限公司\n地址：北京市朝阳区建国路88号\n电话：010-8283 1234\n手机：139 1012 3456\n",
			name: "李伟", title: "销售经理", company: "北京灯具有限公司", phones: []string{"+861082831234 work", "+8613910123456 mobile"}, address: "北京市朝阳区建国路88号",
		},
		{
			what: "Swiss, reply below Outlook's header", from: "Reto Frei", email: "reto.frei@bergbahn.example",
			text: "Danke!\n\nFreundliche Grüsse\nReto Frei\nLeiter Einkauf\n\nBergbahn AG\nBahnhofstrasse 3\nCH-7000 Chur\nTelefon +41 81 555 01 23\n\nVon: Mara Lind <mara.lind@northwind-lamps.example>\nGesendet: Montag, 4. März 2024 09:12\nAn: Reto Frei\nBetreff: Lampen\n\nGuten Tag\n\nMara Lind\nHead of Sales\n+44 117 496 0123\n",
			name: "Reto Frei", title: "Leiter Einkauf", company: "Bergbahn AG", phones: []string{"+41815550123 work"}, address: "Bahnhofstrasse 3 CH-7000 Chur",
		},
	})
}
