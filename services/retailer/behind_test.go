// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
)

// An issuer's peer that was away does not know a batch yet: that is no refusal
// of its void, which succeeds when the peer has caught up.
func TestVoidWhileTheIssuersPeerIsBehind(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	d.redeem(t, d.sale(campaign.Text(1))) // all that is read once is read
	c := d.consortium
	c.Network.Lag(issuer)
	redeemed := d.redeem(t, d.sale(campaign.Text(2)))
	void := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: redeemed.GetRedemptionId()}
	_, err := d.operator.Void(t.Context(), void)
	wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
	c.Network.CatchUp(issuer)
	if _, err := d.operator.Void(t.Context(), void); err != nil {
		t.Errorf("the same request again: %v", err)
	}
}

// What the issuer has just changed its peer knows, and the own one has yet to see: no
// till is told otherwise, and no other sale waits.
func TestRedeemWhileTheOwnPeerIsBehind(t *testing.T) {
	t.Parallel()
	kinds := map[string]struct {
		options        campaigntest.Options
		before, change func(*testing.T, *campaigntest.Campaign)
		text           func(*testing.T, *campaigntest.Campaign) string
	}{
		"a new mandate": {text: func(t *testing.T, p *campaigntest.Campaign) string { return p.EmittedBy(t, clearing).Text(1) }},
		"a raised quota": {
			change: func(t *testing.T, p *campaigntest.Campaign) { p.Raise(t, 2000) },
			text:   func(_ *testing.T, p *campaigntest.Campaign) string { return p.Text(1500) },
		},
		"a mandate reinstated": {
			before: func(t *testing.T, p *campaigntest.Campaign) { p.Suspend(t) },
			change: func(t *testing.T, p *campaigntest.Campaign) { p.Reinstate(t) },
		},
		"an admission": {
			options: campaigntest.Options{Retailers: []string{}},
			change:  func(t *testing.T, p *campaigntest.Campaign) { p.Admit(t, shop) },
		},
		"a campaign resumed": {
			before: func(t *testing.T, p *campaigntest.Campaign) { p.Change(t, "PauseCampaign") },
			change: func(t *testing.T, p *campaigntest.Campaign) { p.Change(t, "ResumeCampaign") },
		},
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConsortium(t, impatient)
			other, campaign := campaigntest.Publish(t, c, campaigntest.Options{ID: "other"}), campaigntest.Publish(t, c, kind.options)
			d := start(t, c, filepath.Join(t.TempDir(), "retailer.db"), nil)
			d.redeem(t, d.sale(other.Text(1)))
			if kind.before != nil {
				kind.before(t, campaign)
			}
			c.Network.Lag(shop)
			text := campaign.Text(2)
			if kind.change != nil {
				kind.change(t, campaign)
			}
			if kind.text != nil {
				text = kind.text(t, campaign)
			}
			request := d.sale(text)
			_, err := d.till.Redeem(t.Context(), request)
			wantRefusal(t, err, codes.Unavailable, "TRY_AGAIN")
			height, goesOn := c.Network.Height(), d.sale(other.Text(2))
			go func() { _, _ = d.till.Redeem(t.Context(), goesOn) }()
			eventually(t, "another sale goes on", func(context.Context) bool { return c.Network.Height() > height })
			c.Network.CatchUp(shop)
			for _, request := range []*retailerv1.RedeemRequest{goesOn, request} {
				eventually(t, "the same request is accepted", func(ctx context.Context) bool {
					_, err := d.till.Redeem(ctx, request)
					return err == nil
				})
			}
		})
	}
}

