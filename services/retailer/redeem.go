// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
)

// maxArriving bounds the sales that are on their way to their desk: more than a
// server has calls at a time.
const maxArriving = 4000

// Sale is what a till wants redeemed: coupons of one issuer against one
// invoice.
type Sale struct {
	// RequestID is the till's, a random UUID version 4.
	RequestID string
	// Digest is the SHA-256 of the till's whole request.
	Digest  coupon.Hash
	Invoice coupon.Invoice
	// Attestation is the payment institute's of the invoice, if the till has one.
	// The issuer is shown it where the campaign of a coupon asks for it.
	Attestation *coupon.Signature
	// Basket has all lines; the issuer is shown those that qualify.
	Basket coupon.Basket
	// Till tells tills apart, for their turns; it decides nothing else.
	Till string
	// Coupons are as the till was handed them, with their receipts.
	Coupons []coupon.CheckedCoupon
}

// check refuses what no ledger needs to be asked about.
func (s Sale) check() error {
	if err := coupon.CheckUUID4("request_id", s.RequestID); err != nil {
		return err
	}
	if err := checkCount(len(s.Coupons)); err != nil {
		return err
	}
	if err := coupon.CheckID("invoice.number", s.Invoice.Number); err != nil {
		return err
	}
	if err := coupon.CheckID("invoice.institute", s.Invoice.Institute); err != nil {
		return err
	}
	if err := coupon.CheckCurrency("invoice.amount.currency", s.Invoice.Currency); err != nil {
		return err
	}
	if s.Invoice.Amount < 0 || s.Invoice.Amount > coupon.MaxTotal {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "invoice.amount", "0 to %d", int64(coupon.MaxTotal))
	}
	if s.Invoice.PaidAt < 1 {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "invoice.paid_time", "is missing")
	}
	return s.Basket.Check()
}

func checkCount(coupons int) error {
	if coupons < 1 || coupons > coupon.MaxCoupons {
		return coupon.Refuse(coupon.ReasonTooMany, "coupons", "1 to %d coupons", coupon.MaxCoupons)
	}
	return nil
}

// Redemption is coupons of one issuer spent against one invoice.
type Redemption struct {
	ID       coupon.RedemptionID
	Issuer   string
	Currency string
	// Discounts are in the order of the request's coupons.
	Discounts     []int64
	Total         int64
	TransactionID string
	Block         uint64
	Batch         coupon.BatchID
	// Time is the transaction's, Unix milliseconds.
	Time   int64
	Voided bool
}

// Redeem returns once all coupons of the sale are spent on the ledger and the
// answer is stored, or nothing is.
//
// A repeat of a sale that was accepted gets the same answer, or VOIDED after
// its void; the same request id with other content is refused with
// REQUEST_CONFLICT. A refusal of coupons is a *ledger.BatchRefusal with an
// entry for each. After a *ledger.UnknownOutcome, or any error that is not a
// refusal, the sale may have been redeemed: a repeat gets the truth.
func (s *Service) Redeem(ctx context.Context, sale Sale) (Redemption, error) {
	if err := sale.check(); err != nil {
		return Redemption{}, err
	}
	p := newPending(coupon.NewRedemptionID(s.mspID, sale.RequestID), sale.Digest)
	if first, joined := s.join(p); joined {
		if first.digest != sale.Digest {
			return Redemption{}, conflict()
		}
		late := first.asked.Load()
		r, err := first.wait(ctx)
		if refused := (*ledger.BatchRefusal)(nil); late && errors.As(err, &refused) {
			// What it was refused for may be over since before this call: a void.
			return Redemption{}, errUndecided
		}
		return r, err
	}
	s.hand(ctx, p, sale)
	return p.wait(ctx)
}

// hand hands the sale to Run. What becomes of it does not depend on whoever asked
// first: others may have asked for the same meanwhile.
func (s *Service) hand(ctx context.Context, p *pending, sale Sale) {
	job := func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		if err := s.enter(ctx, p, sale); err != nil {
			s.turnAway(p, err)
		}
	}
	select {
	case s.arriving <- job:
	case <-s.stopped:
		s.turnAway(p, ledger.ErrUnavailable)
	case <-ctx.Done():
		// Nobody has begun with it: those who have joined are to ask again.
		s.turnAway(p, ledger.ErrUnavailable)
	}
}

// turnAway answers a sale that did not get to its desk.
func (s *Service) turnAway(p *pending, err error) {
	var sent *ledger.UnknownOutcome
	if errors.Is(err, context.Canceled) && !errors.As(err, &sent) {
		err = ledger.ErrUnavailable // the service stops
	}
	s.leave(p)
	p.answer(Redemption{}, err)
}

