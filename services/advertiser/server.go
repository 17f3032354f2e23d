// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"

	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/internal/message"
)

// Server serves the advertiser's API. It returns plain errors; the interceptor
// makes statuses of them.
type Server struct {
	advertiserv1.UnimplementedAdvertiserServiceServer
	advertiser *Advertiser
}

// NewServer serves the use cases of an advertiser.
func NewServer(advertiser *Advertiser) *Server {
	return &Server{advertiser: advertiser}
}

// ListOffers lists what can be had now.
func (s *Server) ListOffers(ctx context.Context, r *advertiserv1.ListOffersRequest) (*advertiserv1.ListOffersResponse, error) {
	page, err := message.Page(r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	found, err := s.advertiser.Offers(ctx, page)
	if err != nil {
		return nil, err
	}
	return offersResponse(found), nil
}

// IssueCoupon makes one coupon.
func (s *Server) IssueCoupon(ctx context.Context, r *advertiserv1.IssueCouponRequest) (*advertiserv1.IssueCouponResponse, error) {
	request, err := issueRequest(r)
	if err != nil {
		return nil, err
	}
	made, err := s.advertiser.Issue(ctx, request)
	if err != nil {
		return nil, err
	}
	return &advertiserv1.IssueCouponResponse{Coupon: made.Text()}, nil
}
