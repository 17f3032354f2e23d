// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/issuing"
)

// Pauses between two attempts at something that the ledger has not let through.
const (
	firstLanePause   = 100 * time.Millisecond
	longestLanePause = 5 * time.Second
	// suspendedPause is that of a mandate that is suspended, should nobody tell
	// that it is reinstated.
	suspendedPause = time.Minute
)

// keeper leads the lanes of one framework, those of dynamic coupons one after the
// other: it opens the lane, and then closes frame after frame. All that it goes
// by is in the store, so that another keeper goes on where one has stopped:
//
//	no frame         OpenLane is about to be sent: Enter
//	content, open    what the frame is closed with is sent, until the ledger
//	                 has it: Closed
//	closed           the beacon of the next frame is fetched: Open
//	no content       coupons are released in the frame, until it is due: Close
//
// A lane in which the ledger is ahead of the store, or has other content, is
// another's, and is left for ever. Its last frame is closed with what the store
// has of it, where the ledger has it open. For static coupons see count.
type keeper struct {
	*Advertiser
	framework coupon.Framework
	namespace string
	// woken has the keeper look at its frame again.
	woken chan struct{}
	// passing is held while lanes of static coupons are closed; counting are
	// those that were.
	passing  sync.Mutex
	counting map[uint16]*leading

	mu       sync.Mutex
	at       position
	changed  chan struct{} // closed and replaced with at
	demanded coupon.FrameRef
}

// position is what others may know of a keeper.
type position struct {
	// open is the frame that coupons are released in; nil while there is none.
	open *issuing.Frame
	// newest is the last one that was open.
	newest coupon.FrameRef
	// spent are the quotas that are used up, so that there will be no other frame
	// until they are raised; nil while there is something left.
	spent []int64
}

func newKeeper(a *Advertiser, framework coupon.Framework) *keeper {
	return &keeper{
		Advertiser: a, framework: framework, namespace: config.Namespace(framework.Issuer),
		woken: make(chan struct{}, 1), counting: make(map[uint16]*leading), changed: make(chan struct{}),
	}
}

// position returns where the keeper is, and what is closed when that changes.
func (k *keeper) position() (position, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.at, k.changed
}

func (k *keeper) move(change func(*position)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.at)
	close(k.changed)
	k.changed = make(chan struct{})
}

// wake has the keeper look whether its frame is due.
func (k *keeper) wake() {
	select {
	case k.woken <- struct{}{}:
	default:
	}
}

// demand has the frame closed now, if it is still open.
func (k *keeper) demand(ref coupon.FrameRef) {
	k.mu.Lock()
	k.demanded = ref
	k.mu.Unlock()
	k.wake()
}

func (k *keeper) isDemanded(ref coupon.FrameRef) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.demanded == ref
}

// run leads the lanes until ctx ends. When all are used up it waits for higher
// quotas.
func (k *keeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		quotas := k.quotas()
		for _, lane := range k.serials.Lanes(quotas) {
			l := &leading{keeper: k, lane: lane}
			if l.lead(ctx); ctx.Err() != nil {
				return
			}
		}
		if !slices.Equal(quotas, k.quotas()) {
			continue
		}
		k.move(func(at *position) { at.spent = quotas })
		for slices.Equal(quotas, k.quotas()) {
			select {
			case <-k.woken:
			case <-ctx.Done():
				return
			}
		}
		k.move(func(at *position) { at.spent = nil })
	}
}

// quotas are those that the mandate has by now.
func (k *keeper) quotas() []int64 {
	if o, found := k.offer(k.framework.ID); found {
		return o.Framework.Quotas
	}
	return k.framework.Quotas
}

// lead does step after step until the lane is over or ctx ends.
func (l *leading) lead(ctx context.Context) {
	pause := firstLanePause
	for ctx.Err() == nil {
		over, err := l.step(ctx)
		if over {
			return
		}
		if err == nil {
			pause = firstLanePause
			continue
		}
		if ctx.Err() == nil {
			l.logger.WarnContext(ctx, "a lane cannot go on", "framework", l.framework.ID, "lane", l.lane, "error", err)
		}
		if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonEmitterSuspended {
			l.sleep(ctx, suspendedPause, l.woken)
			continue
		}
		l.sleep(ctx, pause, nil)
		pause = min(2*pause, longestLanePause)
	}
}

// sleep returns after a while, when it is woken, or when ctx ends.
func (k *keeper) sleep(ctx context.Context, during time.Duration, woken <-chan struct{}) {
	timer := time.NewTimer(during)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-woken:
	case <-ctx.Done():
	}
}

// active returns nil once the offer can be had.
func (k *keeper) active(ctx context.Context) error {
	for {
		o, found := k.offer(k.framework.ID)
		if found && o.refusal(k.now()) == nil {
			return nil
		}
		select {
		case <-k.woken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// maxAge is how long after a frame's opening coupons may be released in it.
func (k *keeper) maxAge() time.Duration {
	o, found := k.offer(k.framework.ID)
	if !found {
		return 0
	}
	return time.Duration(o.Campaign.Campaign.MaxFrameAge) * time.Millisecond
}

var errStale = errors.New("the frame was opened too long ago")

// place is where the next coupon of an open frame goes; errStale if it is too
// old for one.
func (k *keeper) place(open *issuing.Frame) (issuing.Place, error) {
	in := issuing.Place{Lane: open.Lane, Frame: open.Frame, MaxAge: k.maxAge()}
	if k.now().UnixMilli() > open.Opened+in.MaxAge.Milliseconds() {
		return issuing.Place{}, errStale
	}
	return in, nil
}
