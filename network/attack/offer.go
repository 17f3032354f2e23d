// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// gtin is what the campaigns are about, quota what there is of each.
const (
	quota = 1_000_000
	gtin  = "09521234543213"
	terms = `{"format":1,"currency":"EUR","gtins":["` + gtin + `"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`
)

// offer is a campaign at work, seen by an advertiser that makes its coupons as
// it likes: it has the emitter's key.
type offer struct {
	coupon.Framework
	key coupon.EmitterKey
	// before is how many serial numbers others have used.
	before int64
}

// apart is how many serial numbers one attack may use of a shared campaign.
const apart = 1000

// share returns a campaign of static bearer or bound coupons that is at work
// already, for an attack that does not change it.
func (a *arena) share(ctx context.Context, holder coupon.Holder) offer {
	a.mu.Lock()
	o, found := a.shared[holder]
	a.mu.Unlock()
	if !found {
		o = a.launch(ctx, func(l *desk.Launch) { l.Campaign.Holder = holder })
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if other, made := a.shared[holder]; made {
		o = other
	}
	next := o
	next.before += apart
	a.shared[holder] = next
	return o
}

// launch puts a new campaign to work, of static bearer coupons unless change
// says otherwise.
func (a *arena) launch(ctx context.Context, change func(*desk.Launch)) offer {
	l := desk.Launch{
		Campaign: coupon.Campaign{
			ID: "a-" + uuid.NewString()[:8], Version: 1, Product: "Product", Offer: "50 cents off",
			Terms: terms, Kinds: []coupon.Kind{coupon.KindStatic}, Holder: coupon.HolderBearer,
			Begin: time.Now().Add(-time.Minute).UnixMilli(), End: time.Now().Add(time.Hour).UnixMilli(),
		},
		Advertiser: shop, Quotas: []int64{quota}, Retailers: []string{retailer, shop},
	}
	if change != nil {
		change(&l)
	}
	framework, err := l.Do(ctx, a.issuer())
	if err != nil {
		err = errors.New(err.Error() + strings.Join(desk.Reasons(err), " "))
	}
	check(err)
	a.caughtUp(ctx)
	var id coupon.FrameworkID
	check(id.UnmarshalText([]byte(framework.GetFrameworkId())))
	var o offer
	query := argument(coupon.FrameworkQuery{Framework: id})
	own := []string{l.Advertiser}
	a.evaluate(ctx, step{Call: desk.Call{Function: "GetFramework", Arguments: query, Endorsers: own}, by: l.Advertiser, as: "advertiser"}, &o.Framework)
	a.evaluate(ctx, step{Call: desk.Call{Function: "EmitterKey", Arguments: query, Endorsers: own}, by: l.Advertiser, as: "advertiser"}, &o.key)
	return o
}

// bound makes a launch one of coupons that are bound to wallets.
func bound(l *desk.Launch) { l.Campaign.Holder = coupon.HolderBound }

// dynamic makes a launch one of dynamic coupons whose amount follows a schedule,
// if one is given.
func dynamic(maxAge time.Duration, schedule string) func(*desk.Launch) {
	return func(l *desk.Launch) {
		l.Campaign.Kinds, l.Campaign.MaxFrameAge = []coupon.Kind{coupon.KindDynamic}, maxAge.Milliseconds()
		if schedule != "" {
			l.Campaign.Terms = strings.Replace(terms, `"amount":50`, `"amount":50,"schedule":`+schedule, 1)
		}
	}
}

// mint makes a static bearer coupon with the right MACs for what change makes of
// it.
func (o offer) mint(sn int64, change ...func(*coupon.Coupon)) coupon.Coupon {
	c := coupon.Coupon{Kind: coupon.KindStatic, Framework: o.ID, SN: o.before + sn}
	for _, f := range change {
		f(&c)
	}
	return o.sealed(c, coupon.Hash{})
}

// sealed gives a coupon the MACs of its emitter.
func (o offer) sealed(c coupon.Coupon, beacon coupon.Hash) coupon.Coupon {
	c.MandateMAC = o.key.MAC
	c.EmitterMAC = c.MAC(o.key.Key, o.Mandate().Data(), beacon)
	return c
}

// owner is a customer's wallet for one coupon.
type owner struct {
	public  coupon.PublicKey
	private ed25519.PrivateKey
}

func newOwner() owner {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	check(err)
	return owner{coupon.PublicKey(public), private}
}

// of binds a coupon to the owner.
func (w owner) of(c *coupon.Coupon) { c.Bound, c.Owner = true, w.public }

// presents signs a presentation of a coupon, now and at the retailer unless
// change says otherwise.
func (w owner) presents(c coupon.Coupon, change ...func(*coupon.Presentation)) string {
	p := coupon.Presentation{Coupon: c, PresentedAt: time.Now().UnixMilli(), Retailer: retailer}
	_, err := rand.Read(p.Nonce[:])
	check(err)
	for _, f := range change {
		f(&p)
	}
	check(p.Sign(w.private))
	return p.Text()
}

// request is what a till sends for coupons, with goods enough and a new invoice.
func request(coupons ...string) *retailerv1.RedeemRequest {
	return desk.Purchase(gtin, coupons...)
}

// sell has a retailer redeem, and says who refused: the issuer's peer if its
// verdict has the same reason, or else the retailer's service.
func (a *arena) sell(ctx context.Context, mspID string, r *retailerv1.RedeemRequest) outcome {
	began := time.Now()
	_, err := a.retailer(mspID).Redeem(ctx, r)
	o := outcome{with: accepted, took: time.Since(began)}
	if err == nil {
		return o
	}
	reasons := desk.Reasons(err)
	if len(reasons) == 0 {
		check(err)
	}
	o.with, o.by = reasons[0], nameOf(mspID)+"'s service"
	for _, refused := range a.verdict(ctx, mspID, r) {
		if string(refused.Reason) == o.with {
			o.by = "issuer's peer"
		}
	}
	return o
}

// verdict is what the issuer's peer says of a sale.
func (a *arena) verdict(ctx context.Context, mspID string, r *retailerv1.RedeemRequest) []coupon.Refusal {
	sale := coupon.CheckedSale{RequestID: r.GetRequestId(), Coupons: coupon.Untagged(r.GetCoupons()...)}
	in := r.GetInvoice()
	sale.Invoice = &coupon.Invoice{
		Institute: in.GetInstitute(), Number: in.GetNumber(), Currency: in.GetAmount().GetCurrency(),
		Amount: in.GetAmount().GetMinor(), PaidAt: in.GetPaidTime().AsTime().UnixMilli(),
	}
	sale.Basket = &coupon.Basket{Currency: r.GetBasket().GetCurrency()}
	for _, l := range r.GetBasket().GetLines() {
		sale.Basket.Lines = append(sale.Basket.Lines, coupon.Line{GTIN: l.GetGtin(), Quantity: l.GetQuantity(), UnitPrice: l.GetUnitPrice()})
		sale.Basket.Total += l.GetQuantity() * l.GetUnitPrice()
	}
	for _, receipt := range r.GetReceipts() {
		sale.Coupons[receipt.GetIndex()].Receipt = receipt.GetText()
	}
	return a.checked(ctx, mspID, sale).Refused
}

// checked is the verdict of the issuer's peer on a sale; empty if it gives none.
func (a *arena) checked(ctx context.Context, mspID string, sale coupon.CheckedSale) coupon.SaleVerdict {
	text, err := a.ask(ctx, step{
		Call: desk.Call{Function: "Check", Input: coupon.CheckInput{Sales: []coupon.CheckedSale{sale}}, Endorsers: []string{issuer}},
		by:   mspID, as: "retailer",
	})
	var result coupon.CheckResult
	if err != nil || json.Unmarshal(text, &result) != nil || len(result.Sales) != 1 {
		return coupon.SaleVerdict{}
	}
	return result.Sales[0]
}

// tender is a coupon text at the retailer's till.
func (a *arena) tender(ctx context.Context, texts ...string) outcome {
	return a.sell(ctx, retailer, request(texts...))
}

// batch is a redemption that a retailer proposes past its service, of coupons
// that are good.
func (a *arena) batch(ctx context.Context, mspID string, texts ...string) step {
	number := "E-" + uuid.NewString()[:13]
	units := int64(len(texts))
	sale := coupon.Sale{
		RequestID: uuid.NewString(), Request: coupon.Hash{1},
		Invoice: coupon.Invoice{Institute: "Girohaus", Number: number, Currency: "EUR", Amount: 249 * units, PaidAt: time.Now().UnixMilli()},
		Basket:  coupon.Basket{Currency: "EUR", Total: 249 * units, Lines: []coupon.Line{{GTIN: gtin, Quantity: units, UnitPrice: 249}}},
	}
	verdict := a.checked(ctx, mspID, coupon.CheckedSale{Coupons: coupon.Untagged(texts...)})
	for i, text := range texts {
		t := coupon.Tendered{Text: text, Tag: coupon.Tag{1, byte(i)}}
		if i < len(verdict.Coupons) && verdict.Coupons[i].Tag != nil {
			t.Tag, t.Draw = *verdict.Coupons[i].Tag, verdict.Coupons[i].Draw
		}
		sale.Coupons = append(sale.Coupons, t)
	}
	return step{
		Call: desk.Call{Function: "Redeem", Input: coupon.BatchInput{Salt: coupon.Hash{1}, Sales: []coupon.Sale{sale}}, Endorsers: []string{issuer, mspID}},
		by:   mspID, as: "retailer",
	}
}

// withReceipts adds receipts for the first coupons of a sale.
func withReceipts(r *retailerv1.RedeemRequest, receipts ...string) *retailerv1.RedeemRequest {
	for i, text := range receipts {
		r.Receipts = append(r.Receipts, &retailerv1.Receipt{Index: int32(i), Text: text})
	}
	return r
}
