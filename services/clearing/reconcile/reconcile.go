// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package reconcile compares what retailers claim with what the ledger has. It
// is pure: it is given both, and says what differs.
package reconcile

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"ecoupon/chaincode/coupon"
)

// Type says what differs.
type Type string

// Types of differences.
const (
	// Record: a batch's record does not hash to its digest on the ledger.
	Record Type = "record"
	// Marker: a claimed coupon's marker is not what the claim says.
	Marker Type = "marker"
	// Amount: the claim's sum is not the sum of its coupons that count.
	Amount Type = "amount"
	// Invoice: the same invoice stands in claims of different retailers.
	Invoice Type = "invoice"
	// Mark: a copy of the claim's mark is missing on the ledger.
	Mark Type = "claim"
	// Settled: the batch is settled on the ledger, and not by this clearing
	// house: issuer and another organisation wrote it.
	Settled Type = "settled"
	// Payment: the payment institute does not know the payment.
	Payment Type = "payment"
)

// Difference is one finding.
type Difference struct {
	Type   Type   `json:"type"`
	Issuer string `json:"issuer"`
	// Retailer and Claim name the claim.
	Retailer string `json:"retailer"`
	Claim    string `json:"claim_id"`
	// Batch and Redemption are zero where the finding is not of one.
	Batch      coupon.BatchID      `json:"batch_id"`
	Redemption coupon.RedemptionID `json:"redemption_id"`
	// Amount is claimed less found; nil where nothing was summed.
	Amount *coupon.Money `json:"amount,omitempty"`
	Detail string        `json:"detail"`
}

// Ledger is what the ledger publicly has of a claim's batches.
type Ledger struct {
	Standing map[coupon.BatchID]coupon.BatchStanding
	Markers  map[coupon.Tag]coupon.MarkerEntry
	// Own are the batches in settlements of this clearing house, made or being
	// made.
	Own map[coupon.BatchID]bool
}

// Use is an invoice that a redemption of a claim counts against. It never
// leaves the clearing house.
type Use struct {
	Invoice coupon.Invoice
	// Attestation is the institute's on record; nil if there is none.
	Attestation *coupon.Signature
	Issuer      string
	Retailer    string
	Claim       string
	Batch       coupon.BatchID
	Redemption  coupon.RedemptionID
}

// Compare says what differs between a claim and the ledger, and which invoices
// it is for: those of redemptions that count. The order is that of the claim.
func Compare(claim coupon.ClaimRecord, with Ledger) ([]Difference, []Use, error) {
	c := comparison{claim: claim, with: with, found: make(map[string]int64)}
	for _, line := range claim.Batches {
		if err := c.batch(line); err != nil {
			return nil, nil, err
		}
	}
	c.amounts(coupon.BatchID{}, claim.Amounts, c.found, claim.Coupons, c.coupons)
	return c.differences, c.uses, nil
}

type comparison struct {
	claim       coupon.ClaimRecord
	with        Ledger
	differences []Difference
	uses        []Use
	found       map[string]int64
	coupons     int64
}

func (c *comparison) note(t Type, batch coupon.BatchID, redemption coupon.RedemptionID, amount *coupon.Money, detail string) {
	c.differences = append(c.differences, Difference{
		Type: t, Issuer: c.claim.Issuer, Retailer: c.claim.Retailer, Claim: c.claim.ID,
		Batch: batch, Redemption: redemption, Amount: amount, Detail: detail,
	})
}

func (c *comparison) batch(line coupon.ClaimedBatch) error {
	standing := c.with.Standing[line.ID]
	if !standing.ClaimedByClearing || !standing.ClaimedByRetailer {
		c.note(Mark, line.ID, coupon.RedemptionID{}, nil, "a copy of the claim's mark is missing")
	}
	if standing.Settled != nil && !c.with.Own[line.ID] {
		c.note(Settled, line.ID, coupon.RedemptionID{}, nil, "the batch was settled without the clearing house")
	}
	if digest := coupon.Hash(sha256.Sum256([]byte(line.Record))); standing.Digest == nil || *standing.Digest != digest {
		c.note(Record, line.ID, coupon.RedemptionID{}, nil, "the record is not the one on the ledger")
		return nil
	}
	record, ok := c.decode(line)
	if !ok {
		c.note(Record, line.ID, coupon.RedemptionID{}, nil, "the record is not of this batch")
		return nil
	}
	sums, coupons, err := c.sales(record)
	if err != nil {
		return err
	}
	c.amounts(line.ID, line.Amounts, sums, line.Coupons, coupons)
	for currency, minor := range sums {
		if c.found[currency], err = coupon.AddMinor(c.found[currency], minor); err != nil {
			return err
		}
	}
	c.coupons += coupons
	return nil
}

