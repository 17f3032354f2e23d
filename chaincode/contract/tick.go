// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import "ecoupon/chaincode/coupon"

// Tick rolls the namespace's clock on the ledger: not before the last tick is
// two minutes old, at once if there is none. Any member's service may propose
// it; the issuer and one other organisation endorse it.
//
// Event: Ticked.
func (c *Contract) Tick(ctx *Context) error {
	tick, found, err := ctx.world.Tick()
	if err != nil {
		return err
	}
	if found && ctx.now-tick.At < tickInterval.Milliseconds() {
		return coupon.Refuse(coupon.ReasonTickTooEarly, "", "the last tick is younger than %s", tickInterval)
	}
	if err := ctx.world.PutTick(ctx.now); err != nil {
		return err
	}
	return ctx.emit("Ticked", coupon.TickEvent{At: ctx.now})
}

// GetClock answers with coupon.Clock: what the clock of this chaincode process
// shows, so that a service can tell by how much its own differs.
func (c *Contract) GetClock(*Context) (string, error) {
	return answer(coupon.Clock{At: c.cfg.Now().UnixMilli()})
}
