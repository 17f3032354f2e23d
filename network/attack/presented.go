// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/wallet"
)

func unexpected(o outcome) error { return fmt.Errorf("ended with %s by %s", o.with, o.by) }

// shownOtherTerms has a wallet check an offer whose terms the advertiser altered.
func shownOtherTerms(ctx context.Context, a *arena) outcome {
	o := a.launch(ctx, func(l *desk.Launch) { l.Advertiser = advertiser })
	url, roots, err := a.sit(retailer, "operator").Public(advertiser)
	check(err)
	w := must(wallet.New(wallet.Config{Path: filepath.Join(a.dir, uuid.NewString()), Roots: roots, Now: time.Now}))
	var found wallet.Offer
	eventually(ctx, "the advertiser offers the framework", patience, func() bool {
		for _, shown := range must(w.Offers(ctx, url)) {
			if shown.Framework == o.ID {
				found = shown
				return true
			}
		}
		return false
	})
	found.Terms = strings.Replace(found.Terms, "50", "90", 1)
	began := time.Now()
	_, err = w.Get(ctx, url, found)
	reason, _ := coupon.ReasonOf(err)
	if err == nil {
		reason = accepted
	}
	return outcome{with: string(reason), by: "customer's wallet", took: time.Since(began)}
}

// presented are presentations by others, elsewhere, later or for something else.
func presented() []attack {
	altered := func(name, by string, want coupon.Reason, change func(*coupon.Presentation), after func(*coupon.Presentation)) attack {
		return attack{name: name, by: by, want: words(want), run: func(ctx context.Context, a *arena) outcome {
			w := newOwner()
			text := w.presents(a.share(ctx, coupon.HolderBound).mint(1, w.of), change)
			p := must(coupon.ParsePresentation(text))
			after(&p)
			return a.tender(ctx, p.Text())
		}}
	}
	nothing := func(*coupon.Presentation) {}
	late := func(p *coupon.Presentation) { p.PresentedAt -= (3 * time.Minute).Milliseconds() }
	return []attack{
		altered("presented at another retailer", aRetailer, coupon.ReasonWrongAudience, func(p *coupon.Presentation) { p.Retailer = shop }, nothing),
		altered("presented too late", customer, coupon.ReasonPresentationExpired, late, nothing),
		altered("presented for later", customer, coupon.ReasonPresentationFromFuture, func(p *coupon.Presentation) { p.PresentedAt += time.Minute.Milliseconds() }, nothing),
		altered("presented to nobody", customer, coupon.ReasonAudienceRequired, func(p *coupon.Presentation) { p.Retailer = "" }, nothing),
		altered("presented for another invoice", aRetailer, coupon.ReasonWrongAudience, func(p *coupon.Presentation) { p.Invoice = "another" }, nothing),
		altered("time of a presentation altered", aRetailer, coupon.ReasonWrongSignature, nothing, func(p *coupon.Presentation) { p.PresentedAt++ }),
		altered("retailer of a presentation altered", aRetailer, coupon.ReasonWrongSignature, func(p *coupon.Presentation) { p.Retailer = shop }, func(p *coupon.Presentation) { p.Retailer = retailer }),
		{name: "presentation moved to another coupon", by: outsider, want: words(coupon.ReasonWrongSignature), run: func(ctx context.Context, a *arena) outcome {
			o, w := a.share(ctx, coupon.HolderBound), newOwner()
			p := must(coupon.ParsePresentation(w.presents(o.mint(1, w.of))))
			p.Coupon = o.mint(2, w.of)
			return a.tender(ctx, p.Text())
		}},
		{name: "presentation used again after a void", by: aRetailer, want: words(coupon.ReasonPresentationReplayed), run: func(ctx context.Context, a *arena) outcome {
			w := newOwner()
			text := w.presents(a.share(ctx, coupon.HolderBound).mint(1, w.of))
			sale := a.redeemed(ctx, retailer, request(text))
			a.voided(ctx, sale)
			return a.tender(ctx, text)
		}},
		{name: "retailer spends what it only verified, invoice named", by: aRetailer, want: words(coupon.ReasonWrongAudience), run: func(ctx context.Context, a *arena) outcome {
			return a.spendVerified(ctx, true)
		}},
		{
			name: "retailer spends what it only verified, no invoice named", by: aRetailer, residual: "for 120 s, at this retailer; campaigns may require the invoice",
			run: func(ctx context.Context, a *arena) outcome { return a.spendVerified(ctx, false) },
		},
	}
}

