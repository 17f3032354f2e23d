// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"context"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
)

// Receipt shows that a dynamic coupon is in the log of its closed frame.
type Receipt struct {
	// Text is what tills and the ledger are shown.
	Text string `json:"text"`
	// Log is the digest of the frame's log that the receipt was checked against.
	Log coupon.Hash `json:"log_sha256"`
	// ClosedAt is when the ledger closed the frame, as the advertiser says, Unix
	// milliseconds.
	ClosedAt int64 `json:"closed_at"`
}

// check refuses with WRONG_RECEIPT a receipt that does not show the coupon in
// the log with the receipt's digest.
func (r Receipt) check(c coupon.Coupon) error {
	if c.Kind == coupon.KindStatic {
		return coupon.Refuse(coupon.ReasonWrongReceipt, "receipt", "static coupons are in no frame")
	}
	parsed, err := coupon.ParseReceipt(r.Text)
	if err != nil {
		return err
	}
	return c.CheckReceipt(parsed, r.Log)
}

// FetchReceipt gets the receipt of a dynamic coupon from the advertiser that
// the coupon came from, checks it and keeps it. The advertiser shows the
// ledger's record of the frame beside it; whoever does not want to rely on that
// gives the digest that the ledger has of the frame's log, as learnt from any
// other member of the consortium; nil to rely on it.
//
// It is refused with FRAME_NOT_CLOSED until the frame is closed, with
// WRONG_RECEIPT where receipt, frame and coupon do not belong together or the
// digest is not the ledger's, with NOT_FOUND while the coupon has not come, and
// with UNSUPPORTED_KIND for a static coupon.
func (w *Wallet) FetchReceipt(ctx context.Context, id string, ledger *coupon.Hash) (Holding, error) {
	held, err := w.Coupon(id)
	if err != nil {
		return Holding{}, err
	}
	if held.Coupon == "" {
		return Holding{}, coupon.Refuse(coupon.ReasonNotFound, "", "the coupon has not come yet; ask for it again")
	}
	c, err := coupon.ParseCoupon(held.Coupon)
	if err != nil {
		return Holding{}, err
	}
	if c.Kind == coupon.KindStatic {
		return Holding{}, coupon.Refuse(coupon.ReasonUnsupportedKind, "", "static coupons have no receipts")
	}
	answer, err := w.shop.receipt(ctx, held.Advertiser, c)
	if err != nil {
		return Holding{}, err
	}
	receipt, err := receiptOf(answer, c)
	if err != nil {
		return Holding{}, err
	}
	if ledger != nil && *ledger != receipt.Log {
		return Holding{}, coupon.Refuse(coupon.ReasonWrongReceipt, "log_sha256", "the ledger has another log of the frame than the advertiser shows")
	}
	err = w.store.update(func(contents *contents) error {
		e, err := contents.find(id)
		if err != nil {
			return err
		}
		e.Receipt = &receipt
		held = e.holding()
		return nil
	})
	return held, err
}

// receiptOf reads an answer about the coupon.
func receiptOf(answer *advertiserv1.GetReceiptResponse, c coupon.Coupon) (Receipt, error) {
	frame := answer.GetFrame()
	if frame.GetFrameworkId() != c.Framework.String() || frame.GetLane() != int32(c.Lane) || frame.GetFrame() != int64(c.Release.Frame) {
		return Receipt{}, coupon.Refuse(coupon.ReasonWrongReceipt, "frame", "the frame shown is not the coupon's")
	}
	if len(frame.GetLogSha256()) != len(coupon.Hash{}) {
		return Receipt{}, coupon.Refuse(coupon.ReasonWrongReceipt, "log_sha256", "the frame's log has no digest")
	}
	receipt := Receipt{
		Text: answer.GetReceipt(), Log: coupon.Hash(frame.GetLogSha256()),
		ClosedAt: frame.GetClosedTime().AsTime().UnixMilli(),
	}
	return receipt, receipt.check(c)
}
