// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"
)

// Schedules where later, earlier or random coupons are worth more.
const (
	decay     = `{"type":"linear","from":"release","end":3600000,"to":0}`
	growth    = `{"type":"linear","from":"release","end":3600000,"to":200}`
	earlyBird = `{"type":"early_bird","first":1,"to":120}`
	lottery   = `{"type":"random","to":120}`
)

// frames are attacks of an advertiser on time and order of its dynamic coupons.
func frames() []attack { return slices.Concat(dates(), logs(), earlier()) }

// in is an attack in a lane with an open frame, at most a minute long.
func in(name string, want []string, schedule string, run func(ctx context.Context, l *lane) outcome) attack {
	return attack{name: name, by: anAdvertiser, want: want, run: func(ctx context.Context, a *arena) outcome {
		return run(ctx, a.openLane(ctx, a.launch(ctx, dynamic(time.Minute, schedule)), 0, 0))
	}}
}

// dates are coupons that are dated otherwise than they were made.
func dates() []attack {
	wrongTime, wrongMAC := words(coupon.ReasonWrongReleaseTime), words(coupon.ReasonWrongMAC)
	// made has a coupon in the open frame that is not what was released.
	made := func(name string, want []string, change func(*coupon.Coupon)) attack {
		return in("altered "+name+" of a dynamic coupon", want, decay, func(ctx context.Context, l *lane) outcome {
			c := l.release(newOwner(), l.opened)
			change(&c)
			return l.tender(ctx, c.Text())
		})
	}
	return []attack{
		made("time", wrongMAC, func(c *coupon.Coupon) { c.Release.Time++ }),
		made("chain", wrongMAC, func(c *coupon.Coupon) { c.Release.Q[0] ^= 1 }),
		made("u_data", wrongMAC, func(c *coupon.Coupon) { c.Owner[0] ^= 1 }),
		made("frame", words(coupon.ReasonFrameNotOpen), func(c *coupon.Coupon) { c.Release.Frame++ }),
		in("post-dated by an hour in the open frame", wrongTime, decay, func(ctx context.Context, l *lane) outcome {
			return l.tender(ctx, l.release(newOwner(), l.opened+time.Hour.Milliseconds()).Text())
		}),
		in("post-dated by an hour, honest customers before and after", wrongTime, decay, func(ctx context.Context, l *lane) outcome {
			l.sold(ctx, l.release(newOwner(), l.opened).Text())
			late := l.release(newOwner(), l.opened+time.Hour.Milliseconds())
			l.sold(ctx, l.release(newOwner(), l.opened).Text())
			return l.tender(ctx, late.Text())
		}),
		in("post-dated into a frame that is not open", words(coupon.ReasonFrameNotOpen), decay, func(ctx context.Context, l *lane) outcome {
			l.frame, l.beacon = 360, random()
			return l.tender(ctx, l.release(newOwner(), time.Now().UnixMilli()).Text())
		}),
		in("made before its frame opened, the beacon guessed", wrongMAC, decay, func(ctx context.Context, l *lane) outcome {
			ahead := *l
			ahead.frame, ahead.beacon = l.frame+1, random()
			c := ahead.release(newOwner(), 0)
			l.next(ctx, 0)
			c.Release.Time = l.opened
			return l.tender(ctx, ahead.sealed(c, ahead.beacon).Text())
		}),
		in("made before its frame opened, with the last frame's beacon", wrongMAC, decay, func(ctx context.Context, l *lane) outcome {
			before := l.beacon
			l.next(ctx, 0)
			c := l.release(newOwner(), l.opened)
			return l.tender(ctx, l.sealed(c, before).Text())
		}),
		in("clock six seconds ahead when a frame is closed", words(coupon.ReasonClockSkew), decay, func(ctx context.Context, l *lane) outcome {
			s := l.closing(l.content())
			s.dated = 6 * time.Second
			return l.submit(ctx, s)
		}),
		in("released after the frame's longest time", wrongTime, decay, func(ctx context.Context, l *lane) outcome {
			return l.tender(ctx, l.release(newOwner(), l.opened+time.Minute.Milliseconds()+1).Text())
		}),
		in("beacon of a frame that is not open asked for", words(coupon.ReasonFrameNotOpen), decay, func(ctx context.Context, l *lane) outcome {
			ask := l.step("Beacon", coupon.FrameRef{Framework: l.ID, Frame: l.frame + 1}, nil)
			ask.Endorsers = []string{issuer}
			return l.spy(ctx, ask)
		}),
	}
}

