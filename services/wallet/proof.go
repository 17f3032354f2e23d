// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"cmp"
	"slices"

	"ecoupon/chaincode/coupon"
)

// Expectation is what is shown at the till where a product is bought, to get its
// purchase proof.
type Expectation struct {
	// ID of the proof in the wallet.
	ID string `json:"id"`
	// Framework names the offer, UData the wallet: a key made for this one proof,
	// or random bytes.
	Framework coupon.FrameworkID `json:"framework_id"`
	UData     coupon.PublicKey   `json:"u_data"`
}

// Expect prepares for the purchase proof of an offer that the retailer at this
// address shows. The key is durable when it returns; nothing is sent. An offer
// that Check refuses is not expected, and one of other coupons is refused with
// UNSUPPORTED_KIND.
func (w *Wallet) Expect(retailer string, offer Offer) (Expectation, error) {
	if err := offer.Check(); err != nil {
		return Expectation{}, err
	}
	if offer.Mandate.Kind != coupon.KindProof {
		return Expectation{}, coupon.Refuse(coupon.ReasonUnsupportedKind, "", "the offer's coupons come from its advertiser")
	}
	expected, err := w.add(retailer, offer)
	if err != nil {
		return Expectation{}, err
	}
	return expected.expectation(), nil
}

// Expected returns what is shown at the till for a proof that has not come;
// NOT_FOUND where none is expected under this id.
func (w *Wallet) Expected(id string) (Expectation, error) {
	contents, err := w.store.read()
	if err != nil {
		return Expectation{}, err
	}
	e, err := contents.find(id)
	if err != nil {
		return Expectation{}, err
	}
	if !e.expected() || e.Coupon != "" {
		return Expectation{}, notHere()
	}
	return e.expectation(), nil
}

// Accept takes the text of a purchase proof that a till gave. It is refused with
// NOT_FOUND unless it is one that was expected, and else as by Get; the
// expectation stays then. To accept a proof again changes nothing.
func (w *Wallet) Accept(text string) (Holding, error) {
	given, err := coupon.ParseCoupon(text)
	if err != nil {
		return Holding{}, err
	}
	var h Holding
	err = w.store.update(func(c *contents) error {
		at := slices.IndexFunc(c.Coupons, func(e entry) bool {
			return e.expected() && e.Offer.Framework == given.Framework && e.expectation().UData == given.Owner
		})
		if at < 0 {
			return coupon.Refuse(coupon.ReasonNotFound, "", "the wallet expects no such proof")
		}
		e := &c.Coupons[at]
		if e.Coupon != "" && e.Coupon != text {
			return coupon.Refuse(coupon.ReasonAlreadyExists, "", "the wallet has another proof for this key")
		}
		if err := e.takes(text, w.now().UnixMilli()); err != nil {
			return err
		}
		e.Coupon = text
		h = e.holding()
		return nil
	})
	return h, err
}

func (e *entry) takes(text string, now int64) error {
	if e.Coupon != "" {
		return nil
	}
	c, err := e.accept(text)
	if err != nil {
		return err
	}
	return e.checkRelease(c, now)
}

// expected says that the coupon comes from a till, and is not asked for.
func (e *entry) expected() bool { return e.Offer.Mandate.Kind == coupon.KindProof }

func (e *entry) expectation() Expectation {
	shown := Expectation{ID: e.ID, Framework: e.Offer.Framework}
	copy(shown.UData[:], cmp.Or(string(e.owner()), string(e.uData())))
	return shown
}
