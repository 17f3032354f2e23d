// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// process takes a batch through the ledger: check, propose, store, send, read
// back, store, answer. Every sale is answered, but for those that leave the batch to
// rest, and those that it returns: they are to be tried again in these groups.
func (d *desk) process(ctx context.Context, r *round) finished {
	batch := slices.Clone(r.sales) // the round's become fewer when some rest
	for _, p := range batch {
		p.attempts++
		p.asked.Store(true)
	}
	began := time.Now()
	endorsed, err := d.decide(ctx, r, batch)
	done := finished{round: r, verdict: time.Since(began), again: endorsed.alone}
	switch {
	case errors.Is(err, ledger.ErrUnavailable):
		done.away, done.unmet = err, endorsed.sales
	case err != nil:
		done.again = append(done.again, d.failed(endorsed.sales, err)...)
	case len(endorsed.sales) > 0:
		done.again = append(done.again, d.submit(ctx, endorsed.transaction, endorsed.sales)...)
	}
	return done
}

// endorsed is a transaction with the sales that are in it.
type endorsed struct {
	transaction ledger.Transaction
	sales       []*pending
	// alone are sales that have waited for their rivals for long enough: each goes by
	// itself, so that it spoils nothing.
	alone [][]*pending
}

// errDoubted is told when peers do not come to agree.
var errDoubted = fmt.Errorf("%w: an endorser refuses what the issuer's peer finds good", ledger.ErrConflict)

// decide has the batch checked and endorsed, or says that it cannot be
// done now. Its error concerns the sales that it returns.
func (d *desk) decide(ctx context.Context, r *round, batch []*pending) (endorsed, error) {
	ctx, cancel := context.WithTimeout(ctx, verdictLimit)
	defer cancel()
	good, rivals, err := d.check(ctx, batch)
	if err != nil {
		return endorsed{sales: batch}, err
	}
	rest, alone := part(rivals)
	d.rest(r, rest)
	e, doubted, err := d.prepare(ctx, good)
	e.alone = alone
	d.rest(r, d.undecided(doubted))
	return e, err
}

// part parts sales with rivals, redemptions elsewhere that the ledger is about to
// decide on: they rest while their tills wait for an answer, and then each goes by
// itself. So does one that has failed with others.
func part(rivals []*pending) (rest []*pending, alone [][]*pending) {
	for _, p := range rivals {
		if p.mayRest() {
			rest = append(rest, p)
		} else {
			alone = append(alone, []*pending{p})
		}
		p.attempts-- // it was not tried
	}
	return rest, alone
}

// undecided returns those of the sales that an endorser refused right after the
// issuer's check had found them good: the ledger changed meanwhile, or the own peer has
// yet to see a block. The next check tells. Who has been tried too often is answered.
func (d *desk) undecided(doubted []*pending) (left []*pending) {
	for _, p := range doubted {
		if p.attempts < maxAttempts {
			left = append(left, p)
		} else {
			d.answer(p, Redemption{}, errDoubted)
		}
	}
	return left
}

// rest lets sales leave their batch until the ledger has gone on.
func (d *desk) rest(r *round, sales []*pending) {
	if len(sales) > 0 {
		d.resting <- resting{r, sales}
	}
}

// mayRest says that the sale has not failed with others, and that its till still waits.
func (p *pending) mayRest() bool { return p.attempts == 1 && time.Since(p.since) < tellWithin }

// submit stores what is endorsed and sends it.
func (d *desk) submit(ctx context.Context, transaction ledger.Transaction, good []*pending) [][]*pending {
	if err := d.service.store.begin(ctx, attempt{transaction, d.issuer}, ids(good)); err != nil {
		return d.failed(good, fmt.Errorf("storing transaction %s: %w", transaction.ID, err))
	}
	for _, p := range good {
		p.sent.Store(&transaction.ID)
	}
	return d.send(ctx, transaction, good)
}

