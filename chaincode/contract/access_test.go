// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/contract"
	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// ownPeer stands for callers who are answered on their own peer only.
const ownPeer = "own peer"

// access is who may call a function, with what; caller is an organisation,
// ownPeer, or empty for all.
type access struct {
	function string
	caller   string
	auditors bool
	argument any // nil for none
	input    any // nil for none
}

var accesses = []access{
	{function: "SetParties", caller: issuer, argument: setParties().argument},
	{function: "EnterCampaignKey", caller: issuer, input: enterKey(bearer).input},
	{function: "PublishCampaign", caller: issuer, argument: campaignArgument(bearer.campaign)},
	{function: "PauseCampaign", caller: issuer, argument: bearer.ref()},
	{function: "ResumeCampaign", caller: issuer, argument: bearer.ref()},
	{function: "CloseCampaign", caller: issuer, argument: closing(fresh, 0).argument},
	{function: "AuthoriseEmitter", caller: issuer, argument: authorise(bearer).argument, input: authorise(bearer).input},
	{function: "RaiseQuota", caller: issuer, argument: coupon.RaiseRequest{Quotas: []int64{}}},
	{function: "SuspendEmitter", caller: issuer, argument: coupon.SuspendRequest{}},
	{function: "ReinstateEmitter", caller: issuer, argument: coupon.MandateRequest{}},
	{function: "RevokeEmitter", caller: issuer, argument: coupon.MandateRequest{}, input: coupon.EndsInput{Ends: []coupon.LaneEnd{}}},
	{function: "RotateKey", caller: issuer, argument: coupon.RotateRequest{Quotas: []int64{}}, input: coupon.EmitterKeyInput{}},
	{function: "AdmitRetailer", caller: issuer, argument: coupon.AdmitRequest{Campaign: "spring", Version: 1, Retailer: retailer}},
	{function: "Tick"},
	{function: "OpenLane", argument: coupon.LaneRequest{}},
	{function: "CloseFrame", argument: coupon.FrameRef{Frame: 1}, input: coupon.FrameContent{}},
	{function: "Transfer", input: coupon.TransferInput{}},
	{function: "CheckTransfer", input: coupon.CheckTransferInput{}},
	{function: "FindOwner", input: coupon.OwnerInput{}},
	{function: "Redeem", input: coupon.BatchInput{Sales: []coupon.Sale{}}},
	{function: "Void", input: coupon.VoidInput{}},
	{function: "Claim", input: coupon.ClaimInput{Records: []string{}}},
	{function: "Settle", caller: clearing, input: coupon.SettleInput{Records: []string{}}},
	{function: "ReportMisconduct", caller: issuer, argument: coupon.MisconductRequest{Kind: coupon.LateFrame}, input: coupon.EvidenceInput{Exhibits: []coupon.Exhibit{}}},
	{function: "AnswerMisconduct", argument: coupon.MisconductQuery{}, input: coupon.AnswerInput{}},
	{function: "ResolveMisconduct", caller: issuer, argument: coupon.ResolveRequest{}},
	{function: "GetMisconduct", auditors: true, argument: coupon.MisconductQuery{}},
	{function: "ListMisconduct", auditors: true, argument: coupon.PageQuery{}},
	{function: "GetEvidence", auditors: true, argument: coupon.MisconductQuery{}},
	{function: "GetAnswer", auditors: true, argument: coupon.MisconductQuery{}},
	{function: "RegisterInstitute", caller: clearing, argument: coupon.Institute{Keys: []coupon.InstituteKey{}}},
	{function: "GetInstitute", auditors: true, argument: coupon.InstituteQuery{}},
	{function: "Check", input: coupon.CheckInput{Sales: []coupon.CheckedSale{}}},
	{function: "CampaignKey", caller: ownPeer, argument: bearer.ref()},
	{function: "EmitterKey", caller: ownPeer, argument: coupon.FrameworkQuery{}},
	{function: "Beacon", argument: coupon.FrameRef{}},
	{function: "GetFrame", auditors: true, argument: coupon.FrameRef{}},
	{function: "LaneEnds", caller: ownPeer, auditors: true, argument: coupon.FrameworkQuery{}},
	{function: "GetMandate", auditors: true, argument: coupon.FrameworkQuery{}},
	{function: "GetFrameSummary", caller: ownPeer, auditors: true, argument: coupon.FrameRef{}},
	{function: "GetBatch", caller: ownPeer, auditors: true, argument: coupon.BatchQuery{}},
	{function: "GetClaim", caller: ownPeer, auditors: true, argument: coupon.ClaimQuery{}},
	{function: "GetSettlement", caller: ownPeer, auditors: true, argument: coupon.SettlementQuery{}},
	{function: "HasRetailerKey", auditors: true, argument: coupon.RetailerQuery{}},
	{function: "GetParties", auditors: true},
	{function: "GetTick", auditors: true},
	{function: "GetClock", auditors: true},
	{function: "GetCampaign", auditors: true, argument: bearer.ref()},
	{function: "ListCampaigns", auditors: true, argument: coupon.PageQuery{}},
	{function: "GetFramework", auditors: true, argument: coupon.FrameworkQuery{}},
	{function: "ListFrameworks", auditors: true, argument: coupon.FrameworksQuery{}},
	{function: "ListRetailers", auditors: true, argument: bearer.ref()},
	{function: "FindRedemption", auditors: true, argument: coupon.RedemptionQuery{}},
	{function: "GetMarkers", auditors: true, argument: coupon.MarkersQuery{Tags: []coupon.Tag{}}},
	{function: "Standing", auditors: true, argument: coupon.StandingQuery{Batches: []coupon.BatchID{}}},
}

