// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/internal/sqlstore"
)

// outdated is a service with a dynamic offer of three lanes that went on, in
// lane 0, after a copy of its store was made.
type outdated struct {
	consortium   *ledgertest.Consortium
	offer        *campaigntest.Campaign
	path, backup string
	// files is a copy that was made by hand.
	files string
	// early was answered before the copy, in a frame that is closed.
	early coupon.Coupon
}

func newOutdated(t *testing.T) *outdated {
	t.Helper()
	dir := t.TempDir()
	o := &outdated{
		consortium: newConsortium(t), path: filepath.Join(dir, "advertiser.db"), backup: filepath.Join(dir, "backup.db"),
	}
	s := runStand(t, o.consortium, o.path, advertiser.Limits{})
	o.offer = dynamicOffer(t, o.consortium, "decaying", 10, 10, 10)
	s.offered(t, o.offer.Framework)
	o.early = s.issue(t, dynamicRequest(o.offer))
	s.closeFrames(t)
	s.issue(t, dynamicRequest(o.offer))
	if err := sqlstore.Backup(t.Context(), o.path, o.backup); err != nil {
		t.Fatal(err)
	}
	o.files = copyFiles(t, o.path)
	s.issue(t, dynamicRequest(o.offer))
	s.closeFrames(t)
	s.issue(t, dynamicRequest(o.offer))
	s.end(t)
	return o
}

// goesOnIn fails unless the service begins in a new lane, whose coupons are
// good, and leaves the frames of lane 0 as they are.
func (o *outdated) goesOnIn(t *testing.T, s stand, lane uint16) {
	t.Helper()
	s.offered(t, o.offer.Framework)
	made := s.issue(t, dynamicRequest(o.offer))
	if made.Lane != lane || made.SN != 1 {
		t.Errorf("it goes on with number %d of lane %d", made.SN, made.Lane)
	}
	if _, refused := redeem(t, o.consortium, made, ""); refused != nil {
		t.Errorf("the coupon is refused: %v", refused)
	}
	s.closeFrames(t)
	ref := coupon.FrameRef{Framework: o.offer.Framework.ID, Lane: lane, Frame: 1}
	if err := audit(t, o.consortium, o.offer, ref, 1, readLog(t, s.client, ref, 0)); err != nil {
		t.Error(err)
	}
	if _, found := record(t, o.consortium, coupon.FrameRef{Framework: o.offer.Framework.ID, Frame: 3}); found {
		t.Error("another frame of the lane that was left is closed")
	}
}

// TestARestoredStoreLeavesItsLanes: customers may have coupons of its open frame
// that it knows nothing of.
func TestARestoredStoreLeavesItsLanes(t *testing.T) {
	t.Parallel()
	o := newOutdated(t)
	if err := sqlstore.Restore(t.Context(), o.backup, o.path, -1); err != nil {
		t.Fatal(err)
	}
	s := runStand(t, o.consortium, o.path, advertiser.Limits{})
	o.goesOnIn(t, s, 1)
	// Receipts of what was closed before are still given.
	receipt, err := coupon.ParseReceipt(s.receipt(t, o.early))
	closed, _ := record(t, o.consortium, coupon.FrameOf(o.early))
	if err != nil || o.early.CheckReceipt(receipt, closed.Log) != nil {
		t.Errorf("the receipt %+v, %v", receipt, err)
	}
	// It is so once only.
	s.end(t)
	s = runStand(t, o.consortium, o.path, advertiser.Limits{})
	if made := s.issue(t, dynamicRequest(o.offer)); made.Lane != 1 || made.SN != 2 {
		t.Errorf("after another start it goes on with number %d of lane %d", made.SN, made.Lane)
	}
}

// TestARestoredStoreLeavesALaneThatIsNotAhead: the ledger cannot tell that a
// coupon of the open frame is missing.
func TestARestoredStoreLeavesALaneThatIsNotAhead(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "advertiser.db"), filepath.Join(dir, "backup.db")
	s := runStand(t, c, path, advertiser.Limits{})
	offer := dynamicOffer(t, c, "decaying", 10, 10)
	s.offered(t, offer.Framework)
	kept := dynamicRequest(offer)
	before := s.issue(t, kept)
	if err := sqlstore.Backup(t.Context(), path, backup); err != nil {
		t.Fatal(err)
	}
	s.issue(t, dynamicRequest(offer))
	s.end(t)
	if err := sqlstore.Restore(t.Context(), backup, path, -1); err != nil {
		t.Fatal(err)
	}
	s = runStand(t, c, path, advertiser.Limits{})
	if made := s.issue(t, dynamicRequest(offer)); made.Lane != 1 || made.SN != 1 {
		t.Errorf("it goes on with number %d of lane %d", made.SN, made.Lane)
	}
	if again := s.issue(t, kept); again != before {
		t.Errorf("a repeat got %+v, want %+v", again, before)
	}
	// The frame that was left is closed with what the store has of it.
	closed, found := record(t, c, coupon.FrameOf(before))
	if want := coupon.LogDigest(before.Entry().Leaf(), 1); !found || closed.Log != want || closed.Last != before.Release.Q {
		t.Errorf("the frame that was left is %+v", closed)
	}
	if _, refused := redeem(t, c, before, s.receipt(t, before)); refused != nil {
		t.Errorf("with its receipt the coupon is refused: %v", refused)
	}
}

