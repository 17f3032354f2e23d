// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/hex"
	"strings"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// policy is how validation ends what the right members did not endorse.
const policy = "ENDORSEMENT_POLICY_FAILURE"

// writing is a transaction of altered chaincode: a public key and its value in
// hex, or a collection before them; no value deletes.
func writing(by string, endorsers []string, arguments ...string) step {
	return step{Call: desk.Call{Function: "Write", Arguments: arguments, Endorsers: endorsers}, by: by, as: nameOf(by)}
}

// spent is a sale that went through, and where it stands on the ledger.
type spent struct {
	offer
	sale   *retailerv1.Redemption
	text   string // of the batch's record
	record coupon.BatchRecord
	coupon string
}

func (a *arena) spent(ctx context.Context) spent {
	o := a.share(ctx, coupon.HolderBearer)
	c := o.mint(1).Text()
	sale := a.redeemed(ctx, retailer, request(c))
	text, record := a.record(ctx, sale)
	return spent{o, sale, text, record, c}
}

func (s spent) marker() string { return "spent/" + s.record.Redemptions[0].Coupons[0].Tag.String() }

// rewritten are writes past the rules by members with altered chaincode.
func rewritten() []attack {
	two := []string{retailer, advertiser}
	write := func(name, by string, endorsers []string, what func(spent) []string) attack {
		return attack{name: name, by: by, want: []string{policy}, run: func(ctx context.Context, a *arena) outcome {
			s := a.spent(ctx)
			member := map[string]string{anIssuer: issuer, anAdvertiser: advertiser}[by]
			if member == "" {
				member = retailer
			}
			return a.submit(ctx, writing(member, endorsers, what(s)...))
		}}
	}
	json := func(text string) string { return hex.EncodeToString([]byte(text)) }
	unspend := func(s spent) []string { return []string{s.marker(), ""} }
	const both = "retailer, advertiser"
	return []attack{
		write("un-spend, altered chaincode on one peer", aRetailer, []string{retailer}, unspend),
		write("un-spend, altered chaincode on the issuer's peer alone", anIssuer, []string{issuer}, unspend),
		write("un-spend, two without the issuer", both, two, unspend),
		write("frame closed by two without the issuer", both, two, func(s spent) []string {
			return []string{"frame/" + s.ID.String() + "/0/0", json("{}")}
		}),
		write("quota raised by two without the issuer", both, two, func(s spent) []string {
			return []string{"framework/" + s.ID.String(), json(`{"quotas":[1000000]}`)}
		}),
		write("batch's digest replaced by two without the issuer", both, two, func(s spent) []string {
			return []string{"batch/" + s.record.ID.String(), "01" + strings.Repeat("00", 32)}
		}),
		write("claim's mark in the clearing house's name", both, two, func(s spent) []string {
			return []string{"_implicit_org_" + clearing, "claimed/" + s.record.ID.String(), "01"}
		}),
		write("redemption in a retailer's name without it", anIssuer, []string{issuer, advertiser}, func(spent) []string {
			return []string{"_implicit_org_" + retailer, "batch/00112233445566778899aabbccddeeff", "01"}
		}),
		write("key in the issuer's collection", both, two, func(spent) []string {
			return []string{"_implicit_org_" + issuer, "campaign-key/00/1", "01"}
		}),
		{
			name: "un-spend, issuer and one other", by: "issuer, retailer", residual: "the blocks keep the evidence: transaction, both endorsers",
			run: func(ctx context.Context, a *arena) outcome {
				s := a.spent(ctx)
				a.done(ctx, writing(issuer, []string{issuer, retailer}, unspend(s)...))
				a.caughtUp(ctx)
				return a.tender(ctx, s.coupon)
			},
		},
		{name: "issuer deletes its private record: the claim stands", by: anIssuer, want: []string{"CLAIMED_NONETHELESS"}, run: func(ctx context.Context, a *arena) outcome {
			s := a.spent(ctx)
			a.done(ctx, writing(issuer, []string{issuer}, "_implicit_org_"+issuer, "batch/"+s.record.ID.String(), ""))
			o := a.submit(ctx, claim(retailer, s.text))
			if o.with != accepted {
				check(unexpected(o))
			}
			o.with, o.by = "CLAIMED_NONETHELESS", "retailer's and clearing's peers"
			return o
		}},
		{name: "retailer deletes its own mark of a claim, then voids", by: aRetailer, want: words(coupon.ReasonAlreadyClaimed), run: func(ctx context.Context, a *arena) outcome {
			s := a.spent(ctx)
			a.done(ctx, claim(retailer, s.text))
			a.done(ctx, writing(retailer, []string{retailer}, "_implicit_org_"+retailer, "claimed/"+s.record.ID.String(), ""))
			a.caughtUp(ctx)
			return a.submit(ctx, step{
				Call: desk.Call{Function: "Void", Endorsers: []string{issuer, retailer}, Input: coupon.VoidInput{Record: s.text, Redemption: s.record.Redemptions[0].ID}},
				by:   retailer, as: "retailer",
			})
		}},
		{name: "a till's certificate as an endorser", by: aRetailer, want: []string{policy, "INVALID_ENDORSER_TRANSACTION", "BAD_CREATOR_SIGNATURE"}, run: tillEndorses},
	}
}
