// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/world"
)

// Redeem spends all coupons of a batch of sales, or none: one bad coupon
// refuses the batch with BATCH_REFUSED and the complete list of what is bad.
// The caller is the retailer; issuer and retailer endorse it, as the batch's
// record goes into both their collections. Where the issuer redeems its own
// coupons, the clearing house is the second of the two.
//
// Input: coupon.BatchInput. Event: Redeemed.
func (c *Contract) Redeem(ctx *Context) error {
	var in coupon.BatchInput
	if err := ctx.input(&in); err != nil {
		return err
	}
	if in.Salt == (coupon.Hash{}) {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "salt", "the salt is all zero")
	}
	if err := checkSize(len(in.Sales), func(i int) int { return len(in.Sales[i].Coupons) }); err != nil {
		return err
	}
	d := &docket{Context: ctx}
	for i := range in.Sales {
		d.enterSale(&in.Sales[i])
	}
	if err := d.judge(); err != nil {
		return err
	}
	if err := d.verdict(); err != nil {
		return err
	}
	record := d.record(in.Salt)
	if err := d.store(record); err != nil {
		return err
	}
	return ctx.emit("Redeemed", coupon.RedeemedEvent{
		Batch: record.ID, Retailer: record.Retailer,
		Redemptions: len(record.Redemptions), Coupons: record.CouponCount(),
	})
}

func (d *docket) enterSale(in *coupon.Sale) {
	s := &sale{request: in.Request, invoice: &in.Invoice, attestation: in.Attestation, basket: &in.Basket}
	given := make([]coupon.CheckedCoupon, len(in.Coupons))
	for i, t := range in.Coupons {
		given[i] = coupon.CheckedCoupon{Text: t.Text, Receipt: t.Receipt}
		s.items = append(s.items, &item{tag: t.Tag, draw: t.Draw, ownership: t.Ownership})
	}
	d.enter(s, in.RequestID, given)
	if in.RequestID == "" {
		d.refuseSale(s, coupon.Refuse(coupon.ReasonInvalidRequest, "request_id", "is missing"))
	}
	for i, it := range s.items {
		if it.tag == (coupon.Tag{}) {
			d.refuse(it, coupon.Refuse(coupon.ReasonTagMismatch, fmt.Sprintf("coupons[%d].tag", i), "is missing"))
		}
	}
}

// record is what issuer and retailer keep of the batch.
func (d *docket) record(salt coupon.Hash) coupon.BatchRecord {
	transaction := d.GetStub().GetTxID()
	r := coupon.BatchRecord{
		Format: 1, Salt: salt,
		ID: coupon.NewBatchID(transaction), Transaction: transaction,
		Issuer: d.issuer, Retailer: d.caller, Time: d.now,
	}
	for _, s := range d.sales {
		redeemed := coupon.RedeemedSale{
			ID: s.id, Request: s.request, Invoice: *s.invoice, Attestation: s.attestation, Currency: s.basket.Currency,
		}
		for _, it := range s.items {
			cp := it.tender.Coupon
			line := coupon.RedeemedCoupon{
				Tag: it.tag, Framework: cp.Framework, Lane: cp.Lane, SN: cp.SN, Value: it.value,
				Product: productOf(it),
			}
			if cp.Kind != coupon.KindStatic {
				leaf := cp.Entry().Leaf()
				line.Frame, line.Leaf = cp.Release.Frame, &leaf
			}
			if it.ownership != nil {
				line.TransferTag = &it.ownership.Tag
			}
			redeemed.Coupons = append(redeemed.Coupons, line)
		}
		r.Redemptions = append(r.Redemptions, redeemed)
	}
	return r
}

func (d *docket) store(r coupon.BatchRecord) error {
	bytes, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding the batch record: %w", err)
	}
	return d.world.Batch(func() error {
		for _, s := range d.sales {
			if err := d.storeSale(d.world, s, r.ID); err != nil {
				return err
			}
		}
		return d.world.PutBatch(r.ID, bytes, sha256.Sum256(bytes), d.issuer, d.second)
	})
}

