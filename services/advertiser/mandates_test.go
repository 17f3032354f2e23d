// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"errors"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
)

// staticOffer publishes a static bearer offer.
func staticOffer(t *testing.T, c *ledgertest.Consortium, quotas ...int64) *campaigntest.Campaign {
	t.Helper()
	return campaigntest.Publish(t, c, campaigntest.Options{ID: "static", Quotas: quotas})
}

// requestOf asks for a bearer coupon of either kind.
func requestOf(p *campaigntest.Campaign) *advertiserv1.IssueCouponRequest {
	if p.Framework.Kind == coupon.KindDynamic {
		return dynamicRequest(p)
	}
	return bearerRequest(p.Framework)
}

// refused expects a new request to be refused, once what is on the ledger is
// known.
func (s stand) refused(t *testing.T, p *campaigntest.Campaign, want coupon.Reason) {
	t.Helper()
	eventually(t, func() error {
		_, err := s.client.IssueCoupon(t.Context(), requestOf(p))
		if got := refusalOf(err); got != (refusal{codes.FailedPrecondition, want}) {
			return errors.Join(errors.New("not refused with "+string(want)), err)
		}
		return nil
	})
}

func TestRaisedQuotasAreUsedAtOnce(t *testing.T) {
	t.Parallel()
	for name, publish := range map[string]func(*testing.T, *ledgertest.Consortium) *campaigntest.Campaign{
		"static": func(t *testing.T, c *ledgertest.Consortium) *campaigntest.Campaign { return staticOffer(t, c, 1, 1) },
		"dynamic": func(t *testing.T, c *ledgertest.Consortium) *campaigntest.Campaign {
			return dynamicOffer(t, c, "d", 1, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			p := publish(t, s.consortium)
			s.offered(t, p.Framework)
			given := make(map[[2]int64]bool)
			take := func(n int) {
				t.Helper()
				for range n {
					made := s.issue(t, requestOf(p))
					place := [2]int64{int64(made.Lane), made.SN}
					if given[place] || made.SN > p.Framework.Quotas[made.Lane] {
						t.Errorf("number %d of lane %d is given out", made.SN, made.Lane)
					}
					given[place] = true
					if _, refused := redeem(t, s.consortium, made, ""); refused != nil {
						t.Errorf("number %d of lane %d is refused: %v", made.SN, made.Lane, refused)
					}
				}
				s.refused(t, p, coupon.ReasonSoldOut)
				s.offered(t)
			}
			take(2)
			p.Raise(t, 3, 1)
			s.offered(t, p.Framework)
			take(2)
			p.Raise(t, 3, 2, 2)
			s.offered(t, p.Framework)
			take(3)
		})
	}
}

func TestSuspendedOffersCannotBeHad(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	path := filepath.Join(t.TempDir(), "advertiser.db")
	s := runStand(t, c, path, advertiser.Limits{})
	static, dynamic := staticOffer(t, c, 10), dynamicOffer(t, c, "dynamic", 10)
	s.offered(t, static.Framework, dynamic.Framework)
	kept := requestOf(dynamic)
	before := s.issue(t, kept)
	s.issue(t, requestOf(static))
	static.Suspend(t)
	dynamic.Suspend(t)
	s.offered(t)
	for _, p := range []*campaigntest.Campaign{static, dynamic} {
		s.refused(t, p, coupon.ReasonEmitterSuspended)
		_, err := s.client.CloseFrames(t.Context(), &advertiserv1.CloseFramesRequest{FrameworkId: p.Framework.ID.String()})
		refusal{codes.FailedPrecondition, coupon.ReasonEmitterSuspended}.check(t, err)
	}
	if again := s.issue(t, kept); again != before {
		t.Errorf("a repeat got %+v, want %+v", again, before)
	}
	s.end(t)
	s = runStand(t, c, path, advertiser.Limits{})
	s.refused(t, static, coupon.ReasonEmitterSuspended)
	static.Reinstate(t)
	dynamic.Reinstate(t)
	s.offered(t, static.Framework, dynamic.Framework)
	if made := s.issue(t, requestOf(dynamic)); made.SN != 2 {
		t.Errorf("reinstated, it goes on with number %d", made.SN)
	}
	// The static coupon's frame may be closed already: it was due while suspended.
	s.closeFrames(t)
	if of, led := lastSN(t, static, 0), lastSN(t, dynamic, 0); of != 1 || led != 2 {
		t.Errorf("closed up to %d of the static and %d of the dynamic coupons, want 1 and 2", of, led)
	}
}

