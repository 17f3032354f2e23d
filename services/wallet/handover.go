// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"ecoupon/chaincode/coupon"
)

// handoverPrefix leads the text that goes from wallet to wallet.
const handoverPrefix = "eh1."

// maxHandover bounds that text: the longest terms document, escaped, and all
// transfers.
const maxHandover = 2 * (2*coupon.MaxTermsBytes + coupon.MaxTransfers*1024 + 4096)

// handover is what the new owner of a coupon gets: the offer, as the coupon does
// not say what it is worth, and all its transfers, in which the coupon is. Like
// an advertiser's offer nothing of it is believed before it is checked.
type handover struct {
	Format    int      `json:"format"`
	Offer     Offer    `json:"offer"`
	Transfers []string `json:"transfers"`
}

func (h handover) text() (string, error) {
	data, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	return handoverPrefix + base64.RawURLEncoding.EncodeToString(data), nil
}

// parseHandover reads the text that another wallet made, and checks all that can
// be checked without the ledger: the offer as Offer.Check does, and the
// signatures from the owner in the coupon's bytes to the last one.
func parseHandover(text string) (h handover, chain []coupon.Transfer, err error) {
	if len(text) > maxHandover {
		return h, nil, malformedHandover()
	}
	body, found := strings.CutPrefix(text, handoverPrefix)
	data, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if !found || err != nil || coupon.DecodeStrict(data, &h) != nil || h.Format != fileFormat || len(h.Transfers) == 0 {
		return h, nil, malformedHandover()
	}
	if err := h.Offer.Check(); err != nil {
		return h, nil, err
	}
	first, err := coupon.ParseTransfer(h.Transfers[0])
	if err != nil {
		return h, nil, err
	}
	chain, err = history(first.Coupon, h.Transfers)
	return h, chain, err
}

func malformedHandover() error {
	return coupon.Refuse(coupon.ReasonMalformedTransfer, "", "what another wallet hands over is %q and base64url, whole", handoverPrefix)
}

// history reads all transfers of a coupon and follows them. It refuses with
// WRONG_TRANSFER_STEP what does not follow each other or is of another coupon,
// and with WRONG_SIGNATURE what an owner has not signed.
func history(c coupon.Coupon, texts []string) ([]coupon.Transfer, error) {
	owner := c.Owner
	var chain []coupon.Transfer
	for i, text := range texts {
		t, err := coupon.ParseTransfer(text)
		if err != nil {
			return nil, err
		}
		if t.Step != int64(i+1) || t.Coupon != c {
			return nil, coupon.Refuse(coupon.ReasonWrongTransferStep, "", "the transfers of the coupon do not follow each other")
		}
		if err := t.VerifySignature(owner); err != nil {
			return nil, err
		}
		owner = t.NewOwner
		chain = append(chain, t)
	}
	return chain, nil
}
