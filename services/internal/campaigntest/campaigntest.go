// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package campaigntest publishes campaigns on the ledger of a test and makes
// their coupons, genuine ones and those that a cheat would make. It knows all
// keys, which no service does.
package campaigntest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// GTIN is the article that default terms are for, Other one that they are not.
const (
	GTIN  = "09521234543213"
	Other = "09521101530001"
)

// Terms take 1.00 EUR off one unit of GTIN.
const Terms = `{"format":1,"currency":"EUR","gtins":["` + GTIN + `"],"quantity":1,"benefit":{"type":"amount_off","amount":100}}`

// Options describe a campaign; zero values mean the default four organisations,
// default terms, static bearer coupons, one lane of 1000, a day from an hour ago
// on.
type Options struct {
	Issuer, Emitter, Clearing string
	// Retailers are admitted.
	Retailers []string
	ID        string
	// Version is 1 if 0.
	Version                         int64
	Terms                           string
	Kind                            coupon.Kind
	Holder                          coupon.Holder
	Quotas                          []int64
	Begin, End                      time.Time
	AudienceWaived, InvoiceRequired bool
	AttestationRequired             bool
	// MaxFrameAge is needed for dynamic coupons.
	MaxFrameAge time.Duration
	// MaxTransfers is how often bound coupons may be handed on.
	MaxTransfers int64
}

// Campaign is a published campaign with one framework and all its keys.
type Campaign struct {
	coupon.Campaign
	Framework coupon.Framework
	Key       coupon.Key

	consortium *ledgertest.Consortium
	clearing   string
	emitterKey coupon.Key
	mandateMAC coupon.MAC
}

// Publish publishes a campaign in a namespace that is set up, admits the retailers
// and authorises the emitter.
func Publish(t testing.TB, c *ledgertest.Consortium, o Options) *Campaign {
	t.Helper()
	o = o.withDefaults(c.Clock.Now())
	p := &Campaign{consortium: c, clearing: o.Clearing, Key: RandomKey()}
	content := coupon.Campaign{
		ID: o.ID, Version: o.Version, Product: "Kaffee Nordlicht", Offer: "1 EUR off", Terms: o.Terms,
		Kinds: []coupon.Kind{o.Kind}, Holder: o.Holder, MaxFrameAge: o.MaxFrameAge.Milliseconds(),
		Begin: o.Begin.UnixMilli(), End: o.End.UnixMilli(),
		AudienceWaived: o.AudienceWaived, InvoiceRequired: o.InvoiceRequired,
		AttestationRequired: o.AttestationRequired, MaxTransfers: o.MaxTransfers,
	}
	p.Campaign = content
	p.Issuer = o.Issuer
	p.submitAs(t, o.Issuer, ledger.Call{
		Function: "EnterCampaignKey", Input: coupon.CampaignKeyInput{Campaign: o.ID, Version: o.Version, Key: p.Key},
		Endorsers: []string{o.Issuer},
	})
	p.submitAs(t, o.Issuer, ledger.Call{
		Function: "PublishCampaign", Argument: content, Endorsers: []string{o.Issuer, o.Clearing},
	})
	for _, retailer := range o.Retailers {
		p.Admit(t, retailer)
	}
	p.authorise(t, o)
	return p
}

func (o Options) withDefaults(now time.Time) Options {
	for field, value := range map[*string]string{
		&o.Issuer: servetest.IssuerMSP, &o.Emitter: servetest.AdvertiserMSP, &o.Clearing: servetest.ClearingMSP,
		&o.ID: "summer", &o.Terms: Terms, (*string)(&o.Holder): string(coupon.HolderBearer),
		(*string)(&o.Kind): string(coupon.KindStatic),
	} {
		if *field == "" {
			*field = value
		}
	}
	if o.Retailers == nil {
		o.Retailers = []string{servetest.RetailerMSP}
	}
	if o.Version == 0 {
		o.Version = 1
	}
	if o.Quotas == nil {
		o.Quotas = []int64{1000}
	}
	if o.Begin.IsZero() {
		o.Begin = now.Add(-time.Hour)
	}
	if o.End.IsZero() {
		o.End = now.Add(23 * time.Hour)
	}
	return o
}

