// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
	. "ecoupon/services/internal/servetest"
)

// TestTamperedClaimsAreFound: retailer and clearing house, who endorse a claim, have
// altered what it says.
func TestTamperedClaimsAreFound(t *testing.T) {
	t.Parallel()
	both := []string{ClearingMSP, RetailerMSP}
	type record = coupon.ClaimRecord
	for _, test := range []struct {
		name   string
		change tampering
		want   []string // as the clearing house sees it
		public []string // as those do who have no copy
	}{
		{"as it is", tampering{}, nil, nil},
		{"in another's name", inEvent(func(e *coupon.ClaimedEvent) { e.Retailer = AdvertiserMSP }), []string{"claim"}, []string{"claim"}},
		{"announced as another claim", inEvent(func(e *coupon.ClaimedEvent) { e.ClaimID = "x" }),
			[]string{"private-record", "private-writes", "private-writes", "private-writes", "private-writes"},
			[]string{"private-writes", "private-writes", "private-writes", "private-writes"}},
		{"announced for another batch", inEvent(func(e *coupon.ClaimedEvent) { e.Batches[0][0] ^= 1 }),
			[]string{"claim", "private-record", "private-writes", "private-writes", "private-writes", "private-writes"},
			[]string{"claim", "private-writes", "private-writes", "private-writes", "private-writes"}},
		{"no event that can be read", tampering{event: func([]byte) []byte { return []byte("x") }},
			[]string{"event", "private-writes", "private-writes"}, []string{"event", "private-writes", "private-writes"}},
		{"more money", inRecord("claim/", func(r *record) { r.Amounts[0].Minor++ }), []string{"sums"}, nil},
		{"more coupons", inRecord("claim/", func(r *record) { r.Coupons++ }), []string{"sums"}, nil},
		{"a line with more money, and the sum with it", inRecord("claim/", func(r *record) {
			r.Amounts[0].Minor++
			r.Batches[0].Amounts[0].Minor++
		}), []string{"sums"}, nil},
		{"a line with more coupons, and the sum with it", inRecord("claim/", func(r *record) {
			r.Coupons++
			r.Batches[0].Coupons++
		}), []string{"sums"}, nil},
		{"another record of the batch", inRecord("claim/", func(r *record) {
			r.Batches[0].Record = strings.Replace(r.Batches[0].Record, "A-1", "A-9", 1)
		}), []string{"digest"}, nil},
		{"at another time", inRecord("claim/", func(r *record) { r.Time-- }), []string{"private-record"}, nil},
		{"of another transaction", inRecord("claim/", func(r *record) { r.Transaction = "x" }), []string{"private-record"}, nil},
		{"of another issuer", inRecord("claim/", func(r *record) { r.Issuer = ClearingMSP }), []string{"private-record"}, nil},
		{"more in the record than there may be", tampering{private: func(_, key string, value []byte) []byte {
			if strings.HasPrefix(key, "claim/") {
				return append([]byte(`{"x":1,`), value[1:]...)
			}
			return value
		}}, []string{"record"}, nil},
		{"the mark of another retailer", inRecord("claimed/", func(m *coupon.ClaimMark) { m.Retailer = AdvertiserMSP }), []string{"private-record"}, nil},
		{"no mark with the clearing house", leftOut(ClearingMSP, "claimed/"), []string{"private-writes"}, []string{"private-writes"}},
		{"no mark with the retailer", leftOut(RetailerMSP, "claimed/"), []string{"private-writes"}, []string{"private-writes"}},
		{"no record with the clearing house", leftOut(ClearingMSP, "claim/"), []string{"private-writes"}, []string{"private-writes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, p := consortium(t)
			sold := p.Redeem(t, RetailerMSP, "A-1", 1, 2)
			tamper(t, c, test.change, both, func() { p.Claim(t, RetailerMSP, sold) })
			assertBreaches(t, c, ClearingMSP, both, test.want...)
			assertBreaches(t, c, AdvertiserMSP, both, test.public...)
		})
	}
}

