// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
)

// InDoubt says that a transfer was sent and no answer came. It may have been
// made: the same Transfer again sends the same, and learns it.
type InDoubt struct {
	// ID of the coupon in the wallet.
	ID string
	// Err is what happened to the last attempt.
	Err error
}

// Error says what to do.
func (d *InDoubt) Error() string {
	return fmt.Sprintf("no answer came to the transfer of coupon %s, which may have been made; send it again: %v", d.ID, d.Err)
}

// Unwrap returns what happened to the last attempt.
func (d *InDoubt) Unwrap() error { return d.Err }

// Transfer hands a coupon on to the wallet that made the key, see NewKey, and
// returns once the ledger has it; the Handover of the holding is what that
// wallet needs then. What was signed is durable before it is sent, so where no
// answer comes (*InDoubt) the same call sends the same again, and it never
// goes to two. Called again for a coupon that this key has, it returns the same.
//
// It is refused with TRANSFER_NOT_ALLOWED where the campaign does not allow it,
// with COUPON_TRANSFERRED when the coupon went to another key, and with
// REQUEST_CONFLICT while it is on its way to one; else as the advertiser says,
// and then the coupon is still here.
func (w *Wallet) Transfer(ctx context.Context, id, to string) (Holding, error) {
	key, err := ParseKey(to)
	if err != nil {
		return Holding{}, err
	}
	var e entry
	err = w.store.update(func(c *contents) error {
		found, err := c.find(id)
		if err == nil {
			err = found.sign(key, w.now().UnixMilli())
		}
		if err == nil {
			e = *found
		}
		return err
	})
	if err != nil || e.Outgoing == "" {
		return e.holding(), err
	}
	err = w.send(ctx, e)
	var doubt *InDoubt
	switch {
	case errors.As(err, &doubt):
		return Holding{}, err
	case err != nil:
		return Holding{}, errors.Join(err, w.settle(&e, false))
	default:
		err = w.settle(&e, true)
		return e.holding(), err
	}
}

// sign makes the transfer to the key, unless the coupon has gone there or is on
// its way.
func (e *entry) sign(to coupon.PublicKey, now int64) error {
	if e.Coupon == "" {
		return coupon.Refuse(coupon.ReasonNotFound, "", "the coupon has not come yet; ask for it again")
	}
	if e.Seed == nil {
		return coupon.Refuse(coupon.ReasonTransferNotAllowed, "", "a bearer coupon is handed on as it is")
	}
	c, chain, err := e.history()
	if err != nil {
		return err
	}
	if e.given(chain) {
		if chain[len(chain)-1].NewOwner == to {
			return nil
		}
		return coupon.Refuse(coupon.ReasonCouponTransferred, "", "the coupon has gone to another wallet")
	}
	if e.Outgoing != "" {
		if pending, err := coupon.ParseTransfer(e.Outgoing); err != nil || pending.NewOwner != to {
			return coupon.Refuse(coupon.ReasonRequestConflict, "", "the coupon is on its way to another wallet; repeat that first")
		}
		return nil
	}
	t := coupon.Transfer{Coupon: c, Step: int64(len(chain) + 1), NewOwner: to, At: now}
	if t.Step > e.Offer.MaxTransfers {
		return coupon.Refuse(coupon.ReasonTransferNotAllowed, "", "the campaign allows %d transfers", e.Offer.MaxTransfers)
	}
	if _, err := rand.Read(t.Nonce[:]); err != nil {
		return err
	}
	t.Sign(e.private())
	e.Outgoing = t.Text()
	return nil
}

// send sends what was signed until it is answered, a few times. Its error is
// *InDoubt unless the advertiser has refused.
func (w *Wallet) send(ctx context.Context, e entry) error {
	for attempt := 1; ; attempt++ {
		owned, err := w.shop.transfer(ctx, e.Advertiser, e.Offer.Framework, e.Outgoing)
		if sent, wrong := coupon.ParseTransfer(e.Outgoing); err == nil && (wrong != nil || !isLast(owned, sent)) {
			err = errors.New("the answer is not about this transfer")
		}
		var refused *coupon.Error
		if err == nil || errors.As(err, &refused) && !slices.Contains(unsettled, refused.Reason) {
			return err
		}
		if attempt == attempts || !wait(ctx, time.Duration(attempt)*pause) {
			return &InDoubt{ID: e.ID, Err: err}
		}
	}
}

// unsettled are refusals that do not say that the coupon is still here.
var unsettled = append([]coupon.Reason{coupon.ReasonRateLimited}, passing...)

// settle notes that the coupon has gone, or has not.
func (w *Wallet) settle(sent *entry, gone bool) error {
	return w.store.update(func(c *contents) error {
		e, err := c.find(sent.ID)
		if err != nil {
			return err
		}
		if e.Outgoing == sent.Outgoing {
			if gone {
				e.Transfers = append(e.Transfers, e.Outgoing)
			}
			e.Outgoing = ""
		}
		*sent = *e
		return nil
	})
}

