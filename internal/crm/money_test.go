package crm

import (
	"math"
	"testing"
)

func TestAmountsHaveTheDecimalsOfTheirCurrency(t *testing.T) {
	for _, c := range []struct {
		units    float64
		currency string
		minor    int64
		text     string
	}{
		{1250, "EUR", 125000, "1250.00"}, {-0.05, "EUR", -5, "-0.05"}, {1, "HUF", 100, "1.00"}, {0, "USD", 0, "0.00"},
		{125000, "JPY", 125000, "125000"}, {-3, "KRW", -3, "-3"}, {1999.5, "VND", 2000, "2000"}, {7, "CLP", 7, "7"}, {900, "ISK", 900, "900"},
		{125, "KWD", 125000, "125.000"}, {0.005, "BHD", 5, "0.005"}, {1.5, "TND", 1500, "1.500"}, {-12.345, "OMR", -12345, "-12.345"}, {2, "IQD", 2000, "2.000"},
		{1.2345, "CLF", 12345, "1.2345"}, {0.5, "UYW", 5000, "0.5000"}, {10, "ZWG", 1000, "10.00"}, {10, "VES", 1000, "10.00"}, {10, "HRK", 1000, "10.00"},
	} {
		m, err := MoneyOf(c.units, c.currency)
		if err != nil || m != (Money{Minor: c.minor, Currency: c.currency}) || m.Decimal() != c.text {
			t.Errorf("%g %s: %+v %q %v, want %d and %q", c.units, c.currency, m, m.Decimal(), err, c.minor, c.text)
		}
	}
	if got := (Money{Minor: math.MinInt64, Currency: "EUR"}).Decimal(); got != "-92233720368547758.08" {
		t.Error(got)
	}
}

func TestNoCurrencies(t *testing.T) {
	for _, code := range []string{"", "eur", "EURO", "ABC", "XXX", "XTS", "XAU", "BTC", "€"} {
		if _, known := Exponent(code); known {
			t.Errorf("%q is a currency", code)
		}
		if _, err := MoneyOf(1, code); err == nil {
			t.Errorf("%q is a currency", code)
		}
	}
	if _, err := MoneyOf(1e300, "EUR"); err == nil {
		t.Error("too large")
	}
	if _, err := MoneyOf(math.NaN(), "EUR"); err == nil {
		t.Error("no number")
	}
}

func TestEveryCurrencyStandsOnce(t *testing.T) {
	n := 0
	for digits, codes := range Currencies {
		for _, code := range codes {
			n++
			if got, known := Exponent(code); len(code) != 3 || !known || got != digits {
				t.Errorf("%s stands in two places", code)
			}
		}
	}
	if n != len(exponents) {
		t.Errorf("%d codes, %d different ones", n, len(exponents))
	}
}
