package oauth

// The parts of the pages that do not change, and those that all pages have.

const ribbon markup = `<div class="ribbon" role="note" id="simulated"><svg viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M8 2.5v5L3.2 15a1.7 1.7 0 0 0 1.5 2.5h10.6a1.7 1.7 0 0 0 1.5-2.5L12 7.500v-5M6.500 2.500h7M5.600 12h8.800"/></svg>Simulated Google: invented accounts, no internet</div>`

const mark markup = `<svg class="mark" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="22" fill="none" stroke="#4285f4" stroke-width="4" stroke-dasharray="34.6 104" stroke-linecap="round"/><circle cx="24" cy="24" r="22" fill="none" stroke="#ea4335" stroke-width="4" stroke-dasharray="30 108.200" stroke-dashoffset="-36" stroke-linecap="round"/><circle cx="24" cy="24" r="22" fill="none" stroke="#fbbc04" stroke-width="4" stroke-dasharray="30 108.200" stroke-dashoffset="-70" stroke-linecap="round"/><circle cx="24" cy="24" r="22" fill="none" stroke="#34a853" stroke-width="4" stroke-dasharray="30 108.200" stroke-dashoffset="-104" stroke-linecap="round"/><text x="24" y="24" dy=".36em" text-anchor="middle" font-size="20" font-weight="500" fill="currentColor" font-family="system-ui,sans-serif">S</text></svg>`

const chevron markup = `<svg width="12" height="12" viewBox="0 0 12 12" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="m2.500 4.500 3.500 3.500 3.500-3.500"/></svg>`

// The page works without this script.
const selectAll markup = `<script>
// Convenience only: the page works without it.
(function () {
  var all = document.getElementById("select-all");
  if (!all) return;
  var boxes = Array.prototype.slice.call(document.querySelectorAll('input[name="scope"]'));
  var sync = function () { all.checked = boxes.every(function (b) { return b.checked; }); };
  all.addEventListener("change", function () { boxes.forEach(function (b) { b.checked = all.checked; }); });
  boxes.forEach(function (b) { b.addEventListener("change", sync); });
  sync();
})();
</script>
`

// icons are the pictures of services, and of a permission that is taken for granted.
var icons = map[string]markup{
	"mail":     `<rect x="3" y="5" width="18" height="14" rx="2.500"/><path d="m4 7.500 8 6 8-6"/>`,
	"calendar": `<rect x="3.500" y="5" width="17" height="15" rx="2.500"/><path d="M3.500 10h17M8 3v4M16 3v4"/>`,
	"contacts": `<circle cx="12" cy="8.500" r="3.700"/><path d="M4.500 20c.8-4 3.800-6 7.500-6s6.700 2 7.500 6"/>`,
	"drive":    `<path d="M3.500 6.500A1.500 1.500 0 0 1 5 5h4.500l2 2.500H19A1.500 1.500 0 0 1 20.500 9v9A1.500 1.500 0 0 1 19 19.500H5A1.500 1.500 0 0 1 3.500 18z"/>`,
	"meet":     `<rect x="3" y="6.500" width="12" height="11" rx="2.500"/><path d="m15 11 6-3.500v9L15 13"/>`,
	"admin":    `<path d="M12 3 4.500 6v5.500c0 4.500 3 7.800 7.500 9.500 4.500-1.700 7.500-5 7.500-9.500V6z"/>`,
	"other":    `<circle cx="12" cy="12" r="8.500"/><path d="M12 11v5M12 8v.01"/>`,
	"tick":     `<path d="m5 12.500 4.500 4.500L19 7.500"/>`,
}

func icon(service string) markup {
	return markupf(`<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">%s</svg>`, icons[service])
}

func face(p person, kind string) markup {
	return markupf(`<span class="%s" style="background:%s" aria-hidden="true">%s</span>`, kind, p.Colour, p.Initial)
}

func notice(text string) markup { return markupf(`<p class="soft small note">%s</p>`, text) }

// frame is a whole page around its card.
func frame(v view, card markup) markup {
	return markupf(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>%s · Simulated Google</title>
<style>%s</style>
</head>
<body>
%s
%s<footer><span>This page stands in for accounts.google.com. Nothing you do here leaves this machine.</span>%s</footer>
</body>
</html>
`, v.Title, styles, ribbon, card, when(v.Host != "", markupf(`<span>Then back to %s</span>`, v.Host)))
}
