// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package probing is a customer who throws the coupons away: an issuer's audit
// fetches coupons with it that an emitter cannot tell from others. It is a
// package of its own because a service has no wallet.
package probing

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/wallet"
)

// Customer fetches coupons over the public addresses in a directory.
type Customer struct {
	Directory *config.Directory
	// Now is the wallet's clock.
	Now func() time.Time
}

// Fetch gets one coupon of a framework with a wallet that exists for this one
// coupon only, over TLS and without a certificate. Offer and coupon are checked
// as any customer's wallet does.
func (c Customer) Fetch(ctx context.Context, emitter string, framework coupon.FrameworkID) (fetched coupon.Coupon, err error) {
	organisation, found := c.Directory.ByMSP(emitter)
	if !found {
		return fetched, fmt.Errorf("the directory has no %q", emitter)
	}
	authority, err := config.ParseCertificate([]byte(organisation.TLSCA))
	if err != nil {
		return fetched, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	folder, err := os.MkdirTemp("", "ecoupon-probe-")
	if err != nil {
		return fetched, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	w, err := wallet.New(wallet.Config{Path: filepath.Join(folder, "wallet.json"), Roots: roots, Now: c.Now})
	if err != nil {
		return fetched, err
	}
	address := organisation.Services[config.RoleAdvertiser].PublicURL
	offers, err := w.Offers(ctx, address)
	if err != nil {
		return fetched, err
	}
	for _, o := range offers {
		if o.Framework != framework {
			continue
		}
		held, err := w.Get(ctx, address, o)
		if err != nil {
			return fetched, err
		}
		return coupon.ParseCoupon(held.Coupon)
	}
	return fetched, errors.New("the emitter does not show the offer")
}
