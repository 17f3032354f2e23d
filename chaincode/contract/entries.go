// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"ecoupon/chaincode/coupon"
)

// checkSize refuses a call that is empty or too large as a whole.
func checkSize(sales int, coupons func(i int) int) error {
	if sales < 1 || sales > coupon.MaxBatchCoupons {
		return coupon.Refuse(coupon.ReasonTooMany, "sales", "1 to %d sales", coupon.MaxBatchCoupons)
	}
	total := 0
	for i := range sales {
		n := coupons(i)
		if n < 1 || n > coupon.MaxCoupons {
			return coupon.Refuse(coupon.ReasonTooMany, "coupons", "1 to %d coupons in a sale", coupon.MaxCoupons)
		}
		total += n
	}
	if total > coupon.MaxBatchCoupons {
		return coupon.Refuse(coupon.ReasonTooMany, "coupons", "at most %d coupons in a batch", coupon.MaxBatchCoupons)
	}
	return nil
}

// enter puts a sale on the docket and checks the form of what it is given.
func (d *docket) enter(s *sale, requestID string, given []coupon.CheckedCoupon) {
	s.index = len(d.sales)
	d.sales = append(d.sales, s)
	if requestID != "" {
		if err := coupon.CheckUUID4("request_id", requestID); err != nil {
			d.refuseSale(s, err)
		}
		s.id = coupon.NewRedemptionID(d.caller, requestID)
	}
	if s.invoice != nil {
		if err := d.checkInvoice(s); err != nil {
			d.refuseSale(s, err)
		}
	}
	if s.basket != nil {
		if err := s.basket.Check(); err != nil {
			d.refuseSale(s, err)
		}
	}
	for i, g := range given {
		if i >= len(s.items) {
			s.items = append(s.items, &item{})
		}
		it := s.items[i]
		it.sale, it.index = s.index, i
		tender, err := coupon.ParseTender(g.Text)
		if err != nil {
			d.refuse(it, err)
		}
		it.tender = tender
		if g.Receipt != "" {
			receipt, err := coupon.ParseReceipt(g.Receipt)
			if err != nil {
				d.refuse(it, err)
			}
			it.receipt = &receipt
		}
	}
}

func (d *docket) checkInvoice(s *sale) error {
	in := s.invoice
	if err := coupon.CheckID("invoice.institute", in.Institute); err != nil {
		return err
	}
	if err := coupon.CheckID("invoice.number", in.Number); err != nil {
		return err
	}
	if err := coupon.CheckCurrency("invoice.currency", in.Currency); err != nil {
		return err
	}
	if in.Amount < 0 || in.Amount > coupon.MaxTotal {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "invoice.amount", "0 to %d", int64(coupon.MaxTotal))
	}
	if in.PaidAt < 1 || in.PaidAt > d.now+maxClockAhead {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "invoice.paid_at", "not a time up to now")
	}
	if s.basket != nil && in.Currency != s.basket.Currency {
		return coupon.Refuse(coupon.ReasonCurrencyMismatch, "invoice.currency", "invoice and basket differ")
	}
	return nil
}

// findTwins refuses what stands twice in the call: nothing that is written is
// read back within a transaction, so both would pass.
func (d *docket) findTwins(kIR coupon.Key) {
	type serial struct {
		framework coupon.FrameworkID
		lane      uint16
		sn        int64
	}
	coupons := map[serial]bool{}
	tags := map[coupon.Tag]bool{}
	products := map[coupon.Tag]bool{}
	invoices := map[coupon.Tag]bool{}
	ids := map[coupon.RedemptionID]bool{}
	twin := func(field string) error {
		return coupon.Refuse(coupon.ReasonDuplicateInBatch, field, "stands more than once in the batch")
	}
	for _, s := range d.sales {
		if s.id != (coupon.RedemptionID{}) {
			if ids[s.id] {
				d.refuseSale(s, twin("request_id"))
			}
			ids[s.id] = true
		}
		if s.invoice != nil {
			s.invoiceTag = coupon.InvoiceTag(kIR, s.invoice.Institute, s.invoice.Number)
			if invoices[s.invoiceTag] {
				d.refuseSale(s, twin("invoice"))
			}
			invoices[s.invoiceTag] = true
		}
		for _, it := range s.items {
			c := it.tender.Coupon
			key := serial{c.Framework, c.Lane, c.SN}
			twinTag := it.tag != (coupon.Tag{}) && tags[it.tag]
			if !it.bad && (coupons[key] || twinTag) {
				d.refuse(it, twin(""))
			}
			coupons[key], tags[it.tag] = true, true
			if c.Kind != coupon.KindProof {
				continue
			}
			if products[c.Product.Tag] {
				d.refuse(it, twin("product"))
			}
			products[c.Product.Tag] = true
		}
	}
}
