package signature

import (
	"regexp"
	"strings"
)

var (
	zipUS       = regexp.MustCompile(`\b(?:[A-Z]{2}|[A-Z]\.[A-Z]\.|Tx|Ca)[ ,.]+\d{5}(?:-\d{4})?\b`)
	zipGB       = regexp.MustCompile(`\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b[A-Z]\d[0-9W] ?[A-Z0-9]{4}$`)
	zipCA       = regexp.MustCompile(`\b[ABCEGHJ-NPRSTVXY]\d[A-Z][ -]?\d[A-Z]\d\b`)
	zipNL       = regexp.MustCompile(`^(?:NL-?)?\d{4} ?[A-Z]{2}\b`)
	zipPrefixed = regexp.MustCompile(`^(?:[A-Z]{2,6}-)?(?:[A-Z]{1,3}[- ]{0,2})\d{4,6},? \p{L}`)
	zipBefore   = regexp.MustCompile(`^\d{4,5} \p{Lu}[\p{L}?.'-]{2,}`)
	zipSpaced   = regexp.MustCompile(`^(?:[A-Z]{1,2}-)?\d{3} \d{2}(?: \p{L}|$)|^\d{2}-\d{3}\b|^\d{4}-\d{3}\b|^\d{5}-\d{3}\b|\b\d{5}-\d{3}$|\b\d{3}-\d{4}$|\b\d{2}\.\d{3}-\d{3}$|^〒`)
	zipAfter    = regexp.MustCompile(`^\p{L}[\p{L}.'-]{2,}[\p{L} .'-]{0,30},? ?(?:[A-Z]{2,3} )?\d{4,6}$`)
	zipInside   = regexp.MustCompile(`\pL.* (?:[A-Z]{1,2}-)?\d{4,5} \p{Lu}[\p{L}?.'-]{2,}`)
	zipAlone    = regexp.MustCompile(`^\d{5}(?:-\d{4})?$|^\d{6}$`)
	houseFirst  = regexp.MustCompile(`^\d{1,5}(?:[A-Za-z]|[-/ ]{1,3}\d{1,5})?,? (?:\p{L}|\d+(?:st|nd|rd|th))`)
	dateLike    = regexp.MustCompile(`\b(?:19|20)\d\d\b|\b(?:jan(?:uary?)?|feb(?:ruary?)?|mar(?:ch|z)?|apr(?:il)?|ma[yi]|jun[ei]?|jul[yi]?|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)\.? \d`)
	houseLast   = regexp.MustCompile(`\p{L}[.)]? ?\d{1,4} ?[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?$|\b[sS]/[nN]$`)
	boxed       = regexp.MustCompile(`(?i)\b(?:p\.? ?o\.? ?box|postfach|bo[iî]te postale|b\.?p\.?|postbus|postboks|caixa postal|apartado|casella postale|box) *\d+`)
)

// stateZip says whether the atom is a state and its code: "Michigan 48824".
func (a *atom) stateZip() bool {
	i := strings.LastIndexByte(a.folded, ' ')
	return i > 0 && zipAlone.MatchString(a.folded[i+1:]) && states.whole[strings.TrimRight(a.folded[:i], " ,")]
}

func (a *atom) addressScore(t traits) float64 {
	if t.prose || t.n > 12 {
		return -3
	}
	v := -0.9
	if t.cjk && (strings.ContainsAny(a.text, "都府県市区町村省路号") && t.digits > 0 || strings.HasPrefix(a.text, "〒")) {
		return 2
	}
	if !strings.ContainsAny(a.text, "0123456789") && !strings.Contains(a.folded, "s/n") {
		return v + a.placeScore(t)
	}
	number := houseFirst.MatchString(a.text) || houseLast.MatchString(a.text)
	switch {
	case t.street > 0 && number:
		v += 3.2
	case t.street > 0 && t.digits > 0:
		v += 2
	case houseFirst.MatchString(a.text) && t.n >= 2 && t.n <= 7 && t.caps*2 >= t.n-1:
		v += 1.6
	case t.n >= 2 && t.n <= 5 && t.caps*2 >= t.n && !dateLike.MatchString(a.folded) && houseLast.MatchString(a.text):
		v++
	}
	switch {
	case zipUS.MatchString(a.text), zipCA.MatchString(a.text), zipGB.MatchString(a.text), zipNL.MatchString(a.text), zipPrefixed.MatchString(a.text), zipSpaced.MatchString(a.text):
		v += 2.6
	case zipBefore.MatchString(a.text), zipAlone.MatchString(a.text), zipInside.MatchString(a.text):
		v += 2
	case a.stateZip():
		v += 2.6
	case zipAfter.MatchString(a.text):
		v += 1.8
	}
	if boxed.MatchString(a.text) {
		v += 3
	}
	if dateLike.MatchString(a.folded) {
		v -= 2
	}
	return v + a.placeScore(t)
}

// placeScore is the part of the score that needs no number: streets, floors,
// states and countries by name.
func (a *atom) placeScore(t traits) float64 {
	v := 0.0
	if t.digits == 0 && t.street > 0 && t.n > 1 && t.heads == 0 && t.org == 0 {
		v++
	}
	if t.premise > 0 && (t.digits > 0 || t.n <= 3) {
		v += 1.3
	}
	if countries[strings.Trim(a.folded, " .()")] != "" {
		v += 2.6
	}
	if cities.whole[a.folded] {
		v += 1.3
	}
	if i := strings.LastIndexByte(a.folded, ' '); i > 0 && t.digits > 0 && countries[strings.Trim(a.folded[i:], " .()")] != "" {
		v += 0.6
	}
	if states.whole[a.folded] || stateCodes.whole[a.folded] && t.upper > 0 {
		v += 2
	}
	v -= 1.2*float64(t.heads) + 1.5*float64(t.legal) + 1.2*float64(min(t.strong, 1)) + 0.3*float64(t.small)
	return v
}