func TestALostStoreLeavesTheLanesThatAreOpen(t *testing.T) {
	t.Parallel()
	o := newOutdated(t)
	s := runStand(t, o.consortium, filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{})
	o.goesOnIn(t, s, 1)
}

// TestACopyMadeByHandLeavesALaneThatIsAhead: nothing says that the store is old
// but the ledger.
func TestACopyMadeByHandLeavesALaneThatIsAhead(t *testing.T) {
	t.Parallel()
	o := newOutdated(t)
	s := runStand(t, o.consortium, o.files, advertiser.Limits{})
	o.goesOnIn(t, s, 1)
}

// TestWhoClosesAFrameThatAnotherHasClosedLeavesTheLane: two copies of a store
// are at work.
func TestWhoClosesAFrameThatAnotherHasClosedLeavesTheLane(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	path := filepath.Join(t.TempDir(), "advertiser.db")
	s := runStand(t, c, path, advertiser.Limits{})
	offer := dynamicOffer(t, c, "decaying", 10, 10)
	s.offered(t, offer.Framework)
	s.issue(t, dynamicRequest(offer))
	ref := coupon.FrameRef{Framework: offer.Framework.ID, Frame: 1}
	other := coupon.FrameContent{Salt: coupon.Hash{1}, Last: coupon.Hash{2}, LastSN: 2, Count: 2, Root: coupon.Hash{3}}
	_, err := c.For(t, servetest.AdvertiserMSP).Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "CloseFrame", Argument: ref, Input: other,
		Endorsers: []string{servetest.IssuerMSP, servetest.AdvertiserMSP},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.client.CloseFrames(t.Context(), nil)
	refusal{codes.FailedPrecondition, coupon.ReasonFrameConflict}.check(t, err)
	if made := s.issue(t, dynamicRequest(offer)); made.Lane != 1 || made.SN != 1 {
		t.Errorf("it goes on with number %d of lane %d", made.SN, made.Lane)
	}
}

// TestReplicasUseLanesOfTheirOwn runs two on one ledger; one of them is then
// configured with a lane of the other.
func TestReplicasUseLanesOfTheirOwn(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	replica := func(lanes ...uint16) (stand, string) {
		path := filepath.Join(t.TempDir(), "advertiser.db")
		return runChanged(t, c, path, func(o *advertiser.Options) { o.Lanes = lanes }), path
	}
	first, path := replica(0)
	second, _ := replica(1)
	offer := dynamicOffer(t, c, "decaying", 2, 2, 2)
	static := campaigntest.Publish(t, c, campaigntest.Options{ID: "static", Quotas: []int64{2, 2, 2}})
	for lane, s := range []stand{first, second} {
		s.offered(t, offer.Framework, static.Framework)
		for sn := range int64(2) {
			made, plain := s.issue(t, dynamicRequest(offer)), s.issue(t, bearerRequest(static.Framework))
			if int(made.Lane) != lane || made.SN != sn+1 || int(plain.Lane) != lane || plain.SN != sn+1 {
				t.Errorf("replica %d issued %+v and %+v", lane, made, plain)
			}
		}
		_, err := s.client.IssueCoupon(t.Context(), dynamicRequest(offer))
		refusal{codes.FailedPrecondition, coupon.ReasonSoldOut}.check(t, err)
		_, err = s.client.IssueCoupon(t.Context(), bearerRequest(static.Framework))
		refusal{codes.FailedPrecondition, coupon.ReasonSoldOut}.check(t, err)
		s.offered(t)
	}
	first.end(t)
	first = runChanged(t, c, path, func(o *advertiser.Options) { o.Lanes = []uint16{0, 1, 2} })
	if made := first.issue(t, dynamicRequest(offer)); made.Lane != 2 || made.SN != 1 {
		t.Errorf("it goes on with number %d of lane %d", made.SN, made.Lane)
	}
}
