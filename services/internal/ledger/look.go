// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"
)

// longestDoubt is how long something that an event speaks of is looked for while no later block comes. A peer makes
// what a block wrote readable right after it shows the block.
const longestDoubt = 30 * time.Second

// absent are the refusals which say that the ledger does not have what an event speaks of.
var absent = []coupon.Reason{
	coupon.ReasonNotFound, coupon.ReasonUnknownCampaign, coupon.ReasonUnknownFramework, coupon.ReasonBatchUnknown,
	coupon.ReasonKeyMissing, coupon.ReasonInvalidRequest,
}

// Decode reads the payload into out. It is false for what the contract would not have sent: such an event is passed
// over like any other that is about nothing.
func (e Event) Decode(out any) bool { return json.Unmarshal(e.Payload, out) == nil }

// Look reads what an event of the block speaks of, and reports whether it is there. As a peer shows a block just
// before what it wrote can be read, what is missing is looked for again until that is certain: when the peer has shown
// a later block, or after a time. It is then an event about nothing, which any member can make, see Event.
//
// Its error, always an ErrUnavailable, says that the ledger could not be asked: the block is to be applied again.
func (b Block) Look(ctx context.Context, read func() error) (bool, error) {
	begun := time.Now()
	for attempt := 1; ; attempt++ {
		certain := b.overtaken() || time.Since(begun) > longestDoubt
		err := read()
		if err == nil {
			return true, nil
		}
		if reason, _ := coupon.ReasonOf(err); !slices.Contains(absent, reason) {
			return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if certain {
			return false, nil
		}
		if !pause(ctx, attempt) {
			return false, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}
}

// overtaken reports whether the peer has shown a later block: it takes the next only after this one can be read.
func (b Block) overtaken() bool {
	return b.newest != nil && b.newest.Load() > b.Number
}