// decode is false for a record of another batch, or that is none.
func (c *comparison) decode(line coupon.ClaimedBatch) (coupon.BatchRecord, bool) {
	var record coupon.BatchRecord
	err := coupon.DecodeStrict([]byte(line.Record), &record)
	own := record.ID == line.ID && record.Retailer == c.claim.Retailer && record.Issuer == c.claim.Issuer
	return record, err == nil && own
}

// sales sums what counts of a batch. A redemption counts altogether or, if it
// was voided, not at all; and no marker ever vanishes.
func (c *comparison) sales(record coupon.BatchRecord) (map[string]int64, int64, error) {
	sums := make(map[string]int64)
	coupons := int64(0)
	for _, sale := range record.Redemptions {
		count, missing := int64(0), 0
		for _, cp := range sale.Coupons {
			m, known := c.with.Markers[cp.Tag]
			if !known || m.State == "" {
				missing++
			}
			if !known || m.State != coupon.MarkerSpent.String() || m.Batch != record.ID || m.Redemption != sale.ID {
				continue
			}
			sum, err := coupon.AddMinor(sums[sale.Currency], cp.Value)
			if err != nil {
				return nil, 0, err
			}
			sums[sale.Currency] = sum
			count++
		}
		coupons += count
		switch {
		case missing > 0:
			c.note(Marker, record.ID, sale.ID, nil, fmt.Sprintf("%d coupons have no marker", missing))
		case count > 0 && int(count) < len(sale.Coupons):
			c.note(Marker, record.ID, sale.ID, nil, fmt.Sprintf("%d of %d coupons are spent for this redemption", count, len(sale.Coupons)))
		}
		if count > 0 {
			c.uses = append(c.uses, Use{
				Invoice: sale.Invoice, Attestation: sale.Attestation, Issuer: record.Issuer,
				Retailer: record.Retailer, Claim: c.claim.ID, Batch: record.ID, Redemption: sale.ID,
			})
		}
	}
	return sums, coupons, nil
}

// amounts compares sums by currency. A batch of zero is the claim as a whole.
func (c *comparison) amounts(batch coupon.BatchID, claimed []coupon.Money, found map[string]int64, claimedCoupons, foundCoupons int64) {
	sums := make(map[string]int64)
	currencies := make([]string, 0, len(claimed))
	for _, m := range claimed {
		sums[m.Currency] += m.Minor
		currencies = append(currencies, m.Currency)
	}
	for currency := range found {
		currencies = append(currencies, currency)
	}
	slices.Sort(currencies)
	equal := true
	for _, currency := range slices.Compact(currencies) {
		if sums[currency] != found[currency] {
			equal = false
			less := coupon.Money{Currency: currency, Minor: sums[currency] - found[currency]}
			c.note(Amount, batch, coupon.RedemptionID{}, &less, "the sum is not that of the coupons that count")
		}
	}
	if equal && claimedCoupons != foundCoupons {
		c.note(Amount, batch, coupon.RedemptionID{}, nil, fmt.Sprintf("%d coupons claimed, %d count", claimedCoupons, foundCoupons))
	}
}

// Shared says which uses are of an invoice that another retailer has a use of
// too: a difference for each of them, as it is not for this package to say who
// is honest. The order is that of retailers and claims.
func Shared(uses []Use) []Difference {
	type invoice struct{ institute, number string }
	retailers := make(map[invoice][]string)
	for _, u := range uses {
		key := invoice{u.Invoice.Institute, u.Invoice.Number}
		if !slices.Contains(retailers[key], u.Retailer) {
			retailers[key] = append(retailers[key], u.Retailer)
		}
	}
	var differences []Difference
	for _, u := range uses {
		if n := len(retailers[invoice{u.Invoice.Institute, u.Invoice.Number}]); n > 1 {
			differences = append(differences, Difference{
				Type: Invoice, Issuer: u.Issuer, Retailer: u.Retailer, Claim: u.Claim,
				Batch: u.Batch, Redemption: u.Redemption,
				Detail: fmt.Sprintf("%d retailers claim for the same invoice", n),
			})
		}
	}
	slices.SortStableFunc(differences, func(a, b Difference) int {
		return strings.Compare(a.Retailer+"\x00"+a.Claim, b.Retailer+"\x00"+b.Claim)
	})
	return differences
}
