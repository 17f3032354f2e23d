// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/wallet"
)

// proofs makes a launch one of purchase proofs, which the retailer emits; they
// are good there, at another retailer and in the issuer's own shop.
func proofs(l *desk.Launch) {
	l.Campaign.Kinds, l.Campaign.MaxFrameAge = []coupon.Kind{coupon.KindProof}, time.Minute.Milliseconds()
	l.Advertiser, l.Retailers = retailer, []string{retailer, shop, issuer}
}

// grinder is a new instance of a product.
func grinder() string { return "(01)09521234543213(21)" + uuid.NewString()[:13] }

// prove asks a retailer's till for the proof of a sale to the wallet.
func (o offer) prove(t *testing.T, organisation, mspID, product string) (wallet.Expectation, string, error) {
	t.Helper()
	expected := must[wallet.Expectation](t)(o.wallet.Expect(o.url, o.Offer))
	till := must[retailerv1.RetailerServiceClient](t)(sit(t, organisation, "till-1").Retailer(mspID))
	answer, err := till.IssueProof(t.Context(), &retailerv1.IssueProofRequest{
		RequestId: uuid.NewString(), FrameworkId: expected.Framework.String(), UData: expected.UData[:],
		ProductId: product, InvoiceNumber: "R-" + uuid.NewString()[:13],
	})
	return expected, answer.GetCoupon(), err
}

// bought is prove and Accept, which must succeed, and shows the proof.
func (o offer) bought(t *testing.T, organisation, mspID, product, showTo string) string {
	t.Helper()
	expected, text, err := o.prove(t, organisation, mspID, product)
	if err != nil {
		t.Fatalf("%v %v", err, desk.Reasons(err))
	}
	must[wallet.Holding](t)(o.wallet.Accept(text))
	return must[string](t)(o.wallet.Present(expected.ID, wallet.Audience{Retailer: showTo}))
}

// at redeems at a retailer's.
func at(t *testing.T, organisation, mspID, shown string) (*retailerv1.Redemption, error) {
	t.Helper()
	answer, err := retailerDesk(t, organisation, mspID).Redeem(t.Context(), request(shown))
	return answer.GetRedemption(), err
}

// A proof comes with the sale of a product, from the retailer's till to the
// customer's wallet; it is redeemed once, wherever the campaign says.
func TestPurchaseProofs(t *testing.T) {
	for name, place := range map[string][2]string{
		"where it was sold": {"retailer", retailer}, "at another retailer": {"shop", shop}, "in the issuer's shop": {"issuer", issuer},
	} {
		t.Run(name, func(t *testing.T) {
			o := launch(t, coupon.HolderBound, proofs)
			product := grinder()
			shown := o.bought(t, "retailer", retailer, product, place[1])
			redemption, err := at(t, place[0], place[1], shown)
			if err != nil || redemption.GetTotal().GetMinor() != 50 {
				t.Fatalf("redeemed for %v: %v %v", redemption.GetTotal(), err, desk.Reasons(err))
			}
			_, err = at(t, place[0], place[1], shown)
			wantRefusal(t, err, "ALREADY_REDEEMED")
			_, _, err = o.prove(t, "retailer", retailer, product)
			wantRefusal(t, err, "ALREADY_USED")
		})
	}
}

// Two retailers may emit proofs under one campaign, and a cheat could sell one
// product twice: it counts once, until that redemption is undone.
func TestAProductCountsOnce(t *testing.T) {
	home := launch(t, coupon.HolderBearer, proofs)
	authorised := must[*issuerv1.AuthoriseEmitterResponse](t)(issuerDesk(t).AuthoriseEmitter(t.Context(), &issuerv1.AuthoriseEmitterRequest{
		RequestId: uuid.NewString(), Campaign: home.Mandate.Campaign, Version: 1, Emitter: shop,
		Kind: typev1.Kind_KIND_PROOF, Quotas: []int64{100},
	}))
	other := find(t, shop, authorised.GetFramework().GetFrameworkId())
	product := grinder()
	first := home.bought(t, "retailer", retailer, product, "")
	second := other.bought(t, "shop", shop, product, "")
	_, _, err := home.prove(t, "retailer", retailer, product)
	wantRefusal(t, err, "PRODUCT_HAS_PROOF")

	redemption := must[*retailerv1.Redemption](t)(at(t, "shop", shop, first))
	_, err = at(t, "retailer", retailer, second)
	wantRefusal(t, err, "PRODUCT_USED")
	undo := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: redemption.GetRedemptionId()}
	must[*retailerv1.VoidResponse](t)(retailerDesk(t, "shop", shop).Void(t.Context(), undo))
	caughtUp(t)
	must[*retailerv1.Redemption](t)(at(t, "retailer", retailer, second))
	_, err = at(t, "shop", shop, first)
	wantRefusal(t, err, "PRODUCT_USED")
}

// Nobody gets a proof without a sale, and no emitter is authorised who makes
// none.
func TestProofsWithoutSales(t *testing.T) {
	o := launch(t, coupon.HolderBound, proofs)
	_, err := o.wallet.Get(t.Context(), o.url, o.Offer)
	if !reason(err, coupon.ReasonUnsupportedKind) {
		t.Errorf("asked for as a coupon: %v", err)
	}
	emitter := must[advertiserv1.AdvertiserServiceClient](t)(sit(t, "retailer", "operator").Advertiser(retailer))
	key := make([]byte, 32)
	_, err = emitter.IssueCoupon(t.Context(), &advertiserv1.IssueCouponRequest{
		RequestId: uuid.NewString(), FrameworkId: o.Framework.String(), Owner: key,
	})
	wantRefusal(t, err, "UNSUPPORTED_KIND")
	_, err = emitter.IssueProof(t.Context(), &advertiserv1.IssueProofRequest{
		RequestId: uuid.NewString(), FrameworkId: o.Framework.String(), UData: key, ProductId: grinder(), InvoiceNumber: "R-1",
	})
	wantRefusal(t, err, "WRONG_ROLE")

	l := newLaunch(coupon.HolderBound)
	proofs(&l)
	l.Advertiser = advertiser
	_, err = l.Do(t.Context(), issuerDesk(t))
	wantRefusal(t, err, "RETAILER_NOT_ADMITTED")
}
