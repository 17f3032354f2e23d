// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"fmt"

	"ecoupon/chaincode/coupon"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/clearing/reconcile"
	"ecoupon/services/internal/message"
)

var states = map[State]clearingv1.ClaimState{
	Received: clearingv1.ClaimState_CLAIM_STATE_RECEIVED,
	Accepted: clearingv1.ClaimState_CLAIM_STATE_ACCEPTED,
	Disputed: clearingv1.ClaimState_CLAIM_STATE_DISPUTED,
	Settled:  clearingv1.ClaimState_CLAIM_STATE_SETTLED,
}

var types = map[reconcile.Type]clearingv1.DifferenceType{
	reconcile.Record:  clearingv1.DifferenceType_DIFFERENCE_TYPE_RECORD,
	reconcile.Marker:  clearingv1.DifferenceType_DIFFERENCE_TYPE_MARKER,
	reconcile.Amount:  clearingv1.DifferenceType_DIFFERENCE_TYPE_AMOUNT,
	reconcile.Invoice: clearingv1.DifferenceType_DIFFERENCE_TYPE_INVOICE,
	reconcile.Mark:    clearingv1.DifferenceType_DIFFERENCE_TYPE_CLAIM,
	reconcile.Settled: clearingv1.DifferenceType_DIFFERENCE_TYPE_SETTLED,
	reconcile.Payment: clearingv1.DifferenceType_DIFFERENCE_TYPE_PAYMENT,
}

// stateOf is empty for any state.
func stateOf(wanted clearingv1.ClaimState) (State, error) {
	if wanted == clearingv1.ClaimState_CLAIM_STATE_UNSPECIFIED {
		return "", nil
	}
	for state, shown := range states {
		if shown == wanted {
			return state, nil
		}
	}
	return "", coupon.Refuse(coupon.ReasonInvalidRequest, "state", "is not a state of a claim")
}

func claimMessage(c Claim) *clearingv1.Claim {
	m := &clearingv1.Claim{
		ClaimId: c.ID, Issuer: c.Issuer, Retailer: c.Retailer, Coupons: c.Coupons,
		State: states[c.State], ClaimTime: message.Time(c.Time),
	}
	for _, line := range c.Batches {
		m.BatchIds = append(m.BatchIds, line.ID.String())
	}
	for _, amount := range c.Amounts {
		m.Amounts = append(m.Amounts, money(amount))
	}
	return m
}

func differenceMessage(d reconcile.Difference) *clearingv1.Difference {
	m := &clearingv1.Difference{Type: types[d.Type], ClaimId: d.Claim, Detail: d.Detail}
	if d.Batch != (coupon.BatchID{}) {
		m.BatchId = d.Batch.String()
	}
	if d.Redemption != (coupon.RedemptionID{}) {
		m.RedemptionId = d.Redemption.String()
	}
	if d.Amount != nil {
		m.Amount = money(*d.Amount)
	}
	return m
}

func settlementMessage(s Settlement) *clearingv1.Settlement {
	m := &clearingv1.Settlement{SettlementId: s.ID, SettleTime: message.Time(s.Time)}
	for _, r := range s.Remittances {
		m.Remittances = append(m.Remittances, remittanceMessage(r))
	}
	for _, n := range s.Nets {
		m.NetPositions = append(m.NetPositions, &clearingv1.NetPosition{Organisation: n.Organisation, Amount: money(n.Amount)})
	}
	return m
}

func remittanceMessage(r Remittance) *clearingv1.Remittance {
	m := &clearingv1.Remittance{
		SettlementId: r.Settlement, Issuer: r.Issuer, Retailer: r.Retailer,
		Amount: money(r.Amount), Coupons: r.Coupons, TransactionIds: r.Transactions,
	}
	for _, id := range r.Batches {
		m.BatchIds = append(m.BatchIds, id.String())
	}
	return m
}

func instituteOf(r *clearingv1.RegisterInstituteRequest) (coupon.Institute, error) {
	institute := coupon.Institute{Institute: r.GetInstitute(), Keys: []coupon.InstituteKey{}}
	if len(r.GetKeys()) > coupon.MaxInstituteKeys {
		return institute, coupon.Refuse(coupon.ReasonTooMany, "keys", "an institute has at most %d keys", coupon.MaxInstituteKeys)
	}
	for i, k := range r.GetKeys() {
		var key coupon.InstituteKey
		field := fmt.Sprintf("keys[%d]", i)
		if err := key.Key.UnmarshalText([]byte(k.GetKey())); err != nil {
			return institute, coupon.Refuse(coupon.ReasonInvalidRequest, field+".key", "is not 64 lower-case hex digits")
		}
		var err error
		if key.From, err = message.Milliseconds(field+".from_time", k.GetFromTime()); err != nil {
			return institute, err
		}
		if key.Until, err = message.Milliseconds(field+".until_time", k.GetUntilTime()); err != nil {
			return institute, err
		}
		institute.Keys = append(institute.Keys, key)
	}
	return institute, nil
}

func instituteMessage(issuer string, i coupon.Institute) *clearingv1.Institute {
	m := &clearingv1.Institute{Issuer: issuer, Institute: i.Institute}
	for _, k := range i.Keys {
		m.Keys = append(m.Keys, &clearingv1.InstituteKey{
			Key: k.Key.String(), FromTime: message.Time(k.From), UntilTime: message.Time(k.Until),
		})
	}
	return m
}

func money(m coupon.Money) *typev1.Money {
	return &typev1.Money{Currency: m.Currency, Minor: m.Minor}
}
