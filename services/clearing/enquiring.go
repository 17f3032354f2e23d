// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/clearing/reconcile"
)

const (
	// maxPerMille is a share of all.
	maxPerMille = 1000
	// enquiryTimeout bounds the wait for one institute in a run: nobody's claims
	// wait for it longer.
	enquiryTimeout = 5 * time.Second
	// maxEnquiry is how many payments an institute is asked about at once.
	maxEnquiry = 200
)

// Institutes are the payment institutes that can be asked.
type Institutes interface {
	// Sampling says who can be asked now, and about how many payments.
	Sampling() (Sampling, error)
	// Confirm returns for each payment whether the institute knows it.
	Confirm(ctx context.Context, institute string, payments []Payment) ([]bool, error)
}

// Sampling says which payments are asked about.
type Sampling struct {
	// PerMille is how many of a thousand unattested payments are drawn. With 0
	// nobody is asked, and no answer of before counts.
	PerMille int
	// Institutes are the names of those that can be asked. A payment of any other
	// is one that nobody knows.
	Institutes []string
}

// Payment is one that a retailer says was made to it.
type Payment struct {
	coupon.Invoice
	// Merchant is the retailer's MSP id.
	Merchant string
}

// enquiry is a payment that was drawn.
type enquiry struct {
	claim      claimKey
	number     int64 // of the claim
	redemption coupon.RedemptionID
	batch      coupon.BatchID
	invoice    coupon.Invoice
	// settled says that the claim is, known what the institute has answered.
	settled bool
	known   answer
}

// answer is the state of an enquiry.
type answer string

const (
	spared    answer = "spared"
	notKnown  answer = "unknown"
	wellKnown answer = "known"
	noAnswer  answer = "open"
)

// enquire draws payments of the claims compared, asks their institutes, and adds
// a difference to the claim of each payment that is not known. Those of claims
// that were settled before the institute answered are returned.
//
// An institute that does not answer holds nobody up: its payments stay open, are
// asked about in every later run, and a claim is meanwhile accepted without.
func (s *Service) enquire(ctx context.Context, results []compared) (late []reconcile.Difference, err error) {
	sampling, err := s.institutes.Sampling()
	if err != nil || sampling.PerMille == 0 {
		return nil, err
	}
	drawn, err := s.draw(ctx, results, sampling.PerMille)
	if err != nil {
		return nil, err
	}
	if err := s.store.addEnquiries(ctx, drawn); err != nil {
		return nil, err
	}
	open, err := s.store.enquiries(ctx)
	if err != nil {
		return nil, err
	}
	s.ask(ctx, sampling.Institutes, open)
	if err := s.store.saveAnswers(ctx, open); err != nil {
		return nil, err
	}
	mine := make(map[int64]int, len(results))
	for i, r := range results {
		mine[r.claim.number] = i
	}
	for _, e := range open {
		if e.known != notKnown {
			continue
		}
		if i, found := mine[e.number]; found {
			results[i].differences = append(results[i].differences, e.difference())
		} else {
			late = append(late, e.difference())
		}
	}
	return late, nil
}

// draw decides about each unattested payment, with a chance of so many in a
// thousand. Whoever makes payments up must not know which are asked about.
func (s *Service) draw(ctx context.Context, results []compared, perMille int) ([]enquiry, error) {
	var drawn []enquiry
	registered := make(map[[2]string]coupon.Institute)
	for _, r := range results {
		for _, use := range r.uses {
			attested, err := s.attested(ctx, use, registered)
			if err != nil {
				return nil, err
			}
			if attested {
				continue
			}
			e := enquiry{number: r.claim.number, redemption: use.Redemption, batch: use.Batch, invoice: use.Invoice, known: spared}
			n, err := rand.Int(rand.Reader, big.NewInt(maxPerMille))
			if err != nil {
				return nil, err
			}
			if n.Int64() < int64(perMille) {
				e.known = noAnswer
			}
			drawn = append(drawn, e)
		}
	}
	return drawn, nil
}

// attested says whether the record's attestation is of a key that is registered
// now: one that was withdrawn since proves nothing.
func (s *Service) attested(ctx context.Context, use reconcile.Use, registered map[[2]string]coupon.Institute) (bool, error) {
	if use.Attestation == nil {
		return false, nil
	}
	key := [2]string{use.Issuer, use.Invoice.Institute}
	institute, found := registered[key]
	if !found {
		var err error
		if institute, err = s.institute(ctx, use.Issuer, use.Invoice.Institute); err != nil {
			return false, err
		}
		registered[key] = institute
	}
	return institute.CheckAttestation(use.Invoice, use.Retailer, *use.Attestation) == nil, nil
}

// ask notes the institutes' answers. What is of no institute known here is not
// known; what is not answered stays as it is.
func (s *Service) ask(ctx context.Context, names []string, open []enquiry) {
	of := make(map[string][]int)
	for i, e := range open {
		if !slices.Contains(names, e.invoice.Institute) {
			open[i].known = notKnown
			continue
		}
		of[e.invoice.Institute] = append(of[e.invoice.Institute], i)
	}
	for _, name := range names {
		if err := s.askOne(ctx, name, open, of[name]); err != nil {
			s.logger.WarnContext(ctx, "a payment institute does not answer", "institute", name, "error", err)
		}
	}
}

func (s *Service) askOne(ctx context.Context, name string, open []enquiry, which []int) error {
	ctx, cancel := context.WithTimeout(ctx, enquiryTimeout)
	defer cancel()
	for chunk := range slices.Chunk(which, maxEnquiry) {
		payments := make([]Payment, len(chunk))
		for i, at := range chunk {
			payments[i] = Payment{Invoice: open[at].invoice, Merchant: open[at].claim.retailer}
		}
		known, err := s.institutes.Confirm(ctx, name, payments)
		if err != nil {
			return err
		}
		if len(known) != len(payments) {
			return fmt.Errorf("%d answers to %d questions", len(known), len(payments))
		}
		for i, at := range chunk {
			open[at].known = notKnown
			if known[i] {
				open[at].known = wellKnown
			}
		}
	}
	return nil
}

func (e enquiry) difference() reconcile.Difference {
	detail := "its institute does not know the payment"
	if e.settled {
		detail += "; the claim is settled"
	}
	return reconcile.Difference{
		Type: reconcile.Payment, Issuer: e.claim.issuer, Retailer: e.claim.retailer, Claim: e.claim.id,
		Batch: e.batch, Redemption: e.redemption, Detail: detail,
	}
}
