// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package institute is a small payment institute: a sandbox for demo and
// tests, and the reference of what the consortium asks of a real one.
//
// It is no member of the consortium, holds no identity of it and never speaks
// to the ledger. It attests payments with its own Ed25519 key, and answers
// whether it knows a payment. No money moves: it says yes to every payment.
package institute

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/sqlstore"
)

// MaxConfirm bounds the payments of one enquiry.
const MaxConfirm = 200

// Options are what a Service is made of; all are required.
type Options struct {
	// Name is what invoices call the institute.
	Name string
	// Keys attest payments; the first is in use, the others were.
	Keys []ed25519.PrivateKey
	// Store has this package's Migrations.
	Store *sqlstore.Store
	Now   func() time.Time
}

// Service is a payment institute. It is safe for concurrent use.
type Service struct {
	name  string
	keys  []ed25519.PrivateKey
	store *store
	now   func() time.Time
}

// New makes a service of its parts. It does no I/O.
func New(o Options) (*Service, error) {
	if len(o.Keys) == 0 || o.Store == nil || o.Now == nil {
		return nil, errors.New("keys, store and clock of an institute are required")
	}
	if err := coupon.CheckID("name", o.Name); err != nil {
		return nil, err
	}
	return &Service{name: o.Name, keys: slices.Clone(o.Keys), store: &store{o.Store}, now: o.Now}, nil
}

// Payment is one that was made, or is said to have been, at a merchant, an MSP
// id.
type Payment struct {
	coupon.Invoice
	Merchant string
}

// Pay takes a payment for a merchant. When it returns, payment and attestation
// are on the disk; a repeat of the request returns the same. The same request
// id with another amount is refused with REQUEST_CONFLICT.
func (s *Service) Pay(ctx context.Context, merchant, requestID string, amount coupon.Money) (Payment, coupon.Signature, error) {
	if err := coupon.CheckUUID4("request_id", requestID); err != nil {
		return Payment{}, coupon.Signature{}, err
	}
	if err := coupon.CheckCurrency("amount.currency", amount.Currency); err != nil {
		return Payment{}, coupon.Signature{}, err
	}
	if amount.Minor < 1 || amount.Minor > coupon.MaxTotal {
		return Payment{}, coupon.Signature{}, coupon.Refuse(coupon.ReasonInvalidRequest, "amount.minor", "1 to %d", int64(coupon.MaxTotal))
	}
	p := Payment{Merchant: merchant, Invoice: coupon.Invoice{
		Institute: s.name, Number: newNumber(), Currency: amount.Currency, Amount: amount.Minor, PaidAt: s.now().UnixMilli(),
	}}
	made, attestation, err := s.store.pay(ctx, requestID, p, p.Attest(s.keys[0], merchant))
	if err != nil {
		return Payment{}, coupon.Signature{}, err
	}
	if made.Currency != amount.Currency || made.Amount != amount.Minor {
		return Payment{}, coupon.Signature{}, coupon.Refuse(coupon.ReasonRequestConflict, "request_id", "the id was used for another payment")
	}
	made.Institute = s.name
	return made, attestation, nil
}

// Confirm says of each payment whether there is one of just this number,
// institute, amount, currency, time and merchant.
func (s *Service) Confirm(ctx context.Context, payments []Payment) ([]bool, error) {
	if len(payments) < 1 || len(payments) > MaxConfirm {
		return nil, coupon.Refuse(coupon.ReasonTooMany, "payments", "1 to %d payments", MaxConfirm)
	}
	known := make([]bool, len(payments))
	for i, p := range payments {
		made, found, err := s.store.payment(ctx, p.Number)
		if err != nil {
			return nil, err
		}
		made.Institute = s.name
		known[i] = found && made == p
	}
	return known, nil
}

// Name is what invoices call the institute.
func (s *Service) Name() string { return s.name }

// Keys lists the public keys; the first is in use.
func (s *Service) Keys() []coupon.PublicKey { return publicKeys(s.keys) }

func publicKeys(keys []ed25519.PrivateKey) []coupon.PublicKey {
	public := make([]coupon.PublicKey, len(keys))
	for i, key := range keys {
		public[i] = coupon.PublicKey(key.Public().(ed25519.PublicKey))
	}
	return public
}

// newNumber makes an authorisation code that nobody guesses.
func newNumber() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("P-%s", strings.ToUpper(hex.EncodeToString(b[:])))
}