func (p *Campaign) authorise(t testing.TB, o Options) {
	t.Helper()
	mandate := coupon.Mandate{
		Issuer: o.Issuer, Emitter: o.Emitter, Product: p.Product, Offer: p.Offer, Campaign: o.ID, Version: o.Version,
		Kind: o.Kind, Epoch: 1, TermsSHA256: sha256.Sum256([]byte(o.Terms)),
	}
	p.emitterKey = coupon.DeriveEmitterKey(p.Key, o.ID, o.Emitter, 1)
	p.mandateMAC = mandate.MAC(coupon.DeriveFrameworkKey(p.Key))
	call := ledger.Call{
		Function: "AuthoriseEmitter",
		Argument: coupon.AuthoriseRequest{
			Campaign: o.ID, Version: o.Version, Emitter: o.Emitter, Kind: o.Kind, Epoch: 1, Quotas: o.Quotas,
		},
		Endorsers: p.with(o.Emitter),
	}
	if o.Emitter != o.Issuer {
		call.Input = coupon.EmitterKeyInput{Key: p.emitterKey, MAC: p.mandateMAC}
	}
	p.submitAs(t, o.Issuer, call)
	err := p.consortium.For(t, o.Issuer).Evaluate(t.Context(), ledger.Call{
		Namespace: config.Namespace(o.Issuer), Function: "GetFramework", Argument: coupon.FrameworkQuery{Framework: mandate.ID()},
	}, &p.Framework)
	if err != nil {
		t.Fatal(err)
	}
}

// EmittedBy authorises another emitter, with a lane of 1000, and returns the
// campaign as it is known to that one.
func (p *Campaign) EmittedBy(t testing.TB, emitter string) *Campaign {
	t.Helper()
	other := *p
	other.authorise(t, Options{
		Issuer: p.Issuer, Emitter: emitter, ID: p.ID, Version: p.Version, Terms: p.Terms, Kind: p.Framework.Kind, Quotas: []int64{1000},
	})
	return &other
}

// with are the parties to what an emitter or a retailer has with the issuer.
func (p *Campaign) with(mspID string) []string {
	if mspID == p.Issuer {
		mspID = p.clearing
	}
	return []string{p.Issuer, mspID}
}

// Admit admits a retailer, with a key if it has none yet.
func (p *Campaign) Admit(t testing.TB, retailer string) {
	t.Helper()
	var has coupon.Presence
	err := p.consortium.For(t, p.Issuer).Evaluate(t.Context(), ledger.Call{
		Namespace: config.Namespace(p.Issuer), Function: "HasRetailerKey", Argument: coupon.RetailerQuery{Retailer: retailer},
	}, &has)
	if err != nil {
		t.Fatal(err)
	}
	call := ledger.Call{
		Function:  "AdmitRetailer",
		Argument:  coupon.AdmitRequest{Campaign: p.ID, Version: p.Version, Retailer: retailer},
		Endorsers: p.with(retailer),
	}
	if !has.Present {
		call.Input = coupon.RetailerKeyInput{Key: RandomKey()}
	}
	p.submitAs(t, p.Issuer, call)
}

// RegisterInstitute replaces the keys of a payment institute in the campaign's
// namespace; each is good at all times.
func (p *Campaign) RegisterInstitute(t testing.TB, institute string, keys ...ed25519.PrivateKey) {
	t.Helper()
	list := make([]coupon.InstituteKey, len(keys))
	for i, key := range keys {
		list[i].Key = coupon.PublicKey(key.Public().(ed25519.PublicKey))
	}
	p.submitAs(t, p.clearing, ledger.Call{
		Function: "RegisterInstitute", Argument: coupon.Institute{Institute: institute, Keys: list},
		Endorsers: []string{p.Issuer, p.clearing},
	})
}

// Change calls PauseCampaign or ResumeCampaign.
func (p *Campaign) Change(t testing.TB, function string) {
	t.Helper()
	p.submitAs(t, p.Issuer, ledger.Call{
		Function: function, Argument: coupon.CampaignRef{Campaign: p.ID, Version: p.Version}, Endorsers: []string{p.Issuer, p.clearing},
	})
}

// Close closes the campaign for good, redemption at once.
func (p *Campaign) Close(t testing.TB) {
	t.Helper()
	p.submitAs(t, p.Issuer, ledger.Call{
		Function: "CloseCampaign", Argument: coupon.CloseRequest{Campaign: p.ID, Version: p.Version},
		Endorsers: []string{p.Issuer, p.clearing},
	})
}

func (p *Campaign) submitAs(t testing.TB, as string, call ledger.Call) ledger.Receipt {
	t.Helper()
	call.Namespace = config.Namespace(p.Issuer)
	receipt, err := p.consortium.For(t, as).Submit(t.Context(), call)
	if err != nil {
		t.Fatalf("%s: %v", call.Function, err)
	}
	return receipt
}

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

// RandomKey makes a key.
func RandomKey() coupon.Key {
	var k coupon.Key
	_, _ = rand.Read(k[:])
	return k
}