// TakeOver takes a coupon that another wallet has handed on to a key of this one.
// It believes nothing of what that wallet says: the offer must hash to the
// coupon's framework (TERMS_MISMATCH), each owner must have signed it over to
// the next (WRONG_SIGNATURE), the last to a key that this wallet has made
// (BAD_OWNER_KEY), and the ledger must say so, as the coupon's emitter tells at
// this address: NOT_FOUND if it does not yet, COUPON_TRANSFERRED if the coupon has
// gone on. So the address must come from somebody else than who hands over.
// Taken again, the coupon is the same.
func (w *Wallet) TakeOver(ctx context.Context, advertiser, text string) (Holding, error) {
	handed, chain, err := parseHandover(text)
	if err != nil {
		return Holding{}, err
	}
	last := chain[len(chain)-1]
	id, err := uuid.NewRandom()
	if err != nil {
		return Holding{}, err
	}
	e := entry{
		ID: id.String(), Advertiser: advertiser, AskedAt: w.now().UnixMilli(), Offer: handed.Offer,
		Coupon: last.Coupon.Text(), Transfers: handed.Transfers,
	}
	known, err := w.store.read()
	if err != nil {
		return Holding{}, err
	}
	if held := known.takenBy(last.NewOwner); held != nil {
		return held.holding(), nil
	}
	if e.Seed = known.awaited(last.NewOwner); e.Seed == nil {
		return Holding{}, coupon.Refuse(coupon.ReasonBadOwnerKey, "", "the coupon was handed on to a key that is not of this wallet")
	}
	if err := e.check(); err != nil {
		return Holding{}, err
	}
	if err := w.checkOwner(ctx, advertiser, last); err != nil {
		return Holding{}, err
	}
	err = w.store.update(func(c *contents) error {
		if held := c.takenBy(last.NewOwner); held != nil {
			e = *held
			return nil
		}
		if len(c.Coupons) >= maxCoupons {
			return coupon.Refuse(coupon.ReasonTooMany, "", "a wallet has at most %d coupons", maxCoupons)
		}
		c.Keys = slices.DeleteFunc(c.Keys, func(k offeredKey) bool { return k.public() == last.NewOwner })
		c.Coupons = append(c.Coupons, e)
		return nil
	})
	return e.holding(), err
}

// checkOwner asks the ledger, through the advertiser, whether this transfer is
// the coupon's last.
func (w *Wallet) checkOwner(ctx context.Context, advertiser string, last coupon.Transfer) error {
	owned, err := w.shop.owner(ctx, advertiser, last.Coupon)
	if err != nil {
		return err
	}
	switch {
	case owned.GetStep() < last.Step:
		return coupon.Refuse(coupon.ReasonNotFound, "", "the ledger does not have the transfer; ask again, or ask who hands over")
	case !isLast(owned, last):
		return coupon.Refuse(coupon.ReasonCouponTransferred, "", "the ledger has the coupon with another owner")
	}
	return nil
}

func isLast(owned *advertiserv1.Ownership, last coupon.Transfer) bool {
	digest := last.Digest()
	return owned.GetStep() == last.Step && slices.Equal(owned.GetOwner(), last.NewOwner[:]) && slices.Equal(owned.GetTransferSha256(), digest[:])
}

// takenBy returns the coupon that came to a key, nil if none did.
func (c *contents) takenBy(key coupon.PublicKey) *entry {
	for i := range c.Coupons {
		if e := &c.Coupons[i]; e.Seed != nil && slices.Equal(e.owner(), key[:]) {
			return e
		}
	}
	return nil
}

// awaited returns the seed of a key that a coupon is awaited for, nil for none.
func (c *contents) awaited(key coupon.PublicKey) *coupon.Key {
	for _, k := range c.Keys {
		if k.public() == key {
			return &k.Seed
		}
	}
	return nil
}

// history is the coupon and all its transfers.
func (e *entry) history() (coupon.Coupon, []coupon.Transfer, error) {
	c, err := coupon.ParseCoupon(e.Coupon)
	if err != nil {
		return c, nil, err
	}
	chain, err := history(c, e.Transfers)
	return c, chain, err
}

// given says whether the coupon has gone on from this wallet.
func (e *entry) given(chain []coupon.Transfer) bool {
	return len(chain) > 0 && !slices.Equal(e.owner(), chain[len(chain)-1].NewOwner[:])
}

// received says whether the wallet's key is one that the coupon was handed on to.
func (e *entry) received(chain []coupon.Transfer) bool {
	return slices.ContainsFunc(chain, func(t coupon.Transfer) bool { return slices.Equal(e.owner(), t.NewOwner[:]) })
}