func TestARevokedMandateEndsWithItsClosedFrames(t *testing.T) {
	t.Parallel()
	for name, publish := range map[string]func(*testing.T, *ledgertest.Consortium) *campaigntest.Campaign{
		"static": func(t *testing.T, c *ledgertest.Consortium) *campaigntest.Campaign { return staticOffer(t, c, 10) },
		"dynamic": func(t *testing.T, c *ledgertest.Consortium) *campaigntest.Campaign {
			return dynamicOffer(t, c, "d", 10)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConsortium(t)
			path := filepath.Join(t.TempDir(), "advertiser.db")
			s := runStand(t, c, path, advertiser.Limits{})
			p := publish(t, c)
			s.offered(t, p.Framework)
			early := s.issue(t, requestOf(p))
			s.closeFrames(t)
			late := s.issue(t, requestOf(p))
			p.Revoke(t)
			s.offered(t)
			s.refused(t, p, coupon.ReasonEmitterRevoked)
			receipt := ""
			if p.Framework.Kind == coupon.KindDynamic {
				receipt = s.receipt(t, early)
			}
			if _, refused := redeem(t, c, early, receipt); refused != nil {
				t.Errorf("the coupon of a closed frame is refused: %v", refused)
			}
			if _, refused := redeem(t, c, late, ""); len(refused) != 1 || refused[0].Reason != coupon.ReasonLaneEnded {
				t.Errorf("the coupon of the open frame: %v", refused)
			}
			if closed := s.closeFrames(t); len(closed) != 0 {
				t.Errorf("%v are closed", closed)
			}
			s.end(t)
			s = runStand(t, c, path, advertiser.Limits{})
			s.refused(t, p, coupon.ReasonEmitterRevoked)
		})
	}
}

func TestTheNewKeyIsTakenUp(t *testing.T) {
	t.Parallel()
	for name, publish := range map[string]func(*testing.T, *ledgertest.Consortium) *campaigntest.Campaign{
		"static": func(t *testing.T, c *ledgertest.Consortium) *campaigntest.Campaign { return staticOffer(t, c, 10) },
		"dynamic": func(t *testing.T, c *ledgertest.Consortium) *campaigntest.Campaign {
			return dynamicOffer(t, c, "d", 10)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			p := publish(t, s.consortium)
			s.offered(t, p.Framework)
			kept := requestOf(p)
			before := s.issue(t, kept)
			opened := coupon.FrameRef{Framework: p.Framework.ID}
			eventually(t, func() error { return closedOnLedger(t, s.consortium, opened) })
			next := p.Rotate(t, 5)
			s.offered(t, next)
			s.refused(t, p, coupon.ReasonSuperseded)
			if again := s.issue(t, kept); again != before {
				t.Errorf("a repeat got %+v, want %+v", again, before)
			}
			request := requestOf(p)
			request.FrameworkId = next.ID.String()
			made := s.issue(t, request)
			for _, cp := range []coupon.Coupon{before, made} {
				if _, refused := redeem(t, s.consortium, cp, ""); refused != nil {
					t.Errorf("a coupon of %s is refused: %v", cp.Framework, refused)
				}
			}
			if made.Framework != next.ID || made.SN != 1 {
				t.Errorf("the new key made %+v", made)
			}
			s.closeFrames(t)
			ref := coupon.FrameRef{Framework: p.Framework.ID, Frame: 1}
			if _, found := record(t, s.consortium, ref); !found {
				t.Error("the last frame of the old key is not closed")
			}
		})
	}
}

func TestTheNewestVersionIsOffered(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	first := campaigntest.Publish(t, s.consortium, campaigntest.Options{ID: "tea"})
	other := campaigntest.Publish(t, s.consortium, campaigntest.Options{ID: "other"})
	s.offered(t, first.Framework, other.Framework)
	before := s.issue(t, requestOf(first))
	second := campaigntest.Publish(t, s.consortium, campaigntest.Options{ID: "tea", Version: 2})
	s.offered(t, second.Framework, other.Framework)
	s.refused(t, first, coupon.ReasonSuperseded)
	for _, made := range []coupon.Coupon{before, s.issue(t, requestOf(second))} {
		if _, refused := redeem(t, s.consortium, made, ""); refused != nil {
			t.Errorf("a coupon of %s is refused: %v", made.Framework, refused)
		}
	}
	second.Close(t)
	s.offered(t, first.Framework, other.Framework)
	third := campaigntest.Publish(t, s.consortium, campaigntest.Options{ID: "tea", Version: 3})
	s.offered(t, third.Framework, other.Framework)
	third.Revoke(t)
	s.offered(t, first.Framework, other.Framework)
}
