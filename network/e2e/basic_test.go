// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/wallet"
)

// storeNamespace is that of the retailer's own coupons.
const storeNamespace = "coupon-" + retailer

// inTheShopToo has the issuer's own shop redeem a campaign.
func inTheShopToo(l *desk.Launch) { l.Retailers = append(l.Retailers, issuer) }

// copyAt returns an organisation's copy of a batch's record.
func copyAt(t *testing.T, organisation, namespace, batchID string) (string, coupon.BatchRecord) {
	t.Helper()
	var id coupon.BatchID
	if err := id.UnmarshalText([]byte(batchID)); err != nil {
		t.Fatal(err)
	}
	c := connect(t, organisation, "auditor")
	var result coupon.BatchResult
	evaluate(t, c, call{
		namespace: namespace, function: "GetBatch", arguments: argument(t, coupon.BatchQuery{Batch: id}), endorsers: []string{c.MSPID},
	}, &result)
	var record coupon.BatchRecord
	if err := json.Unmarshal([]byte(result.Record), &record); err != nil {
		t.Fatal(err)
	}
	return result.Record, record
}

// The basic model: the manufacturer's own shop redeems coupons that its
// advertiser gave out, with the clearing house as second endorser, and nobody
// owes it anything for them.
func TestIssuersOwnShop(t *testing.T) {
	o := launch(t, coupon.HolderBearer, inTheShopToo)
	shown := o.show(t, issuer)
	office := retailerDesk(t, "issuer", issuer)
	till := must[retailerv1.RetailerServiceClient](t)(sit(t, "issuer", "till-1").Retailer(issuer))
	sale := request(shown)
	sold := must[*retailerv1.RedeemResponse](t)(till.Redeem(t.Context(), sale)).GetRedemption()
	if sold.GetTotal().GetMinor() != 50 {
		t.Errorf("redeemed for %v", sold.GetTotal())
	}
	wantRefusal(t, atRetailer(t, shown), "ALREADY_REDEEMED")
	caughtUp(t)
	text, record := copyAt(t, "issuer", namespace, sold.GetBatchId())
	if theirs, _ := copyAt(t, "clearing", namespace, sold.GetBatchId()); theirs != text || record.Retailer != issuer {
		t.Errorf("the clearing house keeps %s, the issuer %s", theirs, text)
	}

	_, err := office.Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuer})
	wantRefusal(t, err, "NOT_CLAIMABLE")
	pastTheService := claimOf(text)
	pastTheService.endorsers = []string{issuer, clearing}
	if _, err := submit(t, connect(t, "issuer", "retailer"), pastTheService); err == nil || !strings.Contains(details(err), "NOT_CLAIMABLE: ") {
		t.Errorf("a claim past the service: %v", err)
	}

	undo := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: sold.GetRedemptionId()}
	must[*retailerv1.VoidResponse](t)(office.Void(t.Context(), undo))
	caughtUp(t)
	for _, organisation := range members {
		if m := marker(t, organisation, record.Redemptions[0].Coupons[0].Tag); m.State != "void" {
			t.Errorf("on the peer of %s the coupon is %q", organisation, m.State)
		}
	}
	redeem(t, request(shown))
}

