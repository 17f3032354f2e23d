// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// needle is something that must not be found on the ledger, in one form.
type needle struct {
	what  string
	bytes []byte
}

// forms returns a value raw, in hex of both cases, and in both alphabets of
// base64 as it stands at any offset of a longer text.
func forms(what string, value []byte) []needle {
	needles := []needle{
		{what + " raw", value},
		{what + " in hex", []byte(hex.EncodeToString(value))},
		{what + " in upper-case hex", bytes.ToUpper([]byte(hex.EncodeToString(value)))},
	}
	for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for offset := range 3 {
			text := encoding.EncodeToString(append(make([]byte, offset), value...))
			// The first characters mix with what stands before, the last with
			// what comes after.
			cut := []int{0, 2, 3}[offset]
			if text = text[cut : len(text)-1]; len(text) > 8 {
				needles = append(needles, needle{what + " in " + name, []byte(text)})
			}
		}
	}
	return needles
}

// blocks returns all blocks of the channel that the issuer's peer has, as another
// member's peer has them.
func blocks(t *testing.T) [][]byte {
	t.Helper()
	name := consortium.Consortium().Channel
	info, err := connect(t, "issuer", "issuer").GetNetwork(name).GetContract("qscc").EvaluateTransaction("GetChainInfo", name)
	if err != nil {
		t.Fatal(err)
	}
	var chain common.BlockchainInfo
	if err := proto.Unmarshal(info, &chain); err != nil {
		t.Fatal(err)
	}
	channel := connect(t, "clearing", "clearing").GetNetwork(name)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events, err := channel.BlockEvents(ctx, client.WithStartBlock(0))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for range chain.GetHeight() {
		block, open := <-events
		if !open {
			t.Fatalf("the peer ended the stream after %d of %d blocks", len(all), chain.GetHeight())
		}
		b, err := proto.Marshal(block)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// search returns what of the needles stands in any block.
func search(all [][]byte, needles []needle) []string {
	var found []string
	for _, n := range needles {
		if slices.ContainsFunc(all, func(b []byte) bool { return bytes.Contains(b, n.bytes) }) {
			found = append(found, n.what)
		}
	}
	return found
}

// Design property: invoice numbers, baskets, coupons and keys are seen by those
// concerned only. Arguments and events stay on every member's ledger for ever.
func TestNoSecretIsInAnyBlock(t *testing.T) {
	var secrets []needle
	keep := func(what string, value []byte) { secrets = append(secrets, forms(what, value)...) }
	for _, holder := range []coupon.Holder{coupon.HolderBearer, coupon.HolderBound} {
		o := launch(t, holder, nil)
		shown := o.show(t, retailer)
		sale := request(shown)
		redemption := redeem(t, sale)
		keepCoupon(t, keep, shown)
		keepSale(keep, sale)
		keepKeys(t, keep, o)
		claimAndSettle(t, redemption, keep)
	}
	if found := search(blocks(t), secrets); len(found) > 0 {
		t.Errorf("on the ledger for all to see: %s", strings.Join(found, "; "))
	}
}

// The search itself must be able to find: a value planted in each form is.
func TestASecretOnTheLedgerWouldBeFound(t *testing.T) {
	planted := []byte("planted-" + uuid.NewString())
	c := connect(t, "issuer", "issuer")
	all := map[string][]byte{
		"raw":       planted,
		"hex":       []byte(hex.EncodeToString(planted)),
		"base64":    []byte(base64.StdEncoding.EncodeToString(append([]byte("x"), planted...))),
		"base64url": []byte(base64.URLEncoding.EncodeToString(append([]byte("xy"), planted...))),
	}
	for form, value := range all {
		// The altered chaincode's argument is the value in hex once more, so
		// only the write itself holds the form.
		x := call{function: "Write", arguments: []string{"planted/" + form, hex.EncodeToString(value)}, endorsers: []string{issuer, retailer}}
		if code, err := submit(t, c, x); err != nil || code != peer.TxValidationCode_VALID {
			t.Fatalf("%s %v", code, err)
		}
	}
	found := strings.Join(search(blocks(t), forms("it", planted)), "; ")
	for _, form := range []string{"it raw", "it in hex", "it in base64", "it in base64url"} {
		if !strings.Contains(found, form) {
			t.Errorf("planted, but not found: %s (found %s)", form, found)
		}
	}
}

func keepCoupon(t *testing.T, keep func(string, []byte), shown string) {
	t.Helper()
	tender, err := coupon.ParseTender(shown)
	if err != nil {
		t.Fatal(err)
	}
	keep("coupon text", []byte(shown))
	keep("coupon", tender.Coupon.Bytes())
	keep("emitter's MAC", tender.Coupon.EmitterMAC[:])
	keep("mandate's MAC", tender.Coupon.MandateMAC[:])
	if p := tender.Presentation; p != nil {
		keep("presentation", p.Bytes())
		keep("signature", p.Signature[:])
		keep("owner's key", p.Coupon.Owner[:])
	}
}

func keepSale(keep func(string, []byte), sale *retailerv1.RedeemRequest) {
	number := []byte(sale.GetInvoice().GetNumber())
	hash := sha256.Sum256(number)
	keep("invoice number", number)
	keep("invoice number's hash", hash[:])
	keep("request id", []byte(sale.GetRequestId()))
	basket := coupon.Basket{Currency: sale.GetBasket().GetCurrency()}
	for _, l := range sale.GetBasket().GetLines() {
		line := coupon.Line{GTIN: l.GetGtin(), Quantity: l.GetQuantity(), UnitPrice: l.GetUnitPrice()}
		basket.Lines = append(basket.Lines, line)
		basket.Total += line.Quantity * line.UnitPrice
		b, _ := json.Marshal(line)
		keep("basket line", b)
	}
	b, _ := json.Marshal(basket)
	keep("basket", b)
	wire, _ := proto.Marshal(sale.GetBasket())
	keep("basket as the till sent it", wire)
}

// keepKeys fetches the keys from their owners.
func keepKeys(t *testing.T, keep func(string, []byte), o offer) {
	t.Helper()
	var kM coupon.KeyResult
	evaluate(t, connect(t, "issuer", "issuer"), call{
		function: "CampaignKey", endorsers: []string{issuer},
		arguments: argument(t, coupon.CampaignRef{Campaign: o.Mandate.Campaign, Version: o.Mandate.Version}),
	}, &kM)
	var kME coupon.EmitterKey
	evaluate(t, connect(t, "advertiser", "advertiser"), call{
		function: "EmitterKey", endorsers: []string{advertiser}, arguments: argument(t, coupon.FrameworkQuery{Framework: o.Framework}),
	}, &kME)
	if kM.Key == (coupon.Key{}) || kME.Key != coupon.DeriveEmitterKey(kM.Key, o.Mandate.Campaign, advertiser, 1) {
		t.Fatal("these are not the keys")
	}
	spent := coupon.DeriveSpentKey(kM.Key)
	keep("k_M", kM.Key[:])
	keep("k_ME", kME.Key[:])
	keep("k_S", spent[:])
}

// claimAndSettle takes the redemption's batch to the end of its life; its
// record must not show either.
func claimAndSettle(t *testing.T, redemption *retailerv1.Redemption, keep func(string, []byte)) {
	t.Helper()
	caughtUp(t)
	text, record := batchRecord(t, redemption.GetBatchId())
	keep("batch record", []byte(text))
	keep("batch salt", record.Salt[:])
	if code, err := submit(t, connect(t, "retailer", "retailer"), claimOf(text)); err != nil || code != peer.TxValidationCode_VALID {
		t.Fatalf("%s %v", code, err)
	}
	settle := call{function: "Settle", endorsers: []string{issuer, clearing}, input: coupon.SettleInput{
		SettlementID: uuid.NewString(), Salt: coupon.Hash{2}, Records: []string{text},
	}}
	// The claim is committed at the retailer's peer; the two endorsers of the
	// settlement may have that block a moment later.
	c := connect(t, "clearing", "clearing")
	eventually(t, "the batch is settled", func() bool {
		code, err := submit(t, c, settle)
		if err != nil && !strings.Contains(details(err), "NOT_CLAIMED: ") {
			t.Fatal(details(err))
		}
		return err == nil && code == peer.TxValidationCode_VALID
	})
}
