// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package openings_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/issuer/openings"
)

const (
	store = "StoreMSP"
	other = "OtherMSP"
	noon  = int64(1_900_000_000_000)
)

var (
	key       = coupon.Key{1}
	framework = coupon.FrameworkID{2}
	second    = coupon.FrameworkID{3}
)

func opening(sn int64, product, invoice string) openings.Opening {
	return openings.Opening{Frame: 7, Closed: noon, Opening: coupon.Opening{
		Framework: framework, SN: sn, Salt: coupon.Nonce{byte(sn)}, Product: product, Invoice: invoice,
	}}
}

// redeemed is the proof of an honest opening, redeemed at another retailer.
func redeemed(o openings.Opening) openings.Proof {
	return openings.Proof{
		Retailer: other, Invoice: coupon.Invoice{Number: "later", PaidAt: noon + 86_400_000},
		Line: coupon.RedeemedCoupon{
			Framework: o.Framework, Lane: o.Lane, SN: o.SN, Frame: 7,
			Product: &coupon.Product{Tag: coupon.ProductTag(key, o.Product), Sale: o.Digest()},
		},
	}
}

// honest has two proofs of which the first is redeemed, and both sales paid with
// coupons at the store.
func honest() openings.Case {
	first, last := opening(1, "grinder 1", "R-1"), opening(2, "grinder 2", "R-2")
	return openings.Case{
		ProductKey: key, Emitters: map[coupon.FrameworkID]string{framework: store, second: other},
		Proofs:   []openings.Proof{redeemed(first)},
		Openings: []openings.Opening{first, last},
		Payments: []openings.Payment{
			{Retailer: store, Invoice: coupon.Invoice{Number: "R-1", PaidAt: noon - 1000}},
			{Retailer: store, Invoice: coupon.Invoice{Number: "R-2", PaidAt: noon + openings.PaymentTolerance}},
			{Retailer: other, Invoice: coupon.Invoice{Number: "R-1", PaidAt: noon + 86_400_000}},
			{Retailer: other, Invoice: coupon.Invoice{Number: "later", PaidAt: noon + 86_400_000}},
		},
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	finding := func(kind openings.Kind, sn int64) openings.Finding {
		return openings.Finding{FrameRef: coupon.FrameRef{Framework: framework, Frame: 7}, Kind: kind, SN: sn}
	}
	for _, test := range []struct {
		name   string
		change func(c *openings.Case)
		want   []openings.Finding
	}{
		{"honest", func(*openings.Case) {}, nil},
		{"a coupon that is no proof", func(c *openings.Case) { c.Proofs[0].Line.Product, c.Proofs[0].Line.SN = nil, 9 }, nil},
		{"a proof that is not opened", func(c *openings.Case) { c.Openings = c.Openings[1:] }, []openings.Finding{finding(openings.NotOpened, 1)}},
		{"opened under another number", func(c *openings.Case) { c.Openings[0].SN = 3 }, []openings.Finding{finding(openings.NotOpened, 1)}},
		{"opened in another lane", func(c *openings.Case) { c.Openings[0].Lane = 1 }, []openings.Finding{finding(openings.NotOpened, 1)}},
		{"another salt", func(c *openings.Case) { c.Openings[0].Salt[5]++ }, []openings.Finding{finding(openings.WrongSale, 1)}},
		{"another invoice", func(c *openings.Case) { c.Openings[0].Invoice = "R-9" }, []openings.Finding{finding(openings.WrongSale, 1)}},
		{"another product", func(c *openings.Case) { c.Openings[0].Product = "grinder 9" },
			[]openings.Finding{finding(openings.WrongProduct, 1), finding(openings.WrongSale, 1)}},
		{"a tag that is no product's", func(c *openings.Case) { c.Proofs[0].Line.Product.Tag = coupon.Tag{9} },
			[]openings.Finding{finding(openings.WrongProduct, 1)}},
		{"a product sold twice", func(c *openings.Case) { c.Openings[1].Product = "grinder 1" }, []openings.Finding{finding(openings.ProductTwice, 2)}},
		{"a product sold twice, by two emitters", func(c *openings.Case) {
			again := opening(1, "grinder 2", "X")
			again.Framework = second
			c.Openings = append(c.Openings, again)
		}, []openings.Finding{{
			FrameRef: coupon.FrameRef{Framework: second, Frame: 7}, Kind: openings.ProductTwice, SN: 1,
		}}},
		{"redeemed with its own sale", func(c *openings.Case) { c.Proofs[0].Retailer, c.Proofs[0].Invoice.Number = store, "R-1" },
			[]openings.Finding{finding(openings.OwnSale, 1)}},
		{"the same number at another retailer", func(c *openings.Case) { c.Proofs[0].Invoice.Number = "R-1" }, nil},
		{"the invoice of a later sale", func(c *openings.Case) { c.Payments[1].Invoice.PaidAt++ }, []openings.Finding{finding(openings.OtherSale, 2)}},
		{"of two sales with one number the first counts", func(c *openings.Case) {
			c.Payments[3] = openings.Payment{Retailer: store, Invoice: coupon.Invoice{Number: "R-1", PaidAt: noon + 86_400_000}}
		}, nil},
	} {
		c := honest()
		test.change(&c)
		got := openings.Compare(c)
		if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(openings.Finding{}, "Detail"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
