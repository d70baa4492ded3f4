package crm

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Money is an amount in the smallest unit of a currency (ISO 4217): 125000 is
// 1,250.00 EUR, 125,000 JPY and 125.000 KWD. See Exponent.
type Money struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"`
}

// Currencies are the codes of ISO 4217 by the number of their decimals: those that are
// in use, and those that ended after 2010, which old deals may have. Metals, testing
// codes and units of account without a smallest unit are none.
var Currencies = map[int][]string{
	0: strings.Fields(`BIF BYR CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF`),
	2: strings.Fields(`AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
		CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EEK EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
		GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL LTL LVL MAD MDL MGA
		MKD MMK MNT MOP MRO MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
		RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STD STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD
		USN UYU UZS VED VEF VES WST XAD XCD XCG YER ZAR ZMK ZMW ZWG ZWL`),
	3: strings.Fields(`BHD IQD JOD KWD LYD OMR TND`),
	4: strings.Fields(`CLF UYW`),
}

var exponents = func() map[string]int {
	out := map[string]int{}
	for _, digits := range slices.Sorted(maps.Keys(Currencies)) {
		for _, code := range Currencies[digits] {
			out[code] = digits
		}
	}
	return out
}()

// Exponent is the number of decimals of a currency, false for a code that ISO 4217 does
// not have.
func Exponent(currency string) (int, bool) {
	digits, known := exponents[currency]
	return digits, known
}

// UnknownCurrency says what is wrong with a code, after the name of a field.
func UnknownCurrency(code string) string {
	return fmt.Sprintf("has the currency %q, which ISO 4217 does not have", code)
}

// MoneyOf makes an amount of units of a currency, 12.5 of EUR, rounded to its smallest
// unit. The currency must be one of ISO 4217.
func MoneyOf(units float64, currency string) (Money, error) {
	digits, known := Exponent(currency)
	if !known {
		return Money{}, fmt.Errorf("%s is no currency of ISO 4217", currency)
	}
	minor := math.Round(units * math.Pow10(digits))
	if math.IsNaN(minor) || math.Abs(minor) > mostMinor {
		return Money{}, fmt.Errorf("%g %s is too large", units, currency)
	}
	return Money{Minor: int64(minor), Currency: currency}, nil
}

// mostMinor is how far every whole number stands in a float64.
const mostMinor = 1 << 53

// Decimal writes the number as a decimal of units of its currency: 1250.00, 125000 of
// yen. A code that ISO 4217 does not have counts as one of hundredths.
func (m Money) Decimal() string {
	digits, known := Exponent(m.Currency)
	if !known {
		digits = 2
	}
	text := strconv.FormatInt(m.Minor, 10)
	sign := ""
	if m.Minor < 0 {
		sign, text = "-", text[1:]
	}
	if digits == 0 {
		return sign + text
	}
	text = strings.Repeat("0", max(0, digits+1-len(text))) + text
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}
