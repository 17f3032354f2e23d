// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
)

// attested are redemptions where the payment institute must attest the invoice.
func attested() []attack {
	unattested := func(name string, want coupon.Reason, signs func(coupon.Invoice) *coupon.Signature) attack {
		return attack{name: name, by: aRetailer, want: words(want), run: func(ctx context.Context, a *arena) outcome {
			o := a.launch(ctx, func(l *desk.Launch) { l.Campaign.AttestationRequired = true })
			s := a.batch(ctx, retailer, o.mint(1).Text())
			sale := &s.Input.(coupon.BatchInput).Sales[0]
			sale.Attestation = signs(sale.Invoice)
			return a.submit(ctx, s)
		}}
	}
	return []attack{
		unattested("made-up invoice where attestation is required", coupon.ReasonAttestationRequired, func(coupon.Invoice) *coupon.Signature { return nil }),
		unattested("made-up invoice with an attestation of its own", coupon.ReasonWrongAttestation, func(in coupon.Invoice) *coupon.Signature {
			signed := in.Attest(newOwner().private, retailer)
			return &signed
		}),
	}
}

// transferred are attacks on coupons that change hands.
func transferred() []attack {
	once := func(l *desk.Launch) { bound(l); l.Campaign.MaxTransfers = 1 }
	return []attack{
		{name: "spent by the old owner after the transfer", by: customer, want: words(coupon.ReasonCouponTransferred), run: func(ctx context.Context, a *arena) outcome {
			o, old := a.launch(ctx, once), newOwner()
			c := o.mint(1, old.of)
			a.done(ctx, a.transfer(ctx, o, handOver(c, old, newOwner(), 1)))
			a.caughtUp(ctx)
			return a.tender(ctx, old.presents(c))
		}},
		{name: "transfer not signed by the owner", by: anAdvertiser, want: words(coupon.ReasonWrongSignature), run: func(ctx context.Context, a *arena) outcome {
			o := a.launch(ctx, once)
			return a.checkTransfer(ctx, handOver(o.mint(1, newOwner().of), newOwner(), newOwner(), 1))
		}},
		{name: "transferred once more than allowed", by: customer, want: words(coupon.ReasonTransferNotAllowed), run: func(ctx context.Context, a *arena) outcome {
			o, first, second := a.launch(ctx, once), newOwner(), newOwner()
			c := o.mint(1, first.of)
			a.done(ctx, a.transfer(ctx, o, handOver(c, first, second, 1)))
			a.caughtUp(ctx)
			return a.checkTransfer(ctx, handOver(c, second, newOwner(), 2))
		}},
		{name: "transferred where the campaign does not allow it", by: customer, want: words(coupon.ReasonTransferNotAllowed), run: func(ctx context.Context, a *arena) outcome {
			w := newOwner()
			c := a.share(ctx, coupon.HolderBound).mint(1, w.of)
			return a.checkTransfer(ctx, handOver(c, w, newOwner(), 1))
		}},
		{name: "transferred after it was spent", by: customer, want: words(coupon.ReasonAlreadyRedeemed), run: func(ctx context.Context, a *arena) outcome {
			o, w := a.launch(ctx, once), newOwner()
			c := o.mint(1, w.of)
			a.redeemed(ctx, retailer, request(w.presents(c)))
			return a.checkTransfer(ctx, handOver(c, w, newOwner(), 1))
		}},
		{name: "transferred to two at once", by: customer, want: append(words(coupon.ReasonCouponTransferred), conflict), run: func(ctx context.Context, a *arena) outcome {
			o, w := a.launch(ctx, once), newOwner()
			c := o.mint(1, w.of)
			first := must(a.endorse(ctx, a.transfer(ctx, o, handOver(c, w, newOwner(), 1))))
			second := must(a.endorse(ctx, a.transfer(ctx, o, handOver(c, w, newOwner(), 1))))
			if o := a.order(ctx, first, time.Now()); o.with != accepted {
				check(unexpected(o))
			}
			return a.order(ctx, second, time.Now())
		}},
	}
}

// handOver is a transfer that from signs.
func handOver(c coupon.Coupon, from, to owner, nth int64) coupon.Transfer {
	t := coupon.Transfer{Coupon: c, Step: nth, NewOwner: to.public, At: time.Now().UnixMilli(), Nonce: nonce()}
	t.Sign(from.private)
	return t
}

