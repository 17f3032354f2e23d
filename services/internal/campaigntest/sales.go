// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaigntest

import (
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// Coupon makes a coupon of the framework, for a wallet or, if the wallet is
// nil, for whoever has it.
func (p *Campaign) Coupon(lane uint16, sn int64, owner ed25519.PrivateKey) coupon.Coupon {
	c := coupon.Coupon{Kind: coupon.KindStatic, Framework: p.Framework.ID, Lane: lane, SN: sn, MandateMAC: p.mandateMAC}
	if owner != nil {
		c.Bound, c.Owner = true, coupon.PublicKey(owner.Public().(ed25519.PublicKey))
	}
	c.EmitterMAC = c.MAC(p.emitterKey, p.Framework.Mandate().Data(), coupon.Hash{})
	return c
}

// Text is the text of a bearer coupon of lane 0.
func (p *Campaign) Text(sn int64) string {
	return p.Coupon(0, sn, nil).Text()
}

// Redeem spends bearer coupons of lane 0 at a retailer against an invoice, one
// unit of goods for each, and returns the record of the batch.
func (p *Campaign) Redeem(t testing.TB, retailer, invoice string, sns ...int64) string {
	t.Helper()
	return p.RedeemPaid(t, retailer, coupon.Invoice{
		Institute: "Girobank", Number: invoice, Currency: "EUR", Amount: 300 * int64(len(sns)), PaidAt: p.consortium.Clock.Now().UnixMilli(),
	}, nil, sns...)
}

// RedeemPaid is Redeem against a payment, attested or not.
func (p *Campaign) RedeemPaid(t testing.TB, retailer string, invoice coupon.Invoice, attestation *coupon.Signature, sns ...int64) string {
	t.Helper()
	sale := coupon.Sale{
		RequestID: uuid.NewString(), Request: coupon.Hash{1}, Invoice: invoice, Attestation: attestation,
		Basket: coupon.Basket{
			Currency: "EUR", Total: 300 * int64(len(sns)),
			Lines: []coupon.Line{{GTIN: GTIN, Quantity: int64(len(sns)), UnitPrice: 300}},
		},
	}
	for _, sn := range sns {
		c := p.Coupon(0, sn, nil)
		sale.Coupons = append(sale.Coupons, coupon.Tendered{Text: c.Text(), Tag: c.SpentTag(coupon.DeriveSpentKey(p.Key))})
	}
	receipt := p.submitAs(t, retailer, ledger.Call{
		Function: "Redeem", Input: coupon.BatchInput{Salt: coupon.Hash(RandomKey()), Sales: []coupon.Sale{sale}},
		Endorsers: p.with(retailer),
	})
	var result coupon.BatchResult
	err := p.consortium.For(t, retailer).Evaluate(t.Context(), ledger.Call{
		Namespace: config.Namespace(p.Issuer), Function: "GetBatch",
		Argument: coupon.BatchQuery{Batch: coupon.NewBatchID(receipt.TransactionID)},
	}, &result)
	if err != nil {
		t.Fatal(err)
	}
	return result.Record
}

// Void undoes the first redemption of a batch.
func (p *Campaign) Void(t testing.TB, retailer, record string) {
	t.Helper()
	var batch coupon.BatchRecord
	if err := coupon.DecodeStrict([]byte(record), &batch); err != nil {
		t.Fatal(err)
	}
	p.submitAs(t, retailer, ledger.Call{
		Function: "Void", Input: coupon.VoidInput{Record: record, Redemption: batch.Redemptions[0].ID},
		Endorsers: p.with(retailer),
	})
}

// Claim claims batches and returns the id of the claim.
func (p *Campaign) Claim(t testing.TB, retailer string, records ...string) string {
	t.Helper()
	id := uuid.NewString()
	p.submitAs(t, retailer, ledger.Call{
		Function: "Claim", Input: coupon.ClaimInput{ClaimID: id, Salt: coupon.Hash(RandomKey()), Records: records},
		Endorsers: []string{retailer, p.clearing},
	})
	return id
}

// Present signs a presentation with the owner's key; the coupon's other fields
// stay as given.
func Present(t testing.TB, owner ed25519.PrivateKey, p coupon.Presentation) string {
	t.Helper()
	if p.Nonce == (coupon.Nonce{}) {
		_, _ = rand.Read(p.Nonce[:])
	}
	if err := p.Sign(owner); err != nil {
		t.Fatal(err)
	}
	return p.Text()
}

// Wallet makes an owner's key.
func Wallet(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}
