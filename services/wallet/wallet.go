// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package wallet is what a customer holds: keys, coupons, and a record of what
// was asked for. It needs no account and tells nobody who it is: an advertiser
// gets a request id and a key made for one coupon, or random bytes in its place,
// over a connection of its own; a retailer gets a presentation, or the text of a
// bearer coupon.
//
// The wallet trusts no advertiser. It recomputes the framework id from the
// terms shown, and takes only a coupon of that framework for the key or the
// bytes that it made, released when it was asked for. Whether the coupon's MACs
// are right only the issuer can say.
package wallet

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"
)

// maxCoupons bounds a wallet: its file is written as a whole with each change.
const maxCoupons = 5000

// Config is what a wallet needs.
type Config struct {
	// Path is the wallet's file, made with the first change. A second file
	// beside it, Path with ".lock" after it, keeps processes apart.
	Path string
	// Roots are the authorities trusted for advertisers' TLS certificates; nil
	// for those of the system.
	Roots *x509.CertPool
	// Now is the clock that dates presentations, and by which times of release
	// are judged.
	Now func() time.Time
}

// Wallet keeps coupons in a file. Any number of wallets, in this process or
// others, may share a file: each change is made to what the file holds then,
// and is durable when the call returns.
type Wallet struct {
	store store
	shop  shop
	now   func() time.Time
}

// New returns a wallet. Nothing is read before its first call.
func New(cfg Config) (*Wallet, error) {
	if cfg.Path == "" || cfg.Now == nil {
		return nil, errors.New("a wallet needs a path and a clock")
	}
	return &Wallet{store: store{path: cfg.Path}, shop: newShop(cfg.Roots), now: cfg.Now}, nil
}

// State is where a coupon of the wallet stands. A wallet does not learn whether
// a coupon was redeemed.
type State string

// States of a coupon.
const (
	// Asked: the request is on its way, or its answer was lost; see Resume.
	Asked State = "asked"
	// Expected: a purchase proof that a till is to give; see Accept.
	Expected State = "expected"
	// Held: the coupon is here.
	Held State = "held"
	// Presented: the coupon was shown at least once.
	Presented State = "presented"
	// Transferred: the coupon has gone on to another wallet.
	Transferred State = "transferred"
)

// Use is one presentation of a coupon.
type Use struct {
	// At is when, Unix milliseconds.
	At int64 `json:"at"`
	// Retailer and Invoice are whom and what it was made for, if named.
	Retailer string `json:"retailer,omitempty"`
	Invoice  string `json:"invoice,omitempty"`
}

// Holding is a coupon in the wallet, without its private key.
type Holding struct {
	// ID is the request id under which the coupon was asked for.
	ID string `json:"id"`
	// State is where it stands.
	State State `json:"state"`
	// Advertiser is the address it came from.
	Advertiser string `json:"advertiser"`
	// AskedAt is when it was first asked for, Unix milliseconds.
	AskedAt int64 `json:"asked_at"`
	// Offer is what was promised, checked before asking.
	Offer Offer `json:"offer"`
	// Coupon is the coupon's text; empty while Asked or Expected.
	Coupon string `json:"coupon,omitempty"`
	// Receipt is the proof that a dynamic coupon is in its closed frame; nil
	// until it was fetched.
	Receipt *Receipt `json:"receipt,omitempty"`
	// NeedsReceipt says that tills take the coupon with its receipt only.
	NeedsReceipt bool `json:"needs_receipt,omitempty"`
	// Uses are its presentations, oldest first.
	Uses []Use `json:"uses,omitempty"`
	// Transfers are the coupon's, oldest first, each signed by the owner before.
	Transfers []string `json:"transfers,omitempty"`
	// Leaving is the transfer that was signed and has no answer yet; see
	// Transfer.
	Leaving string `json:"leaving,omitempty"`
	// Handover is the text that the next owner's wallet takes; empty unless
	// Transferred.
	Handover string `json:"handover,omitempty"`
}

// Coupons returns all coupons, in the order in which they were asked for.
func (w *Wallet) Coupons() ([]Holding, error) {
	contents, err := w.store.read()
	if err != nil {
		return nil, err
	}
	holdings := make([]Holding, len(contents.Coupons))
	for i, e := range contents.Coupons {
		holdings[i] = e.holding()
	}
	return holdings, nil
}

// Coupon returns one coupon, or NOT_FOUND.
func (w *Wallet) Coupon(id string) (Holding, error) {
	contents, err := w.store.read()
	if err != nil {
		return Holding{}, err
	}
	e, err := contents.find(id)
	if err != nil {
		return Holding{}, err
	}
	return e.holding(), nil
}

// Forget removes a coupon with its key, for ever.
func (w *Wallet) Forget(id string) error {
	return w.store.update(func(contents *contents) error {
		if _, err := contents.find(id); err != nil {
			return err
		}
		contents.Coupons = slices.DeleteFunc(contents.Coupons, func(e entry) bool { return e.ID == id })
		return nil
	})
}

func notHere() error {
	return coupon.Refuse(coupon.ReasonNotFound, "", "the wallet has no coupon of this id")
}