// The issuer's peer knows a redemption that the own peer has yet to see: the
// till is not told that there is none.
func TestRepeatWhileTheOwnPeerIsBehind(t *testing.T) {
	t.Parallel()
	c := newConsortium(t, impatient)
	campaign := campaigntest.Publish(t, c, campaigntest.Options{})
	d := start(t, c, filepath.Join(t.TempDir(), "retailer.db"), nil)
	empty := start(t, c, filepath.Join(t.TempDir(), "empty.db"), nil)
	d.redeem(t, d.sale(campaign.Text(1)))
	empty.redeem(t, empty.sale(campaign.Text(2))) // all that is read once is read

	c.Network.Lag(shop)
	request := d.sale(campaign.Text(3))
	c.FailBefore(shop, ledgertest.StepStatus, 1_000, ledgertest.ErrPeerAway)
	_, err := d.till.Redeem(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "OUTCOME_UNKNOWN")
	_, err = empty.till.Redeem(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "TRY_AGAIN")
	c.Heal()
	c.Network.CatchUp(shop)
	var first, again *retailerv1.RedeemResponse
	for _, replica := range []struct {
		*desk
		answer **retailerv1.RedeemResponse
	}{{d, &first}, {empty, &again}} {
		eventually(t, "the repeat is answered", func(ctx context.Context) bool {
			answer, err := replica.till.Redeem(ctx, request)
			*replica.answer = answer
			return err == nil
		})
	}
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" {
		t.Errorf("answers of two replicas (-first +again):\n%s", diff)
	}
}

// While an empty store fills it never takes for unclaimed what was claimed.
func TestClaimWhileAnEmptyStoreFills(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	for sn := range int64(20) {
		d.redeem(t, d.sale(campaign.Text(sn+1)))
	}
	claim := d.claim(t, issuer)[0]
	again := start(t, d.consortium, filepath.Join(t.TempDir(), "empty.db"), nil)
	eventually(t, "the claim is learnt", func(ctx context.Context) bool {
		if left := again.claim(t, issuer); len(left) != 0 {
			t.Fatalf("claimed again: %v", left)
		}
		page, err := again.operator.ListClaims(ctx, &retailerv1.ListClaimsRequest{PageSize: 1})
		return err == nil && len(page.GetClaims()) == 1
	})
	wantClaims(t, again, claim)
}

// A coupon that another shop's void has freed is good, whatever the own peer
// has yet to see: it is not refused as used, though an endorser says so.
func TestRedeemAfterAVoidThatTheOwnPeerHasYetToSee(t *testing.T) {
	t.Parallel()
	d, next, campaign := shops(t)
	c := d.consortium
	sold := next.redeem(t, next.sale(campaign.Text(3)))
	c.Network.Lag(shop)
	next.void(t, sold.GetRedemptionId())
	request := d.sale(campaign.Text(3))
	_, err := d.operator.Redeem(t.Context(), request)
	wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
	c.Network.CatchUp(shop)
	d.redeem(t, request)
	_, err = d.operator.Redeem(t.Context(), d.sale(campaign.Text(3)))
	wantRefusal(t, err, codes.AlreadyExists, "ALREADY_REDEEMED")
}

// A void is not acknowledged before the issuer's peer has seen it: until then
// the coupon would be refused elsewhere as used.
func TestVoidThatTheIssuersPeerHasYetToSee(t *testing.T) {
	t.Parallel()
	d, campaign := open(t)
	redeemed := d.redeem(t, d.sale(campaign.Text(1)))
	void := &retailerv1.VoidRequest{RequestId: uuid.NewString(), RedemptionId: redeemed.GetRedemptionId()}
	d.consortium.Network.Lag(issuer)
	for range 2 {
		_, err := d.operator.Void(t.Context(), void)
		wantRefusal(t, err, codes.Unavailable, "LEDGER_UNAVAILABLE")
	}
	d.consortium.Network.CatchUp(issuer)
	if _, err := d.operator.Void(t.Context(), void); err != nil {
		t.Errorf("the same request again: %v", err)
	}
	// What becomes of the coupon then does not concern the void.
	d.redeem(t, d.sale(campaign.Text(1)))
	if _, err := d.operator.Void(t.Context(), void); err != nil {
		t.Errorf("a late repeat: %v", err)
	}
}
