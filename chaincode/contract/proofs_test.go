// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"slices"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// grinder is what proofs are released with, in the form of GS1.
const grinder = "(01)09521234543213(21)S0001"

// proven is an offer of purchase proofs that the retailer emits.
var proven = proofOffer("proven", retailer)

// proofOffer is makeOffer's, for proofs of a seller.
func proofOffer(campaign, seller string) offer {
	o := makeOffer(campaign, coupon.HolderBearer).with(func(k *coupon.Campaign) {
		k.Kinds, k.MaxFrameAge = []coupon.Kind{coupon.KindProof}, maxFrameAge
	})
	o.seller = seller
	return o
}

func (o offer) productTag(product string) coupon.Tag {
	return coupon.ProductTag(coupon.DeriveProductKey(o.key), product)
}

// soldAs makes a coupon a proof of a product.
func (o offer) soldAs(product string) func(*coupon.Coupon) {
	return func(c *coupon.Coupon) {
		c.Product = coupon.Product{Tag: o.productTag(product), Sale: coupon.SaleDigest(coupon.Nonce{7}, product, "R-1")}
	}
}

func productName(tag coupon.Tag) string { return "product/" + tag.String() }

// withProofs has the offer of proofs open, and its lane.
func withProofs(t *testing.T) *lane {
	c := founded(t)
	c.open(proven)
	l := c.newLane(proven)
	c.clock.advance(time.Second)
	return l
}

// proof is a proof of a product as a retailer proposes it.
func (l *lane) proof(product string) coupon.Tendered {
	return l.tendered(l.release(l.soldAs(product)), nil)
}

func askProduct(queries ...coupon.ProductQuery) call {
	return call{
		function: "Check", by: retailer, endorsers: []string{issuer},
		input: coupon.CheckInput{Sales: []coupon.CheckedSale{}, Products: queries},
	}
}

func TestProofsAreRedeemedOncePerProduct(t *testing.T) {
	t.Parallel()
	l := withProofs(t)
	first, twin, other := l.release(l.soldAs(grinder)), l.proof(grinder), l.proof("(01)09521234543213(21)S0002")
	k := redeem(l.batch(l.sale(l.tendered(first, nil))))
	text := l.record(l.run(k))
	redeemed := decodeRecord(t, text).Redemptions[0].Coupons[0]
	if redeemed.Value != 100 || redeemed.Product == nil || *redeemed.Product != first.Product {
		t.Errorf("the record has %+v", redeemed)
	}
	marker, err := coupon.ParseMarker(l.State(namespace, productName(first.Product.Tag)))
	if err != nil || marker.State != coupon.MarkerSpent || marker.Redemption != decodeRecord(t, text).Redemptions[0].ID {
		t.Errorf("the product's marker is %+v: %v", marker, err)
	}
	l.assertSpent(l, first)
	used := redeem(l.batch(l.sale(twin)))
	for _, mspID := range []string{issuer, retailer} {
		used.endorsers = []string{mspID}
		l.assertRefusals(t, mspID, l.refusal(used), one(0, coupon.ReasonProductUsed, ""))
	}
	l.assertCheck(t, used.input.(coupon.BatchInput), one(0, coupon.ReasonProductUsed, ""))
	if worth := l.worth(other); worth != 100 {
		t.Errorf("a proof of another product: %d", worth)
	}
}

// TestProofsAreGoodAtAnyAdmittedRetailer redeems elsewhere than where the
// product was sold, and then not again at home.
func TestProofsAreGoodAtAnyAdmittedRetailer(t *testing.T) {
	t.Parallel()
	l := withProofs(t)
	l.run(l.admit(proven, retailer2))
	first := l.proof(grinder)
	k := redeem(l.batch(l.sale(first)))
	k.by, k.endorsers = retailer2, []string{issuer, retailer2}
	l.run(k)
	for tendered, want := range map[coupon.Tendered]coupon.Reason{
		first: coupon.ReasonAlreadyRedeemed, l.proof(grinder): coupon.ReasonProductUsed,
	} {
		home := redeem(l.batch(l.sale(tendered)))
		l.assertRefusals(t, issuer, l.refusal(home), one(0, want, ""))
	}
}

// TestProofsOfOneProductAreRivals, as only one of them can be redeemed.
func TestProofsOfOneProductAreRivals(t *testing.T) {
	t.Parallel()
	l := withProofs(t)
	l.run(l.admit(proven, retailer2))
	for i, want := range []bool{false, true} {
		k := check(checked(l.sale(l.proof(grinder))))
		k.by = []string{retailer, retailer2}[i]
		var got coupon.CheckResult
		l.evaluate(k, &got)
		if sale := got.Sales[0]; sale.Rival != want || len(sale.Refused) > 0 {
			t.Errorf("proof %d: %+v", i, sale)
		}
	}
}

// TestTwoEmittersOneProduct: who released a proof does not matter.
func TestTwoEmittersOneProduct(t *testing.T) {
	t.Parallel()
	l := withProofs(t)
	second := proven
	second.seller = retailer2
	l.run(l.admit(second, retailer2))
	l.run(authorise(second))
	other := l.newLane(second)
	l.run(redeem(l.batch(l.sale(other.proof(grinder)))))
	k := redeem(l.batch(l.sale(l.proof(grinder))))
	l.assertRefusals(t, issuer, l.refusal(k), one(0, coupon.ReasonProductUsed, ""))
}