func (a *arena) checkingTransfer(t coupon.Transfer) step {
	return step{
		Call: desk.Call{Function: "CheckTransfer", Input: coupon.CheckTransferInput{Text: t.Text()}, Endorsers: []string{issuer}},
		by:   shop, as: "advertiser",
	}
}

// checkTransfer is what the issuer's peer says of a transfer.
func (a *arena) checkTransfer(ctx context.Context, t coupon.Transfer) outcome {
	return a.spy(ctx, a.checkingTransfer(t))
}

// transfer is a transaction of the emitter, for whoever asks it to.
func (a *arena) transfer(ctx context.Context, o offer, t coupon.Transfer) step {
	in := coupon.TransferInput{Text: t.Text(), Ownership: coupon.Ownership{Owner: t.Coupon.Owner}}
	var result coupon.CheckTransferResult
	if text, err := a.ask(ctx, a.checkingTransfer(t)); err == nil && json.Unmarshal(text, &result) == nil && result.Ownership != nil {
		in.Ownership = *result.Ownership
	}
	return step{Call: desk.Call{Function: "Transfer", Input: in, Endorsers: []string{issuer, o.Emitter}}, by: o.Emitter, as: "advertiser"}
}

// proven are attacks with purchase proofs, which a retailer emits with sales.
func proven() []attack {
	altered := func(name string, change func(*coupon.Coupon)) attack {
		return attack{name: "altered " + name + " of a purchase proof", by: customer, want: words(coupon.ReasonWrongMAC), run: func(ctx context.Context, a *arena) outcome {
			l := a.openLane(ctx, a.launch(ctx, proofs), 0, 0)
			c := l.proof(ctx, "(01)"+gtin+"(21)"+uuid.NewString()[:8])
			change(&c)
			return l.tender(ctx, c.Text())
		}}
	}
	return []attack{
		altered("product tag", func(c *coupon.Coupon) { c.Product.Tag[0] ^= 1 }),
		altered("sale", func(c *coupon.Coupon) { c.Product.Sale[0] ^= 1 }),
		{name: "two proofs of one product, one after the other", by: aRetailer, want: words(coupon.ReasonProductUsed), run: func(ctx context.Context, a *arena) outcome {
			l := a.openLane(ctx, a.launch(ctx, proofs), 0, 0)
			product := "(01)" + gtin + "(21)" + uuid.NewString()[:8]
			first, second := l.proof(ctx, product), l.proof(ctx, product)
			a.sold(ctx, first.Text())
			return l.tender(ctx, second.Text())
		}},
		{name: "two proofs of one product in one basket", by: aRetailer, want: words(coupon.ReasonDuplicateInBatch), run: func(ctx context.Context, a *arena) outcome {
			l := a.openLane(ctx, a.launch(ctx, proofs), 0, 0)
			product := "(01)" + gtin + "(21)" + uuid.NewString()[:8]
			return l.tender(ctx, l.proof(ctx, product).Text(), l.proof(ctx, product).Text())
		}},
	}
}

// proofs makes a launch one of purchase proofs, which the shop emits.
func proofs(l *desk.Launch) {
	l.Campaign.Kinds, l.Campaign.MaxFrameAge = []coupon.Kind{coupon.KindProof}, time.Minute.Milliseconds()
}

// proof releases a purchase proof of a product.
func (l *lane) proof(ctx context.Context, product string) coupon.Coupon {
	var result coupon.CheckResult
	l.evaluate(ctx, step{Call: desk.Call{
		Function: "Check", Endorsers: []string{issuer},
		Input: coupon.CheckInput{Sales: []coupon.CheckedSale{}, Products: []coupon.ProductQuery{{Framework: l.ID, Product: product}}},
	}, by: l.Emitter, as: "retailer"}, &result)
	if len(result.Products) != 1 {
		check(errors.New("no tag of the product"))
	}
	w := newOwner()
	c := l.release(w, l.opened)
	c.Kind = coupon.KindProof
	c.Product = coupon.Product{Tag: result.Products[0].Tag, Sale: coupon.SaleDigest(nonce(), product, "A-1")}
	return l.sealed(c, l.beacon)
}
