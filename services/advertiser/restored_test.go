// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/internal/sqlstore"
)

// restoring is a service that has given out serial numbers after its backup.
type restoring struct {
	consortium   *ledgertest.Consortium
	path, backup string
	// old was known to the backup, late was not.
	old, late coupon.Framework
	// kept was answered before the backup.
	kept *advertiserv1.IssueCouponRequest
	made map[coupon.FrameworkID]map[coupon.Coupon]bool
}

func newRestoring(t *testing.T) *restoring {
	t.Helper()
	dir := t.TempDir()
	r := &restoring{
		consortium: newConsortium(t), path: filepath.Join(dir, "advertiser.db"), backup: filepath.Join(dir, "backup.db"),
		made: make(map[coupon.FrameworkID]map[coupon.Coupon]bool),
	}
	s := runStand(t, r.consortium, r.path, advertiser.Limits{})
	r.old = r.mandate(t, "old")
	s.offered(t, r.old)
	r.kept = boundRequest(t, r.old)
	r.note(t, s.issue(t, r.kept))
	if err := sqlstore.Backup(t.Context(), r.path, r.backup); err != nil {
		t.Fatal(err)
	}
	r.late = r.mandate(t, "late")
	s.offered(t, r.old, r.late)
	for range 4 { // into the second lane of three
		r.note(t, s.issue(t, boundRequest(t, r.old)))
		r.note(t, s.issue(t, boundRequest(t, r.late)))
	}
	s.end(t)
	return r
}

func (r *restoring) mandate(t *testing.T, id string) coupon.Framework {
	t.Helper()
	return mandate(t, r.consortium, campaign{id: id, holder: coupon.HolderBound, quotas: []int64{3, 3, 2}}, servetest.AdvertiserMSP)
}

// note fails if a serial number is given out again.
func (r *restoring) note(t *testing.T, c coupon.Coupon) {
	t.Helper()
	c.Owner, c.EmitterMAC = coupon.PublicKey{}, coupon.MAC{}
	if r.made[c.Framework] == nil {
		r.made[c.Framework] = make(map[coupon.Coupon]bool)
	}
	if r.made[c.Framework][c] {
		t.Errorf("lane %d, number %d is given out twice", c.Lane, c.SN)
	}
	r.made[c.Framework][c] = true
}

// restart runs the service on a store that is restored from a file, or empty.
func (r *restoring) restart(t *testing.T, from string, lanesFrom int) stand {
	t.Helper()
	if err := sqlstore.Restore(t.Context(), from, r.path, lanesFrom); err != nil {
		t.Fatal(err)
	}
	return runStand(t, r.consortium, r.path, advertiser.Limits{})
}

func (r *restoring) soldOut(t *testing.T, s stand, f coupon.Framework) {
	t.Helper()
	// An empty store has to learn of the mandate first.
	eventually(t, func() error {
		_, err := s.client.IssueCoupon(t.Context(), boundRequest(t, f))
		if refusalOf(err).reason == coupon.ReasonUnknownFramework {
			return err
		}
		refusal{codes.FailedPrecondition, coupon.ReasonSoldOut}.check(t, err)
		return nil
	})
}

func TestARestoredStoreGivesNoSerialNumberTwice(t *testing.T) {
	t.Parallel()
	r := newRestoring(t)
	s := r.restart(t, r.backup, -1)
	r.soldOut(t, s, r.old)
	r.soldOut(t, s, r.late)
	s.offered(t)
	// What was answered before the backup is answered again.
	if again := s.issue(t, r.kept); again.SN != 1 || again.Lane != 0 {
		t.Errorf("a repeat got %d of lane %d", again.SN, again.Lane)
	}
	next := r.mandate(t, "next")
	s.offered(t, next)
	r.note(t, s.issue(t, boundRequest(t, next)))
	// It is so once only: the mandate is still good after the next start.
	s.end(t)
	s = runStand(t, r.consortium, r.path, advertiser.Limits{})
	r.note(t, s.issue(t, boundRequest(t, next)))
	r.soldOut(t, s, r.old)
}

func TestARestoredStoreGoesOnWithLanesThatWereNeverUsed(t *testing.T) {
	t.Parallel()
	r := newRestoring(t)
	s := r.restart(t, r.backup, 2)
	s.offered(t, r.old, r.late)
	for _, f := range []coupon.Framework{r.old, r.late} {
		for range 2 {
			r.note(t, s.issue(t, boundRequest(t, f)))
		}
		r.soldOut(t, s, f)
	}
}

func TestALostStoreGivesNoSerialNumberTwice(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		// lose replaces the store.
		lose func(t *testing.T, r *restoring) stand
	}{
		{"by an empty one", func(t *testing.T, r *restoring) stand { return r.restart(t, "", -1) }},
		{"and nobody says so", func(t *testing.T, r *restoring) stand {
			r.path = filepath.Join(t.TempDir(), "advertiser.db")
			return runStand(t, r.consortium, r.path, advertiser.Limits{})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRestoring(t)
			s := test.lose(t, r)
			r.soldOut(t, s, r.old)
			r.soldOut(t, s, r.late)
			next := r.mandate(t, "next")
			s.offered(t, next)
			r.note(t, s.issue(t, boundRequest(t, next)))
		})
	}
}
