// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/faults/history"
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
		if w.name == issuer.name {
			p.look(markers)
		}
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
			case before.voided && (!s.voided || s.answer.GetBlock() > before.answer.GetBlock()):
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

// look adds to the histories which redemption the ledger has each coupon spent
// by.
func (p *play) look(markers map[serial]coupon.MarkerEntry) {
	numbers := map[string]int{}
	for _, s := range p.book.sales {
		numbers[s.answer.GetRedemptionId()] = s.number
	}
	now := p.book.now()
	for c, t := range p.book.tracks {
		seen := history.Operation{Kind: history.Look, Coupon: t.number, Call: now, Return: now}
		if m := markers[c]; m.State == coupon.MarkerSpent.String() {
			seen.Request = unheard
			if number, known := numbers[m.Redemption.String()]; known {
				seen.Request = number
			}
		}
		t.history.Add(seen)
	}
}

// unheard stands for a redemption of which no till was told.
const unheard = -1

// told is what tills were told, by redemption.
type told struct {
	mu      sync.Mutex
	sales   map[coupon.RedemptionID]*sold
	turned  map[coupon.RedemptionID]turned
	batches map[coupon.BatchID]bool
	found   map[coupon.RedemptionID]bool
}

// told gathers what tills were told since the books were compared last.
func (p *play) told() *told {
	t := &told{
		sales: map[coupon.RedemptionID]*sold{}, turned: map[coupon.RedemptionID]turned{},
		batches: map[coupon.BatchID]bool{}, found: map[coupon.RedemptionID]bool{},
	}
	for _, s := range p.book.sales {
		id := coupon.NewRedemptionID(s.shop.mspID, s.requestID)
		if id.String() != s.answer.GetRedemptionId() {
			p.book.problem("request %s was answered with redemption %s", s.requestID, s.answer.GetRedemptionId())
		}
		t.sales[id] = s
		var batch coupon.BatchID
		if err := batch.UnmarshalText([]byte(s.answer.GetBatchId())); err != nil {
			p.book.problem("redemption %s is said to be in batch %q", id, s.answer.GetBatchId())
			continue
		}
		t.batches[batch] = true
	}
	for _, r := range p.book.turned {
		t.turned[coupon.NewRedemptionID(r.shop.mspID, r.requestID)] = r
	}
	return t
}

// compareSales: each batch has just the redemptions that tills were told are in
// it, with the same values; no redemption is in two, or in none, and none was
// refused. Of some the services are asked too, and the ledger's own index.
func (p *play) compareSales(ctx context.Context, issuer, bystander witness) error {
	t := p.told()
	var asking errgroup.Group
	asking.SetLimit(askers)
	for batch := range t.batches {
		asking.Go(func() error {
			var result coupon.BatchResult
			if err := issuer.ask(ctx, "GetBatch", coupon.BatchQuery{Batch: batch}, &result); err != nil {
				return fmt.Errorf("reading batch %s: %w", batch, err)
			}
			var record coupon.BatchRecord
			if err := json.Unmarshal([]byte(result.Record), &record); err != nil {
				return err
			}
			p.compareBatch(t, record)
			return nil
		})
	}
	if err := asking.Wait(); err != nil {
		return err
	}
	for id, s := range t.sales {
		if !t.found[id] {
			p.book.problem("redemption %s is not in batch %s, of which its till was told", id, s.answer.GetBatchId())
		}
	}
	return errors.Join(p.sampleSales(ctx, t, bystander), p.sampleTurned(ctx, t, bystander))
}

// compareBatch compares all redemptions of a batch.
func (p *play) compareBatch(t *told, record coupon.BatchRecord) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range record.Redemptions {
		s, known := t.sales[r.ID]
		switch {
		case t.found[r.ID]:
			p.book.problem("redemption %s is in two batches, or twice in one", r.ID)
		case !known && t.turned[r.ID].shop != nil:
			p.book.problem("request %s was refused, but is redeemed in batch %s", t.turned[r.ID].requestID, record.ID)
		case !known:
			p.book.problem("redemption %s is in batch %s, and no till was told", r.ID, record.ID)
		case record.ID.String() != s.answer.GetBatchId():
			p.book.problem("redemption %s is in batch %s, its till was told %s", r.ID, record.ID, s.answer.GetBatchId())
		default:
			p.compareRecord(s, r, record.Transaction)
		}
		t.found[r.ID] = true
	}
}

// compareRecord: the redemption is recorded as its till was told.
func (p *play) compareRecord(s *sold, r coupon.RedeemedSale, transaction string) {
	same := transaction == s.answer.GetTransactionId() && len(r.Coupons) == len(s.coupons)
	for i := 0; same && i < len(r.Coupons); i++ {
		c := r.Coupons[i]
		same = serial{c.Framework, c.Lane, c.SN} == s.coupons[i] && c.Value == s.answer.GetDiscounts()[i].GetMinor()
	}
	if !same {
		p.book.problem("redemption %s is recorded as %+v, its till was told %v", r.ID, r, s.answer)
	}
}

// sampleSales asks the ledger's index and the services for redemptions.
func (p *play) sampleSales(ctx context.Context, t *told, w witness) error {
	var asking errgroup.Group
	asking.SetLimit(askers)
	sampled := 0
	for id, s := range t.sales {
		if sampled++; sampled > sample {
			break
		}
		asking.Go(func() error {
			var found coupon.RedemptionResult
			switch err := w.ask(ctx, "FindRedemption", coupon.RedemptionQuery{Redemption: id}, &found); {
			case errors.Is(err, errNotFound):
				p.book.problem("redemption %s is not on the ledger", id)
			case err != nil:
				return err
			case found.Batch.String() != s.answer.GetBatchId():
				p.book.problem("redemption %s is in batch %s, its till was told %s", id, found.Batch, s.answer.GetBatchId())
			}
			return p.compareAnswer(ctx, s)
		})
	}
	return asking.Wait()
}

// sampleTurned: what was refused is not on the ledger.
func (p *play) sampleTurned(ctx context.Context, t *told, w witness) error {
	var asking errgroup.Group
	asking.SetLimit(askers)
	sampled := 0
	for id, r := range t.turned {
		if sampled++; sampled > sample {
			break
		}
		asking.Go(func() error {
			var result coupon.RedemptionResult
			err := w.ask(ctx, "FindRedemption", coupon.RedemptionQuery{Redemption: id}, &result)
			if err == nil {
				p.book.problem("request %s was refused, but is redeemed in batch %s", r.requestID, result.Batch)
				return nil
			}
			if errors.Is(err, errNotFound) {
				return nil
			}
			return err
		})
	}
	return asking.Wait()
}

const (
	// askers ask the ledger at a time.
	askers = 8
	// sample is how many redemptions of a round, in no order, are looked up one
	// by one; that they are in their batches is compared of all.
	sample = 2000
)

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