// receive begins with the sales that are handed over, until ctx ends, and then
// waits for those begun.
func (s *Service) receive(ctx context.Context) error {
	var begun errgroup.Group
	begun.SetLimit(maxArriving)
	defer func() { _ = begun.Wait() }()
	defer close(s.stopped)
	for {
		select {
		case <-ctx.Done():
			return nil
		case job := <-s.arriving:
			begun.Go(func() error {
				job(ctx)
				return nil
			})
		}
	}
}

// enter answers from what is known, or hands the sale to its issuer's desk.
func (s *Service) enter(ctx context.Context, p *pending, sale Sale) error {
	known, err := s.settled(ctx, p)
	if err != nil || known {
		return err
	}
	read, err := s.offers.read(ctx, sale.Coupons)
	if err != nil {
		return err
	}
	issuers := read.issuers()
	if len(issuers) > 1 {
		return coupon.Refuse(coupon.ReasonMixedIssuers, "coupons", "a redemption has coupons of one issuer")
	}
	if len(read.refused) > 0 {
		// With an empty store it may still be the repeat of a redemption that
		// was accepted, but then all its coupons can be read.
		return &ledger.BatchRefusal{Refusals: read.refused}
	}
	p.sale = coupon.Sale{
		RequestID: sale.RequestID, Request: sale.Digest, Invoice: sale.Invoice,
		Basket: read.strip(sale.Basket, issuers[0]),
	}
	if read.attested() {
		p.sale.Attestation = sale.Attestation
	}
	for _, c := range sale.Coupons {
		p.sale.Coupons = append(p.sale.Coupons, coupon.Tendered{Text: c.Text, Receipt: c.Receipt})
	}
	p.till, p.locks = sale.Till, locks(sale.Invoice, read.tenders)
	return s.desks[issuers[0]].enter(ctx, p)
}

// settled answers a sale that is in the store, and first learns the outcome of
// what was sent for it before.
func (s *Service) settled(ctx context.Context, p *pending) (bool, error) {
	attempts, found, known, err := s.store.known(ctx, p.id)
	if err != nil {
		return false, err
	}
	for _, a := range attempts {
		p.sent.Store(&a.ID)
		if err := s.resolve(ctx, a); err != nil {
			return false, unknown(a.ID, err)
		}
	}
	p.sent.Store(nil)
	if len(attempts) > 0 {
		found, known, err = s.store.redemption(ctx, p.id)
	}
	if err != nil || !known {
		return false, err
	}
	s.leave(p)
	p.answer(found.repeat(p.digest))
	return true, nil
}

// repeat answers a request that was redeemed before.
func (r stored) repeat(digest coupon.Hash) (Redemption, error) {
	if r.digest != digest {
		return Redemption{}, conflict()
	}
	if r.Voided {
		return Redemption{}, coupon.Refuse(coupon.ReasonVoided, "request_id", "the redemption was voided")
	}
	return r.Redemption, nil
}

// join returns the call with the same redemption id that is in flight, or
// enters p as such.
func (s *Service) join(p *pending) (*pending, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, found := s.inFlight[p.id]; found {
		return first, true
	}
	s.inFlight[p.id] = p
	return nil, false
}

// leave comes before the answer: whoever repeats after the answer must find the
// store, not the call that is over.
func (s *Service) leave(p *pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight[p.id] == p {
		delete(s.inFlight, p.id)
	}
}

func conflict() error {
	return coupon.Refuse(coupon.ReasonRequestConflict, "request_id", "the id was used for a request of other content")
}

// unknown says that the transaction may have an effect.
func unknown(transactionID string, err error) error {
	var already *ledger.UnknownOutcome
	if errors.As(err, &already) {
		return err
	}
	return &ledger.UnknownOutcome{TransactionID: transactionID, Err: err}
}

// locks names what no two sales in flight may share: both would look good until
// one of them spoils the batch of the other.
func locks(invoice coupon.Invoice, tenders []coupon.Tender) []string {
	held := []string{fmt.Sprintf("invoice %q %q", invoice.Institute, invoice.Number)}
	for _, t := range tenders {
		c := t.Coupon
		held = append(held, fmt.Sprintf("coupon %s %d %d", c.Framework, c.Lane, c.SN))
		if c.Kind == coupon.KindProof {
			held = append(held, fmt.Sprintf("product %s", c.Product.Tag))
		}
	}
	slices.Sort(held)
	return slices.Compact(held)
}
