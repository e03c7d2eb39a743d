package metric

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
)

func parseNumber(src []byte) (n number, err error) {
	err = n.parse(src)
	return n, err
}

func TestNumbersAreWrittenWithoutExponent(t *testing.T) {
	f := func(input, want string) {
		t.Helper()
		n, err := parseNumber([]byte(input))
		if err != nil {
			t.Errorf("parseNumber(%q) failed: %v", input, err)
			return
		}
		if got := string(n.append(nil)); got != want {
			t.Errorf("%q is written as %q, want %q", input, got, want)
		}
	}
	f("5", "5")
	f(".5", "0.5")
	f("5.", "5")
	f("-.5", "-0.5")
	f("+5.e1", "50")
	f(".05e1", "0.5")
	f("+5", "5")
	f("-5", "-5")
	f("007", "7")
	f("0", "0")
	f("-0", "0")
	f("0.000", "0")
	f("-0.0e9", "0")
	f("12.50", "12.5")
	f("12.00", "12")
	f("-0.5", "-0.5")
	f("00.5", "0.5")
	f("1e3", "1000")
	f("1E+3", "1000")
	f("1.5e3", "1500")
	f("1.2345e2", "123.45")
	f("12345e-2", "123.45")
	f("5e-3", "0.005")
	f("0.005e3", "5")
	f("0.0123e3", "12.3")
	f("100e-2", "1")
	f("1e-02", "0.01")
	f("9223372036854775807", "9223372036854775807")
	f("-9223372036854775807", "-9223372036854775807")
	f("9223372036854775806.5", "9223372036854775806.5")
	f("9223372036854775807.000", "9223372036854775807")
	f("9.223372036854775807e18", "9223372036854775807")
	f("9007199254740993", "9007199254740993") // no float64
	f("0.1234567890123456789", "0.1234567890123456789")
	f("1e-400", "0")
	f("-1e-99999999999999999999", "0")
	f("0e99999999999999999999", "0")
	f("2.4e-324", "0")
	f("-1e-324", "0")
	f("3e-324", "0."+strings.Repeat("0", 323)+"3")
	f("5e-324", "0."+strings.Repeat("0", 323)+"5")
	f("1"+strings.Repeat("0", 18), "1"+strings.Repeat("0", 18))
	f("0."+strings.Repeat("1", 1024), "0."+strings.Repeat("1", 1024))
	f(strings.Repeat("0", 5000)+"1."+strings.Repeat("0", 5000), "1")
}

func TestParseRejectsNumbers(t *testing.T) {
	f := func(input string, want error) {
		t.Helper()
		if n, err := parseNumber([]byte(input)); !errors.Is(err, want) {
			t.Errorf("parseNumber(%.40q) = %q, %v, want the error %q", input, n.append(nil), err, want)
		}
	}
	for _, input := range []string{
		"", "-", "+", ".", "-.", ".e1", "..5", "5..", "e5", "5e", "5e+", "1.2.3", "--5", "+-5", "5-", "1_000", "1,5",
		"0x10", "0b1", "NaN", "Inf", "-inf", "infinity", " 5", "5 ", "5\n", "five", "5e1.5", "٥", "5\x00", "1e1e1",
	} {
		f(input, errNotNumber)
	}
	f("9223372036854775808", errTooLarge)
	f("-9223372036854775808", errTooLarge)
	f("9223372036854775807.1", errTooLarge)
	f("10000000000000000000", errTooLarge)
	f("1e19", errTooLarge)
	f("1e99999999999999999999", errTooLarge)
	f("0.1e20", errTooLarge)
	f("0."+strings.Repeat("1", 1025), errTooPrecise)
}

// TestFloatIsTheNumber compares float with strconv, down to the smallest float64.
func TestFloatIsTheNumber(t *testing.T) {
	for _, mantissa := range []string{"0", "1", "-1", "5", "9", "1.5", "-12.75", "123456789012345678", "1234567890123456789", "0.00012345678901234567891", "99999999999999999999"} {
		for exponent := -330; exponent <= 0; exponent++ {
			input := mantissa + "e" + strconv.Itoa(exponent)
			n, err := parseNumber([]byte(input))
			if err != nil {
				continue // it is too large
			}
			want, _ := strconv.ParseFloat(input, 64)
			if got := n.float(); math.Abs(got-want) > 1e-15*math.Abs(want)+math.SmallestNonzeroFloat64 {
				t.Fatalf("%s is %v as a float, want %v", input, got, want)
			}
		}
	}
}

// FuzzNumber compares number with math/big and strconv.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"0", "-1.5e3", "9223372036854775807", "1e-324", "00.10", "1e19", "x", "5e-400", "12345678901234567890e-5"} {
		f.Add(seed)
	}
	limit, _ := new(big.Rat).SetString(maxWhole)
	f.Fuzz(func(t *testing.T, input string) {
		n, err := parseNumber([]byte(input))
		if errors.Is(err, errNotNumber) {
			return
		}
		float, floatErr := strconv.ParseFloat(input, 64)
		if floatErr != nil && !errors.Is(floatErr, strconv.ErrRange) {
			t.Fatalf("parse accepted %q, but strconv returned %v", input, floatErr)
		}
		if math.Abs(float) > 1e20 || errors.Is(err, errTooPrecise) {
			if err == nil {
				t.Fatalf("%q is accepted", input)
			}
			return
		}
		// For a huge exponent, SetString would compute a huge power.
		if float != 0 && math.Abs(float) < 1e-300 || float == 0 {
			if err == nil {
				written := string(n.append(nil))
				if back, err := strconv.ParseFloat(written, 64); err != nil || back != float && back != 0 {
					t.Fatalf("%q is written %q: %v, %v", input, written, back, err)
				}
			}
			return
		}
		exact, ok := new(big.Rat).SetString(input)
		if !ok {
			t.Fatalf("math/big does not parse %q", input)
		}
		if tooLarge := new(big.Rat).Abs(exact).Cmp(limit) > 0; tooLarge != errors.Is(err, errTooLarge) {
			t.Fatalf("%q: error %v, but larger than the limit is %v", input, err, tooLarge)
		}
		if err != nil {
			return
		}
		written := string(n.append(nil))
		back, ok := new(big.Rat).SetString(written)
		if !ok || back.Cmp(exact) != 0 {
			t.Fatalf("%q is written as %q, which is another number", input, written)
		}
		if strings.ContainsAny(written, "eE+") || strings.HasPrefix(written, "00") || strings.Contains(written, ".") && strings.HasSuffix(written, "0") {
			t.Fatalf("%q is written as %q, with an exponent, a plus sign or padding", input, written)
		}
		if got := n.float(); math.Abs(got-float) > 1e-12*math.Abs(float) {
			t.Fatalf("%q is %v as a float, want %v", input, got, float)
		}
	})
}
