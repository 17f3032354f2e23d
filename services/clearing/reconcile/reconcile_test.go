// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package reconcile_test

import (
	"crypto/sha256"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/clearing/reconcile"
)

// fixture is a claim of two redemptions, one of two coupons and one void, and a
// ledger that agrees with it.
type fixture struct {
	record coupon.BatchRecord
	claim  coupon.ClaimRecord
	ledger reconcile.Ledger
}

var (
	batchID = coupon.BatchID{1}
	good    = coupon.RedemptionID{1}
	voided  = coupon.RedemptionID{2}
	tags    = []coupon.Tag{{1}, {2}, {3}}
)

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{record: coupon.BatchRecord{
		Format: 1, Salt: coupon.Hash{9}, ID: batchID, Transaction: "t", Issuer: "I", Retailer: "R", Time: 5,
		Redemptions: []coupon.RedeemedSale{
			{ID: good, Invoice: coupon.Invoice{Institute: "bank", Number: "n1"}, Currency: "EUR", Coupons: []coupon.RedeemedCoupon{
				{Tag: tags[0], SN: 1, Value: 100}, {Tag: tags[1], SN: 2, Value: 50},
			}},
			{ID: voided, Invoice: coupon.Invoice{Institute: "bank", Number: "n2"}, Currency: "EUR", Coupons: []coupon.RedeemedCoupon{
				{Tag: tags[2], SN: 3, Value: 70},
			}},
		},
	}}
	text, err := json.Marshal(f.record)
	if err != nil {
		t.Fatal(err)
	}
	digest := coupon.Hash(sha256.Sum256(text))
	amounts := []coupon.Money{{Currency: "EUR", Minor: 150}}
	f.claim = coupon.ClaimRecord{
		ID: "c", Issuer: "I", Retailer: "R", Coupons: 2, Amounts: amounts,
		Batches: []coupon.ClaimedBatch{{ID: batchID, Coupons: 2, Amounts: amounts, Record: string(text)}},
	}
	f.ledger = reconcile.Ledger{
		Standing: map[coupon.BatchID]coupon.BatchStanding{
			batchID: {Batch: batchID, Digest: &digest, ClaimedByClearing: true, ClaimedByRetailer: true},
		},
		Markers: map[coupon.Tag]coupon.MarkerEntry{
			tags[0]: {Tag: tags[0], State: "spent", Batch: batchID, Redemption: good},
			tags[1]: {Tag: tags[1], State: "spent", Batch: batchID, Redemption: good},
			tags[2]: {Tag: tags[2], State: "void", Batch: batchID, Redemption: voided},
		},
	}
	return f
}

func (f *fixture) standing(change func(*coupon.BatchStanding)) {
	s := f.ledger.Standing[batchID]
	change(&s)
	f.ledger.Standing[batchID] = s
}

func (f *fixture) marker(n int, change func(*coupon.MarkerEntry)) {
	m := f.ledger.Markers[tags[n]]
	change(&m)
	f.ledger.Markers[tags[n]] = m
}

func euro(minor int64) *coupon.Money { return &coupon.Money{Currency: "EUR", Minor: minor} }

// of is a difference about the fixture's batch.
func of(t reconcile.Type, change func(*reconcile.Difference)) reconcile.Difference {
	d := reconcile.Difference{Type: t, Issuer: "I", Retailer: "R", Claim: "c", Batch: batchID}
	change(&d)
	return d
}

func plain(*reconcile.Difference) {}

// sum is of an amount of the batch, whole of one of the claim, count of the
// claim's number of coupons, at of a redemption.
func sum(minor int64) func(*reconcile.Difference) {
	return func(d *reconcile.Difference) { d.Amount = euro(minor) }
}

func whole(minor int64) func(*reconcile.Difference) {
	return func(d *reconcile.Difference) { d.Amount, d.Batch = euro(minor), coupon.BatchID{} }
}

func count(d *reconcile.Difference) { d.Batch = coupon.BatchID{} }

func at(id coupon.RedemptionID) func(*reconcile.Difference) {
	return func(d *reconcile.Difference) { d.Redemption = id }
}

