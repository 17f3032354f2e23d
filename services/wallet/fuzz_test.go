// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
)

const fuzzTerms = `{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`

// fuzzOffer is an offer that Check accepts.
func fuzzOffer(holder coupon.Holder) Offer {
	o := Offer{
		Mandate: coupon.Mandate{
			Issuer: "IssuerMSP", Emitter: "AdvertiserMSP", Product: "Tea", Offer: "50 cents off", Campaign: "tea",
			Version: 1, Kind: coupon.KindStatic, Epoch: 1, TermsSHA256: sha256.Sum256([]byte(fuzzTerms)),
		},
		Terms: fuzzTerms, Holder: holder, Begin: 1, End: 2,
	}
	o.Framework = o.Mandate.ID()
	return o
}

// FuzzFile reads wallet files; one that is taken is written and read as the
// same.
func FuzzFile(f *testing.F) {
	bearer, bound := fuzzOffer(coupon.HolderBearer), fuzzOffer(coupon.HolderBound)
	held := coupon.Coupon{Kind: coupon.KindStatic, Framework: bearer.Framework, SN: 1}
	for _, c := range []contents{
		{Format: fileFormat, Coupons: []entry{}},
		{Format: fileFormat, Coupons: []entry{
			{ID: "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d", Advertiser: "https://localhost", Offer: bearer, Coupon: held.Text()},
			{ID: "b1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d", Advertiser: "https://localhost", Offer: bound, Seed: &coupon.Key{1}},
		}},
	} {
		data, err := json.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := store{path: filepath.Join(t.TempDir(), "wallet.json")}
		if err := os.WriteFile(s.path, data, privateMode); err != nil {
			t.Fatal(err)
		}
		read, err := s.read()
		if err != nil {
			return
		}
		if err := s.update(func(*contents) error { return nil }); err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
		again, err := s.read()
		if err != nil {
			t.Fatalf("reading what was written: %v", err)
		}
		first, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := json.Marshal(again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s becomes %s, %v", first, second, err)
		}
		for i := range read.Coupons {
			read.Coupons[i].holding()
			read.Coupons[i].owner()
		}
	})
}

// FuzzOffers reads an advertiser's answer: what Check accepts hashes to its
// framework id, and has terms that mean something.
func FuzzOffers(f *testing.F) {
	f.Add([]byte(`{"offers":[{"campaign":{"issuer":"IssuerMSP","campaign":"tea","version":"1","terms":"{}","holder":"HOLDER_BOUND"},"framework":{"frameworkId":"000102030405060708090a0b0c0d0e0f","kind":"KIND_STATIC","epoch":"1"}}],"nextPageToken":"1"}`))
	f.Add([]byte(`{"offers":[{"campaign":{"beginTime":"9999-12-31T23:59:59Z"}}]}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var page advertiserv1.ListOffersResponse
		if protojson.Unmarshal(answer, &page) != nil {
			return
		}
		for _, shown := range page.GetOffers() {
			o, err := offerOf(shown)
			if err != nil || o.Check() != nil {
				continue
			}
			if _, err := o.ParsedTerms(); err != nil || o.Mandate.ID() != o.Framework {
				t.Fatalf("%+v is taken, %v", o, err)
			}
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, address := range []string{"https://localhost:8443", "http://localhost", "https://a@b/c?d#e", "https://[::1]:1/path", "https://%zz"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := parseAddress(text)
		if err == nil && (address.Scheme != "https" || address.Host == "" || address.User != nil || address.JoinPath("v1", "offers").Host != address.Host) {
			t.Fatalf("%q is taken as %+v", text, address)
		}
	})
}
