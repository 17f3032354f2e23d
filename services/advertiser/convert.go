// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"cmp"
	"math"
	"strconv"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/issuing"
	"ecoupon/services/internal/message"
)

// maxLogPage is the most entries of a page of a log, of some 100 bytes each.
const maxLogPage = 1000

func offersResponse(found OfferPage) *advertiserv1.ListOffersResponse {
	response := &advertiserv1.ListOffersResponse{NextPageToken: found.Next}
	for _, o := range found.Offers {
		response.Offers = append(response.Offers, &advertiserv1.Offer{
			Campaign: message.Campaign(o.Campaign), Framework: message.Framework(o.Framework),
		})
	}
	return response
}

func issueRequest(r *advertiserv1.IssueCouponRequest) (IssueRequest, error) {
	framework, err := frameworkID(r.GetFrameworkId())
	if err != nil {
		return IssueRequest{}, err
	}
	return IssueRequest{ID: r.GetRequestId(), Framework: framework, Owner: r.GetOwner(), UData: r.GetUData()}, nil
}

func frameworkID(text string) (id coupon.FrameworkID, err error) {
	if id.UnmarshalText([]byte(text)) != nil {
		return id, coupon.Refuse(coupon.ReasonInvalidRequest, "framework_id", "a framework id is 32 lower-case hexadecimal digits")
	}
	return id, nil
}

func laneNumber(lane int32) (uint16, error) {
	if lane < 0 || lane >= coupon.MaxLanes {
		return 0, coupon.Refuse(coupon.ReasonInvalidRequest, "lane", "lanes are numbered from 0 to %d", coupon.MaxLanes-1)
	}
	return uint16(lane), nil
}

func placeOf(r *advertiserv1.GetReceiptRequest) (framework coupon.FrameworkID, serial issuing.Serial, err error) {
	if framework, err = frameworkID(r.GetFrameworkId()); err != nil {
		return framework, serial, err
	}
	serial.Number = r.GetSn()
	serial.Lane, err = laneNumber(r.GetLane())
	return framework, serial, err
}

// framePage is a request for a page of what a frame has.
type framePage interface {
	GetFrameworkId() string
	GetLane() int32
	GetFrame() int64
	GetPageSize() int32
	GetPageToken() string
}

// logQuery reads a page token as the serial number that the page begins after.
func logQuery(r framePage) (query LogQuery, err error) {
	if query.Framework, err = frameworkID(r.GetFrameworkId()); err != nil {
		return query, err
	}
	if query.Lane, err = laneNumber(r.GetLane()); err != nil {
		return query, err
	}
	if r.GetFrame() < 1 || r.GetFrame() > math.MaxUint32 {
		return query, coupon.Refuse(coupon.ReasonInvalidRequest, "frame", "frames with a log count from 1")
	}
	query.Frame = uint32(r.GetFrame())
	if r.GetPageSize() < 0 {
		return query, coupon.Refuse(coupon.ReasonInvalidRequest, "page_size", "a size is not negative")
	}
	query.Size = min(cmp.Or(int(r.GetPageSize()), maxLogPage), maxLogPage)
	if token := r.GetPageToken(); token != "" {
		if query.After, err = strconv.ParseInt(token, 10, 64); err != nil || query.After < 1 {
			return query, message.BadToken()
		}
	}
	return query, nil
}

func frameMessage(f coupon.Frame) *advertiserv1.Frame {
	return &advertiserv1.Frame{
		FrameworkId: f.Framework.String(), Lane: int32(f.Lane), Frame: int64(f.Frame),
		ClosedTime: message.Time(f.Time), QLast: f.Last[:], LogSha256: f.Log[:],
	}
}

func ownershipMessage(o coupon.OwnerResult) *advertiserv1.Ownership {
	shown := &advertiserv1.Ownership{Step: o.Step, Owner: o.Owner[:], SinceTime: message.Time(o.Since)}
	if o.Step > 0 {
		shown.TransferSha256 = o.Transfer[:]
	}
	return shown
}

func logResponse(page LogPage) *advertiserv1.GetLogResponse {
	response := &advertiserv1.GetLogResponse{Frame: frameMessage(page.Frame)}
	for _, e := range page.Entries {
		response.Entries = append(response.Entries, &advertiserv1.LogEntry{
			Sn: e.SN, ReleaseTime: message.Time(e.Time), UData: e.UData, Q: e.Q[:],
		})
	}
	if page.Next != 0 {
		response.NextPageToken = strconv.FormatInt(page.Next, 10)
	}
	return response
}

func reportMessage(r Report) *typev1.Misconduct {
	return message.Misconduct(r.Issuer, r.Misconduct, r.Evidence, r.Answer)
}

func openingsResponse(page OpeningsPage) *advertiserv1.GetOpeningsResponse {
	response := new(advertiserv1.GetOpeningsResponse)
	for _, o := range page.Openings {
		response.Openings = append(response.Openings, &advertiserv1.Opening{
			Sn: o.SN, Salt: o.Salt[:], ProductId: o.Product, InvoiceNumber: o.Invoice,
		})
	}
	if page.Next != 0 {
		response.NextPageToken = strconv.FormatInt(page.Next, 10)
	}
	return response
}
