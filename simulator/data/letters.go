package data

import (
	"strconv"
	"strings"
	"time"
)

// composeNewsletter writes a mailing of four or five items.
func (l *letter) composeNewsletter() {
	r := l.t.robot
	subject := l.s.subject(nil, &l.t, &l.m, 0, l.at)
	colour := [...]string{"#1e6b62", "#7a1f4b", "#0b5d7a", "#b0640f"}[len(r.list)%4]
	l.html = append(l.html, "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>"...)
	l.html = appendEscaped(l.html, subject)
	l.html = append(l.html, "</title>\n<style>a{color:"+colour+"}h2{font:600 18px Georgia,serif;margin:0 0 6px}p{font:14px/21px Arial,sans-serif;color:#333;margin:0 0 18px}@media(max-width:480px){.wrap{width:100%!important}}</style></head>\n"...)
	l.html = append(l.html, `<body style="margin:0;background:#f4f2ee"><div style="display:none;max-height:0;overflow:hidden">`...)
	l.html = append(l.html, `What we read this week.</div><table width="100%" cellpadding="0" cellspacing="0"><tr><td align="center"><table class="wrap" width="600" cellpadding="0" cellspacing="0" style="background:#ffffff"><tr><td style="background:`+colour+`;padding:24px 32px;color:#ffffff;font:600 22px Georgia,serif">`...)
	l.html = append(appendEscaped(l.html, []byte(r.name)), "</td></tr>\n"...)
	l.text = append(append(l.text, r.name...), "\n\n"...)
	d := dice(l.t.h + 3)
	items, step := news, 3
	switch {
	case strings.HasPrefix(r.list, "offers."):
		items, step = wares, 1
	case strings.HasPrefix(r.list, "deals."):
		items, step = fares, 1
	}
	at := d.n(len(items))
	for i := range min(d.in(4, 5), len(items)) {
		item := items[(at+i*step)%len(items)]
		l.text = append(append(append(append(l.text, item[0]...), '\n'), item[1]...), "\n"...)
		l.text = append(append(l.text, "Read more: https://"+r.list+"/read/"...), strconv.FormatUint(l.t.h>>20+uint64(i), 36)...)
		l.text = append(l.text, "\n\n"...)
		l.html = append(l.html, `<tr><td style="padding:28px 32px 0 32px;border-bottom:1px solid #eeeeee"><h2>`...)
		l.html = append(append(appendEscaped(l.html, []byte(item[0])), "</h2>\n<p>"...), item[1]...)
		l.html = append(l.html, ` <a href="https://`+r.list+`/read/`...)
		l.html = strconv.AppendUint(l.html, l.t.h>>20+uint64(i), 36)
		l.html = append(l.html, "\" style=\"font-weight:600;text-decoration:none\">Read more</a></p></td></tr>\n"...)
	}
	l.html = append(l.html, `<tr><td style="padding:24px 32px;font:12px/18px Arial,sans-serif;color:#888888">You receive this because you subscribed with `...)
	l.html = append(append(l.html, l.s.owner.Email...), `. <a href="https://`+r.list+`/leave/`...)
	l.html = strconv.AppendUint(l.html, l.t.h>>16, 36)
	l.html = append(l.html, `">Unsubscribe</a><img src="https://`+r.list+`/open/`...)
	l.html = strconv.AppendUint(l.html, l.t.h>>12, 36)
	l.html = append(l.html, ".gif\" width=\"1\" height=\"1\" alt=\"\"></td></tr></table></td></tr></table></body></html>\n"...)
	l.text = append(l.text, "You receive this because you subscribed. Unsubscribe: https://"+r.list+"/leave\n"...)
}

