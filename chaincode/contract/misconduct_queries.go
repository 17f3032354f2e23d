// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"slices"

	"ecoupon/chaincode/coupon"
)

// GetMisconduct answers a coupon.MisconductQuery with coupon.Misconduct.
func (c *Contract) GetMisconduct(ctx *Context, request string) (string, error) {
	var q coupon.MisconductQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	m, err := ctx.report(q.ID)
	if err != nil {
		return "", err
	}
	return answer(m)
}

// ListMisconduct answers a coupon.PageQuery with coupon.MisconductPage.
func (c *Contract) ListMisconduct(ctx *Context, request string) (string, error) {
	var q coupon.PageQuery
	if err := ctx.argument(request, &q); err != nil {
		return "", err
	}
	if err := checkPage(&q); err != nil {
		return "", err
	}
	page, err := ctx.world.MisconductPage(q)
	if err != nil {
		return "", err
	}
	return answer(page)
}

// GetEvidence answers the parties of a report, issuer, emitter and clearing
// house, with its evidence verbatim, a coupon.Evidence. It is evaluated on the
// peer of the issuer or the clearing house: the emitter needs one of them only.
//
// Argument: coupon.MisconductQuery.
func (c *Contract) GetEvidence(ctx *Context, request string) (string, error) {
	m, err := ctx.partyTo(request)
	if err != nil {
		return "", err
	}
	text, err := ctx.world.Evidence(ctx.self, m.ID)
	if err != nil {
		return "", err
	}
	if text == nil {
		return "", coupon.Refuse(coupon.ReasonNotFound, "misconduct_id", "this peer has no evidence of it")
	}
	return string(text), nil
}

// GetAnswer answers the parties of a report with the emitter's answer, a
// coupon.Answer. It is evaluated on the peer of the emitter or the clearing
// house.
//
// Argument: coupon.MisconductQuery.
func (c *Contract) GetAnswer(ctx *Context, request string) (string, error) {
	m, err := ctx.partyTo(request)
	if err != nil {
		return "", err
	}
	a, found, err := ctx.world.Answer(ctx.self, m.ID)
	if err != nil {
		return "", err
	}
	if !found {
		return "", coupon.Refuse(coupon.ReasonNotFound, "misconduct_id", "this peer has no answer to it")
	}
	return answer(a)
}

// partyTo returns the report that a caller asks about and is a party to.
func (c *Context) partyTo(request string) (coupon.Misconduct, error) {
	var q coupon.MisconductQuery
	if err := c.argument(request, &q); err != nil {
		return coupon.Misconduct{}, err
	}
	parties, err := c.parties()
	if err != nil {
		return coupon.Misconduct{}, err
	}
	m, err := c.report(q.ID)
	if err != nil {
		return m, err
	}
	if !slices.Contains([]string{c.issuer, m.Emitter, parties.Clearing}, c.caller) {
		return m, coupon.Refuse(coupon.ReasonWrongOrganisation, "misconduct_id", "the caller's organisation is no party to the report")
	}
	return m, nil
}
