// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// copyFiles copies a store's files as they are, which is what a killed process
// leaves behind, and returns the copy's path.
func copyFiles(t *testing.T, path string) string {
	t.Helper()
	left := filepath.Join(t.TempDir(), "advertiser.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return left
}

// crashing is a service with a dynamic offer that is killed and started again.
type crashing struct {
	stand
	offer *campaigntest.Campaign
	path  string
}

func newCrashing(t *testing.T, o ledgertest.Options) *crashing {
	t.Helper()
	c := ledgertest.New(t, o)
	c.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	k := &crashing{path: filepath.Join(t.TempDir(), "advertiser.db")}
	k.stand = runStand(t, c, k.path, advertiser.Limits{})
	k.offer = dynamicOffer(t, c, "decaying", 100, 100)
	k.offered(t, k.offer.Framework)
	return k
}

// kill stops the service and starts another on the files that a killed process
// would leave; heal comes between them.
func (k *crashing) kill(t *testing.T, heal func()) {
	t.Helper()
	left := copyFiles(t, k.path)
	if err := k.Stop(); err != nil {
		t.Fatal(err)
	}
	heal()
	k.path = left
	k.stand = runStand(t, k.consortium, left, advertiser.Limits{})
}

// audited fails unless a frame of lane 0 is closed with these coupons.
func (k *crashing) audited(t *testing.T, frame uint32, first int64, want ...coupon.Coupon) {
	t.Helper()
	ref := coupon.FrameRef{Framework: k.offer.Framework.ID, Frame: frame}
	log := readLog(t, k.client, ref, 0)
	if err := audit(t, k.consortium, k.offer, ref, first, log); err != nil {
		t.Error(err)
	}
	if len(log) != len(want) {
		t.Fatalf("frame %d has %d coupons, not %d", frame, len(log), len(want))
	}
	for i, made := range want {
		if log[i].SN != made.SN || log[i].Time != made.Release.Time || log[i].Q != made.Release.Q {
			t.Errorf("the log has %+v of %+v", log[i], made)
		}
	}
}

func TestARestartGoesOnInTheMiddleOfAFrame(t *testing.T) {
	t.Parallel()
	k := newCrashing(t, ledgertest.Options{})
	request := dynamicRequest(k.offer)
	made := []coupon.Coupon{k.issue(t, request), k.issue(t, dynamicRequest(k.offer))}
	k.kill(t, func() {})
	if again := k.issue(t, request); again != made[0] {
		t.Errorf("a repeat got %+v, want %+v", again, made[0])
	}
	made = append(made, k.issue(t, dynamicRequest(k.offer)))
	if made[2].SN != 3 || made[2].Release.Frame != 1 {
		t.Errorf("it goes on with %+v", made[2])
	}
	k.closeFrames(t)
	k.audited(t, 1, 1, made...)
}

// TestAClosingThatWasNotSentIsSentAgain kills the service between the disk and
// the ledger.
func TestAClosingThatWasNotSentIsSentAgain(t *testing.T) {
	t.Parallel()
	k := newCrashing(t, ledgertest.Options{})
	made := []coupon.Coupon{k.issue(t, dynamicRequest(k.offer)), k.issue(t, dynamicRequest(k.offer))}
	reached, release := k.consortium.Hold(servetest.AdvertiserMSP, "CloseFrame")
	asking, cancel := context.WithCancel(t.Context())
	var closing sync.WaitGroup
	closing.Go(func() { _, _ = k.client.CloseFrames(asking, new(advertiserv1.CloseFramesRequest)) })
	<-reached // what it is closed with is on the disk
	cancel()
	closing.Wait()
	k.kill(t, release)
	next := k.issue(t, dynamicRequest(k.offer))
	if next.SN != 3 || next.Release.Frame != 2 {
		t.Errorf("it goes on with %+v", next)
	}
	k.audited(t, 1, 1, made...)
	k.closeFrames(t)
	k.audited(t, 2, 3, next)
}

// TestALostAnswerOfAClosing is about a closing that the ledger has and the
// service knows nothing of, with and without a crash.
func TestALostAnswerOfAClosing(t *testing.T) {
	t.Parallel()
	for name, crash := range map[string]bool{"the service runs on": false, "the service is killed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newCrashing(t, ledgertest.Options{Ledger: ledgertest.Impatient})
			made := k.issue(t, dynamicRequest(k.offer))
			k.consortium.FailBefore(servetest.AdvertiserMSP, ledgertest.StepStatus, 1_000, ledgertest.ErrPeerAway)
			k.consortium.FailBefore(servetest.AdvertiserMSP, ledgertest.StepEvaluate, 1_000, ledgertest.ErrPeerAway)
			asking, cancel := context.WithCancel(t.Context())
			var closing sync.WaitGroup
			closing.Go(func() { _, _ = k.client.CloseFrames(asking, new(advertiserv1.CloseFramesRequest)) })
			ref := coupon.FrameRef{Framework: k.offer.Framework.ID, Frame: 1}
			eventually(t, func() error {
				if _, found := record(t, k.consortium, ref); !found {
					return errNotClosed
				}
				return nil
			})
			_, err := k.client.GetReceipt(t.Context(), receiptRequest(made))
			if got := refusalOf(err).reason; got != coupon.ReasonFrameNotClosed {
				t.Errorf("while its closing is unknown: %v", err)
			}
			cancel()
			closing.Wait()
			if crash {
				k.kill(t, k.consortium.Heal)
			} else {
				k.consortium.Heal()
			}
			next := k.issue(t, dynamicRequest(k.offer))
			if next.SN != 2 || next.Lane != 0 || next.Release.Frame != 2 {
				t.Errorf("it goes on with %+v", next)
			}
			k.audited(t, 1, 1, made)
		})
	}
}

