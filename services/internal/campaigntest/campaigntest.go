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

// RandomKey makes a key.
func RandomKey() coupon.Key {
	var k coupon.Key
	_, _ = rand.Read(k[:])
	return k
}