// forgedClaim is a claim of a batch that the contract would not take, with all that
// is public of a claim.
func forgedClaim(t *testing.T, c *ledgertest.Consortium, batch coupon.BatchID) {
	t.Helper()
	event, err := json.Marshal(coupon.ClaimedEvent{ClaimID: "forged", Retailer: RetailerMSP, Batches: []coupon.BatchID{batch}})
	if err != nil {
		t.Fatal(err)
	}
	fraud{
		creator: RetailerMSP, function: "Claim", endorsers: []string{RetailerMSP, ClearingMSP},
		do: func(stub shim.ChaincodeStubInterface) error {
			for _, owner := range []string{RetailerMSP, ClearingMSP} {
				for _, key := range []string{"claimed/" + batch.String(), "claim/" + hex.EncodeToString([]byte(RetailerMSP)) + "/forged"} {
					if err := stub.PutPrivateData("_implicit_org_"+owner, key, []byte("x")); err != nil {
						return err
					}
				}
			}
			return stub.SetEvent("Claimed", event)
		},
	}.commit(t, c, peer.TxValidationCode_VALID)
}

func idOf(t *testing.T, record string) coupon.BatchID {
	t.Helper()
	var r coupon.BatchRecord
	if err := json.Unmarshal([]byte(record), &r); err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// TestForgedClaimsAreFound by every member, whatever they keep: the marks are on the
// ledger.
func TestForgedClaimsAreFound(t *testing.T) {
	t.Parallel()
	both := []string{ClearingMSP, RetailerMSP}
	for _, test := range []struct {
		name  string
		batch func(t *testing.T, c *ledgertest.Consortium, p *campaigntest.Campaign) coupon.BatchID
		want  []string
	}{
		{"of no batch", func(*testing.T, *ledgertest.Consortium, *campaigntest.Campaign) coupon.BatchID {
			return coupon.BatchID{1}
		}, []string{"claim"}},
		{"of another retailer's batch", func(t *testing.T, _ *ledgertest.Consortium, p *campaigntest.Campaign) coupon.BatchID {
			p.Admit(t, AdvertiserMSP)
			return idOf(t, p.Redeem(t, AdvertiserMSP, "B-1", 1))
		}, []string{"claim"}},
		{"of a batch that is claimed", func(t *testing.T, _ *ledgertest.Consortium, p *campaigntest.Campaign) coupon.BatchID {
			sold := p.Redeem(t, RetailerMSP, "A-1", 1)
			p.Claim(t, RetailerMSP, sold)
			return idOf(t, sold)
		}, []string{"claim"}},
		{"of a batch that is settled", func(t *testing.T, c *ledgertest.Consortium, p *campaigntest.Campaign) coupon.BatchID {
			sold := p.Redeem(t, RetailerMSP, "A-1", 1)
			p.Claim(t, RetailerMSP, sold)
			settle(t, c, sold)
			return idOf(t, sold)
		}, []string{"claim", "claim"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, p := consortium(t)
			forgedClaim(t, c, test.batch(t, c, p))
			assertBreaches(t, c, IssuerMSP, both, test.want...)
		})
	}
}

// TestTamperedSettlementsAreFound: issuer and clearing house, who endorse a
// settlement, have altered what it says.
func TestTamperedSettlementsAreFound(t *testing.T) {
	t.Parallel()
	both := []string{ClearingMSP, IssuerMSP}
	type record = coupon.SettlementRecord
	in := func(change func(*record)) tampering { return inDigested("settlement/", "settled/", change) }
	for _, test := range []struct {
		name   string
		change tampering
		want   []string // as both see it
		public []string
	}{
		{"as it is", tampering{}, nil, nil},
		{"announced for no batch", inEvent(func(e *coupon.SettledEvent) { e.Batches = nil }), []string{"event"}, []string{"event"}},
		{"announced for another retailer", inEvent(func(e *coupon.SettledEvent) { e.Retailer = AdvertiserMSP }),
			[]string{"private-writes", "private-writes", "private-writes", "private-writes", "settled", "settled"},
			[]string{"private-writes", "private-writes", "private-writes", "private-writes", "settled", "settled"}},
		{"with the issuer itself", inEvent(func(e *coupon.SettledEvent) { e.Retailer = IssuerMSP }),
			[]string{"private-writes", "private-writes", "private-writes", "private-writes", "settled", "settled", "settled"},
			[]string{"private-writes", "private-writes", "private-writes", "private-writes", "settled", "settled", "settled"}},
		{"announced as another settlement", inEvent(func(e *coupon.SettledEvent) { e.SettlementID = "x" }),
			[]string{"private-record", "private-writes", "private-writes", "private-writes", "private-writes"},
			[]string{"private-writes", "private-writes", "private-writes", "private-writes"}},
		{"the digest of another record", tampering{public: func(key string, value []byte) []byte {
			if strings.HasPrefix(key, "settled/") {
				value[5] ^= 1
			}
			return value
		}}, []string{"digest", "digest", "digest"}, []string{"digest", "digest"}},
		{"less money", in(func(r *record) { r.Amounts[0].Minor-- }), []string{"sums"}, nil},
		{"fewer coupons", in(func(r *record) { r.Coupons-- }), []string{"sums"}, nil},
		{"a line with less money, and the sum with it", in(func(r *record) {
			r.Amounts[0].Minor--
			r.Batches[0].Amounts[0].Minor--
		}), []string{"sums"}, nil},
		{"at another time", in(func(r *record) { r.Time++ }), []string{"private-record"}, nil},
		{"of another transaction", in(func(r *record) { r.Transaction = "x" }), []string{"private-record"}, nil},
		{"with another retailer", in(func(r *record) { r.Retailer = AdvertiserMSP }), []string{"private-record"}, nil},
		{"for another batch", in(func(r *record) { r.Batches[0].ID[0] ^= 1 }), []string{"digest"}, nil},
		{"for no batch", in(func(r *record) { r.Batches, r.Coupons, r.Amounts = nil, 0, []coupon.Money{} }), []string{"private-record"}, nil},
		{"no record with the issuer", leftOut(IssuerMSP, "settlement/"), []string{"private-writes"}, []string{"private-writes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, p := consortium(t)
			sold := p.Redeem(t, RetailerMSP, "A-1", 1, 2)
			p.Claim(t, RetailerMSP, sold)
			tamper(t, c, test.change, both, func() { settle(t, c, sold) })
			assertBreaches(t, c, ClearingMSP, both, test.want...)
			assertBreaches(t, c, RetailerMSP, both, test.public...)
		})
	}
}

// TestWhatIsNotClaimedIsNotSettled, though issuer and clearing house say that the
// marks are there; and nothing is settled twice.
func TestWhatIsNotClaimedIsNotSettled(t *testing.T) {
	t.Parallel()
	both := []string{ClearingMSP, IssuerMSP}
	c, p := consortium(t)
	sold := p.Redeem(t, RetailerMSP, "A-1", 1)
	marked := tampering{hash: func(key string, hash []byte) []byte {
		if strings.HasPrefix(key, "claimed/") {
			return make([]byte, 32)
		}
		return hash
	}}
	tamper(t, c, marked, both, func() { settle(t, c, sold) })
	assertBreaches(t, c, AdvertiserMSP, both, "settled", "settled")

	c, p = consortium(t)
	sold = p.Redeem(t, RetailerMSP, "A-1", 1)
	p.Claim(t, RetailerMSP, sold)
	settle(t, c, sold)
	batch := idOf(t, sold)
	event, err := json.Marshal(coupon.SettledEvent{SettlementID: "again", Retailer: RetailerMSP, Batches: []coupon.BatchID{batch}})
	if err != nil {
		t.Fatal(err)
	}
	fraud{
		creator: ClearingMSP, function: "Settle", endorsers: both,
		do: func(stub shim.ChaincodeStubInterface) error {
			if _, err := stub.GetState("settled/" + batch.String()); err != nil {
				return err
			}
			if err := stub.SetEvent("Settled", event); err != nil {
				return err
			}
			return stub.PutState("settled/"+batch.String(), append([]byte{1}, make([]byte, 32)...))
		},
	}.commit(t, c, peer.TxValidationCode_VALID)
	assertBreaches(t, c, AdvertiserMSP, both, "overwritten", "private-writes", "private-writes")
}
