// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package central redeems coupons as somebody would whom everybody trusts: one
// service in front of one PostgreSQL database, with the API and the checks of the
// retailer's service and one durable row for each coupon that is spent, and
// without a ledger. The benchmark measures the consortium's redemptions against
// it; nothing else uses it.
package central

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// Offer is a campaign and the mandate under which its coupons are made.
type Offer struct {
	Campaign  coupon.Campaign  `json:"campaign"`
	Framework coupon.Framework `json:"framework"`
	// Key is the campaign's secret, from which the others derive.
	Key coupon.Key `json:"key"`
}

// offer is an Offer with what derives from it.
type offer struct {
	Offer
	terms   coupon.Terms
	mData   []byte
	mandate coupon.MAC
	emitter coupon.Key
	spent   coupon.Key
}

// Service redeems static coupons of one issuer at one retailer.
type Service struct {
	retailerv1.UnimplementedRetailerServiceServer
	retailer string
	invoices coupon.Key
	offers   map[coupon.FrameworkID]offer
	store    *Store
	now      func() time.Time
}

// New returns the service of a retailer. Invoices is the key under which invoices
// are known.
func New(retailer string, invoices coupon.Key, offers []Offer, store *Store, now func() time.Time) (*Service, error) {
	s := &Service{retailer: retailer, invoices: invoices, offers: make(map[coupon.FrameworkID]offer), store: store, now: now}
	for _, o := range offers {
		terms, err := coupon.ParseTerms([]byte(o.Campaign.Terms))
		if err != nil {
			return nil, fmt.Errorf("the terms of %s: %w", o.Campaign.ID, err)
		}
		mandate, f := o.Framework.Mandate(), o.Framework
		s.offers[f.ID] = offer{
			Offer: o, terms: terms, mData: mandate.Data(), mandate: mandate.MAC(coupon.DeriveFrameworkKey(o.Key)),
			emitter: coupon.DeriveEmitterKey(o.Key, f.Campaign, f.Emitter, f.Epoch), spent: coupon.DeriveSpentKey(o.Key),
		}
	}
	return s, nil
}

// refusals is why a sale is refused, as far as single coupons are concerned.
type refusals []coupon.Refusal

func (r refusals) Error() string { return fmt.Sprintf("%d coupons are refused", len(r)) }

// Redeem spends all coupons of a sale, or none. When it returns, that is durable.
// A repeat gets the same answer.
func (s *Service) Redeem(ctx context.Context, r *retailerv1.RedeemRequest) (*retailerv1.RedeemResponse, error) {
	redeemed, err := s.redeem(ctx, r)
	if err != nil {
		return nil, statusOf(err)
	}
	return &retailerv1.RedeemResponse{Redemption: redeemed}, nil
}

func (s *Service) redeem(ctx context.Context, r *retailerv1.RedeemRequest) (*retailerv1.Redemption, error) {
	sale, err := s.read(r)
	if err != nil {
		return nil, err
	}
	rows, err := s.judge(sale)
	if err != nil {
		// It may be the repeat of a sale that was made when its coupons were good.
		if known, found, failed := s.repeat(ctx, sale); found || failed != nil {
			return known, failed
		}
		return nil, err
	}
	var double *duplicate
	err = s.store.Insert(ctx, rows)
	if errors.As(err, &double) {
		if known, found, failed := s.repeat(ctx, sale); found || failed != nil {
			return known, failed
		}
		return nil, double.refusal()
	}
	if err != nil {
		return nil, err
	}
	return answer(rows, sale.Basket.Currency), nil
}

// sale is a request as it was read.
type sale struct {
	coupon.Sale
	id      coupon.RedemptionID
	tenders []coupon.Tender
}

// read refuses what no state is needed for.
func (s *Service) read(r *retailerv1.RedeemRequest) (sale, error) {
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return sale{}, err
	}
	in := sale{Sale: coupon.Sale{RequestID: r.GetRequestId(), Request: sha256.Sum256(content), Invoice: invoiceOf(r.GetInvoice())}}
	in.id = coupon.NewRedemptionID(s.retailer, in.RequestID)
	if err := coupon.CheckUUID4("request_id", in.RequestID); err != nil {
		return in, err
	}
	if n := len(r.GetCoupons()); n < 1 || n > coupon.MaxCoupons {
		return in, coupon.Refuse(coupon.ReasonTooMany, "coupons", "1 to %d coupons", coupon.MaxCoupons)
	}
	if err := errors.Join(coupon.CheckID("invoice.number", in.Invoice.Number), coupon.CheckID("invoice.institute", in.Invoice.Institute),
		coupon.CheckCurrency("invoice.amount.currency", in.Invoice.Currency)); err != nil {
		return in, err
	}
	if in.Basket, err = basketOf(r.GetBasket()); err != nil {
		return in, err
	}
	var refused refusals
	for i, text := range r.GetCoupons() {
		t, err := coupon.ParseTender(text)
		if err != nil {
			refused = append(refused, refuse(i, err))
		}
		in.tenders = append(in.tenders, t)
	}
	if refused != nil {
		return in, refused
	}
	return in, nil
}

func invoiceOf(i *typev1.Invoice) coupon.Invoice {
	return coupon.Invoice{
		Institute: i.GetInstitute(), Number: i.GetNumber(), Currency: i.GetAmount().GetCurrency(),
		Amount: i.GetAmount().GetMinor(), PaidAt: i.GetPaidTime().AsTime().UnixMilli(),
	}
}

func basketOf(b *typev1.Basket) (coupon.Basket, error) {
	basket := coupon.Basket{Currency: b.GetCurrency(), Total: coupon.MaxTotal}
	if len(b.GetLines()) > coupon.MaxLines {
		return basket, coupon.Refuse(coupon.ReasonTooMany, "basket.lines", "a basket has at most %d lines", coupon.MaxLines)
	}
	for _, l := range b.GetLines() {
		basket.Lines = append(basket.Lines, coupon.Line{GTIN: l.GetGtin(), Quantity: l.GetQuantity(), UnitPrice: l.GetUnitPrice()})
	}
	if err := basket.Check(); err != nil {
		return basket, err
	}
	basket.Total = 0
	for _, l := range basket.Lines {
		basket.Total += l.Quantity * l.UnitPrice
	}
	return basket, nil
}

// repeat answers a request that was redeemed before.
func (s *Service) repeat(ctx context.Context, in sale) (*retailerv1.Redemption, bool, error) {
	rows, err := s.store.Find(ctx, in.id)
	if err != nil || len(rows) == 0 {
		return nil, false, err
	}
	if rows[0].Request != in.Request {
		return nil, false, coupon.Refuse(coupon.ReasonRequestConflict, "request_id", "the id was used for a request of other content")
	}
	return answer(rows, in.Basket.Currency), true, nil
}

func answer(rows []Row, currency string) *retailerv1.Redemption {
	r := &retailerv1.Redemption{
		RedemptionId: rows[0].ID.String(), Issuer: rows[0].Issuer, Total: &typev1.Money{Currency: currency},
		RedeemTime: timestamppb.New(time.UnixMilli(rows[0].Time)),
	}
	for _, row := range rows {
		r.Discounts = append(r.Discounts, &typev1.Money{Currency: currency, Minor: row.Value})
		r.Total.Minor += row.Value
	}
	return r
}
