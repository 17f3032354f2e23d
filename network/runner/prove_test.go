// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"

	"github.com/hyperledger/fabric-gateway/pkg/client"
)

// testLimit bounds the wait for one transaction.
const testLimit = 30 * time.Second

var testCampaign = coupon.CampaignRef{Campaign: "spring", Version: 1}

const testTerms = `{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":1,"benefit":{"type":"amount_off","amount":100}}`

// TestEachStartProvesThatForgedCouponsAreRefused authorises an emitter and
// lets the network prove itself: with the real rules it does, and with a
// campaign that cannot be redeemed there is nothing to prove. A fifth
// organisation issues coupons of its own and runs no orderer.
func TestEachStartProvesThatForgedCouponsAreRefused(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, Organisation{
		Name: "grocer", MSPID: "GrocerMSP", Roles: []string{Retailer, Issuer}, Orderer: new(bool),
	})
	var said bytes.Buffer
	n.out = &said
	prove := func(want string) {
		t.Helper()
		said.Reset()
		if err := n.Prove(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said.String(), want) || (want == "") != (said.Len() == 0) {
			t.Errorf("said %q, want %q", said.String(), want)
		}
	}
	prove("")
	p := publisher{t: t, n: n}
	p.publish()
	prove("nothing proved")
	p.submit("Tick", nil, nil, "IssuerMSP", "ClearingMSP")
	prove("refuses a forged coupon of spring")
	p.submit("PauseCampaign", testCampaign, nil, "IssuerMSP", "ClearingMSP")
	prove("")
}

func TestOnlyTheRightVerdictProves(t *testing.T) {
	t.Parallel()
	var tag coupon.Tag
	wrong := []coupon.Refusal{{Coupon: 0, Reason: coupon.ReasonWrongMAC}}
	for name, c := range map[string]struct {
		verdict coupon.SaleVerdict
		proves  bool
	}{
		"refused for its MAC":   {coupon.SaleVerdict{Coupons: []coupon.Verdict{{}}, Refused: wrong}, true},
		"accepted":              {coupon.SaleVerdict{Coupons: []coupon.Verdict{{Tag: &tag}}}, false},
		"refused, yet tagged":   {coupon.SaleVerdict{Coupons: []coupon.Verdict{{Tag: &tag}}, Refused: wrong}, false},
		"neither":               {coupon.SaleVerdict{Coupons: []coupon.Verdict{{}}}, false},
		"no verdict":            {coupon.SaleVerdict{}, false},
		"refused for something": {coupon.SaleVerdict{Coupons: []coupon.Verdict{{}}, Refused: []coupon.Refusal{{Reason: coupon.ReasonUnknownLane}}}, false},
	} {
		answer, err := json.Marshal(coupon.CheckResult{Sales: []coupon.SaleVerdict{c.verdict}})
		if err != nil {
			t.Fatal(err)
		}
		if err := refusedForMAC(answer); (err == nil) != c.proves {
			t.Errorf("%s: error %v, want proof %v", name, err, c.proves)
		}
	}
}

// publisher makes a campaign as the issuer's service would.
type publisher struct {
	t *testing.T
	n *Network
}

func (p publisher) publish() {
	var kM, kIR coupon.Key
	for _, k := range []*coupon.Key{&kM, &kIR} {
		if _, err := rand.Read(k[:]); err != nil {
			p.t.Fatal(err)
		}
	}
	now := time.Now()
	p.submit("SetParties", coupon.PartiesRequest{Clearing: "ClearingMSP"}, nil, "IssuerMSP", "ClearingMSP")
	p.submit("EnterCampaignKey", nil, coupon.CampaignKeyInput{Campaign: "spring", Version: 1, Key: kM}, "IssuerMSP")
	p.submit("PublishCampaign", coupon.Campaign{
		ID: "spring", Version: 1, Product: "Tea", Offer: "Less", Terms: testTerms,
		Kinds: []coupon.Kind{coupon.KindStatic}, Holder: coupon.HolderBound,
		Begin: now.Add(-time.Hour).UnixMilli(), End: now.Add(time.Hour).UnixMilli(),
	}, nil, "IssuerMSP", "ClearingMSP")
	mandate := coupon.Mandate{
		Issuer: "IssuerMSP", Emitter: "AdvertiserMSP", Product: "Tea", Offer: "Less", Campaign: "spring",
		Version: 1, Kind: coupon.KindStatic, Epoch: 1, TermsSHA256: sha256.Sum256([]byte(testTerms)),
	}
	p.submit("AuthoriseEmitter", coupon.AuthoriseRequest{
		Campaign: "spring", Version: 1, Emitter: "AdvertiserMSP", Kind: coupon.KindStatic, Epoch: 1, Quotas: []int64{10},
	}, coupon.EmitterKeyInput{
		Key: coupon.DeriveEmitterKey(kM, "spring", "AdvertiserMSP", 1), MAC: mandate.MAC(coupon.DeriveFrameworkKey(kM)),
	}, "IssuerMSP", "AdvertiserMSP")
	p.submit("AdmitRetailer", coupon.AdmitRequest{Campaign: "spring", Version: 1, Retailer: "RetailerMSP"},
		coupon.RetailerKeyInput{Key: kIR}, "IssuerMSP", "RetailerMSP")
}

func (p publisher) submit(function string, argument, input any, endorsers ...string) {
	p.t.Helper()
	contract, done := issuerContract(p.t, p.n)
	defer done()
	options := []client.ProposalOption{client.WithEndorsingOrganizations(endorsers...)}
	if argument != nil {
		options = append(options, client.WithBytesArguments(p.json(argument)))
	}
	if input != nil {
		options = append(options, client.WithTransient(map[string][]byte{coupon.TransientKey: p.json(input)}))
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), testLimit)
	defer cancel()
	// An endorser may not have committed yet what the issuer's peer has.
	err := until(ctx, func(context.Context) error {
		_, err := contract.Submit(function, options...)
		return err
	})
	if err != nil {
		p.t.Fatal(explain(err))
	}
}

func (p publisher) json(v any) []byte {
	p.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		p.t.Fatal(err)
	}
	return data
}