// Whatever the issuer does with its own coupons, the ledger takes it with the
// clearing house only: not alone, not with another.
func TestIssuersOwnShopNeedsTheClearingHouse(t *testing.T) {
	o := launch(t, coupon.HolderBearer, inTheShopToo)
	shown := o.show(t, issuer)
	c := connect(t, "issuer", "retailer")
	sale := coupon.Sale{
		RequestID: uuid.NewString(), Request: coupon.Hash{1},
		Invoice: coupon.Invoice{Institute: "Girohaus", Number: uuid.NewString(), Currency: "EUR", Amount: 249, PaidAt: 1},
		Basket:  coupon.Basket{Currency: "EUR", Total: 249, Lines: []coupon.Line{{GTIN: gtin, Quantity: 1, UnitPrice: 249}}},
	}
	check := coupon.CheckInput{Sales: []coupon.CheckedSale{{Invoice: &sale.Invoice, Basket: &sale.Basket, Coupons: coupon.Untagged(shown)}}}
	caughtUp(t)
	var verdict coupon.CheckResult
	evaluate(t, c, call{function: "Check", input: check, endorsers: []string{issuer}}, &verdict)
	if len(verdict.Sales[0].Refused) != 0 {
		t.Fatalf("%+v", verdict)
	}
	tag := *verdict.Sales[0].Coupons[0].Tag
	sale.Coupons = []coupon.Tendered{{Text: shown, Tag: tag}}
	spend := call{function: "Redeem", input: coupon.BatchInput{Salt: coupon.Hash{1}, Sales: []coupon.Sale{sale}}}

	refusedByLedger := func(x call, endorsers ...string) {
		t.Helper()
		x.endorsers = endorsers
		code, err := submit(t, c, x)
		if err != nil {
			t.Fatalf("%s by %v was not endorsed, so nothing is shown: %s", x.function, endorsers, details(err))
		}
		if code != peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE {
			t.Errorf("%s by %v: committed with %s", x.function, endorsers, code)
		}
	}
	refusedByLedger(spend, issuer)
	// With another's altered rules it is no better.
	mark := []string{"_implicit_org_" + clearing, "batch/00", "01"}
	refusedByLedger(call{function: "Write", arguments: mark}, issuer, retailer)
	spend.endorsers = []string{issuer, shop}
	if _, err := submit(t, c, spend); err == nil || !strings.Contains(details(err), "WRONG_PEER: ") {
		t.Errorf("shown to another organisation: %v", err)
	}
	if m := marker(t, "clearing", tag); m.State == "spent" {
		t.Error("the coupon is spent")
	}

	spend.endorsers = []string{issuer, clearing}
	if code, err := submit(t, c, spend); err != nil || code != peer.TxValidationCode_VALID {
		t.Fatalf("with the clearing house: %s %v", code, err)
	}
	caughtUp(t)
	text, record := copyAt(t, "issuer", namespace, marker(t, "issuer", tag).Batch.String())
	undo := call{function: "Void", input: coupon.VoidInput{Record: text, Redemption: record.Redemptions[0].ID}}
	refusedByLedger(undo, issuer)
	refusedByLedger(call{function: "Write", arguments: []string{"spent/" + tag.String(), ""}}, issuer)
	if m := marker(t, "clearing", tag); m.State != "spent" {
		t.Errorf("the coupon is %s", m.State)
	}
}

// storeLaunch puts a campaign of the retailer's own to work.
func storeLaunch(t *testing.T, holder coupon.Holder, change func(*desk.Launch)) offer {
	t.Helper()
	l := newLaunch(holder)
	l.Advertiser = retailer
	if change != nil {
		change(&l)
	}
	office := must[issuerv1.IssuerServiceClient](t)(sit(t, "retailer", "operator").Issuer(retailer))
	framework, err := l.Do(t.Context(), office)
	if err != nil {
		t.Fatalf("%v %v", err, desk.Reasons(err))
	}
	return find(t, retailer, framework.GetFrameworkId())
}

// A store coupon: one organisation issues, gives out and redeems it; another
// retailer may redeem it too, and is paid.
func TestStoreCoupons(t *testing.T) {
	o := storeLaunch(t, coupon.HolderBound, func(l *desk.Launch) { l.Retailers = append(l.Retailers, shop) })
	held := o.get(t)
	present := func() string {
		return must[string](t)(o.wallet.Present(held.ID, wallet.Audience{Retailer: retailer}))
	}
	shown := present()
	own := redeem(t, request(shown))
	wantRefusal(t, atRetailer(t, shown), "ALREADY_REDEEMED")
	caughtUp(t)
	text, _ := copyAt(t, "retailer", storeNamespace, own.GetBatchId())
	if theirs, _ := copyAt(t, "clearing", storeNamespace, own.GetBatchId()); theirs != text {
		t.Errorf("the clearing house keeps %s, the store %s", theirs, text)
	}
	void(t, own)
	redeem(t, request(present()))

	elsewhere := retailerDesk(t, "shop", shop)
	must[*retailerv1.RedeemResponse](t)(elsewhere.Redeem(t.Context(), request(o.show(t, shop))))
	claims := must[*retailerv1.ClaimResponse](t)(elsewhere.Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: retailer}))
	if len(claims.GetClaims()) != 1 || claims.GetClaims()[0].GetCoupons() != 1 {
		t.Errorf("the other retailer claims %v", claims)
	}
	_, err := retailerDesk(t, "retailer", retailer).Claim(t.Context(), &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: retailer})
	wantRefusal(t, err, "NOT_CLAIMABLE")
	settleStore(t)
}