func TestVoidFreesTheProduct(t *testing.T) {
	t.Parallel()
	l := withProofs(t)
	first, twin := l.release(l.soldAs(grinder)), l.proof(grinder)
	text := l.record(l.run(redeem(l.batch(l.sale(l.tendered(first, nil))))))
	l.clock.advance(time.Second)
	l.run(void(text, decodeRecord(t, text).Redemptions[0].ID))
	marker, err := coupon.ParseMarker(l.State(namespace, productName(first.Product.Tag)))
	if err != nil || marker.State != coupon.MarkerVoid || marker.Time != l.clock.ms.Load() {
		t.Errorf("the product's marker is %+v: %v", marker, err)
	}
	if worth := l.worth(twin); worth != 100 {
		t.Errorf("another proof after the void: %d", worth)
	}
	again := redeem(l.batch(l.sale(l.tendered(first, nil))))
	l.assertRefusals(t, issuer, l.refusal(again), one(0, coupon.ReasonProductUsed, ""))
	l.refused(void(text, decodeRecord(t, text).Redemptions[0].ID), coupon.ReasonNotRedeemed)
}

// TestVoidNeedsItsProductMarker: the marker of the product is another's.
func TestVoidNeedsItsProductMarker(t *testing.T) {
	t.Parallel()
	l := withProofs(t)
	first := l.release(l.soldAs(grinder))
	text := l.record(l.run(redeem(l.batch(l.sale(l.tendered(first, nil))))))
	foreign := coupon.Marker{State: coupon.MarkerSpent, Redemption: coupon.RedemptionID{1}, Batch: coupon.BatchID{2}, Time: 3}
	l.overwrite(productName(first.Product.Tag), string(foreign.Bytes()))
	l.refused(void(text, decodeRecord(t, text).Redemptions[0].ID), coupon.ReasonNotRedeemed)
}

// TestOneProductOneBatch: what is written is not read back within a
// transaction, so two proofs of a product would both pass.
func TestOneProductOneBatch(t *testing.T) {
	t.Parallel()
	l := withProofs(t)
	first, twin := l.proof(grinder), l.proof(grinder)
	apart := l.batch(l.sale(first), l.sale(twin))
	want := []coupon.Refusal{{Redemption: 1, Coupon: 0, Reason: coupon.ReasonDuplicateInBatch, Field: "product"}}
	for _, mspID := range []string{issuer, retailer} {
		k := redeem(apart)
		k.endorsers = []string{mspID}
		l.assertRefusals(t, mspID, l.refusal(k), want)
	}
	l.assertCheck(t, apart, want)
	together := redeem(l.batch(l.sale(first, twin)))
	l.assertRefusals(t, issuer, l.refusal(together), one(1, coupon.ReasonDuplicateInBatch, "product"))
}

// TestOfTwoProofsThatMeetOneCounts endorses two proofs of a product on the same
// state.
func TestOfTwoProofsThatMeetOneCounts(t *testing.T) {
	t.Parallel()
	l := withProofs(t)
	first := l.endorse(redeem(l.batch(l.sale(l.proof(grinder)))))
	second := l.endorse(redeem(l.batch(l.sale(l.proof(grinder)))))
	l.commit([]*stubtest.Transaction{first, second}, valid, conflict)
}

// TestProductTags are given by Check, to the emitter of proofs, and are those
// that redemption goes by.
func TestProductTags(t *testing.T) {
	t.Parallel()
	l := withProofs(t)
	ask := func() []coupon.ProductAnswer {
		var result coupon.CheckResult
		l.evaluate(askProduct(
			coupon.ProductQuery{Framework: l.frame.Framework, Product: grinder},
			coupon.ProductQuery{Framework: l.frame.Framework, Product: "another"},
		), &result)
		return result.Products
	}
	want := []coupon.ProductAnswer{{Tag: proven.productTag(grinder)}, {Tag: proven.productTag("another")}}
	if got := ask(); !slices.Equal(got, want) {
		t.Errorf("before: %+v, want %+v", got, want)
	}
	text := l.record(l.run(redeem(l.batch(l.sale(l.proof(grinder))))))
	want[0].Used = true
	if got := ask(); !slices.Equal(got, want) {
		t.Errorf("redeemed: %+v, want %+v", got, want)
	}
	l.run(void(text, decodeRecord(t, text).Redemptions[0].ID))
	want[0].Used = false
	if got := ask(); !slices.Equal(got, want) {
		t.Errorf("voided: %+v, want %+v", got, want)
	}
	var both coupon.CheckResult
	k := askProduct(coupon.ProductQuery{Framework: l.frame.Framework, Product: grinder})
	s := checked(l.sale(bearer.tender(1)))
	k.input = coupon.CheckInput{Sales: []coupon.CheckedSale{s}, Products: k.input.(coupon.CheckInput).Products}
	if l.evaluate(k, &both); len(both.Sales) != 1 || len(both.Products) != 1 || both.Sales[0].Coupons[0].Value != 100 {
		t.Errorf("with a sale: %+v", both)
	}
}

// TestProofsAreGoodInTheIssuersShop, and void there as anywhere.
func TestProofsAreGoodInTheIssuersShop(t *testing.T) {
	t.Parallel()
	l := withProofs(t)
	l.run(l.admitShop(proven))
	text := l.shopSold(l.proof(grinder))
	twin := l.proof(grinder)
	home := redeem(l.batch(l.sale(twin)))
	l.assertRefusals(t, issuer, l.refusal(home), one(0, coupon.ReasonProductUsed, ""))
	l.run(shop(void(text, decodeRecord(t, text).Redemptions[0].ID)))
	l.run(home)
}
