// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package message makes the messages that several APIs share of the ledger's
// records, and the other way round, so that a campaign looks the same whoever
// shows it.
package message

import (
	"crypto/sha256"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// Campaign shows a campaign and where it stands.
func Campaign(entry coupon.CampaignEntry) *typev1.Campaign {
	c := entry.Campaign
	shown := &typev1.Campaign{
		Issuer: c.Issuer, Campaign: c.ID, Version: c.Version,
		Product: c.Product, Offer: c.Offer, Terms: c.Terms,
		Holder:    holders[c.Holder],
		BeginTime: Time(c.Begin), EndTime: Time(c.End),
		AudienceWaived: c.AudienceWaived, InvoiceRequired: c.InvoiceRequired,
		Status:          statuses[entry.State.Status],
		RedeemUntilTime: Time(entry.State.RedeemUntil),
		MaxFrameAge:     Duration(c.MaxFrameAge),
		MaxTransfers:    c.MaxTransfers,

		AttestationRequired: c.AttestationRequired,
	}
	for _, kind := range c.Kinds {
		shown.Kinds = append(shown.Kinds, kinds[kind])
	}
	return shown
}

// Framework shows a mandate.
func Framework(f coupon.Framework) *typev1.Framework {
	return &typev1.Framework{
		FrameworkId: f.ID.String(), Issuer: f.Issuer, Emitter: f.Emitter,
		Campaign: f.Campaign, Version: f.Version, Kind: kinds[f.Kind], Epoch: f.Epoch, Quotas: f.Quotas,
	}
}

// Time is nil for 0, which stands for no time.
func Time(milliseconds int64) *timestamppb.Timestamp {
	if milliseconds == 0 {
		return nil
	}
	return timestamppb.New(time.UnixMilli(milliseconds))
}

// Milliseconds is 0 for an absent time. A time before 1970 or out of range is
// refused.
func Milliseconds(field string, t *timestamppb.Timestamp) (int64, error) {
	if t == nil {
		return 0, nil
	}
	if t.CheckValid() != nil || t.GetSeconds() < 0 {
		return 0, coupon.Refuse(coupon.ReasonInvalidRequest, field, "not a time from 1970 on")
	}
	return t.AsTime().UnixMilli(), nil
}

// Duration is nil for 0, which stands for none.
func Duration(milliseconds int64) *durationpb.Duration {
	if milliseconds == 0 {
		return nil
	}
	return durationpb.New(time.Duration(milliseconds) * time.Millisecond)
}

// Length is the inverse of Duration. A duration below 0, out of range or not of
// whole milliseconds is refused.
func Length(field string, d *durationpb.Duration) (int64, error) {
	if d == nil {
		return 0, nil
	}
	length := d.AsDuration()
	if d.CheckValid() != nil || length < 0 || length%time.Millisecond != 0 {
		return 0, coupon.Refuse(coupon.ReasonInvalidRequest, field, "not a duration of whole milliseconds")
	}
	return length.Milliseconds(), nil
}

// CampaignToPublish reads what a caller wants published. What the ledger sets
// is left out; all else is for the ledger to judge.
func CampaignToPublish(m *typev1.Campaign) (coupon.Campaign, error) {
	if m == nil {
		return coupon.Campaign{}, coupon.Refuse(coupon.ReasonInvalidRequest, "campaign", "the campaign is missing")
	}
	begin, err := Milliseconds("campaign.begin_time", m.GetBeginTime())
	if err != nil {
		return coupon.Campaign{}, err
	}
	end, err := Milliseconds("campaign.end_time", m.GetEndTime())
	if err != nil {
		return coupon.Campaign{}, err
	}
	age, err := Length("campaign.max_frame_age", m.GetMaxFrameAge())
	if err != nil {
		return coupon.Campaign{}, err
	}
	c := coupon.Campaign{
		ID: m.GetCampaign(), Version: m.GetVersion(),
		Product: m.GetProduct(), Offer: m.GetOffer(), Terms: m.GetTerms(),
		Begin: begin, End: end, MaxFrameAge: age,
		AudienceWaived: m.GetAudienceWaived(), InvoiceRequired: m.GetInvoiceRequired(),
		MaxTransfers:        m.GetMaxTransfers(),
		AttestationRequired: m.GetAttestationRequired(),
	}
	for holder, shown := range holders {
		if shown == m.GetHolder() {
			c.Holder = holder
		}
	}
	for _, shown := range m.GetKinds() {
		kind, err := Kind("campaign.kinds", shown)
		if err != nil {
			return coupon.Campaign{}, err
		}
		c.Kinds = append(c.Kinds, kind)
	}
	return c, nil
}

// Kind refuses what is no kind.
func Kind(field string, shown typev1.Kind) (coupon.Kind, error) {
	for kind, known := range kinds {
		if known == shown {
			return kind, nil
		}
	}
	return "", coupon.Refuse(coupon.ReasonUnknownKind, field, "a kind is KIND_STATIC, KIND_DYNAMIC or KIND_PROOF")
}

// Digest is the SHA-256 of a request, its type included: two requests with the
// same id are repeats if and only if it is the same.
func Digest(request proto.Message) (coupon.Hash, error) {
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return coupon.Hash{}, err
	}
	name := string(request.ProtoReflect().Descriptor().FullName())
	return sha256.Sum256(append([]byte(name+"\x00"), content...)), nil
}

var holders = map[coupon.Holder]typev1.Holder{
	coupon.HolderBearer: typev1.Holder_HOLDER_BEARER,
	coupon.HolderBound:  typev1.Holder_HOLDER_BOUND,
}

var statuses = map[coupon.Status]typev1.CampaignStatus{
	coupon.StatusActive: typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE,
	coupon.StatusPaused: typev1.CampaignStatus_CAMPAIGN_STATUS_PAUSED,
	coupon.StatusClosed: typev1.CampaignStatus_CAMPAIGN_STATUS_CLOSED,
}

var kinds = map[coupon.Kind]typev1.Kind{
	coupon.KindStatic:  typev1.Kind_KIND_STATIC,
	coupon.KindDynamic: typev1.Kind_KIND_DYNAMIC,
	coupon.KindProof:   typev1.Kind_KIND_PROOF,
}
