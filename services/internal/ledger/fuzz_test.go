// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"testing"

	"ecoupon/chaincode/coupon"
)

// FuzzRefusal reads what a peer's chaincode says: only known reasons come out,
// with the text that went in.
func FuzzRefusal(f *testing.F) {
	f.Add(chaincodeAnswer + "500, ALREADY_REDEEMED: field: detail")
	f.Add(chaincodeAnswer + `500, BATCH_REFUSED: [{"redemption":0,"coupon":1,"reason":"WRONG_MAC"}]`)
	f.Add(chaincodeAnswer + "500, BATCH_REFUSED: [{}")
	f.Add("chaincode stopped")
	f.Fuzz(func(t *testing.T, message string) {
		refusal := parseRefusal(message)
		if refusal == nil {
			return
		}
		if _, known := coupon.ParseError(refusal.Error()); !known {
			t.Fatalf("%q is read as %v", message, refusal)
		}
		batch := parseBatch(refusal)
		if batch != nil && (len(batch.Refusals) == 0 || refusal.Reason != coupon.ReasonBatchRefused) {
			t.Fatalf("%q is read as %+v", message, batch)
		}
		if joined := batch.join(batch); batch != nil && len(joined.Refusals) != len(batch.Refusals) {
			t.Fatalf("%+v joined with itself is %+v", batch, joined)
		}
	})
}