// composeNotice writes what services, shops and swindlers send.
func (l *letter) composeNotice() {
	sc := l.s.scene(&l.t, &l.m, l.at)
	subject := l.s.subject(nil, &l.t, &l.m, 0, l.at)
	r := l.t.robot
	l.html = append(l.html, "<html><head><meta charset=\"utf-8\"></head><body style=\"margin:0;padding:24px;background:#fafafa\"><table width=\"560\" align=\"center\" style=\"background:#fff;border:1px solid #e4e4e4;border-radius:6px\"><tr><td style=\"padding:24px 28px\">\n<h1 style=\"font:600 20px Arial,sans-serif;margin:0 0 16px\">"...)
	l.html = append(appendEscaped(l.html, subject), "</h1>\n"...)
	l.text = append(append(append(l.text, "Hello "...), l.s.owner.Native...), ",\n\n"...)
	for _, b := range r.body {
		at := len(l.text)
		l.text = compiled(b).render(l.text, &sc)
		l.html = append(l.html, paragraphStyle...)
		l.html = append(appendEscaped(l.html, l.text[at:]), "</p>\n"...)
		l.text = append(l.text, "\n\n"...)
	}
	if l.t.kind == receipt {
		l.appendItems(&sc)
	}
	if l.t.kind == notification {
		l.html = append(l.html, `<p><a href="https://`...)
		l.html = append(append(l.html, l.domain()...), "/go/"...)
		l.html = strconv.AppendUint(l.html, l.t.h>>16, 36)
		l.html = append(l.html, `" style="display:inline-block;background:#2b5fd9;color:#fff;padding:10px 18px;border-radius:4px;font:600 14px Arial,sans-serif;text-decoration:none">Open</a></p>`...)
		l.text = append(append(l.text, "Open: https://"...), l.domain()...)
		l.text = append(l.text, "/go\n\n"...)
	}
	l.text = append(append(append(l.text, "-- \n"...), r.name...), '\n')
	l.html = append(append(append(l.html, `<p style="font:12px Arial,sans-serif;color:#999">`...), r.name...), "</p></td></tr></table></body></html>\n"...)
}

// appendItems writes the table of a receipt.
func (l *letter) appendItems(sc *scene) {
	d := dice(l.t.h + 4)
	net := int64(d.in(900, 64000))
	vat := net / 4
	l.html = append(l.html, `<table width="100%" style="font:14px Arial,sans-serif;border-collapse:collapse">`...)
	for _, row := range []struct {
		name  string
		cents int64
	}{{"Net amount", net}, {"VAT 25 %", vat}, {"Total", net + vat}} {
		l.html = append(append(l.html, `<tr><td style="padding:6px 0;border-top:1px solid #eee">`...), row.name...)
		l.html = append(appendMoney(append(l.html, `</td><td align="right" style="border-top:1px solid #eee">`...), row.cents, "EUR"), "</td></tr>\n"...)
		l.text = append(append(l.text, row.name...), ": "...)
		l.text = append(appendMoney(l.text, row.cents, "EUR"), '\n')
	}
	l.html = append(l.html, "</table>\n"...)
	l.text = append(l.text, '\n')
}