// TestAnOpeningWhoseAnswerIsLost does not take the lane for another's.
func TestAnOpeningWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{Ledger: ledgertest.Impatient})
	c.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	path := filepath.Join(t.TempDir(), "advertiser.db")
	s := runStand(t, c, path, advertiser.Limits{})
	reached, release := c.Hold(servetest.AdvertiserMSP, "OpenLane")
	offer := dynamicOffer(t, c, "decaying", 10, 10)
	<-reached
	c.FailBefore(servetest.AdvertiserMSP, ledgertest.StepStatus, 1_000, ledgertest.ErrPeerAway)
	release()
	eventually(t, func() error {
		if _, found := record(t, c, coupon.FrameRef{Framework: offer.Framework.ID}); !found {
			return errors.New("the lane is not open")
		}
		return nil
	})
	left := copyFiles(t, path)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	c.Heal()
	s = runStand(t, c, left, advertiser.Limits{})
	s.offered(t, offer.Framework)
	if made := s.issue(t, dynamicRequest(offer)); made.Lane != 0 || made.SN != 1 {
		t.Errorf("issued %+v", made)
	}
}

// TestCustomersAtOnceMakeOneChain closes frames while many customers ask.
func TestCustomersAtOnceMakeOneChain(t *testing.T) {
	t.Parallel()
	const customers, each = 12, 20
	c := newConsortium(t)
	s := runChanged(t, c, filepath.Join(t.TempDir(), "advertiser.db"), func(o *advertiser.Options) {
		o.Frames = advertiser.Frames{Interval: 30 * time.Millisecond}
	})
	offer := dynamicOffer(t, c, "decaying", customers*each+1)
	s.offered(t, offer.Framework)
	var mu sync.Mutex
	frames := make(map[uint32][]coupon.Coupon)
	var asking sync.WaitGroup
	for range customers {
		asking.Go(func() {
			for range each {
				request := dynamicRequest(offer)
				response, err := s.client.IssueCoupon(t.Context(), request)
				if err != nil {
					t.Error(err)
					return
				}
				made, err := coupon.ParseCoupon(response.GetCoupon())
				if err != nil || made.Owner != coupon.PublicKey(request.GetUData()) {
					t.Errorf("issued %+v, %v", made, err)
				}
				mu.Lock()
				frames[made.Release.Frame] = append(frames[made.Release.Frame], made)
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	s.closeFrames(t)
	k := &crashing{stand: s, offer: offer}
	next := int64(1)
	for _, frame := range slices.Sorted(maps.Keys(frames)) {
		made := frames[frame]
		slices.SortFunc(made, func(a, b coupon.Coupon) int { return int(a.SN - b.SN) })
		k.audited(t, frame, next, made...)
		next += int64(len(made))
	}
	if next != customers*each+1 || len(frames) < 2 {
		t.Errorf("%d coupons in %d frames", next-1, len(frames))
	}
}