// logs are logs, and frames, that do not follow from what was released.
func logs() []attack {
	conflicting := words(coupon.ReasonFrameConflict)
	closing := func(name string, want []string, change func(*coupon.FrameContent)) attack {
		return in(name, want, decay, func(ctx context.Context, l *lane) outcome {
			l.release(newOwner(), l.opened)
			l.release(newOwner(), l.opened)
			content := l.content()
			change(&content)
			return l.submit(ctx, l.closing(content))
		})
	}
	return []attack{
		closing("coupons dropped from the log", conflicting, func(c *coupon.FrameContent) { c.Count-- }),
		closing("coupons inserted into the log", conflicting, func(c *coupon.FrameContent) { c.Count++ }),
		closing("frame closed empty, its coupons kept", conflicting, func(c *coupon.FrameContent) { c.Count, c.LastSN, c.Root = 0, 0, coupon.EmptyRoot }),
		in("frame closed again with another log", conflicting, decay, func(ctx context.Context, l *lane) outcome {
			l.release(newOwner(), l.opened)
			again := l.closing(l.content())
			l.next(ctx, 0)
			content := again.Input.(coupon.FrameContent)
			content.Root = random()
			again.Input = content
			return l.submit(ctx, again)
		}),
		in("frame closed before the one before it", words(coupon.ReasonFrameNotOpen), decay, func(ctx context.Context, l *lane) outcome {
			l.frame++
			return l.submit(ctx, l.closing(l.content()))
		}),
		in("two replicas on one lane: opened twice", words(coupon.ReasonAlreadyExists), decay, func(ctx context.Context, l *lane) outcome {
			return l.submit(ctx, l.step("OpenLane", coupon.LaneRequest{Framework: l.ID}, nil))
		}),
		{name: "two replicas on one lane: closed at once with other logs", by: anAdvertiser, want: []string{conflict}, run: raceReplicas},
	}
}

// earlier are coupons that would be worth more if they were in a frame that is
// over, or if they could be chosen.
func earlier() []attack {
	return []attack{
		in("pre-dated growing coupon, in no log", words(coupon.ReasonWrongReceipt), growth, preDated),
		in("pre-dated early-bird coupon, in no log", words(coupon.ReasonWrongReceipt), earlyBird, preDated),
		in("early-bird coupon without its receipt", words(coupon.ReasonReceiptRequired), earlyBird, func(ctx context.Context, l *lane) outcome {
			return l.tender(ctx, l.release(newOwner(), l.opened).Text())
		}),
		in("early-bird coupon before its frame is closed", words(coupon.ReasonFrameNotClosed), earlyBird, func(ctx context.Context, l *lane) outcome {
			c := l.release(newOwner(), l.opened)
			return l.sell(ctx, retailer, withReceipts(request(c.Text()), l.receipt(0)))
		}),
		in("random value chosen", words(coupon.ReasonTagMismatch), lottery, func(ctx context.Context, l *lane) outcome {
			c, receipt := l.logged(ctx)
			s := l.batch(ctx, retailer, c.Text())
			sale := s.Input.(coupon.BatchInput).Sales[0]
			chosen := coupon.Hash{0xff}
			sale.Coupons[0].Receipt, sale.Coupons[0].Draw = receipt, &chosen
			return l.submit(ctx, s)
		}),
		in("coupons tried out until the value is high", words(coupon.ReasonFrameNotClosed), lottery, func(ctx context.Context, l *lane) outcome {
			c := l.release(newOwner(), l.opened)
			return l.sell(ctx, retailer, withReceipts(request(c.Text()), l.receipt(0)))
		}),
		in("coupon swapped for one with a better draw after the frame", words(coupon.ReasonWrongReceipt), lottery, preDated),
	}
}

// logged releases a coupon and closes its frame; it returns the receipt too.
func (l *lane) logged(ctx context.Context) (coupon.Coupon, string) {
	c := l.release(newOwner(), l.opened)
	receipt := l.receipt(0)
	l.next(ctx, 0)
	return c, receipt
}

// preDated makes a coupon for a frame that is closed, and shows another's
// receipt.
func preDated(ctx context.Context, l *lane) outcome {
	before := *l
	_, receipt := l.logged(ctx)
	c := before.made(newOwner(), 1, before.opened, random())
	return l.sell(ctx, retailer, withReceipts(request(c.Text()), receipt))
}

// raceReplicas has two processes of the advertiser close the same frame.
func raceReplicas(ctx context.Context, a *arena) outcome {
	l := a.openLane(ctx, a.launch(ctx, dynamic(time.Minute, decay)), 0, 0)
	other := *l
	l.release(newOwner(), l.opened)
	other.release(newOwner(), l.opened)
	first, second := must(a.endorse(ctx, l.closing(l.content()))), must(a.endorse(ctx, other.closing(other.content())))
	began := time.Now()
	if o := a.order(ctx, first, began); o.with != accepted {
		check(unexpected(o))
	}
	return a.order(ctx, second, began)
}
