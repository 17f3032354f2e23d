// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

func TestAFrameThatIsTooOldIsClosedForTheNextCustomer(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 10)
	s.issue(t, dynamicRequest(offer))
	s.consortium.Clock.Advance(frameAge + time.Second)
	s.consortium.Tick(t, servetest.IssuerMSP, servetest.ClearingMSP)
	made := s.issue(t, dynamicRequest(offer))
	if made.Release.Frame != 2 || made.SN != 2 {
		t.Errorf("issued %+v", made)
	}
	if worth, refused := redeem(t, s.consortium, made, ""); worth != 100 || refused != nil {
		t.Errorf("worth %d, %v", worth, refused)
	}
}

// TestNothingIsReleasedInAFrameThatCannotBeClosed cuts the issuer's peer off: a
// coupon with a later time would be refused, so none is given out.
func TestNothingIsReleasedInAFrameThatCannotBeClosed(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 10)
	request := dynamicRequest(offer)
	made := s.issue(t, request)
	s.consortium.FailBefore(servetest.AdvertiserMSP, ledgertest.StepEndorse, 1_000_000, ledgertest.ErrPeerAway)
	if next := s.issue(t, dynamicRequest(offer)); next.SN != 2 {
		t.Errorf("while the frame is young, without the ledger: %+v", next)
	}
	s.consortium.Clock.Advance(frameAge + time.Second)
	_, err := s.client.IssueCoupon(t.Context(), dynamicRequest(offer))
	refusal{codes.Unavailable, coupon.ReasonLedgerUnavailable}.check(t, err)
	if again := s.issue(t, request); again != made {
		t.Errorf("a repeat got %+v, want %+v", again, made)
	}
	s.consortium.Heal()
	s.consortium.Tick(t, servetest.IssuerMSP, servetest.ClearingMSP)
	eventually(t, func() error {
		response, err := s.client.IssueCoupon(t.Context(), dynamicRequest(offer))
		if err != nil {
			return err
		}
		if next, err := coupon.ParseCoupon(response.GetCoupon()); err != nil || next.SN != 3 || next.Release.Frame != 2 {
			t.Errorf("after that %+v, %v", next, err)
		}
		return nil
	})
}

// TestFramesAreClosedByTheTimer needs nobody to ask.
func TestFramesAreClosedByTheTimer(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	s := runChanged(t, c, filepath.Join(t.TempDir(), "advertiser.db"), func(o *advertiser.Options) {
		o.Frames = advertiser.Frames{Interval: 50 * time.Millisecond, IdleInterval: 300 * time.Millisecond}
	})
	offer := dynamicOffer(t, c, "decaying", 10)
	s.offered(t, offer.Framework)
	made := s.issue(t, dynamicRequest(offer))
	await := func(frame uint32) {
		t.Helper()
		eventually(t, func() error {
			_, found := record(t, c, coupon.FrameRef{Framework: offer.Framework.ID, Frame: frame})
			if !found {
				return errNotClosed
			}
			return nil
		})
	}
	await(made.Release.Frame)
	await(made.Release.Frame + 2) // empty ones
}

// TestAPeerOfTheIssuerThatIsBehindIsWaitedFor: it has no beacon for a frame that
// it does not know to be open.
func TestAPeerOfTheIssuerThatIsBehindIsWaitedFor(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 10)
	s.issue(t, dynamicRequest(offer))
	s.consortium.Network.Lag(servetest.IssuerMSP)
	s.closeFrames(t)
	reached, release := s.consortium.Hold(servetest.AdvertiserMSP, "Beacon")
	<-reached // it has been refused, and is asked again
	s.consortium.Network.CatchUp(servetest.IssuerMSP)
	release()
	if made := s.issue(t, dynamicRequest(offer)); made.SN != 2 || made.Release.Frame != 2 {
		t.Errorf("issued %+v", made)
	}
}

// TestCustomersWaitForTheNextFrame that come while one is being closed.
func TestCustomersWaitForTheNextFrame(t *testing.T) {
	t.Parallel()
	s, offer := newDynamicStand(t, 10)
	request := dynamicRequest(offer)
	first := s.issue(t, request)
	reached, release := s.consortium.Hold(servetest.AdvertiserMSP, "CloseFrame")
	var asking sync.WaitGroup
	asking.Go(func() {
		if _, err := s.client.CloseFrames(t.Context(), new(advertiserv1.CloseFramesRequest)); err != nil {
			t.Error(err)
		}
	})
	<-reached
	if again := s.issue(t, request); again != first {
		t.Errorf("a repeat meanwhile got %+v, want %+v", again, first)
	}
	numbers := make(chan int64, 5)
	for range cap(numbers) {
		asking.Go(func() {
			response, err := s.client.IssueCoupon(t.Context(), dynamicRequest(offer))
			made, broken := coupon.ParseCoupon(response.GetCoupon())
			if err != nil || broken != nil || made.Release.Frame != 2 {
				t.Errorf("issued %+v, %v", made, err)
			}
			numbers <- made.SN
		})
	}
	release()
	asking.Wait()
	close(numbers)
	var got []int64
	for n := range numbers {
		got = append(got, n)
	}
	slices.Sort(got)
	if want := []int64{2, 3, 4, 5, 6}; !slices.Equal(got, want) {
		t.Errorf("numbers %v, want %v", got, want)
	}
}
