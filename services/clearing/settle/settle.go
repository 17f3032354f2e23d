// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package settle computes who owes whom. It is pure: what it is given is what
// the ledger has decided, and it only groups and sums.
package settle

import (
	"fmt"
	"slices"
	"strings"

	"ecoupon/chaincode/coupon"
)

// Position is what an issuer owes a retailer in one currency.
type Position struct {
	Issuer   string
	Retailer string
	Amount   coupon.Money
	// Coupons are those of the batches that have an amount in this currency.
	Coupons int64
	// Batches and Transactions say why, and where on the ledger.
	Batches      []coupon.BatchID
	Transactions []string
}

// Net is what an organisation receives, or pays if it is negative.
type Net struct {
	Organisation string
	Amount       coupon.Money
}

// Batch is a claimed batch with the coupons that its record has.
type Batch struct {
	ID      coupon.BatchID
	Coupons int
}

// Parts fills transactions of at most limit coupons with batches, in their
// order. A batch that is larger by itself is a part of its own.
func Parts(batches []Batch, limit int) [][]Batch {
	var parts [][]Batch
	sum := 0
	for _, b := range batches {
		if len(parts) == 0 || sum+b.Coupons > limit {
			parts, sum = append(parts, nil), 0
		}
		sum += b.Coupons
		parts[len(parts)-1] = append(parts[len(parts)-1], b)
	}
	return parts
}

// pair is whom a position is between.
type pair struct{ issuer, retailer, currency string }

// Positions sums settlement records to one position per issuer, retailer and
// currency, in this order. Amounts of 0 make none. It refuses with
// AMOUNT_OVERFLOW.
func Positions(records []coupon.SettlementRecord) ([]Position, error) {
	sums := make(map[pair]*Position)
	for _, r := range records {
		for _, b := range r.Batches {
			for _, amount := range b.Amounts {
				p, found := sums[pair{r.Issuer, r.Retailer, amount.Currency}]
				if !found {
					p = &Position{Issuer: r.Issuer, Retailer: r.Retailer, Amount: coupon.Money{Currency: amount.Currency}}
					sums[pair{r.Issuer, r.Retailer, amount.Currency}] = p
				}
				if err := p.add(r, b, amount); err != nil {
					return nil, err
				}
			}
		}
	}
	var positions []Position
	for _, p := range sums {
		if p.Amount.Minor != 0 {
			positions = append(positions, *p)
		}
	}
	slices.SortFunc(positions, func(a, b Position) int {
		return strings.Compare(a.Issuer+"\x00"+a.Retailer+"\x00"+a.Amount.Currency, b.Issuer+"\x00"+b.Retailer+"\x00"+b.Amount.Currency)
	})
	return positions, nil
}

func (p *Position) add(r coupon.SettlementRecord, b coupon.SettledBatch, amount coupon.Money) error {
	sum, err := coupon.AddMinor(p.Amount.Minor, amount.Minor)
	if err != nil {
		return err
	}
	p.Amount.Minor = sum
	p.Coupons += b.Coupons
	p.Batches = append(p.Batches, b.ID)
	if !slices.Contains(p.Transactions, r.Transaction) {
		p.Transactions = append(p.Transactions, r.Transaction)
	}
	return nil
}

// Nets returns what each organisation receives or pays in each currency, in
// this order, without those at 0. The sum of each currency is 0; if it were
// not, that would be an error and nothing may be paid.
func Nets(positions []Position) ([]Net, error) {
	sums := make(map[[2]string]int64)
	add := func(organisation string, amount coupon.Money, sign int64) error {
		key := [2]string{amount.Currency, organisation}
		signed, err := coupon.MulMinor(sign, amount.Minor)
		if err != nil {
			return err
		}
		sums[key], err = coupon.AddMinor(sums[key], signed)
		return err
	}
	for _, p := range positions {
		if err := add(p.Issuer, p.Amount, -1); err != nil {
			return nil, err
		}
		if err := add(p.Retailer, p.Amount, 1); err != nil {
			return nil, err
		}
	}
	var nets []Net
	for key, minor := range sums {
		if minor != 0 {
			nets = append(nets, Net{Organisation: key[1], Amount: coupon.Money{Currency: key[0], Minor: minor}})
		}
	}
	slices.SortFunc(nets, func(a, b Net) int {
		return strings.Compare(a.Amount.Currency+"\x00"+a.Organisation, b.Amount.Currency+"\x00"+b.Organisation)
	})
	return nets, balanced(nets)
}

// balanced refuses nets that would make or lose money. The sums wrap around,
// which does not make two different numbers equal.
func balanced(nets []Net) error {
	sums := make(map[string]int64)
	for _, n := range nets {
		sums[n.Amount.Currency] += n.Amount.Minor
	}
	for currency, sum := range sums {
		if sum != 0 {
			return fmt.Errorf("net positions in %s sum to %d, not to 0", currency, sum)
		}
	}
	return nil
}