// settleStore settles, and expects the store to pay the other retailer and
// nobody to pay the store for its own.
func settleStore(t *testing.T) {
	t.Helper()
	house := must[clearingv1.ClearingServiceClient](t)(sit(t, "clearing", "operator").Clearing(clearing))
	eventually(t, "the clearing house knows the claim", func() bool {
		known := must[*clearingv1.ListClaimsResponse](t)(house.ListClaims(t.Context(), &clearingv1.ListClaimsRequest{PageSize: 200}))
		return slices.ContainsFunc(known.GetClaims(), func(c *clearingv1.Claim) bool { return c.GetIssuer() == retailer && c.GetRetailer() == shop })
	})
	must[*clearingv1.ReconcileResponse](t)(house.Reconcile(t.Context(), &clearingv1.ReconcileRequest{RequestId: uuid.NewString()}))
	settled := must[*clearingv1.SettleResponse](t)(house.Settle(t.Context(), &clearingv1.SettleRequest{RequestId: uuid.NewString()}))
	paid := int64(0)
	for _, r := range settled.GetSettlement().GetRemittances() {
		if r.GetIssuer() == r.GetRetailer() {
			t.Errorf("%s pays itself %v", r.GetIssuer(), r.GetAmount())
		}
		if r.GetIssuer() == retailer && r.GetRetailer() == shop {
			paid += r.GetAmount().GetMinor()
		}
	}
	if paid != 50 {
		t.Errorf("the store pays %d, want 50", paid)
	}
}

// The store's lanes are opened and closed with the clearing house, and its
// mandates are its own and the clearing house's to make.
func TestStoreFramesNeedTheClearingHouse(t *testing.T) {
	o := storeLaunch(t, coupon.HolderBearer, func(l *desk.Launch) {
		dynamic(`{"type":"linear","from":"release","end":3600000,"to":20}`)(l)
		l.Quotas = []int64{100, 100} // the second lane is not opened before the first is at its end
	})
	if value := redeem(t, request(o.show(t, retailer))).GetTotal().GetMinor(); value < 49 || value > 50 {
		t.Errorf("just released, it is worth %d", value)
	}
	emitter := must[advertiserv1.AdvertiserServiceClient](t)(sit(t, "retailer", "operator").Advertiser(retailer))
	closed := must[*advertiserv1.CloseFramesResponse](t)(emitter.CloseFrames(t.Context(), &advertiserv1.CloseFramesRequest{
		FrameworkId: o.Framework.String(),
	}))
	if len(closed.GetFrames()) != 1 {
		t.Fatalf("closed %v", closed)
	}
	caughtUp(t)
	frame := coupon.FrameRef{Framework: o.Framework, Frame: 1}
	var ours, theirs coupon.FrameSummary
	for organisation, summary := range map[string]*coupon.FrameSummary{"retailer": &ours, "clearing": &theirs} {
		c := connect(t, organisation, "auditor")
		evaluate(t, c, call{
			namespace: storeNamespace, function: "GetFrameSummary", arguments: argument(t, frame), endorsers: []string{c.MSPID},
		}, summary)
	}
	if ours != theirs || ours.Count != 1 {
		t.Errorf("the store keeps %+v, the clearing house %+v", ours, theirs)
	}
	c := connect(t, "retailer", "advertiser")
	open := call{
		namespace: storeNamespace, function: "OpenLane", endorsers: []string{retailer},
		arguments: argument(t, coupon.LaneRequest{Framework: o.Framework, Lane: 1}),
	}
	if code, err := submit(t, c, open); err != nil || code != peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE {
		t.Errorf("a lane opened by the store alone: %s %v", code, err)
	}
	key := call{
		namespace: storeNamespace, function: "EmitterKey", endorsers: []string{clearing},
		arguments: argument(t, coupon.FrameworkQuery{Framework: o.Framework}),
	}
	_, err := connect(t, "clearing", "clearing").GetNetwork(consortium.Consortium().Channel).
		GetContract(storeNamespace).Evaluate(key.function, key.options(t)...)
	if err == nil || !strings.Contains(details(err), "KEY_MISSING: ") {
		t.Errorf("the clearing house asks for the store's key: %v", err)
	}
}
