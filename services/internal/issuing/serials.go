// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"context"
	"slices"

	"ecoupon/chaincode/coupon"
)

// next gives the request a number of the first lane that has one left.
func (b *batch) next(ctx context.Context, asked *issue) error {
	lanes := b.Lanes(asked.Quotas)
	from := b.current[asked.Framework]
	if !slices.Equal(from.quotas, asked.Quotas) {
		from = current{quotas: asked.Quotas} // lanes may have room again
		b.current[asked.Framework] = from
	}
	for at := from.place; at < len(lanes); at++ {
		lane := lanes[at]
		number, left, err := b.advance(ctx, laneID{asked.Framework, lane}, asked.Quotas[lane])
		if err != nil {
			return err
		}
		if !left {
			b.current[asked.Framework] = current{place: at + 1, quotas: asked.Quotas}
			continue
		}
		asked.given.Serial = Serial{Lane: lane, Number: number}
		b.record(asked)
		return nil
	}
	return coupon.Refuse(coupon.ReasonSoldOut, "framework_id", "all coupons of the offer are given out")
}
