// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package desk is where demo, tests and benchmark sit: it speaks to the
// services of a running network as one of its people or tills, over the same
// APIs and with the same credentials as they.
package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/campaignfile"
	"ecoupon/services/dial"
)

// Desk holds the credentials of one person or till.
type Desk struct {
	*dial.Credentials
	conns []*grpc.ClientConn
}

// Open sits down with a credentials folder.
func Open(folder string) (*Desk, error) {
	credentials, err := dial.Open(folder)
	if err != nil {
		return nil, err
	}
	return &Desk{Credentials: credentials}, nil
}

// Close ends all connections.
func (d *Desk) Close() error {
	var errs []error
	for _, conn := range d.conns {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}

// Issuer connects to the issuer service of an organisation, or of the only one.
func (d *Desk) Issuer(mspID string) (issuerv1.IssuerServiceClient, error) {
	conn, err := d.connect("issuer", mspID)
	return issuerv1.NewIssuerServiceClient(conn), err
}

// Advertiser connects to the advertiser service.
func (d *Desk) Advertiser(mspID string) (advertiserv1.AdvertiserServiceClient, error) {
	conn, err := d.connect("advertiser", mspID)
	return advertiserv1.NewAdvertiserServiceClient(conn), err
}

// Retailer connects to the retailer service.
func (d *Desk) Retailer(mspID string) (retailerv1.RetailerServiceClient, error) {
	conn, err := d.connect("retailer", mspID)
	return retailerv1.NewRetailerServiceClient(conn), err
}

// Clearing connects to the clearing service.
func (d *Desk) Clearing(mspID string) (clearingv1.ClearingServiceClient, error) {
	conn, err := d.connect("clearing", mspID)
	return clearingv1.NewClearingServiceClient(conn), err
}

func (d *Desk) connect(role, mspID string) (*grpc.ClientConn, error) {
	conn, err := d.Service(role, mspID)
	if err != nil {
		return nil, err
	}
	d.conns = append(d.conns, conn)
	return conn, nil
}

// Launch is what an issuer does to put a campaign to work.
type Launch struct {
	Campaign   coupon.Campaign
	Advertiser string
	// Quotas has one entry for each lane.
	Quotas    []int64
	Retailers []string
}

// Do publishes the campaign, admits the retailers and authorises the advertiser,
// who is one of the retailers where the campaign is of purchase proofs.
func (l Launch) Do(ctx context.Context, issuer issuerv1.IssuerServiceClient) (*typev1.Framework, error) {
	c := l.Campaign
	publish := campaignfile.Request(c, uuid.NewString())
	if _, err := issuer.PublishCampaign(ctx, publish); err != nil {
		return nil, fmt.Errorf("publishing %s: %w", c.ID, err)
	}
	for _, retailer := range l.Retailers {
		_, err := issuer.AdmitRetailer(ctx, &issuerv1.AdmitRetailerRequest{
			RequestId: uuid.NewString(), Campaign: c.ID, Version: c.Version, Retailer: retailer,
		})
		if err != nil {
			return nil, fmt.Errorf("admitting %s to %s: %w", retailer, c.ID, err)
		}
	}
	authorised, err := issuer.AuthoriseEmitter(ctx, &issuerv1.AuthoriseEmitterRequest{
		RequestId: uuid.NewString(), Campaign: c.ID, Version: c.Version,
		Emitter: l.Advertiser, Kind: publish.GetCampaign().GetKinds()[0], Quotas: l.Quotas,
	})
	if err != nil {
		return nil, fmt.Errorf("authorising %s for %s: %w", l.Advertiser, c.ID, err)
	}
	return authorised.GetFramework(), nil
}

// Purchase is what a till asks for a customer who buys a unit of an article for
// each coupon, at 2.49 EUR; request and invoice are new.
func Purchase(gtin string, coupons ...string) *retailerv1.RedeemRequest {
	return PurchaseAt(gtin, 249, coupons...)
}

// PurchaseAt is Purchase at another price, in cents.
func PurchaseAt(gtin string, price int64, coupons ...string) *retailerv1.RedeemRequest {
	units := int64(len(coupons))
	return &retailerv1.RedeemRequest{
		RequestId: uuid.NewString(),
		Invoice: &typev1.Invoice{
			Number: uuid.NewString(), Institute: "Girohaus",
			Amount: &typev1.Money{Currency: "EUR", Minor: price * units}, PaidTime: timestamppb.Now(),
		},
		Basket:  &typev1.Basket{Currency: "EUR", Lines: []*typev1.Line{{Gtin: gtin, Quantity: units, UnitPrice: price}}},
		Coupons: coupons,
	}
}

// Reasons returns the reasons that a refused call's status carries: those of
// its coupons if it names any, or else its own.
func Reasons(err error) []string {
	var own, coupons []string
	for _, detail := range status.Convert(err).Details() {
		switch d := detail.(type) {
		case *typev1.RefusedCoupons:
			for _, r := range d.GetRefused() {
				coupons = append(coupons, strings.TrimPrefix(r.GetReason().String(), "ERROR_REASON_"))
			}
		case *errdetails.ErrorInfo:
			own = append(own, d.GetReason())
		}
	}
	if len(coupons) > 0 {
		return coupons
	}
	return own
}
