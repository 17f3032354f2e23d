// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/contract"
	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
	"ecoupon/services/audit"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	. "ecoupon/services/internal/servetest"
)

const namespace = "coupon-" + IssuerMSP

// run audits a chain as the peer of an organisation gives it, or as one does that gives no
// private data if that is empty.
func run(t *testing.T, chain *ledgertest.Chain, mspID string) (*audit.Report, []audit.Finding) {
	t.Helper()
	var found []audit.Finding
	report, err := audit.Run(t.Context(), source(chain), audit.Options{
		MSPID: mspID, Found: func(f audit.Finding) { found = append(found, f) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return report, found
}

func source(chain *ledgertest.Chain) audit.Source {
	return func(_ context.Context, visit func(*common.Block, audit.PrivateData) error) error {
		for _, b := range chain.Blocks {
			if err := visit(b.Block, b.Private); err != nil {
				return err
			}
		}
		return nil
	}
}

// breaches are the rules that were broken, each with who is concerned.
func breaches(found []audit.Finding) []string {
	var out []string
	for _, f := range found {
		if f.Level == audit.Breach {
			out = append(out, f.Rule+" "+strings.Join(f.Organisations, " "))
		}
	}
	return out
}

// consortium has a namespace that is set up and a campaign at work.
func consortium(t *testing.T) (*ledgertest.Consortium, *campaigntest.Campaign) {
	t.Helper()
	c := ledgertest.New(t, ledgertest.Options{Altered: true})
	c.SetUp(t, IssuerMSP, ClearingMSP)
	return c, campaigntest.Publish(t, c, campaigntest.Options{})
}

// settle settles batches.
func settle(t *testing.T, c *ledgertest.Consortium, records ...string) {
	t.Helper()
	_, err := c.For(t, ClearingMSP).Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "Settle", Endorsers: []string{IssuerMSP, ClearingMSP},
		Input: coupon.SettleInput{SettlementID: uuid.NewString(), Salt: coupon.Hash(campaigntest.RandomKey()), Records: records},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// live does everything that can be done with the ledger.
func live(t *testing.T, c *ledgertest.Consortium, p *campaigntest.Campaign) {
	t.Helper()
	first := p.Redeem(t, RetailerMSP, "A-1", 1, 2)
	second := p.Redeem(t, RetailerMSP, "A-2", 3)
	p.Void(t, RetailerMSP, second)
	third := p.Redeem(t, RetailerMSP, "A-3", 3, 4)
	p.Claim(t, RetailerMSP, first, second, third)
	settle(t, c, first, second, third)
	p.Change(t, "PauseCampaign")
	p.Change(t, "ResumeCampaign")
	c.Clock.Advance(3 * time.Minute)
	c.Tick(t, IssuerMSP, ClearingMSP)
	dynamic := campaigntest.Publish(t, c, campaigntest.Options{
		ID: "dynamic", Kind: coupon.KindDynamic, MaxFrameAge: time.Minute, Quotas: []int64{10},
	})
	lane := dynamic.OpenLane(t, 0)
	lane.Release(coupon.PublicKey{1})
	lane.Close(t)
	lane.Close(t)
	dynamic.Close(t)
}

func TestAnHonestLedgerHasNoBreach(t *testing.T) {
	t.Parallel()
	c, p := consortium(t)
	live(t, c, p)
	chain := c.Chain(t)
	for _, mspID := range []string{"", IssuerMSP, AdvertiserMSP, RetailerMSP, ClearingMSP} {
		report, found := run(t, chain, mspID)
		if diff := cmp.Diff([]string(nil), breaches(found)); diff != "" {
			t.Errorf("seen by %q: %s\n%+v", mspID, diff, found)
		}
		if len(found) != 1 || found[0].Rule != "definition-committed" {
			t.Errorf("seen by %q: %+v", mspID, found)
		}
		if report.Blocks != uint64(len(chain.Blocks)) || (report.Private > 0) != (mspID != "") {
			t.Errorf("seen by %q: %+v", mspID, report)
		}
	}
}

// altered is chaincode of two organisations that write what they like.
type altered struct {
	shim.Chaincode
	do func(shim.ChaincodeStubInterface) error
}

func (a altered) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	if err := a.do(stub); err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(nil)
}

// fraud is a transaction of organisations that have altered their chaincode.
type fraud struct {
	creator, function string
	role              string
	args              []string
	endorsers         []string
	do                func(shim.ChaincodeStubInterface) error
}

// commit has the altered chaincode run and commits the result, which must get the code.
func (f fraud) commit(t *testing.T, c *ledgertest.Consortium, want peer.TxValidationCode) {
	t.Helper()
	for _, mspID := range f.endorsers {
		honest, err := contract.New(contract.Config{MSPID: mspID, Now: c.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		c.Network.AddOrganisation(mspID, altered{honest, f.do})
		defer c.Network.AddOrganisation(mspID, honest)
	}
	if f.role == "" {
		f.role = "service"
	}
	tx, err := c.Network.Endorse(stubtest.Proposal{
		Namespace: namespace, Function: f.function, Args: f.args, Creator: c.Network.Identity(f.creator, f.role),
		Time: c.Clock.Now(), Endorsers: f.endorsers,
	})
	if err != nil {
		t.Fatal(err)
	}
	if result, err := c.Network.SubmitAndWait(t.Context(), tx); err != nil || result.Code != want {
		t.Fatalf("committed with %s, %v", result.Code, err)
	}
}

// An issuer and one other can un-spend a coupon, and are named for it.
func TestCollusionIsFound(t *testing.T) {
	t.Parallel()
	c, p := consortium(t)
	p.Redeem(t, RetailerMSP, "A-1", 1)
	tag := p.Coupon(0, 1, nil).SpentTag(coupon.DeriveSpentKey(p.Key))
	fraud{
		creator: IssuerMSP, function: "Tidy", endorsers: []string{IssuerMSP, AdvertiserMSP},
		do: func(stub shim.ChaincodeStubInterface) error { return stub.DelState("spent/" + tag.String()) },
	}.commit(t, c, peer.TxValidationCode_VALID)
	p.Redeem(t, RetailerMSP, "A-2", 1)
	_, found := run(t, c.Chain(t), ClearingMSP)
	want := []string{"unknown-function AdvertiserMSP IssuerMSP", "deleted AdvertiserMSP IssuerMSP"}
	if diff := cmp.Diff(want, breaches(found)); diff != "" {
		t.Errorf("breaches (-want +got):\n%s", diff)
	}
}

// Each row is something that the issuer and another have on the ledger with altered
// chaincode, and the rules that it breaks.
func TestWhatAlteredChaincodeWritesIsFound(t *testing.T) {
	t.Parallel()
	both := []string{AdvertiserMSP, IssuerMSP}
	put := func(key string, value []byte) func(shim.ChaincodeStubInterface) error {
		return func(stub shim.ChaincodeStubInterface) error { return stub.PutState(key, value) }
	}
	campaign := hex.EncodeToString([]byte("summer")) + "/1"
	event := func(stub shim.ChaincodeStubInterface, name, payload string) error {
		return stub.SetEvent(name, []byte(payload))
	}
	tests := []struct {
		name string
		f    fraud
		want []string // rules
	}{
		{"a key that there is not", fraud{function: "Tick", do: func(stub shim.ChaincodeStubInterface) error {
			return put("balance/1", []byte("x"))(stub)
		}}, []string{"event", "unknown-key"}},
		{"a tick before its time", fraud{function: "Tick", do: func(stub shim.ChaincodeStubInterface) error {
			if _, err := stub.GetState("tick"); err != nil {
				return err
			}
			at, err := stub.GetTxTimestamp()
			if err != nil {
				return err
			}
			if err := event(stub, "Ticked", "{}"); err != nil {
				return err
			}
			return put("tick", []byte(`{"format":1,"at":`+strconv.FormatInt(at.AsTime().UnixMilli(), 10)+`}`))(stub)
		}}, []string{"tick-early"}},
		{"a tick that is not now", fraud{function: "Tick", do: func(stub shim.ChaincodeStubInterface) error {
			if err := event(stub, "Ticked", "{}"); err != nil {
				return err
			}
			return put("tick", []byte(`{"format":1,"at":9000000000000}`))(stub)
		}}, []string{"blind-write", "tick"}},
		{"a campaign rewritten", fraud{function: "PublishCampaign", args: []string{"{}"}, do: func(stub shim.ChaincodeStubInterface) error {
			if err := event(stub, "CampaignPublished", "{}"); err != nil {
				return err
			}
			return put("campaign/"+campaign, []byte(`{}`))(stub)
		}}, []string{"overwritten", "blind-write", "record", "campaign", "campaign", "campaign", "campaign"}},
		{"a closed campaign opened", fraud{function: "ResumeCampaign", args: []string{"{}"}, do: func(stub shim.ChaincodeStubInterface) error {
			if _, err := stub.GetState("campaign-state/" + campaign); err != nil {
				return err
			}
			if err := event(stub, "CampaignResumed", "{}"); err != nil {
				return err
			}
			return put("campaign-state/"+campaign, []byte(`{"format":1,"status":"active","redeem_until":0}`))(stub)
		}}, []string{"campaign-state"}},
		{"a marker of no batch", fraud{function: "Redeem", creator: AdvertiserMSP, do: func(stub shim.ChaincodeStubInterface) error {
			m := coupon.Marker{State: coupon.MarkerSpent, Time: 1}
			if err := event(stub, "Redeemed", "{}"); err != nil {
				return err
			}
			return put("spent/"+coupon.Tag{1}.String(), m.Bytes())(stub)
		}}, []string{
			"tick-not-read", "blind-write", "marker-batch", "marker-batch", "marker-time",
			"private-writes", "private-writes", "offer", "batch", "batch", "event",
		}},
		{"somebody without the role", fraud{function: "Tick", role: "operator", do: func(stub shim.ChaincodeStubInterface) error {
			return event(stub, "Ticked", "{}")
		}}, []string{"creator-role"}},
		{"a retailer's record in the issuer's collection alone", fraud{
			function: "EnterCampaignKey", endorsers: []string{IssuerMSP},
			do: func(stub shim.ChaincodeStubInterface) error {
				if err := event(stub, "CampaignKeyEntered", `{"campaign":"summer","version":1}`); err != nil {
					return err
				}
				return stub.PutPrivateData("_implicit_org_"+IssuerMSP, "campaign-key/"+campaign, make([]byte, 32))
			},
		}, []string{"overwritten", "private-record"}},
		{"a private record deleted", fraud{
			function: "Forget", endorsers: []string{IssuerMSP},
			do: func(stub shim.ChaincodeStubInterface) error {
				return stub.DelPrivateData("_implicit_org_"+IssuerMSP, "campaign-key/"+campaign)
			},
		}, []string{"unknown-function", "private-deleted"}},
		{"an answer for everybody to read", fraud{function: "GetTick", do: func(shim.ChaincodeStubInterface) error { return nil }},
			[]string{"evaluation-submitted"}},
		{"a key of the issuer's made by another", fraud{
			function: "EnterCampaignKey", creator: AdvertiserMSP, endorsers: []string{IssuerMSP},
			do: func(stub shim.ChaincodeStubInterface) error {
				if err := event(stub, "CampaignKeyEntered", `{"campaign":"x","version":1}`); err != nil {
					return err
				}
				return stub.PutPrivateData("_implicit_org_"+IssuerMSP, "campaign-key/78/1", []byte("12345678901234567890123456789012"))
			},
		}, []string{"creator"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, p := consortium(t)
			p.Close(t)
			if tt.f.creator == "" {
				tt.f.creator = IssuerMSP
			}
			concerned := both
			if tt.f.endorsers == nil {
				tt.f.endorsers = both
			} else {
				concerned = slices.Compact(slices.Sorted(slices.Values(append([]string{tt.f.creator}, tt.f.endorsers...))))
			}
			tt.f.commit(t, c, peer.TxValidationCode_VALID)
			_, found := run(t, c.Chain(t), IssuerMSP)
			var want []string
			for _, rule := range tt.want {
				want = append(want, rule+" "+strings.Join(concerned, " "))
			}
			got := breaches(found)
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("breaches (-want +got):\n%s\n%+v", diff, found)
			}
		})
	}
}
