// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaignfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/campaignfile"
)

// FuzzParse reads campaign files; one that is taken makes a campaign with terms
// that the ledger takes.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	examples, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(examples) == 0 {
		f.Fatal("no examples", err)
	}
	for _, path := range examples {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := campaignfile.Parse("file.yaml", data, now)
		if err != nil {
			return
		}
		terms, err := coupon.ParseTerms([]byte(c.Terms))
		if err != nil {
			t.Fatalf("%+v has terms that are refused: %v", c, err)
		}
		if err := terms.CheckKind(c.Kinds[0]); err != nil || len(c.Kinds) != 1 || c.Version < 1 || c.End <= c.Begin {
			t.Fatalf("%+v, %v", c, err)
		}
		if coupon.CheckID("", c.ID) != nil || coupon.CheckName("", c.Product) != nil || coupon.CheckName("", c.Offer) != nil {
			t.Fatalf("%+v has a name that is refused", c)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{"now", "today", "+30d", "-2h", "2030-05-01", "2030-05-01T08:00:00Z", "7d", "10s", "+9999999999d", "1e9h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := campaignfile.ParseTime(text, now)
		if second, again := campaignfile.ParseTime(text, now); !first.Equal(second) || (err == nil) != (again == nil) {
			t.Fatalf("%q is %s, then %s", text, first, second)
		}
		d, err := campaignfile.ParseDuration(text)
		if err != nil {
			return
		}
		if again, err := campaignfile.ParseDuration(campaignfile.FormatDuration(d)); d < 0 || err != nil || again != d {
			t.Fatalf("%q is %d ms, written %s", text, d, campaignfile.FormatDuration(d))
		}
	})
}
