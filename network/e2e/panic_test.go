// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// A transaction function that panics is refused, and costs nobody the chaincode
// server that it ran in.
func TestPanicDoesNotEndTheChaincodeServer(t *testing.T) {
	const server = "chaincode.retailer"
	o := launch(t, coupon.HolderBearer, nil)
	before := processOf(t, server).PID
	c := connect(t, "retailer", "retailer")
	for range 5 {
		_, err := submit(t, c, call{function: "Panic", endorsers: []string{retailer}})
		if err == nil || !strings.Contains(details(err), "INTERNAL: the transaction function panicked") {
			t.Fatalf("%v", details(err))
		}
	}
	redeem(t, request(o.show(t, retailer)))
	if after := processOf(t, server).PID; after != before {
		t.Errorf("the chaincode server was process %d and is now %d", before, after)
	}
}

const (
	// customers redeem at the same time, repeats is how often one of them may
	// have to send a request again because of a restart.
	customers = 4
	repeats   = 10
	// answerLimit bounds one attempt, pace is between two sales of a customer.
	answerLimit = 5 * time.Second
	pace        = 100 * time.Millisecond
)

// A chaincode server that is killed or stopped under traffic costs a few repeats of the
// requests that were on their way, and no redemption.
func TestChaincodeServersRestartUnderTraffic(t *testing.T) {
	o := launch(t, coupon.HolderBearer, func(l *desk.Launch) { l.Quotas = []int64{10_000} })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sales := traffic{desk: retailerDesk(t, "retailer", retailer), offer: o}
	var running sync.WaitGroup
	for range customers {
		running.Go(func() { sales.run(ctx, t) })
	}
	for i, end := range []func(context.Context, string) error{consortium.Kill, consortium.Stop, consortium.Kill} {
		for _, server := range []string{"chaincode.retailer", "chaincode.issuer"} {
			already := sales.count()
			eventually(t, "sales go on", func() bool { return t.Failed() || sales.count() >= already+5*customers })
			began := time.Now()
			if err := end(t.Context(), server); err != nil {
				t.Fatal(err)
			}
			if err := consortium.Start(t.Context(), server); err != nil {
				t.Fatal(err)
			}
			already = sales.count()
			eventually(t, "sales go on after the restart", func() bool { return t.Failed() || sales.count() >= already+customers })
			t.Logf("%s, restart %d: ended, started and %d more sales made within %s", server, i+1, customers, time.Since(began).Round(time.Millisecond))
		}
	}
	cancel()
	running.Wait()
	sales.check(t)
}

// traffic is what customers redeem, one coupon after the other.
type traffic struct {
	desk  retailerv1.RetailerServiceClient
	offer offer

	mu     sync.Mutex // guards all below, and the wallet
	done   []*retailerv1.Redemption
	most   int // attempts that one sale took
	longer int // sales that took more than one
}

func (s *traffic) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.done)
}

// run redeems until ctx ends. A sale that was begun is brought to its end.
func (s *traffic) run(ctx context.Context, t *testing.T) {
	for ctx.Err() == nil && !t.Failed() {
		s.mu.Lock()
		held, err := s.offer.wallet.Get(context.WithoutCancel(ctx), s.offer.url, s.offer.Offer)
		s.mu.Unlock()
		if err != nil {
			t.Error(err)
			return
		}
		sale := request(held.Coupon)
		for attempt := 1; ; attempt++ {
			limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
			answer, err := s.desk.Redeem(limited, sale)
			cancel()
			if err == nil {
				s.note(answer.GetRedemption(), attempt)
				break
			}
			if attempt == repeats {
				t.Errorf("still not redeemed: %v", err)
				return
			}
			<-time.After(pace)
		}
		<-time.After(pace)
	}
}

func (s *traffic) note(r *retailerv1.Redemption, attempts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, r)
	s.most = max(s.most, attempts)
	if attempts > 1 {
		s.longer++
	}
}

// check finds every redemption on the ledger: in the batch that was named, and
// as the one that its coupon is spent for.
func (s *traffic) check(t *testing.T) {
	t.Helper()
	t.Logf("%d sales; %d of them had to be sent again, the most often %d times", len(s.done), s.longer, s.most-1)
	peer := connect(t, "issuer", "auditor")
	batches := map[string]coupon.BatchRecord{}
	spent := map[coupon.Tag]bool{}
	for _, r := range s.done {
		if _, known := batches[r.GetBatchId()]; !known {
			_, batches[r.GetBatchId()] = batchRecord(t, r.GetBatchId())
		}
		var tags []coupon.Tag
		for _, entry := range batches[r.GetBatchId()].Redemptions {
			if entry.ID.String() == r.GetRedemptionId() {
				for _, c := range entry.Coupons {
					tags = append(tags, c.Tag)
				}
			}
		}
		var result coupon.MarkersResult
		evaluate(t, peer, call{
			function: "GetMarkers", arguments: argument(t, coupon.MarkersQuery{Tags: tags}), endorsers: []string{issuer},
		}, &result)
		if len(tags) != 1 || len(result.Markers) != 1 {
			t.Fatalf("redemption %s is not in batch %s", r.GetRedemptionId(), r.GetBatchId())
		}
		if m := result.Markers[0]; spent[m.Tag] || m.State != "spent" || m.Redemption.String() != r.GetRedemptionId() {
			t.Errorf("the coupon of %s is marked %+v", r.GetRedemptionId(), m)
		}
		spent[tags[0]] = true
	}
}