// send sends what is stored and answers by what became of it.
func (d *desk) send(ctx context.Context, transaction ledger.Transaction, batch []*pending) [][]*pending {
	receipt, err := d.service.ledger.Send(ctx, transaction)
	if invalid := (*ledger.Invalid)(nil); errors.As(err, &invalid) {
		if failed := d.service.store.forget(ctx, transaction.ID); failed != nil {
			d.service.logger.ErrorContext(ctx, "forgetting an invalid transaction", "transaction", transaction.ID, "error", failed)
		}
		for _, p := range batch {
			p.sent.Store(nil)
		}
		return d.failed(batch, err)
	}
	var redeemed map[coupon.RedemptionID]Redemption
	if err == nil {
		redeemed, err = d.readBack(ctx, receipt)
	}
	for _, p := range batch {
		r, found := redeemed[p.id]
		switch {
		case err != nil:
			d.answer(p, Redemption{}, unknown(transaction.ID, err))
		case !found:
			d.answer(p, Redemption{}, fmt.Errorf("the record of transaction %s lacks redemption %s", transaction.ID, p.id))
		default:
			d.answer(p, r, nil)
		}
	}
	return nil
}

// readBack stores what the ledger has decided.
func (d *desk) readBack(ctx context.Context, receipt ledger.Receipt) (map[coupon.RedemptionID]Redemption, error) {
	b, err := d.service.read(ctx, d.issuer, coupon.NewBatchID(receipt.TransactionID))
	if err != nil {
		return nil, err
	}
	b.block = receipt.Block
	if err := d.service.store.complete(ctx, b); err != nil {
		return nil, err
	}
	redeemed := make(map[coupon.RedemptionID]Redemption, len(b.Redemptions))
	for _, sale := range b.Redemptions {
		redeemed[sale.ID] = b.redemption(sale)
	}
	return redeemed, nil
}

// check asks the issuer's peer for its verdict. It returns the sales that can
// be redeemed, with their tags, and those that have rivals, and answers the others.
// Who is by itself and has waited for its rivals is as good as any.
func (d *desk) check(ctx context.Context, batch []*pending) (good, rivals []*pending, err error) {
	var in coupon.CheckInput
	for _, p := range batch {
		in.Sales = append(in.Sales, checked(p.sale))
	}
	result, err := d.service.evaluateCheck(ctx, d.issuer, in, verdictLimit)
	if err != nil {
		return nil, nil, err
	}
	for i, verdict := range result.Sales {
		p := batch[i]
		switch {
		case verdict.Batch != nil:
			d.answerKnown(ctx, p, *verdict.Batch)
		case len(verdict.Refused) > 0:
			// What is refused now was good before the others were tried with it.
			p.spoilt = p.attempts > 1
			d.answer(p, Redemption{}, refusal(verdict.Refused))
		case verdict.Rival && (len(batch) > 1 || p.mayRest()):
			rivals = append(rivals, p)
		case !p.tag(verdict.Coupons):
			d.answer(p, Redemption{}, fmt.Errorf("the check of redemption %s lacks a tag", p.id))
		default:
			good = append(good, p)
		}
	}
	return good, rivals, nil
}

func checked(s coupon.Sale) coupon.CheckedSale {
	c := coupon.CheckedSale{RequestID: s.RequestID, Invoice: &s.Invoice, Attestation: s.Attestation, Basket: &s.Basket}
	for _, t := range s.Coupons {
		c.Coupons = append(c.Coupons, coupon.CheckedCoupon{Text: t.Text, Receipt: t.Receipt})
	}
	return c
}

// tag notes the spent tags, and the random values where there are any; false if
// a tag is missing.
func (p *pending) tag(verdicts []coupon.Verdict) bool {
	if len(verdicts) != len(p.sale.Coupons) {
		return false
	}
	for i, v := range verdicts {
		if v.Tag == nil {
			return false
		}
		given := &p.sale.Coupons[i]
		given.Tag, given.Draw, given.Ownership = *v.Tag, v.Draw, v.Ownership
	}
	return true
}

// prepare has the batch endorsed. Sales that an endorser refuses are left out of
// the next proposal; it returns those that are left, and those. Its error concerns all
// that are left.
func (d *desk) prepare(ctx context.Context, batch []*pending) (e endorsed, doubted []*pending, err error) {
	e.sales = batch
	parties, err := ledger.Parties(ctx, d.service.ledger, d.issuer, d.service.mspID)
	if err != nil {
		return e, nil, err
	}
	for len(e.sales) > 0 {
		in := coupon.BatchInput{Salt: randomHash()}
		for _, p := range e.sales {
			in.Sales = append(in.Sales, p.sale)
		}
		err := d.service.ticking(ctx, d.issuer, func() (err error) {
			e.transaction, err = d.service.ledger.Prepare(ctx, ledger.Call{
				Namespace: config.Namespace(d.issuer), Function: "Redeem", Input: in,
				Endorsers: parties,
				// The issuer's peer has just seen in the check that it is.
				RetryOn: []coupon.Reason{coupon.ReasonRetailerNotAdmitted},
				Certain: true,
			})
			return err
		})
		var refused *ledger.BatchRefusal
		if !errors.As(err, &refused) {
			return e, doubted, err
		}
		left, more := d.drop(ctx, e.sales, refused.Refusals)
		if len(left) == len(e.sales) {
			return e, doubted, fmt.Errorf("the refusals name no sale: %w", err)
		}
		e.sales, doubted = left, append(doubted, more...)
	}
	return e, doubted, nil
}

