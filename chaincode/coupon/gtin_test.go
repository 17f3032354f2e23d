// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import "testing"

func TestCheckGTIN(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"09521234543213", "09506000134352", "00000000000000", "00012345678905"} {
		wantReason(t, good, CheckGTIN("gtin", good), "")
	}
	for _, bad := range []string{
		"", "9521234543213", "009521234543213", "09521234543212", "09521234543231", "0952123454321x", " 9521234543213", "０9521234543",
	} {
		wantReason(t, bad, CheckGTIN("gtin", bad), ReasonBadGTIN)
	}
}

func TestEveryWrongDigitShows(t *testing.T) {
	t.Parallel()
	const good = "09521234543213"
	for i := range good {
		for d := byte('0'); d <= '9'; d++ {
			altered := []byte(good)
			altered[i] = d
			if err := CheckGTIN("gtin", string(altered)); (err == nil) != (d == good[i]) {
				t.Errorf("%s: %v", altered, err)
			}
		}
	}
}

func TestPadGTIN(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"96385074": "00000096385074", "012345678905": "00012345678905",
		"9521234543213": "09521234543213", "09521234543213": "09521234543213",
	} {
		if got, err := PadGTIN(given); err != nil || got != want {
			t.Errorf("PadGTIN(%s) = %s, %v, want %s", given, got, err, want)
		}
	}
	for _, bad := range []string{"", "0", "96385075", "9638507", "963850740", "9521234543212", "95212345432x3", "009521234543213"} {
		got, err := PadGTIN(bad)
		wantReason(t, bad+" gives "+got, err, ReasonBadGTIN)
	}
}
