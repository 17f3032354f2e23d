// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// compare holds the book against every peer's ledger and against the services,
// when all are quiet. What differs becomes a problem of the book; its error is
// that something could not be looked up.
func (p *play) compare(ctx context.Context) error {
	if err := p.stage.network.AwaitPeers(ctx); err != nil {
		return err
	}
	witnesses, err := p.stage.witnesses()
	defer func() {
		for _, w := range witnesses {
			_ = w.Close()
		}
	}()
	if err != nil {
		return err
	}
	expected := p.book.expected()
	// The issuer alone can compute the tags.
	issuer, bystander := witnesses["peer.issuer"], witnesses["peer.clearing"]
	tags, err := issuer.tags(ctx, p.stage, p.book.issued)
	if err != nil {
		return err
	}
	for _, w := range witnesses {
		markers, err := w.markers(ctx, tags)
		if err != nil {
			return err
		}
		p.compareMarkers(w.name, markers, expected)
	}
	if err := p.compareTurned(ctx, bystander); err != nil {
		return err
	}
	if err := p.compareSales(ctx, issuer, bystander); err != nil {
		return err
	}
	return p.compareMoney(ctx)
}

// expected says for each coupon which sale it was used in: the one that stands
// or, if none does, the last that was voided.
func (b *book) expected() map[serial]*sold {
	last := map[serial]*sold{}
	for _, s := range b.sales {
		for _, c := range s.coupons {
			before := last[c]
			switch {
			case before == nil:
				last[c] = s
			case !before.voided && !s.voided:
				b.problem("coupon %d stands in redemptions %s and %s", c.sn, before.answer.GetRedemptionId(), s.answer.GetRedemptionId())
			case before.voided && (!s.voided || s.answer.GetRedeemTime().AsTime().After(before.answer.GetRedeemTime().AsTime())):
				last[c] = s
			}
		}
	}
	return last
}

// compareMarkers: what was redeemed is spent by just that redemption, what was
// voided is void, and nothing else has a mark.
func (p *play) compareMarkers(peer string, markers map[serial]coupon.MarkerEntry, expected map[serial]*sold) {
	for c, m := range markers {
		s := expected[c]
		if s == nil {
			if m.State != "" {
				p.book.problem("at %s coupon %d is %s by %s, of which no till was told", peer, c.sn, m.State, m.Redemption)
			}
			continue
		}
		state := coupon.MarkerSpent
		if s.voided {
			state = coupon.MarkerVoid
		}
		if m.State != state.String() || m.Redemption.String() != s.answer.GetRedemptionId() || m.Batch.String() != s.answer.GetBatchId() {
			p.book.problem("at %s coupon %d is %q by %s in %s, its till was told %s by %s in %s", peer, c.sn,
				m.State, m.Redemption, m.Batch, state, s.answer.GetRedemptionId(), s.answer.GetBatchId())
		}
	}
}

// compareTurned: what was refused is not on the ledger.
func (p *play) compareTurned(ctx context.Context, w witness) error {
	for _, t := range p.book.turned {
		id := coupon.NewRedemptionID(t.shop.mspID, t.requestID)
		var result coupon.RedemptionResult
		err := w.ask(ctx, "FindRedemption", coupon.RedemptionQuery{Redemption: id}, &result)
		if err == nil {
			p.book.problem("request %s was refused, but is redeemed in batch %s", t.requestID, result.Batch)
		} else if !errors.Is(err, errNotFound) {
			return err
		}
	}
	return nil
}

// compareSales: each redemption is on the ledger where its till was told, with
// the same values, and its service says the same again.
func (p *play) compareSales(ctx context.Context, issuer, bystander witness) error {
	records := map[coupon.BatchID]coupon.BatchRecord{}
	for _, s := range p.book.sales {
		id := coupon.NewRedemptionID(s.shop.mspID, s.requestID)
		if id.String() != s.answer.GetRedemptionId() {
			p.book.problem("request %s was answered with redemption %s", s.requestID, s.answer.GetRedemptionId())
		}
		var found coupon.RedemptionResult
		switch err := bystander.ask(ctx, "FindRedemption", coupon.RedemptionQuery{Redemption: id}, &found); {
		case errors.Is(err, errNotFound):
			p.book.problem("redemption %s is not on the ledger", id)
			continue
		case err != nil:
			return err
		case found.Batch.String() != s.answer.GetBatchId():
			p.book.problem("redemption %s is in batch %s, its till was told %s", id, found.Batch, s.answer.GetBatchId())
		}
		record, known := records[found.Batch]
		if !known {
			var result coupon.BatchResult
			if err := issuer.ask(ctx, "GetBatch", coupon.BatchQuery(found), &result); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(result.Record), &record); err != nil {
				return err
			}
			records[found.Batch] = record
		}
		p.compareRecord(s, id, record)
		if err := p.compareAnswer(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// compareRecord: the batch's record has the redemption once, as it was told.
func (p *play) compareRecord(s *sold, id coupon.RedemptionID, record coupon.BatchRecord) {
	times := 0
	for _, r := range record.Redemptions {
		if r.ID != id {
			continue
		}
		times++
		same := record.Transaction == s.answer.GetTransactionId() && len(r.Coupons) == len(s.coupons)
		for i := 0; same && i < len(r.Coupons); i++ {
			c := r.Coupons[i]
			same = serial{c.Framework, c.Lane, c.SN} == s.coupons[i] && c.Value == s.answer.GetDiscounts()[i].GetMinor()
		}
		if !same {
			p.book.problem("redemption %s is recorded as %+v, its till was told %v", id, r, s.answer)
		}
	}
	if times != 1 {
		p.book.problem("redemption %s is %d times in its batch", id, times)
	}
}

// compareAnswer: the service answers with what it told the till.
func (p *play) compareAnswer(ctx context.Context, s *sold) error {
	answer, err := s.shop.operator.GetRedemption(ctx, &retailerv1.GetRedemptionRequest{RedemptionId: s.answer.GetRedemptionId()})
	if err != nil {
		return fmt.Errorf("looking up redemption %s: %w", s.answer.GetRedemptionId(), err)
	}
	told := proto.CloneOf(s.answer)
	told.Voided = s.voided
	if !proto.Equal(answer.GetRedemption(), told) {
		p.book.problem("the service has %v, its till was told %v", answer.GetRedemption(), told)
	}
	return nil
}