// drop takes the sales out that are refused: it answers those that the ledger has,
// and doubts the refusal of the others.
func (d *desk) drop(ctx context.Context, batch []*pending, refusals []coupon.Refusal) (left, doubted []*pending) {
	bySale := make(map[int][]coupon.Refusal)
	for _, r := range refusals {
		bySale[r.Redemption] = append(bySale[r.Redemption], r)
	}
	for i, p := range batch {
		refused := bySale[i]
		known := slices.ContainsFunc(refused, func(r coupon.Refusal) bool { return r.Reason == coupon.ReasonRedemptionKnown })
		switch {
		case known:
			found, err := d.service.find(ctx, p.id)
			d.answerFound(p, found, err)
		case len(refused) > 0:
			d.service.logger.DebugContext(ctx, "an endorser refuses a sale that was found good", "redemption", p.id, "refusals", refused)
			doubted = append(doubted, p)
		default:
			left = append(left, p)
		}
	}
	return left, doubted
}

// answerKnown answers a sale that the ledger has in this batch.
func (d *desk) answerKnown(ctx context.Context, p *pending, id coupon.BatchID) {
	found, err := d.service.known(ctx, d.issuer, id, p.id)
	d.answerFound(p, found, err)
}

func (d *desk) answerFound(p *pending, found stored, err error) {
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonNotFound {
		// The issuer's peer has it, so the own one is behind.
		err = fmt.Errorf("%w: the own peer is behind: %v", ledger.ErrUnavailable, err) //nolint:errorlint // it is no refusal
	}
	if err != nil {
		d.answer(p, Redemption{}, err)
		return
	}
	r, err := found.repeat(p.digest)
	d.answer(p, r, err)
}

// refusal makes one sale's refusals of those of a batch.
func refusal(refused []coupon.Refusal) error {
	own := slices.Clone(refused)
	for i := range own {
		own[i].Redemption = 0
	}
	return &ledger.BatchRefusal{Refusals: own}
}

// failed is for what has had no effect. Sales that failed together because of a
// conflict are tried again together once, as the next check sees what was faster;
// otherwise in halves, so that the one at fault is alone in the end. A conflict is
// tried again alone too, and once what is outdated.
func (d *desk) failed(batch []*pending, err error) [][]*pending {
	reason, _ := coupon.ReasonOf(err)
	forAll := reason == coupon.ReasonRetailerNotAdmitted ||
		reason == coupon.ReasonTickMissing || reason == coupon.ReasonTickStale || reason == coupon.ReasonClockSkew
	again := !forAll && (len(batch) > 1 || errors.Is(err, ledger.ErrConflict))
	var invalid *ledger.Invalid
	outdated := errors.As(err, &invalid) && invalid.Outdated()
	var left []*pending
	first := true
	for _, p := range batch {
		first = first && p.attempts == 1
		renew := outdated && p.attempts == 1
		if !again && !renew || p.attempts >= maxAttempts {
			d.answer(p, Redemption{}, err)
			continue
		}
		left = append(left, p)
	}
	if first && errors.Is(err, ledger.ErrConflict) && len(left) > 0 {
		return [][]*pending{left}
	}
	return halves(left)
}

func halves(batch []*pending) [][]*pending {
	switch len(batch) {
	case 0:
		return nil
	case 1:
		return [][]*pending{batch}
	default:
		half := len(batch) / 2
		return [][]*pending{batch[:half:half], batch[half:]}
	}
}

func ids(batch []*pending) []coupon.RedemptionID {
	list := make([]coupon.RedemptionID, len(batch))
	for i, p := range batch {
		list[i] = p.id
	}
	return list
}

func randomHash() coupon.Hash {
	var h coupon.Hash
	rand.Read(h[:]) // never fails
	return h
}
