// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
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

	home.closeFramesAt(t, "retailer", retailer)
	other.closeFramesAt(t, "shop", shop)
	eventually(t, "the issuer finds that the product was sold twice", func() bool {
		return home.found(t, "product_twice") != other.found(t, "product_twice")
	})
}

// closeFramesAt has the retailer that emits the offer close its frames.
func (o offer) closeFramesAt(t *testing.T, organisation, mspID string) {
	t.Helper()
	emitter := must[advertiserv1.AdvertiserServiceClient](t)(sit(t, organisation, "operator").Advertiser(mspID))
	must[*advertiserv1.CloseFramesResponse](t)(emitter.CloseFrames(t.Context(), &advertiserv1.CloseFramesRequest{
		FrameworkId: o.Framework.String(),
	}))
}

// found says whether the issuer's audit has found something of this kind.
func (o offer) found(t *testing.T, kind string) bool {
	t.Helper()
	audits := must[*issuerv1.ListAuditsResponse](t)(issuerDesk(t).ListAudits(t.Context(), &issuerv1.ListAuditsRequest{
		FrameworkId: o.Framework.String(),
	}))
	for _, a := range audits.GetAudits() {
		for _, f := range a.GetFindings() {
			if f.GetKind() == kind {
				return true
			}
		}
	}
	return false
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

// The same by the command line, with the example.
func TestPurchaseProofsOnTheCommandLine(t *testing.T) {
	c := commandLine{t: t, wallet: filepath.Join(t.TempDir(), "wallet.json")}
	example := must[[]byte](t)(os.ReadFile(filepath.Join("..", "..", "examples", "proof-grinder.yaml")))
	campaign := "proof-" + uuid.NewString()[:8]
	file := filepath.Join(t.TempDir(), "campaign.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(example), "nordlicht-grinder-coffee", campaign, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	office, till := consortium.Folder("issuer", "operator"), consortium.Folder("retailer", "till-1")
	c.do("--as", office, "issuer", "campaign", "publish", file)
	c.do("--as", office, "issuer", "retailer", "admit", campaign, "--retailer", retailer)
	c.do("--as", office, "issuer", "emitter", "authorise", campaign, "--emitter", retailer, "--quota", "10")
	eventually(t, "the retailer offers the campaign", func() bool {
		return strings.Contains(c.do("--as", till, "--organisation", retailer, "wallet", "offers"), campaign)
	})
	shown := strings.Fields(c.do("--as", till, "--organisation", retailer, "wallet", "expect", campaign))
	sale := append(append([]string{"--as", till, "till", "prove"}, shown...), "--product", grinder(), "--invoice", "R-1")
	held := c.do("--json", "wallet", "accept", strings.TrimSpace(c.do(sale...)))
	presented := strings.TrimSpace(c.do("wallet", "present", c.field(held, "id"), "--retailer", retailer))
	redeemed := c.do("--json", "--as", till, "till", "redeem", presented,
		"--line", "09521234543053:1:6.49", "--invoice", campaign, "--institute", "Girohaus")
	if !strings.Contains(redeemed, `"minor":"300"`) {
		t.Errorf("redeemed: %s", redeemed)
	}
}
