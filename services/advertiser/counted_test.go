// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// closedOnLedger is nil once the ledger has the frame.
func closedOnLedger(t *testing.T, c *ledgertest.Consortium, ref coupon.FrameRef) error {
	if _, found := record(t, c, ref); !found {
		return errNotClosed
	}
	return nil
}

// lastSN is where lane 0 of the mandate ends, as the issuer has it.
func lastSN(t *testing.T, p *campaigntest.Campaign, lane int) int64 {
	t.Helper()
	return p.Ends(t).Ends[lane].Content.LastSN
}

func TestFramesOfStaticCouponsAreClosed(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	path := filepath.Join(t.TempDir(), "advertiser.db")
	s := runStand(t, c, path, advertiser.Limits{})
	p := staticOffer(t, c, 3, 10)
	s.offered(t, p.Framework)
	if closed := s.closeFrames(t); len(closed) != 0 {
		t.Errorf("without coupons %d frames are closed", len(closed))
	}
	for range 5 {
		s.issue(t, requestOf(p))
	}
	if closed := s.closeFrames(t); len(closed) != 2 || lastSN(t, p, 0) != 3 || lastSN(t, p, 1) != 2 {
		t.Errorf("%v are closed, up to %d and %d", closed, lastSN(t, p, 0), lastSN(t, p, 1))
	}
	height := c.Network.Height()
	if closed := s.closeFrames(t); len(closed) != 0 || c.Network.Height() != height {
		t.Errorf("without new coupons %d frames are closed", len(closed))
	}
	s.issue(t, requestOf(p))
	s.end(t)
	// What a process has left open the next one closes at once.
	s = runStand(t, c, path, advertiser.Limits{})
	eventually(t, func() error {
		if last := lastSN(t, p, 1); last != 3 {
			return errNotClosed
		}
		return nil
	})
	p.Raise(t, 5, 10)
	s.offered(t, p.Framework)
	eventually(t, func() error {
		if made := s.issue(t, requestOf(p)); made.Lane != 0 {
			return errNotClosed
		}
		return nil
	})
	s.closeFrames(t)
	if lastSN(t, p, 0) < 4 {
		t.Errorf("a raised lane is closed up to %d", lastSN(t, p, 0))
	}
}

// TestStaticCouponsDoNotWaitForTheLedger has the issuer's peer away.
func TestStaticCouponsDoNotWaitForTheLedger(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	p := staticOffer(t, s.consortium, 10)
	s.offered(t, p.Framework)
	s.consortium.FailBefore(servetest.AdvertiserMSP, ledgertest.StepEndorse, 1000, errors.New("away"))
	for sn := range int64(3) {
		if made := s.issue(t, requestOf(p)); made.SN != sn+1 {
			t.Errorf("number %d is given out, want %d", made.SN, sn+1)
		}
	}
	_, err := s.client.CloseFrames(t.Context(), new(advertiserv1.CloseFramesRequest))
	refusal{codes.Unavailable, coupon.ReasonLedgerUnavailable}.check(t, err)
	s.consortium.Heal()
	s.closeFrames(t)
	if last := lastSN(t, p, 0); last != 3 {
		t.Errorf("the lane is closed up to %d", last)
	}
}

// TestTwoOnOneStaticLane has a second process, with a store of its own, give out
// the numbers of the first: it finds out, and gives out no more.
func TestTwoOnOneStaticLane(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	first := runStand(t, c, filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{})
	second := runStand(t, c, filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{})
	p := staticOffer(t, c, 10)
	first.offered(t, p.Framework)
	second.offered(t, p.Framework)
	first.issue(t, requestOf(p))
	first.closeFrames(t)
	second.issue(t, requestOf(p))
	if closed := second.closeFrames(t); len(closed) != 0 {
		t.Errorf("the second closes %v", closed)
	}
	second.refused(t, p, coupon.ReasonSoldOut)
	second.offered(t)
	if made := first.issue(t, requestOf(p)); made.SN != 2 {
		t.Errorf("the first goes on with %d", made.SN)
	}
}

// TestClosingNothing names an offer that there is not.
func TestClosingNothing(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	_, err := s.client.CloseFrames(t.Context(), &advertiserv1.CloseFramesRequest{FrameworkId: coupon.FrameworkID(uuid.New()).String()})
	refusal{codes.NotFound, coupon.ReasonUnknownFramework}.check(t, err)
}