// composeInvitation writes the mail of a calendar invitation with its iCalendar.
func (l *letter) composeInvitation() {
	start := time.UnixMilli(inviteStart(&l.t, l.at)).UTC()
	topic := topics[l.t.h>>10%uint64(len(topics))]
	from, to := l.m.from, l.s.owner
	l.text = append(l.text, topic...)
	l.text = start.AppendFormat(append(l.text, "\n"...), "Monday 2 Jan 2006, 15:04")
	l.text = append(l.text, " (UTC)\n\nOrganizer\n"...)
	l.text = from.appendAddress(l.text)
	l.text = append(l.text, "\n\nGuests\n"...)
	l.text = append(to.appendAddress(l.text), "\n\nReply to this invitation from your calendar.\n"...)
	l.html = append(l.html, `<div style="font-family:Roboto,Arial,sans-serif;border:1px solid #dadce0;border-radius:8px;padding:24px;max-width:560px"><h2 style="margin:0 0 8px">`...)
	l.html = append(l.html, topic...)
	l.html = start.AppendFormat(append(l.html, "</h2><p><b>When</b><br>"...), "Monday 2 Jan 2006, 15:04")
	l.html = append(l.html, " (UTC)</p><p><b>Guests</b><br>"...)
	l.html = append(appendEscaped(l.html, from.appendAddress(nil)), " (organizer)<br>"...)
	l.html = append(appendEscaped(l.html, to.appendAddress(nil)), "</p><p><b>Reply</b> Yes &middot; No &middot; Maybe</p></div>\n"...)
	l.ics = append(l.ics, "BEGIN:VCALENDAR\nPRODID:-//Google Inc//Google Calendar 70.9054//EN\nVERSION:2.0\nCALSCALE:GREGORIAN\nMETHOD:REQUEST\nBEGIN:VEVENT\nDTSTART:"...)
	l.ics = start.AppendFormat(l.ics, "20060102T150405Z")
	l.ics = start.Add(30*time.Minute).AppendFormat(append(l.ics, "\nDTEND:"...), "20060102T150405Z")
	l.ics = time.UnixMilli(l.at).UTC().AppendFormat(append(l.ics, "\nDTSTAMP:"...), "20060102T150405Z")
	l.ics = append(append(append(append(l.ics, "\nORGANIZER;CN="...), from.Display...), ":mailto:"...), from.Email...)
	l.ics = strconv.AppendUint(append(l.ics, "\nUID:"...), l.t.h, 32)
	l.ics = append(append(append(append(l.ics, "@google.com\nATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE\n ;CN="...), to.Display...), ":mailto:"...), to.Email...)
	l.ics = append(append(append(l.ics, "\nSUMMARY:"...), topic...), "\nSEQUENCE:0\nSTATUS:CONFIRMED\nTRANSP:OPAQUE\nEND:VEVENT\nEND:VCALENDAR\n"...)
}

// failed is the address that a bounce is about.
func (l *letter) failed() string {
	return "purchasing" + strconv.FormatUint(l.t.h%90, 10) + "@" + l.t.other.Company.Domain
}

func (l *letter) composeBounce() {
	l.text = append(append(append(l.text, "\n** Address not found **\n\nYour message wasn't delivered to "...), l.failed()...), " because the address couldn't be found, or is unable to receive mail.\n\nThe response was:\n\n550 5.1.1 The email account that you tried to reach does not exist. Please try\ndouble-checking the recipient's email address for typos or unnecessary spaces.\n"...)
}

// appendReport writes a delivery report (RFC 3464).
func (l *letter) appendReport(dst []byte) []byte {
	b := l.boundary(0)
	part := func(dst []byte) []byte { return append(append(append(dst, "\r\n--"...), b...), "\r\n"...) }
	dst = append(append(append(dst, `Content-Type: multipart/report; boundary="`...), b...), "\"; report-type=delivery-status\r\n"...)
	dst = l.appendText(part(dst), "text/plain", l.text)
	dst = append(part(dst), "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; googlemail.com\r\nArrival-Date: "...)
	dst = append(appendDate(dst, l.at, -480), "\r\n\r\nFinal-Recipient: rfc822; "...)
	dst = append(append(dst, l.failed()...), "\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mail."...)
	dst = append(append(dst, l.t.other.Company.Domain...), " (192.0.2.44, the server for the domain)\r\nDiagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.\r\n"...)
	dst = append(part(dst), "Content-Type: message/rfc822\r\n\r\nFrom: "...)
	dst = append(appendMailbox(dst, l.s.owner, "utf-8"), "\r\nTo: "...)
	dst = append(append(dst, l.failed()...), "\r\nSubject: "...)
	sc := l.s.scene(&l.t, &l.m, l.at)
	dst = append(append(dst, "Following up: "...), sc.value(nil, vProject)...)
	dst = append(appendDate(append(dst, "\r\nDate: "...), l.at-60000, 60), "\r\n\r\nDear Sir or Madam,\r\n\r\nI wanted to ask whether you had a chance to look at our offer.\r\n"...)
	return append(append(append(dst, "\r\n--"...), b...), "--\r\n"...)
}
