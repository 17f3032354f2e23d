// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
)

const (
	// attempts is how often a request is sent before the wallet leaves it to
	// Resume: enough for a dropped connection or a restart of the advertiser.
	attempts = 3
	// pause is waited before the second attempt, twice that before the third.
	pause = 200 * time.Millisecond
	// clockTolerance is how far the clocks of wallet and advertiser may be apart,
	// in milliseconds: as far as a presentation may be old.
	clockTolerance = 120_000
)

// Unanswered says that a coupon was asked for and no answer came. It may have
// been issued: Resume asks again under the same id, and gets that very coupon.
type Unanswered struct {
	// ID of the coupon in the wallet.
	ID string
	// Err is what happened to the last attempt.
	Err error
}

// Error says what to do.
func (u *Unanswered) Error() string {
	return fmt.Sprintf("no answer came for coupon %s, which may have been issued; ask again: %v", u.ID, u.Err)
}

// Unwrap returns what happened to the last attempt.
func (u *Unanswered) Unwrap() error { return u.Err }

// Offers lists what the advertiser at this address offers. Nothing is checked
// yet; Get and Offer.Check do that.
func (w *Wallet) Offers(ctx context.Context, advertiser string) ([]Offer, error) {
	return w.shop.offers(ctx, advertiser)
}

// Get obtains a coupon of an offer. The key and the request id are durable
// before anything is sent, so an answer that is lost can be asked for again:
// the error is then *Unanswered. An offer that Check refuses is not asked for.
// What comes back is refused, and not kept, unless it is a coupon of the
// framework (TERMS_MISMATCH), of the kind (UNSUPPORTED_KIND), of the holder
// (WRONG_HOLDER), for the key or with the random bytes (BAD_OWNER_KEY) asked
// for and, if it is dynamic, released since it was asked for by the wallet's
// clock, give or take two minutes (WRONG_RELEASE_TIME). After a refusal by the
// advertiser the wallet is as before. Purchase proofs are not to be had so
// (UNSUPPORTED_KIND): see Expect.
func (w *Wallet) Get(ctx context.Context, advertiser string, offer Offer) (Holding, error) {
	if err := offer.Check(); err != nil {
		return Holding{}, err
	}
	if offer.Mandate.Kind == coupon.KindProof {
		return Holding{}, coupon.Refuse(coupon.ReasonUnsupportedKind, "", "a purchase proof comes with a sale; Expect it")
	}
	asked, err := w.add(advertiser, offer)
	if err != nil {
		return Holding{}, err
	}
	return w.obtain(ctx, asked)
}

// add enters a coupon that is to come, with a new key.
func (w *Wallet) add(from string, offer Offer) (entry, error) {
	asked, err := w.newEntry(from, offer)
	if err != nil {
		return entry{}, err
	}
	err = w.store.update(func(c *contents) error {
		if len(c.Coupons) >= maxCoupons {
			return coupon.Refuse(coupon.ReasonTooMany, "", "a wallet has at most %d coupons", maxCoupons)
		}
		c.Coupons = append(c.Coupons, asked)
		return nil
	})
	return asked, err
}

// Resume asks again for every coupon whose answer was lost, and returns those
// that have now come. Its error joins what went wrong with the others.
func (w *Wallet) Resume(ctx context.Context) ([]Holding, error) {
	contents, err := w.store.read()
	if err != nil {
		return nil, err
	}
	var came []Holding
	var failed []error
	for _, e := range contents.Coupons {
		if e.Coupon != "" || e.expected() {
			continue
		}
		text, err := w.ask(ctx, e)
		if err == nil {
			var h Holding
			if h, err = w.keep(e, text); err == nil {
				came = append(came, h)
			}
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("coupon %s: %w", e.ID, err))
		}
	}
	return came, errors.Join(failed...)
}

func (w *Wallet) newEntry(advertiser string, offer Offer) (entry, error) {
	if _, err := parseAddress(advertiser); err != nil {
		return entry{}, err
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return entry{}, err
	}
	e := entry{ID: id.String(), Advertiser: advertiser, AskedAt: w.now().UnixMilli(), Offer: offer}
	if offer.Holder == coupon.HolderBound {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return entry{}, err
		}
		seed := coupon.Key(private.Seed())
		e.Seed = &seed
	}
	if offer.choosesUData() {
		e.UData = new(coupon.PublicKey)
		if _, err := rand.Read(e.UData[:]); err != nil {
			return entry{}, err
		}
	}
	return e, nil
}

