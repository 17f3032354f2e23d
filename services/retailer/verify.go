// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"errors"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// Verdict is what would become of a coupon.
type Verdict struct {
	// Refused is nil if the coupon could be redeemed now.
	Refused *coupon.Refusal
	// Discount is what it would take off, and InOneHour what it would take off
	// the same basket in an hour; nil without a basket or if refused.
	Discount, InOneHour *coupon.Money
	// Title is the product and the offer; empty if they are not known.
	Title string
	// AttestationRequired says that the campaign takes it only with an attested
	// payment.
	AttestationRequired bool
}

// Verify says of each coupon whether it could be redeemed now and, if there is
// a basket, for how much, now and in an hour by the ledger's time. The coupons may be of several issuers; nothing is
// spent. There is no payment yet: the verdict says whether it is to be an attested one. An error concerns the request, or the ledger.
func (s *Service) Verify(ctx context.Context, coupons []coupon.CheckedCoupon, basket *coupon.Basket) ([]Verdict, error) {
	if err := checkCount(len(coupons)); err != nil {
		return nil, err
	}
	if basket != nil {
		if err := basket.Check(); err != nil {
			return nil, err
		}
	}
	read, err := s.offers.read(ctx, coupons)
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(coupons))
	for _, refused := range read.refused {
		verdicts[refused.Coupon].Refused = &refused
	}
	for _, issuer := range read.issuers() {
		if err := s.verify(ctx, issuer, coupons, read, basket, verdicts); err != nil {
			return nil, err
		}
	}
	return verdicts, nil
}

// verify fills in the verdicts on one issuer's coupons.
func (s *Service) verify(
	ctx context.Context, issuer string, coupons []coupon.CheckedCoupon, read tendered, basket *coupon.Basket, verdicts []Verdict,
) error {
	var sale coupon.CheckedSale
	var places []int
	for i, o := range read.offers {
		if o.framework.Issuer == issuer {
			places = append(places, i)
			sale.Coupons = append(sale.Coupons, coupons[i])
			verdicts[i].Title, verdicts[i].AttestationRequired = o.title(), o.attested
		}
	}
	if basket != nil {
		shown := read.strip(*basket, issuer)
		sale.Basket = &shown
	}
	verdict, err := s.checkOne(ctx, issuer, sale)
	if err != nil {
		return err
	}
	for _, refused := range verdict.Refused {
		for n, i := range places {
			if refused.Coupon == n || refused.Coupon < 0 {
				own := refused
				own.Coupon = i
				verdicts[i].Refused = &own
			}
		}
	}
	for n, i := range places {
		if basket != nil && verdicts[i].Refused == nil && n < len(verdict.Coupons) {
			value := verdict.Coupons[n]
			verdicts[i].Discount = &coupon.Money{Currency: basket.Currency, Minor: value.Value}
			verdicts[i].InOneHour = &coupon.Money{Currency: basket.Currency, Minor: value.ValueInOneHour}
		}
	}
	return nil
}

// aboutAll are the refusals of a check that are verdicts on all its coupons,
// not faults of the call.
var aboutAll = []coupon.Reason{coupon.ReasonRetailerNotAdmitted, coupon.ReasonKeyMissing, coupon.ReasonPartiesMissing}

func (s *Service) checkOne(ctx context.Context, issuer string, sale coupon.CheckedSale) (coupon.SaleVerdict, error) {
	result, err := s.evaluateCheck(ctx, issuer, coupon.CheckInput{Sales: []coupon.CheckedSale{sale}}, tellWithin)
	var refused *coupon.Error
	switch {
	case errors.As(err, &refused) && slices.Contains(aboutAll, refused.Reason):
		return coupon.SaleVerdict{Refused: []coupon.Refusal{{
			Coupon: -1, Reason: refused.Reason, Field: refused.Field, Detail: refused.Detail,
		}}}, nil
	case err != nil:
		return coupon.SaleVerdict{}, err
	default:
		return result.Sales[0], nil
	}
}

// evaluateCheck asks the issuer's peer for verdicts, as many as there are
// sales, and waits so long for an answer.
func (s *Service) evaluateCheck(
	ctx context.Context, issuer string, in coupon.CheckInput, within time.Duration,
) (coupon.CheckResult, error) {
	var result coupon.CheckResult
	err := s.ticking(ctx, issuer, func() error {
		result = coupon.CheckResult{}
		return s.ledger.Evaluate(ctx, ledger.Call{
			Namespace: config.Namespace(issuer), Function: "Check", Input: in, Endorsers: []string{issuer}, Within: within,
		}, &result)
	})
	if err == nil && len(result.Sales) != len(in.Sales) {
		err = errors.New("the check has another number of verdicts than of sales")
	}
	return result, err
}

// ticking does what reads the tick, and once more after rolling it if it is
// missing or stale.
func (s *Service) ticking(ctx context.Context, issuer string, do func() error) error {
	err := do()
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonTickMissing && reason != coupon.ReasonTickStale {
		return err
	}
	if rolled := s.ticks.Roll(ctx, config.Namespace(issuer)); rolled != nil {
		return errors.Join(err, rolled)
	}
	return do()
}