var comparisons = []struct {
	name   string
	change func(*fixture)
	want   []reconcile.Difference
	uses   int
}{
	{"all agree", func(*fixture) {}, nil, 1},
	{"the void coupon was redeemed again", func(f *fixture) {
		f.marker(2, func(m *coupon.MarkerEntry) { m.State, m.Batch = "spent", coupon.BatchID{7} })
	}, nil, 1},
	{"an altered record", func(f *fixture) { f.claim.Batches[0].Record += " " },
		[]reconcile.Difference{of(reconcile.Record, plain), of(reconcile.Amount, whole(150))}, 0},
	{"a batch that the ledger does not have", func(f *fixture) { f.ledger.Standing = nil },
		[]reconcile.Difference{of(reconcile.Mark, plain), of(reconcile.Record, plain), of(reconcile.Amount, whole(150))}, 0},
	{"another retailer's batch", func(f *fixture) { f.claim.Retailer = "S" }, []reconcile.Difference{
		of(reconcile.Record, func(d *reconcile.Difference) { d.Retailer = "S" }),
		of(reconcile.Amount, func(d *reconcile.Difference) { d.Retailer, d.Amount, d.Batch = "S", euro(150), coupon.BatchID{} }),
	}, 0},
	{"the retailer's mark is gone", func(f *fixture) { f.standing(func(s *coupon.BatchStanding) { s.ClaimedByRetailer = false }) },
		[]reconcile.Difference{of(reconcile.Mark, plain)}, 1},
	{"the clearing house's mark is gone", func(f *fixture) { f.standing(func(s *coupon.BatchStanding) { s.ClaimedByClearing = false }) },
		[]reconcile.Difference{of(reconcile.Mark, plain)}, 1},
	{"it was settled by others", func(f *fixture) { f.standing(func(s *coupon.BatchStanding) { s.Settled = &coupon.Hash{1} }) },
		[]reconcile.Difference{of(reconcile.Settled, plain)}, 1},
	{"it was settled by the clearing house", func(f *fixture) {
		f.standing(func(s *coupon.BatchStanding) { s.Settled = &coupon.Hash{1} })
		f.ledger.Own = map[coupon.BatchID]bool{batchID: true}
	}, nil, 1},
	{"a marker is gone", func(f *fixture) { f.marker(0, func(m *coupon.MarkerEntry) { m.State = "" }) },
		[]reconcile.Difference{of(reconcile.Marker, at(good)), of(reconcile.Amount, sum(100)), of(reconcile.Amount, whole(100))}, 1},
	{"half of a redemption is void", func(f *fixture) { f.marker(1, func(m *coupon.MarkerEntry) { m.State = "void" }) },
		[]reconcile.Difference{of(reconcile.Marker, at(good)), of(reconcile.Amount, sum(50)), of(reconcile.Amount, whole(50))}, 1},
	{"too little claimed", func(f *fixture) {
		f.claim.Batches[0].Amounts = []coupon.Money{*euro(140)}
		f.claim.Amounts = []coupon.Money{*euro(140)}
	}, []reconcile.Difference{of(reconcile.Amount, sum(-10)), of(reconcile.Amount, whole(-10))}, 1},
	{"a wrong total", func(f *fixture) { f.claim.Amounts = []coupon.Money{*euro(151)} },
		[]reconcile.Difference{of(reconcile.Amount, whole(1))}, 1},
	{"a wrong count", func(f *fixture) { f.claim.Coupons = 3 }, []reconcile.Difference{of(reconcile.Amount, count)}, 1},
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, tc := range comparisons {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			tc.change(f)
			got, uses, err := reconcile.Compare(f.claim, f.ledger)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(reconcile.Difference{}, "Detail")); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
			if len(uses) != tc.uses {
				t.Errorf("%d invoices count, want %d", len(uses), tc.uses)
			}
		})
	}
}

func TestShared(t *testing.T) {
	t.Parallel()
	use := func(retailer, claim, number string) reconcile.Use {
		return reconcile.Use{Invoice: coupon.Invoice{Institute: "bank", Number: number}, Issuer: "I", Retailer: retailer, Claim: claim}
	}
	elsewhere := use("S", "c4", "n1")
	elsewhere.Invoice.Institute = "another bank"
	got := reconcile.Shared([]reconcile.Use{
		use("S", "c3", "n1"), use("R", "c1", "n1"), use("R", "c2", "n1"), use("R", "c1", "n2"), use("R", "c2", "n2"), elsewhere,
	})
	var claims []string
	for _, d := range got {
		if d.Type != reconcile.Invoice {
			t.Errorf("type %s", d.Type)
		}
		claims = append(claims, d.Claim)
	}
	if diff := cmp.Diff([]string{"c1", "c2", "c3"}, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}
