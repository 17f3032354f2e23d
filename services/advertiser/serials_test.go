// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// issued gathers coupons from many goroutines, by serial number.
type issued struct {
	mu      sync.Mutex
	numbers map[int64]int
	refused map[refusal]int
}

func (i *issued) note(made string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil {
		i.refused[refusalOf(err)]++
		return
	}
	if parsed, err := coupon.ParseCoupon(made); err == nil {
		i.numbers[parsed.SN]++
	}
}

func TestCustomersAtOnceGetEachNumberOnce(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	const quota, customers, each = 100, 15, 10
	f := mandate(t, s.consortium, campaign{id: "bound", holder: coupon.HolderBound, quotas: []int64{quota}}, servetest.AdvertiserMSP)
	s.offered(t, f)
	got := issued{numbers: make(map[int64]int), refused: make(map[refusal]int)}
	var asking sync.WaitGroup
	for range customers {
		requests := make([]*advertiserv1.IssueCouponRequest, each)
		for i := range requests {
			requests[i] = boundRequest(t, f)
		}
		asking.Go(func() {
			for _, r := range requests {
				response, err := s.client.IssueCoupon(t.Context(), r)
				got.note(response.GetCoupon(), err)
			}
		})
	}
	asking.Wait()
	want := make(map[int64]int)
	for n := range int64(quota) {
		want[n+1] = 1
	}
	if diff := cmp.Diff(want, got.numbers); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	soldOut := refusal{codes.FailedPrecondition, coupon.ReasonSoldOut}
	if len(got.refused) != 1 || got.refused[soldOut] != customers*each-quota {
		t.Errorf("refused %v, want %d times SOLD_OUT", got.refused, customers*each-quota)
	}
}

// TestWhatWasIssuedSurvivesACrash runs a second service on the files as a
// killed process would leave them.
func TestWhatWasIssuedSurvivesACrash(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	path := filepath.Join(t.TempDir(), "advertiser.db")
	s := runStand(t, c, path, advertiser.Limits{})
	f := mandate(t, c, campaign{id: "bound", holder: coupon.HolderBound, quotas: []int64{20}}, servetest.AdvertiserMSP)
	s.offered(t, f)
	made := make(map[*advertiserv1.IssueCouponRequest]coupon.Coupon)
	for range 10 {
		r := boundRequest(t, f)
		made[r] = s.issue(t, r)
	}
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
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	// The ledger is out of reach: what was learnt is enough.
	c.FailBefore(servetest.AdvertiserMSP, ledgertest.StepEvaluate, 1000, ledgertest.ErrPeerAway)
	c.FailBefore(servetest.AdvertiserMSP, ledgertest.StepEvents, 1000, ledgertest.ErrPeerAway)
	s = runStand(t, c, left, advertiser.Limits{})
	for r, before := range made {
		if after := s.issue(t, r); after != before {
			t.Errorf("a repeat got %+v, before the crash %+v", after, before)
		}
	}
	if next := s.issue(t, boundRequest(t, f)); next.SN != 11 {
		t.Errorf("the next number is %d, want 11", next.SN)
	}
}