func (d *docket) storeSale(w world.World, s *sale, batch coupon.BatchID) error {
	for _, it := range s.items {
		at := d.now
		if p := it.tender.Presentation; p != nil {
			at = max(at, p.PresentedAt)
		}
		marker := coupon.Marker{State: coupon.MarkerSpent, Redemption: s.id, Batch: batch, Time: at}
		if err := w.PutMarker(it.tag, marker); err != nil {
			return err
		}
		if product := productOf(it); product != nil {
			if err := w.PutProductMarker(product.Tag, marker); err != nil {
				return err
			}
		}
		if it.ownership == nil {
			continue
		}
		if err := w.PutOwnerMarker(it.ownership.Tag, coupon.OwnerMarker{State: coupon.MarkerSpent, Time: at}); err != nil {
			return err
		}
	}
	if err := w.PutInvoice(s.invoiceTag, s.id); err != nil {
		return err
	}
	return w.PutRedemption(s.id, batch)
}

// Check says of each coupon what Redeem would, and its value, without spending
// anything. It is evaluated on the issuer's peer, for an admitted retailer; a
// coupon's spent tag is given only if its MACs are right. To an emitter of
// purchase proofs it also gives the tags of products, with sales or without: a
// product that cannot have a proof refuses the call, see productTags.
//
// Input: coupon.CheckInput. Answer: coupon.CheckResult.
func (c *Contract) Check(ctx *Context) (string, error) {
	if ctx.self != ctx.issuer {
		return "", coupon.Refuse(coupon.ReasonWrongPeer, "", "only the issuer's peer can check coupons")
	}
	var in coupon.CheckInput
	if err := ctx.input(&in); err != nil {
		return "", err
	}
	products, err := ctx.productTags(in.Products)
	if err != nil {
		return "", err
	}
	if len(in.Sales) == 0 && len(products) > 0 {
		return answer(coupon.CheckResult{Products: products})
	}
	result, err := ctx.checkSales(in.Sales)
	if err != nil {
		return "", err
	}
	result.Products = products
	return answer(result)
}

func (c *Context) checkSales(sales []coupon.CheckedSale) (coupon.CheckResult, error) {
	if err := checkSize(len(sales), func(i int) int { return len(sales[i].Coupons) }); err != nil {
		return coupon.CheckResult{}, err
	}
	d := &docket{Context: c}
	for _, s := range sales {
		d.enter(&sale{invoice: s.Invoice, attestation: s.Attestation, basket: s.Basket}, s.RequestID, s.Coupons)
	}
	if err := d.judge(); err != nil {
		return coupon.CheckResult{}, err
	}
	return d.result()
}

func (d *docket) result() (coupon.CheckResult, error) {
	result := coupon.CheckResult{Sales: make([]coupon.SaleVerdict, len(d.sales))}
	for i, s := range d.sales {
		v := &result.Sales[i]
		v.Refused = []coupon.Refusal{}
		if batch, known := d.state.Redemptions[s.id]; known {
			v.Batch = &batch
		}
		for _, it := range s.items {
			verdict := coupon.Verdict{Value: it.value, ValueInOneHour: it.later}
			if it.computed {
				verdict.Tag, verdict.Draw, verdict.Ownership = &it.tag, it.draw, it.ownership
			}
			if it.framework.Issuer != "" {
				verdict.Framework = &it.framework.ID
			}
			v.Coupons = append(v.Coupons, verdict)
		}
	}
	for _, r := range d.sorted() {
		v := &result.Sales[r.Redemption]
		v.Refused = append(v.Refused, r)
	}
	for i, s := range d.sales {
		v := &result.Sales[i]
		if len(v.Refused) > 0 {
			continue
		}
		var err error
		if v.Rival, err = d.meetsRival(s); err != nil {
			return result, err
		}
	}
	return result, nil
}

// tags are those of the sale's coupons and of the products of its proofs: what two
// redemptions cannot both spend.
func (s *sale) tags() []coupon.Tag {
	var tags []coupon.Tag
	for _, it := range s.items {
		tags = append(tags, it.tag)
		if product := productOf(it); product != nil {
			tags = append(tags, product.Tag)
		}
	}
	return tags
}

// meetsRival asks for sales that are to be redeemed, not only looked at. A rival that
// is on the ledger is none: what became of it since, a void, is no reason to wait.
func (d *docket) meetsRival(s *sale) (bool, error) {
	if s.id == (coupon.RedemptionID{}) || s.invoice == nil {
		return false, nil
	}
	for _, rival := range d.rivals.meet(s.id, s.tags()) {
		if _, decided, err := d.world.Redemption(rival); err != nil || !decided {
			return true, err
		}
	}
	return false, nil
}