// obtain sends the request until it is answered, a few times.
func (w *Wallet) obtain(ctx context.Context, asked entry) (Holding, error) {
	lost := false
	for attempt := 1; ; attempt++ {
		text, err := w.ask(ctx, asked)
		if err == nil {
			return w.keep(asked, text)
		}
		var unanswered *Unanswered
		if !errors.As(err, &unanswered) {
			if !lost {
				err = errors.Join(err, w.drop(asked.ID))
			}
			return Holding{}, err
		}
		lost = true
		if attempt == attempts || !wait(ctx, time.Duration(attempt)*pause) {
			return Holding{}, err
		}
	}
}

// ask sends the request once. Its error is *Unanswered unless the advertiser
// has refused.
func (w *Wallet) ask(ctx context.Context, e entry) (string, error) {
	text, err := w.shop.issue(ctx, e.Advertiser, e.Offer.Framework, issueRequest{RequestID: e.ID, Owner: e.owner(), UData: e.uData()})
	var refused *coupon.Error
	if err != nil && (!errors.As(err, &refused) || slices.Contains(passing, refused.Reason)) {
		return "", &Unanswered{ID: e.ID, Err: err}
	}
	return text, err
}

// passing are refusals that do not say that no coupon was issued.
var passing = []coupon.Reason{
	coupon.ReasonInternal, coupon.ReasonLedgerUnavailable, coupon.ReasonOutcomeUnknown, "TRY_AGAIN",
}

// keep checks the answer and stores it. Another process that resumed the same
// request got the same coupon.
func (w *Wallet) keep(asked entry, text string) (Holding, error) {
	c, err := asked.accept(text)
	if err == nil {
		err = asked.checkRelease(c, w.now().UnixMilli())
	}
	if err != nil {
		return Holding{}, errors.Join(err, w.drop(asked.ID))
	}
	var h Holding
	err = w.store.update(func(c *contents) error {
		e, err := c.find(asked.ID)
		if err != nil {
			return err
		}
		e.Coupon = text
		h = e.holding()
		return nil
	})
	return h, err
}

// drop forgets a request that led to nothing, unless another process got its
// coupon meanwhile.
func (w *Wallet) drop(id string) error {
	return w.store.update(func(c *contents) error {
		c.Coupons = slices.DeleteFunc(c.Coupons, func(e entry) bool { return e.ID == id && e.Coupon == "" })
		return nil
	})
}

// accept refuses a text that is not a coupon as it was asked for.
func (e *entry) accept(text string) (coupon.Coupon, error) {
	c, err := coupon.ParseCoupon(text)
	if err != nil {
		return c, err
	}
	if c.Framework != e.Offer.Framework {
		return c, coupon.Refuse(coupon.ReasonTermsMismatch, "", "the coupon is of another framework than the terms shown")
	}
	if c.Kind != e.Offer.Mandate.Kind {
		return c, coupon.Refuse(coupon.ReasonUnsupportedKind, "", "the coupon is not %s, as its offer says", e.Offer.Mandate.Kind)
	}
	if c.Kind == coupon.KindStatic && c.Bound != (e.Seed != nil) {
		return c, coupon.Refuse(coupon.ReasonWrongHolder, "", "the coupon is bearer where it should be bound, or the other way round")
	}
	chain, err := history(c, e.Transfers)
	if err != nil {
		return c, err
	}
	if e.Seed != nil && !bytes.Equal(c.Owner[:], e.owner()) && !e.received(chain) {
		return c, coupon.Refuse(coupon.ReasonBadOwnerKey, "", "the coupon is for another wallet's key")
	}
	if e.UData != nil && c.Owner != *e.UData {
		return c, coupon.Refuse(coupon.ReasonBadOwnerKey, "", "the coupon has other random bytes than the wallet chose")
	}
	return c, nil
}

// checkRelease refuses a dynamic coupon that was not released between its
// request and now: another value would come of it than was promised.
func (e *entry) checkRelease(c coupon.Coupon, now int64) error {
	if c.Kind == coupon.KindStatic {
		return nil
	}
	if at := c.Release.Time; at < e.AskedAt-clockTolerance || at > now+clockTolerance {
		return coupon.Refuse(coupon.ReasonWrongReleaseTime, "", "the coupon was released at another time than it was asked for, or your clock is wrong")
	}
	return nil
}

// wait is false if the context ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
