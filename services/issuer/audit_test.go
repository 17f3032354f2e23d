// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/servetest"
)

// Of an honest advertiser nothing is found, and redeemed coupons are compared.
func TestAnHonestAdvertiserIsAudited(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	early := a.release()
	a.release()
	a.spend(t, early)
	late := a.release()
	ref := a.close(t)
	a.spend(t, late)
	if shown := a.examined(t, ref, 2); shown.GetCoupons() != 3 || len(shown.GetFindings()) != 0 || shown.GetEmitter() != a.Framework.Emitter {
		t.Errorf("the audit is %v", shown)
	}
	empty := a.close(t)
	if shown := a.examined(t, empty, 0); shown.GetCoupons() != 0 || len(shown.GetFindings()) != 0 {
		t.Errorf("the audit of an empty frame is %v", shown)
	}
	a.reported(t)
}

// cheat is what an altered advertiser does in frame 1.
type cheat struct {
	name string
	does func(t *testing.T, a *audited)
	// found in the frame, and of it reported on the ledger.
	found, reported []string
}

// relink makes the log's chain anew, as an advertiser does that hides what it
// has done.
func (a *audited) relink() {
	q := coupon.FirstLink(coupon.Hash{}, a.Beacon)
	for i := range a.Log {
		q = coupon.NextLink(q, a.Log[i].UData)
		a.Log[i].Q = q
	}
	a.Q = q
}

var cheats = []cheat{
	{
		name: "drops from the log that it shows", found: []string{"log_not_served"}, reported: []string{"log_not_served"},
		does: func(t *testing.T, a *audited) {
			ref := a.Frame
			a.service.show(ref, slices.Delete(slices.Clone(a.Log), 1, 2))
			a.Close(t)
			a.noticed(t, ref)
			a.pass(t, 11*time.Minute)
		},
	},
	{
		name: "drops from the log that it closes with", found: []string{"wrong_chain", "wrong_serials"}, reported: []string{"wrong_chain", "wrong_serials"},
		does: func(t *testing.T, a *audited) {
			a.Log, a.SN = slices.Delete(a.Log, 1, 2), 2
			a.close(t)
		},
	},
	{
		name: "drops from the log a coupon that is redeemed, and hides it", found: []string{"coupon_not_in_log"},
		does: func(t *testing.T, a *audited) {
			extra := a.release()
			a.Log, a.SN = a.Log[:3], 3
			a.relink()
			a.close(t)
			a.spend(t, extra)
		},
	},
	{
		name: "inserts into the log", found: []string{"wrong_chain"}, reported: []string{"wrong_chain"},
		does: func(t *testing.T, a *audited) {
			inserted := a.Log[2]
			inserted.SN, inserted.UData = 4, make([]byte, 32)
			a.Log, a.SN = append(a.Log, inserted), 4
			a.close(t)
		},
	},
	{
		name: "re-orders the log", found: []string{"wrong_chain", "wrong_serials", "wrong_times"},
		reported: []string{"wrong_chain", "wrong_serials", "wrong_times"},
		does: func(t *testing.T, a *audited) {
			a.Log[0], a.Log[1] = a.Log[1], a.Log[0]
			a.close(t)
		},
	},
	{
		name: "dates ahead", found: []string{"wrong_times"}, reported: []string{"wrong_times"},
		does: func(t *testing.T, a *audited) {
			a.Log[2].Time += 2 * coupon.FrameTolerance
			a.close(t)
		},
	},
	{
		name: "closes an empty frame while it gives coupons out", found: []string{"coupon_not_in_log"},
		does: func(t *testing.T, a *audited) {
			made := a.release()
			a.Log, a.SN, a.Q = nil, 0, coupon.FirstLink(coupon.Hash{}, a.Beacon)
			a.close(t)
			a.spend(t, made)
		},
	},
	{
		name: "closes late", found: []string{"late_frame"}, reported: []string{"late_frame"},
		does: func(t *testing.T, a *audited) {
			a.pass(t, frameAge+2*time.Minute)
			a.close(t)
		},
	},
	{
		name: "does not close", found: []string{"missing_frame"}, reported: []string{"missing_frame"},
		does: func(t *testing.T, a *audited) {
			a.spend(t, a.release())
			a.pass(t, frameAge+2*time.Minute)
		},
	},
	{
		name: "gives one serial number twice", found: []string{"serial_twice"},
		does: func(t *testing.T, a *audited) {
			a.spend(t, a.twin())
			a.close(t)
		},
	},
	{
		name: "shows no log", found: []string{"log_not_served"}, reported: []string{"log_not_served"},
		does: func(t *testing.T, a *audited) {
			ref := a.Frame
			a.Close(t)
			a.noticed(t, ref)
			a.pass(t, 11*time.Minute)
		},
	},
}

// twin is another coupon with the serial number of the last one, for another
// customer, of which the log has nothing.
func (a *audited) twin() coupon.Coupon {
	q, sn, log := a.Q, a.SN, slices.Clone(a.Log)
	a.SN--
	twin := a.release()
	a.Q, a.SN, a.Log = q, sn, log
	return twin
}

func TestWhatAnAdvertiserDoesIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range cheats {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newAudited(t)
			ref := a.Frame
			for range 3 {
				a.release()
			}
			c.does(t, a)
			a.found(t, ref, c.found...)
			for _, m := range a.reported(t, c.reported...) {
				if digest := sha256.Sum256([]byte(m.GetEvidence())); !slices.Equal(m.GetEvidenceSha256(), digest[:]) || m.GetStatement() == "" {
					t.Errorf("the evidence is not what is on the ledger: %v", m)
				}
			}
		})
	}
}

// Static coupons are counted only: nobody is asked for their log.
func TestFramesOfStaticCouponsAreCounted(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	static := campaigntest.Publish(t, a.consortium, campaigntest.Options{ID: "static"}).OpenLane(t, 0)
	a.consortium.Clock.Advance(time.Second)
	_, err := a.consortium.For(t, servetest.AdvertiserMSP).Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "CloseFrame", Argument: static.Frame,
		Input: coupon.FrameContent{
			Salt: coupon.Hash(campaigntest.RandomKey()), Last: static.Q, LastSN: 5, Count: 5, Root: coupon.EmptyRoot,
		},
		Endorsers: []string{servetest.IssuerMSP, servetest.AdvertiserMSP},
	})
	if err != nil {
		t.Fatal(err)
	}
	if shown := a.examined(t, static.Frame, 0); shown.GetCoupons() != 0 || len(shown.GetFindings()) != 0 {
		t.Errorf("the audit is %v", shown)
	}
}