// spendVerified has a customer show a coupon to be verified, and the retailer
// spend it against an invoice of its own.
func (a *arena) spendVerified(ctx context.Context, named bool) outcome {
	w := newOwner()
	o := a.launch(ctx, func(l *desk.Launch) { bound(l); l.Campaign.InvoiceRequired = named })
	text := w.presents(o.mint(1, w.of), func(p *coupon.Presentation) {
		if named {
			p.Invoice = "the-customers"
		}
	})
	_, err := a.retailer(retailer).Verify(ctx, &retailerv1.VerifyRequest{Coupons: []string{text}})
	check(err)
	return a.tender(ctx, text)
}

// redeemed is a sale that must go through.
func (a *arena) redeemed(ctx context.Context, mspID string, r *retailerv1.RedeemRequest) *retailerv1.Redemption {
	answer, err := a.retailer(mspID).Redeem(ctx, r)
	if err != nil {
		err = errors.New(err.Error() + strings.Join(desk.Reasons(err), " "))
	}
	check(err)
	a.caughtUp(ctx)
	return answer.GetRedemption()
}

func (a *arena) voided(ctx context.Context, r *retailerv1.Redemption) {
	_, err := a.retailer(retailer).Void(ctx, &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: r.GetRedemptionId()})
	check(err)
	a.caughtUp(ctx)
}

// record is the retailer's copy of a redemption's batch.
func (a *arena) record(ctx context.Context, r *retailerv1.Redemption) (string, coupon.BatchRecord) {
	var id coupon.BatchID
	check(id.UnmarshalText([]byte(r.GetBatchId())))
	var result coupon.BatchResult
	a.evaluate(ctx, step{
		Call: desk.Call{Function: "GetBatch", Arguments: argument(coupon.BatchQuery{Batch: id}), Endorsers: []string{retailer}},
		by:   retailer, as: "retailer",
	}, &result)
	var record coupon.BatchRecord
	check(coupon.DecodeStrict([]byte(result.Record), &record))
	return result.Record, record
}

// claim claims a batch past the retailer's service.
func claim(by string, records ...string) step {
	return step{
		Call: desk.Call{
			Function: "Claim", Endorsers: []string{by, clearing},
			Input: coupon.ClaimInput{ClaimID: uuid.NewString(), Salt: coupon.Hash{1}, Records: records},
		},
		by: by, as: "retailer",
	}
}