// TestEveryFunctionHasItsAccess compares the table with the contract.
func TestEveryFunctionHasItsAccess(t *testing.T) {
	t.Parallel()
	var want, got []string
	framework := reflect.TypeFor[*contractapi.Contract]()
	for m := range reflect.TypeFor[*contract.Contract]().Methods() {
		if _, inherited := framework.MethodByName(m.Name); !inherited {
			want = append(want, m.Name)
		}
	}
	for _, a := range accesses {
		got = append(got, a.function)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the table has %v, the contract %v", got, want)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	c := founded(t)
	roles := []string{"service", "auditor", "operator", "till", "admin", "peer", "Service", "client"}
	for _, a := range accesses {
		for _, mspID := range members {
			for _, role := range roles {
				for _, on := range []string{issuer, mspID} {
					k := call{function: a.function, argument: a.argument, input: a.input, by: mspID, role: role, endorsers: []string{on}}
					reason, _ := c.reasonOf(k)
					if want := a.verdict(mspID, role, on); want != "" && reason != want {
						t.Errorf("%s by %s of %s on the peer of %s: %q, want %s", a.function, role, mspID, on, reason, want)
					} else if want == "" && (reason == coupon.ReasonWrongOrganisation || reason == coupon.ReasonWrongRole) {
						t.Errorf("%s by %s of %s on the peer of %s: %s", a.function, role, mspID, on, reason)
					}
				}
			}
		}
	}
}

// verdict is the reason that comes before any other, if there is one.
func (a access) verdict(mspID, role, on string) coupon.Reason {
	switch {
	case a.caller == ownPeer && mspID != on:
		return coupon.ReasonWrongPeer
	case a.caller != "" && a.caller != ownPeer && a.caller != mspID:
		return coupon.ReasonWrongOrganisation
	case role != "service" && (role != "auditor" || !a.auditors):
		return coupon.ReasonWrongRole
	default:
		return ""
	}
}

// reasonOf is the reason for which a call is refused on one peer, if it is.
func (c *consortium) reasonOf(k call) (coupon.Reason, string) {
	c.t.Helper()
	_, err := c.Endorse(c.proposal(k))
	var refused *stubtest.EndorseError
	if err == nil {
		return "", ""
	}
	if !errors.As(err, &refused) {
		c.t.Fatalf("%s: %v", k.function, err)
	}
	parsed, ok := coupon.ParseError(refused.Message)
	if !ok {
		return "", refused.Message
	}
	return parsed.Reason, refused.Message
}

func TestAccessDependsOnMore(t *testing.T) {
	t.Parallel()
	testRefusals(t, []refusal{
		{name: "campaign key on another peer", want: coupon.ReasonWrongPeer, prepare: func(*consortium) call {
			return call{function: "CampaignKey", argument: bearer.ref(), by: advertiser, endorsers: []string{advertiser}}
		}},
		{name: "settlement before the parties", want: coupon.ReasonPartiesMissing, prepare: func(c *consortium) call {
			c.overwrite("parties", "")
			return c.settle("{}")
		}},
		{name: "check on another peer than the issuer's", want: coupon.ReasonWrongPeer, prepare: func(c *consortium) call {
			k := check(checked(c.sale(bearer.tender(1))))
			k.endorsers = []string{retailer}
			return k
		}},
		{name: "check by a retailer without a key", want: coupon.ReasonRetailerNotAdmitted, prepare: func(c *consortium) call {
			k := check(checked(c.sale(bearer.tender(1))))
			k.by = retailer2
			return k
		}},
		{name: "check of nothing", want: coupon.ReasonTooMany, field: "sales", prepare: func(*consortium) call {
			return check([]coupon.CheckedSale{}...)
		}},
		{name: "check of too many", want: coupon.ReasonTooMany, field: "coupons", prepare: func(*consortium) call {
			return check(coupon.CheckedSale{Coupons: make([]coupon.CheckedCoupon, 51)})
		}},
		{name: "check without a tick", want: coupon.ReasonTickMissing, prepare: func(c *consortium) call {
			c.overwrite("tick", "")
			return check(checked(c.sale(bearer.tender(1))))
		}},
	})
	c := founded(t)
	tills := c.proposal(tick())
	tills.Creator = c.Outsider(issuer, "service")
	if _, err := c.Endorse(tills); err == nil || !strings.Contains(err.Error(), "access denied") {
		t.Errorf("a certificate that is not of the MSP: %v, want access denied", err)
	}
}

func TestUnknownFunctionsAreRefused(t *testing.T) {
	t.Parallel()
	c := founded(t)
	names := []string{"Mint", "Init", "GetInfo", "GetName", "GetBeforeTransaction", "Tick ", "org.hyperledger.fabric:GetMetadata"}
	for _, a := range accesses {
		names = append(names, strings.ToLower(a.function[:1])+a.function[1:], strings.ToUpper(a.function), "Contract:"+a.function, ":"+a.function)
	}
	for _, name := range names {
		c.refused(call{function: name, by: issuer, endorsers: []string{issuer}}, coupon.ReasonUnknownFunction)
	}
}

// TestOtherNamespacesAreRefused: the issuer is read from the definition's name.
func TestOtherNamespacesAreRefused(t *testing.T) {
	t.Parallel()
	c := founded(t)
	for _, name := range []string{"coupon", "coupon-", "Coupon-IssuerMSP", "cash-IssuerMSP"} {
		c.Define(name, stubtest.IssuerAndOther(issuer))
		p := c.proposal(tick())
		p.Namespace = name
		if _, err := c.Endorse(p); err == nil || !strings.Contains(err.Error(), "INTERNAL") {
			t.Errorf("as %s: %v, want INTERNAL", name, err)
		}
	}
}

// TestUnreadableCallersAreRefused gives the contract creators that no peer
// would let through.
func TestUnreadableCallersAreRefused(t *testing.T) {
	t.Parallel()
	c := founded(t)
	for creator, want := range map[string]string{
		"\xff\xff":        "WRONG_ROLE: the caller's certificate cannot be read",
		"":                "WRONG_ROLE: the caller's certificate cannot be read",
		withoutRole(t, c): "WRONG_ROLE: the caller's certificate has no role",
	} {
		c.AddOrganisation(issuer, masked{c.honest[issuer], []byte(creator)})
		if _, message := c.reasonOf(call{function: "GetTick", by: issuer, endorsers: []string{issuer}}); message != want {
			t.Errorf("%q, want %q", message, want)
		}
	}
}

// withoutRole is an issuer's identity whose certificate has no attributes.
func withoutRole(t *testing.T, c *consortium) string {
	t.Helper()
	id := c.Identity(issuer, "service")
	template := *id.Certificate
	template.ExtraExtensions = nil
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, id.Key.Public(), id.Key)
	if err != nil {
		t.Fatal(err)
	}
	serialized, err := proto.Marshal(&msp.SerializedIdentity{
		Mspid: issuer, IdBytes: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(serialized)
}

// masked hides who made a proposal.
type masked struct {
	honest  shim.Chaincode
	creator []byte
}

func (masked) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (m masked) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	return m.honest.Invoke(maskedStub{stub, m.creator})
}

type maskedStub struct {
	shim.ChaincodeStubInterface
	creator []byte
}

func (s maskedStub) GetCreator() ([]byte, error) { return s.creator, nil }
