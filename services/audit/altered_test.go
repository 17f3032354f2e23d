// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/contract"
	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
	"ecoupon/services/internal/ledgertest"
	. "ecoupon/services/internal/servetest"
)

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

// breach is something that the issuer and another have on the ledger with altered
// chaincode, and the rules that it breaks.
type breach struct {
	name  string
	fraud fraud
	rules []string
}

// summer is the campaign's part of its keys.
var summer = hex.EncodeToString([]byte("summer")) + "/1"

// publicBreaches are of what all members have.
var publicBreaches = []breach{
	{"a key that there is not", fraud{function: "Tick", do: func(stub shim.ChaincodeStubInterface) error {
		return stub.PutState("balance/1", []byte("x"))
	}}, []string{"event", "unknown-key"}},
	{"a tick before its time", fraud{function: "Tick", do: func(stub shim.ChaincodeStubInterface) error {
		if _, err := stub.GetState("tick"); err != nil {
			return err
		}
		at, err := stub.GetTxTimestamp()
		if err != nil {
			return err
		}
		if err := stub.SetEvent("Ticked", []byte("{}")); err != nil {
			return err
		}
		return stub.PutState("tick", []byte(`{"format":1,"at":`+strconv.FormatInt(at.AsTime().UnixMilli(), 10)+`}`))
	}}, []string{"tick-early"}},
	{"a tick that is not now", fraud{function: "Tick", do: func(stub shim.ChaincodeStubInterface) error {
		if err := stub.SetEvent("Ticked", []byte("{}")); err != nil {
			return err
		}
		return stub.PutState("tick", []byte(`{"format":1,"at":9000000000000}`))
	}}, []string{"blind-write", "tick"}},
	{"a campaign rewritten", fraud{function: "PublishCampaign", args: []string{"{}"}, do: func(stub shim.ChaincodeStubInterface) error {
		if err := stub.SetEvent("CampaignPublished", []byte("{}")); err != nil {
			return err
		}
		return stub.PutState("campaign/"+summer, []byte(`{}`))
	}}, []string{"overwritten", "blind-write", "record", "campaign", "campaign", "campaign", "campaign"}},
	{"a closed campaign opened", fraud{function: "ResumeCampaign", args: []string{"{}"}, do: func(stub shim.ChaincodeStubInterface) error {
		if _, err := stub.GetState("campaign-state/" + summer); err != nil {
			return err
		}
		if err := stub.SetEvent("CampaignResumed", []byte("{}")); err != nil {
			return err
		}
		return stub.PutState("campaign-state/"+summer, []byte(`{"format":1,"status":"active","redeem_until":0}`))
	}}, []string{"campaign-state"}},
	{"a marker of no batch", fraud{function: "Redeem", creator: AdvertiserMSP, do: func(stub shim.ChaincodeStubInterface) error {
		m := coupon.Marker{State: coupon.MarkerSpent, Time: 1}
		if err := stub.SetEvent("Redeemed", []byte("{}")); err != nil {
			return err
		}
		return stub.PutState("spent/"+coupon.Tag{1}.String(), m.Bytes())
	}}, []string{
		"tick-not-read", "blind-write", "marker-batch", "marker-batch", "marker-time",
		"private-writes", "private-writes", "offer", "batch", "batch", "event",
	}},
	{"somebody without the role", fraud{function: "Tick", role: "operator", do: func(stub shim.ChaincodeStubInterface) error {
		return stub.SetEvent("Ticked", []byte("{}"))
	}}, []string{"creator-role"}},
	{"an answer for everybody to read", fraud{function: "GetTick", do: func(shim.ChaincodeStubInterface) error { return nil }},
		[]string{"evaluation-submitted"}},
}

// privateBreaches are of what is in one member's collection.
var privateBreaches = []breach{
	{"a retailer's record in the issuer's collection alone", fraud{
		function: "EnterCampaignKey", endorsers: []string{IssuerMSP},
		do: func(stub shim.ChaincodeStubInterface) error {
			if err := stub.SetEvent("CampaignKeyEntered", []byte(`{"campaign":"summer","version":1}`)); err != nil {
				return err
			}
			return stub.PutPrivateData("_implicit_org_"+IssuerMSP, "campaign-key/"+summer, make([]byte, 32))
		},
	}, []string{"overwritten", "private-record"}},
	{"a private record deleted", fraud{
		function: "Forget", endorsers: []string{IssuerMSP},
		do: func(stub shim.ChaincodeStubInterface) error {
			return stub.DelPrivateData("_implicit_org_"+IssuerMSP, "campaign-key/"+summer)
		},
	}, []string{"unknown-function", "private-deleted"}},
	{"a key of the issuer's made by another", fraud{
		function: "EnterCampaignKey", creator: AdvertiserMSP, endorsers: []string{IssuerMSP},
		do: func(stub shim.ChaincodeStubInterface) error {
			if err := stub.SetEvent("CampaignKeyEntered", []byte(`{"campaign":"x","version":1}`)); err != nil {
				return err
			}
			return stub.PutPrivateData("_implicit_org_"+IssuerMSP, "campaign-key/78/1", []byte("12345678901234567890123456789012"))
		},
	}, []string{"creator"}},
}

func TestWhatAlteredChaincodeWritesIsFound(t *testing.T) {
	t.Parallel()
	both := []string{AdvertiserMSP, IssuerMSP}
	for _, b := range slices.Concat(publicBreaches, privateBreaches) {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			c, p := consortium(t)
			p.Close(t)
			if b.fraud.creator == "" {
				b.fraud.creator = IssuerMSP
			}
			concerned := both
			if b.fraud.endorsers == nil {
				b.fraud.endorsers = both
			} else {
				concerned = slices.Compact(slices.Sorted(slices.Values(append([]string{b.fraud.creator}, b.fraud.endorsers...))))
			}
			b.fraud.commit(t, c, peer.TxValidationCode_VALID)
			_, found := run(t, c.Chain(t), IssuerMSP)
			var want []string
			for _, rule := range b.rules {
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