// claimed are invoices and claims that are not what they should be.
func claimed() []attack {
	of := func(name string, want coupon.Reason, run func(ctx context.Context, a *arena, text string, record coupon.BatchRecord) step) attack {
		return attack{name: name, by: aRetailer, want: words(want), run: func(ctx context.Context, a *arena) outcome {
			text, record := a.record(ctx, a.redeemed(ctx, retailer, request(a.share(ctx, coupon.HolderBearer).mint(1).Text())))
			return a.submit(ctx, run(ctx, a, text, record))
		}}
	}
	return []attack{
		{name: "invoice used again", by: aRetailer, want: words(coupon.ReasonInvoiceUsed), run: func(ctx context.Context, a *arena) outcome {
			o := a.share(ctx, coupon.HolderBearer)
			first, second := request(o.mint(1).Text()), request(o.mint(2).Text())
			a.redeemed(ctx, retailer, first)
			second.Invoice = first.GetInvoice()
			return a.sell(ctx, retailer, second)
		}},
		{name: "another retailer's invoice", by: aRetailer, want: []string{"DIFFERENCE_TYPE_INVOICE"}, run: foreignInvoice},
		{
			name: "made-up invoice, no attestation required", by: aRetailer, residual: "coupons within the quota; campaigns may require attestations",
			run: func(ctx context.Context, a *arena) outcome {
				r := request(a.share(ctx, coupon.HolderBearer).mint(1).Text())
				r.Invoice.Institute, r.Invoice.Number = "No such house", "made-up-"+uuid.NewString()[:8]
				return a.sell(ctx, retailer, r)
			},
		},
		of("claim of what was not redeemed", coupon.ReasonBatchUnknown, func(_ context.Context, _ *arena, text string, record coupon.BatchRecord) step {
			return claim(retailer, strings.Replace(text, record.ID.String(), "00112233445566778899aabbccddeeff", 1))
		}),
		of("claim with an altered amount", coupon.ReasonRecordMismatch, func(_ context.Context, _ *arena, text string, _ coupon.BatchRecord) step {
			return claim(retailer, strings.Replace(text, `"value":50`, `"value":5000`, 1))
		}),
		of("claimed twice", coupon.ReasonAlreadyClaimed, func(ctx context.Context, a *arena, text string, _ coupon.BatchRecord) step {
			a.done(ctx, claim(retailer, text))
			a.caughtUp(ctx)
			return claim(retailer, text)
		}),
		of("claim of another retailer's batch", coupon.ReasonWrongOrganisation, func(_ context.Context, _ *arena, text string, _ coupon.BatchRecord) step {
			return claim(shop, text)
		}),
		of("void after the claim", coupon.ReasonAlreadyClaimed, func(ctx context.Context, a *arena, text string, record coupon.BatchRecord) step {
			a.done(ctx, claim(retailer, text))
			a.caughtUp(ctx)
			return step{
				Call: desk.Call{Function: "Void", Endorsers: []string{issuer, retailer}, Input: coupon.VoidInput{Record: text, Redemption: record.Redemptions[0].ID}},
				by:   retailer, as: "retailer",
			}
		}),
		{name: "claim after a void", by: aRetailer, want: []string{"CLAIM_OF_0"}, run: claimVoided},
	}
}

// foreignInvoice has two retailers use one invoice; both claim.
func foreignInvoice(ctx context.Context, a *arena) outcome {
	o := a.share(ctx, coupon.HolderBearer)
	first, second := request(o.mint(1).Text()), request(o.mint(2).Text())
	second.Invoice = first.GetInvoice()
	a.redeemed(ctx, retailer, first)
	a.redeemed(ctx, shop, second)
	began := time.Now()
	for _, mspID := range []string{retailer, shop} {
		_, err := a.retailer(mspID).Claim(ctx, &retailerv1.ClaimRequest{RequestId: uuid.NewString(), Issuer: issuer})
		check(err)
	}
	found := outcome{with: accepted}
	eventually(ctx, "the claims are reconciled", patience, func() bool {
		run := must(a.clearing().Reconcile(ctx, &clearingv1.ReconcileRequest{RequestId: uuid.NewString()}))
		for _, d := range run.GetDifferences() {
			if d.GetType() == clearingv1.DifferenceType_DIFFERENCE_TYPE_INVOICE {
				found = outcome{with: d.GetType().String(), by: "clearing house's reconciliation", took: time.Since(began)}
			}
		}
		return found.with != accepted
	})
	return found
}

// claimVoided claims a batch whose only sale was undone: nothing is paid.
func claimVoided(ctx context.Context, a *arena) outcome {
	sale := a.redeemed(ctx, retailer, request(a.share(ctx, coupon.HolderBearer).mint(1).Text()))
	text, _ := a.record(ctx, sale)
	a.voided(ctx, sale)
	s := claim(retailer, text)
	o := a.submit(ctx, s)
	if o.with != accepted {
		return o
	}
	var made coupon.ClaimRecord
	a.evaluate(ctx, step{
		Call: desk.Call{
			Function: "GetClaim", Endorsers: []string{retailer},
			Arguments: argument(coupon.ClaimQuery{Retailer: retailer, ClaimID: s.Input.(coupon.ClaimInput).ClaimID}),
		},
		by: retailer, as: "retailer",
	}, &made)
	if made.Coupons == 0 && len(made.Amounts) == 0 {
		o.with, o.by = "CLAIM_OF_0", "clearing house's peer"
	}
	return o
}
