// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"ecoupon/chaincode/coupon"
)

// shown is a batch record that was shown for a void, a claim or a settlement.
type shown struct {
	coupon.BatchRecord
	text     string
	standing coupon.BatchStanding
}

// show decodes batch records and accepts them if and only if they hash to the
// digests on the ledger: what an organisation keeps in its own collection is no
// evidence, since it can rewrite that alone. All must be of one retailer. What
// stands in collections is looked up once it is certain whose they are.
func (c *Context) show(texts []string, clearing string) ([]shown, error) {
	if len(texts) < 1 || len(texts) > coupon.MaxClaimCoupons {
		return nil, coupon.Refuse(coupon.ReasonTooMany, "records", "1 to %d batches", coupon.MaxClaimCoupons)
	}
	records := make([]shown, len(texts))
	ids := make([]coupon.BatchID, len(texts))
	coupons := 0
	for i, text := range texts {
		records[i].text = text
		if err := coupon.DecodeStrict([]byte(text), &records[i].BatchRecord); err != nil {
			return nil, coupon.Refuse(coupon.ReasonRecordMismatch, field(i), "not a batch record")
		}
		ids[i] = records[i].ID
		coupons += records[i].CouponCount()
		if records[i].Retailer != records[0].Retailer || records[i].Issuer != c.issuer {
			return nil, coupon.Refuse(coupon.ReasonRecordMismatch, field(i), "of another retailer or issuer")
		}
		if slices.Contains(ids[:i], ids[i]) {
			return nil, coupon.Refuse(coupon.ReasonDuplicateInBatch, field(i), "the batch stands more than once")
		}
	}
	if coupons > coupon.MaxClaimCoupons {
		return nil, coupon.Refuse(coupon.ReasonTooMany, "records", "at most %d coupons", coupon.MaxClaimCoupons)
	}
	if err := c.checkDigests(records, ids); err != nil {
		return nil, err
	}
	standing, err := c.world.Standing(clearing, records[0].Retailer, ids)
	if err != nil {
		return nil, err
	}
	for i := range records {
		records[i].standing = standing[i]
	}
	return records, nil
}

func (c *Context) checkDigests(records []shown, ids []coupon.BatchID) error {
	digests, err := c.world.Digests(ids)
	if err != nil {
		return err
	}
	for i, r := range records {
		if digests[i] == nil {
			return coupon.Refuse(coupon.ReasonBatchUnknown, field(i), "there is no such batch")
		}
		if *digests[i] != sha256.Sum256([]byte(r.text)) {
			return coupon.Refuse(coupon.ReasonRecordMismatch, field(i), "not the record whose digest is on the ledger")
		}
	}
	return nil
}

func field(i int) string { return fmt.Sprintf("records[%d]", i) }

// tally sums what counts, by currency.
type tally struct {
	coupons int64
	amounts map[string]int64
}

// count sums the coupons of records that count: those whose marker is spent
// with this batch and redemption.
func (c *Context) count(records []shown) ([]coupon.ClaimedBatch, tally, error) {
	var tags []coupon.Tag
	for _, r := range records {
		for _, s := range r.Redemptions {
			for _, cp := range s.Coupons {
				tags = append(tags, cp.Tag)
			}
		}
	}
	markers, err := c.world.Markers(tags)
	if err != nil {
		return nil, tally{}, err
	}
	all := tally{amounts: map[string]int64{}}
	lines := make([]coupon.ClaimedBatch, len(records))
	for i, r := range records {
		one := tally{amounts: map[string]int64{}}
		for _, s := range r.Redemptions {
			for _, cp := range s.Coupons {
				m, found := markers[cp.Tag]
				if !found || m.State != coupon.MarkerSpent || m.Batch != r.ID || m.Redemption != s.ID {
					continue
				}
				if err := one.add(s.Currency, 1, cp.Value); err != nil {
					return nil, all, err
				}
			}
		}
		for currency, amount := range one.amounts {
			if err := all.add(currency, 0, amount); err != nil {
				return nil, all, err
			}
		}
		all.coupons += one.coupons
		lines[i] = coupon.ClaimedBatch{ID: r.ID, Coupons: one.coupons, Amounts: one.money(), Record: r.text}
	}
	return lines, all, nil
}

func (t *tally) add(currency string, coupons, amount int64) error {
	sum, err := coupon.AddMinor(t.amounts[currency], amount)
	if err != nil {
		return err
	}
	t.amounts[currency] = sum
	t.coupons += coupons
	return nil
}

// money returns the sums in the order of their currencies.
func (t *tally) money() []coupon.Money {
	sums := make([]coupon.Money, 0, len(t.amounts))
	for currency, minor := range t.amounts {
		sums = append(sums, coupon.Money{Currency: currency, Minor: minor})
	}
	slices.SortFunc(sums, func(a, b coupon.Money) int { return strings.Compare(a.Currency, b.Currency) })
	return sums
}
