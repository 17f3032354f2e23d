// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// walletKey is the n-th customer's.
func walletKey(n int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "wallet %d", n))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicKey(n int) coupon.PublicKey {
	return coupon.PublicKey(walletKey(n).Public().(ed25519.PublicKey))
}

// transferStand offers coupons that may be handed on twice.
func transferStand(t *testing.T, limits advertiser.Limits) (stand, *campaigntest.Campaign) {
	t.Helper()
	s := runStand(t, newConsortium(t), filepath.Join(t.TempDir(), "advertiser.db"), limits)
	o := campaigntest.Publish(t, s.consortium, campaigntest.Options{ID: "present", Holder: coupon.HolderBound, MaxTransfers: 2})
	s.offered(t, o.Framework)
	return s, o
}

// couponOf gets the n-th customer a coupon.
func (s stand) couponOf(t *testing.T, o *campaigntest.Campaign, n int) coupon.Coupon {
	t.Helper()
	owner := publicKey(n)
	answer, err := s.client.IssueCoupon(t.Context(), &advertiserv1.IssueCouponRequest{
		RequestId: uuid.NewString(), FrameworkId: o.Framework.ID.String(), Owner: owner[:],
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := coupon.ParseCoupon(answer.GetCoupon())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// handOn is a transfer by one customer to another, signed now.
func (s stand) handOn(c coupon.Coupon, step int64, from, to int) coupon.Transfer {
	t := coupon.Transfer{
		Coupon: c, Step: step, NewOwner: publicKey(to), At: s.consortium.Clock.Now().UnixMilli(), Nonce: coupon.Nonce{byte(to)},
	}
	t.Sign(walletKey(from))
	return t
}

// postTransfer asks as the public does.
func (s stand) postTransfer(t *testing.T, framework coupon.FrameworkID, text string) (reply, *advertiserv1.Ownership) {
	t.Helper()
	got := s.visit(t, http.MethodPost, "/v1/offers/"+framework.String()+"/transfers", "application/json", fmt.Sprintf(`{"transfer":%q}`, text))
	var response advertiserv1.TransferCouponResponse
	if got.status == http.StatusOK {
		if err := protojson.Unmarshal(got.body, &response); err != nil {
			t.Fatalf("%s: %v", got.body, err)
		}
	}
	return got, response.GetOwnership()
}

func (s stand) askOwner(t *testing.T, c coupon.Coupon) *advertiserv1.Ownership {
	t.Helper()
	got := s.visit(t, http.MethodGet, "/v1/offers/"+c.Framework.String()+"/owners/"+c.Text(), "", "")
	var response advertiserv1.GetOwnerResponse
	if err := protojson.Unmarshal(got.body, &response); err != nil || got.status != http.StatusOK {
		t.Fatalf("status %d, %s, %v", got.status, got.body, err)
	}
	return response.GetOwnership()
}

func TestThePublicHandsCouponsOn(t *testing.T) {
	t.Parallel()
	s, o := transferStand(t, advertiser.Limits{})
	c := s.couponOf(t, o, 1)
	if owned := s.askOwner(t, c); owned.GetStep() != 0 || coupon.PublicKey(owned.GetOwner()) != publicKey(1) || owned.GetSinceTime() != nil || len(owned.GetTransferSha256()) != 0 {
		t.Errorf("before: %v", owned)
	}
	var before coupon.Transfer
	for step := range 2 {
		transfer := s.handOn(c, int64(step+1), step+1, step+2)
		for range 2 { // the second time it is on the ledger
			got, owned := s.postTransfer(t, c.Framework, transfer.Text())
			if got.status != http.StatusOK || owned.GetStep() != transfer.Step || coupon.PublicKey(owned.GetOwner()) != transfer.NewOwner ||
				coupon.Hash(owned.GetTransferSha256()) != transfer.Digest() || owned.GetSinceTime() == nil {
				t.Fatalf("step %d: %d %s", step+1, got.status, got.body)
			}
		}
		if owned := s.askOwner(t, c); coupon.PublicKey(owned.GetOwner()) != transfer.NewOwner {
			t.Errorf("step %d: %v", step+1, owned)
		}
		if step == 1 {
			// Of a step that is over, too.
			if got, owned := s.postTransfer(t, c.Framework, before.Text()); got.status != http.StatusOK || owned.GetStep() != 1 {
				t.Errorf("the first transfer again: %d %s", got.status, got.body)
			}
		}
		before = transfer
	}
	s.consortium.Clock.Advance(time.Hour)
	answer, err := s.client.TransferCoupon(t.Context(), &advertiserv1.TransferCouponRequest{FrameworkId: c.Framework.String(), Transfer: before.Text()})
	if err != nil || answer.GetOwnership().GetStep() != 2 {
		t.Errorf("an hour later: %v, %v", answer, err)
	}
}

func TestTransfersAreRefused(t *testing.T) {
	t.Parallel()
	s, o := transferStand(t, advertiser.Limits{})
	plain := mandate(t, s.consortium, campaign{id: "bound", holder: coupon.HolderBound, quotas: []int64{10}}, servetest.AdvertiserMSP)
	s.offered(t, o.Framework, plain)
	c := s.couponOf(t, o, 1)
	if got, _ := s.postTransfer(t, c.Framework, s.handOn(c, 1, 1, 2).Text()); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	forged := c
	forged.EmitterMAC[0] ^= 1
	late := s.handOn(c, 2, 2, 3)
	late.At -= 120_001
	late.Sign(walletKey(2))
	early := s.handOn(c, 2, 2, 3)
	early.At += 31_000
	early.Sign(walletKey(2))
	for name, test := range map[string]struct {
		framework coupon.FrameworkID
		text      string
		status    int
		reason    coupon.Reason
	}{
		"no transfer":          {c.Framework, "et1.", http.StatusBadRequest, coupon.ReasonMalformedTransfer},
		"a coupon":             {c.Framework, c.Text(), http.StatusBadRequest, coupon.ReasonMalformedTransfer},
		"unknown offer":        {coupon.FrameworkID{1}, s.handOn(c, 2, 2, 3).Text(), http.StatusNotFound, coupon.ReasonUnknownFramework},
		"another offer":        {plain.ID, s.handOn(c, 2, 2, 3).Text(), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		"forged coupon":        {c.Framework, s.handOn(forged, 2, 2, 3).Text(), http.StatusConflict, coupon.ReasonWrongMAC},
		"by the former owner":  {c.Framework, s.handOn(c, 1, 1, 3).Text(), http.StatusConflict, coupon.ReasonCouponTransferred},
		"signed by that one":   {c.Framework, s.handOn(c, 2, 1, 3).Text(), http.StatusConflict, coupon.ReasonWrongSignature},
		"a step left out":      {c.Framework, s.handOn(c, 3, 2, 3).Text(), http.StatusConflict, coupon.ReasonWrongTransferStep},
		"too old":              {c.Framework, late.Text(), http.StatusConflict, coupon.ReasonTransferExpired},
		"from the future":      {c.Framework, early.Text(), http.StatusConflict, coupon.ReasonTransferFromFuture},
		"to the owner":         {c.Framework, s.handOn(c, 2, 2, 2).Text(), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		"not in this campaign": {plain.ID, s.handOn(s.plainCoupon(t, plain), 1, 1, 2).Text(), http.StatusConflict, coupon.ReasonTransferNotAllowed},
	} {
		if got, _ := s.postTransfer(t, test.framework, test.text); got.status != test.status || got.reason != test.reason {
			t.Errorf("%s: %d %s, want %d %s", name, got.status, got.body, test.status, test.reason)
		}
	}
	if owned := s.askOwner(t, c); owned.GetStep() != 1 || coupon.PublicKey(owned.GetOwner()) != publicKey(2) {
		t.Errorf("the owner is %v", owned)
	}
	change(t, s.consortium, "PauseCampaign", "present")
	if got, _ := s.postTransfer(t, c.Framework, s.handOn(c, 2, 2, 3).Text()); got.reason != coupon.ReasonCampaignPaused {
		t.Errorf("paused: %d %s", got.status, got.body)
	}
}

// plainCoupon is customer 1's coupon of a campaign without transfers.
func (s stand) plainCoupon(t *testing.T, f coupon.Framework) coupon.Coupon {
	t.Helper()
	return s.couponOf(t, &campaigntest.Campaign{Framework: f}, 1)
}

func TestTransferRequestsAreStrict(t *testing.T) {
	t.Parallel()
	s, o := transferStand(t, advertiser.Limits{})
	c := s.couponOf(t, o, 1)
	path, owners := "/v1/offers/"+c.Framework.String()+"/transfers", "/v1/offers/"+c.Framework.String()+"/owners/"
	good := fmt.Sprintf(`{"transfer":%q}`, s.handOn(c, 1, 1, 2).Text())
	const media = "application/json"
	for name, test := range map[string]struct {
		method, path, media, body string
		status                    int
		reason                    coupon.Reason
	}{
		"media":            {http.MethodPost, path, "text/plain", good, http.StatusUnsupportedMediaType, coupon.ReasonInvalidRequest},
		"no JSON":          {http.MethodPost, path, media, "et1.", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		"unknown field":    {http.MethodPost, path, media, `{"transfer":"","x":1}`, http.StatusBadRequest, coupon.ReasonInvalidRequest},
		"two objects":      {http.MethodPost, path, media, good + good, http.StatusBadRequest, coupon.ReasonInvalidRequest},
		"nothing":          {http.MethodPost, path, media, `{}`, http.StatusBadRequest, coupon.ReasonMalformedTransfer},
		"too large":        {http.MethodPost, path, media, good + fmt.Sprintf("%5000s", ""), http.StatusRequestEntityTooLarge, coupon.ReasonInvalidRequest},
		"query":            {http.MethodPost, path + "?x=1", media, good, http.StatusBadRequest, coupon.ReasonInvalidRequest},
		"another offer":    {http.MethodPost, path, media, `{"framework_id":"ff","transfer":""}`, http.StatusBadRequest, coupon.ReasonInvalidRequest},
		"no framework":     {http.MethodPost, "/v1/offers/x/transfers", media, good, http.StatusBadRequest, coupon.ReasonInvalidRequest},
		"method":           {http.MethodGet, path, "", "", http.StatusMethodNotAllowed, coupon.ReasonInvalidRequest},
		"owner, method":    {http.MethodPost, owners + c.Text(), media, "{}", http.StatusMethodNotAllowed, coupon.ReasonInvalidRequest},
		"owner, query":     {http.MethodGet, owners + c.Text() + "?x=1", "", "", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		"owner, no coupon": {http.MethodGet, owners + "ec1.", "", "", http.StatusBadRequest, coupon.ReasonMalformedCoupon},
		"owner, framework": {http.MethodGet, "/v1/offers/x/owners/" + c.Text(), "", "", http.StatusBadRequest, coupon.ReasonInvalidRequest},
	} {
		if got := s.visit(t, test.method, test.path, test.media, test.body); got.status != test.status || got.reason != test.reason {
			t.Errorf("%s: %d %s, want %d %s", name, got.status, got.body, test.status, test.reason)
		}
	}
	if owned := s.askOwner(t, c); owned.GetStep() != 0 {
		t.Errorf("the coupon was handed on: %v", owned)
	}
}

// TestTransfersAreLimited counts transfers and questions for owners together.
func TestTransfersAreLimited(t *testing.T) {
	t.Parallel()
	s, o := transferStand(t, advertiser.Limits{TransferRate: 1, TransferBurst: 2})
	c := s.couponOf(t, o, 1)
	s.askOwner(t, c)
	transfer := s.handOn(c, 1, 1, 2).Text()
	if got, _ := s.postTransfer(t, c.Framework, transfer); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	got, _ := s.postTransfer(t, c.Framework, transfer)
	if got.reason != coupon.ReasonRateLimited || got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
	s.consortium.Clock.Advance(time.Second)
	if got, _ := s.postTransfer(t, c.Framework, transfer); got.status != http.StatusOK {
		t.Errorf("a second later: %d %s", got.status, got.body)
	}
}

// TestOneOfManyTransfersIsMade sends different transfers of one coupon at once,
// each of them twice.
func TestOneOfManyTransfersIsMade(t *testing.T) {
	t.Parallel()
	s, o := transferStand(t, advertiser.Limits{})
	c := s.couponOf(t, o, 1)
	const customers = 4
	var group sync.WaitGroup
	replies := make([]reply, 2*customers)
	for customer := range customers {
		text := s.handOn(c, 1, 1, 2+customer).Text()
		for i := range 2 {
			group.Go(func() { replies[2*customer+i], _ = s.postTransfer(t, c.Framework, text) })
		}
	}
	group.Wait()
	owned := s.askOwner(t, c)
	made := 0
	for i, got := range replies {
		mine := coupon.PublicKey(owned.GetOwner()) == publicKey(2+i/2)
		switch {
		case mine && got.status == http.StatusOK:
			made++
		case !mine && got.reason == coupon.ReasonCouponTransferred:
		default:
			t.Errorf("customer %d: %d %s", 2+i/2, got.status, got.body)
		}
	}
	if made != 2 || owned.GetStep() != 1 {
		t.Errorf("%d of both repetitions were made, the owner is %v", made, owned)
	}
}

// TestATransferWhoseOutcomeIsLostIsRepeated loses the status of the transaction,
// and sends the same to a service with an empty store.
func TestATransferWhoseOutcomeIsLostIsRepeated(t *testing.T) {
	t.Parallel()
	s, o := transferStand(t, advertiser.Limits{})
	c := s.couponOf(t, o, 1)
	transfer := s.handOn(c, 1, 1, 2)
	s.consortium.FailAfter(servetest.AdvertiserMSP, ledgertest.StepStatus, 1000, errors.New("lost"))
	request := &advertiserv1.TransferCouponRequest{FrameworkId: c.Framework.String(), Transfer: transfer.Text()}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // the server answers before
	defer cancel()
	_, err := s.client.TransferCoupon(ctx, request)
	refusal{codes.Unavailable, coupon.ReasonOutcomeUnknown}.check(t, err)
	s.consortium.Heal()
	s.end(t)
	s = runStand(t, s.consortium, filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{})
	eventually(t, func() error { _, err := s.client.TransferCoupon(t.Context(), request); return err })
	if owned := s.askOwner(t, c); owned.GetStep() != 1 {
		t.Errorf("the owner is %v", owned)
	}
}

// TestTransfersNeedTheLedger: without it the customer is told to try again.
func TestTransfersNeedTheLedger(t *testing.T) {
	t.Parallel()
	s, o := transferStand(t, advertiser.Limits{})
	c := s.couponOf(t, o, 1)
	s.consortium.FailBefore(servetest.AdvertiserMSP, ledgertest.StepEvaluate, 1000, ledgertest.ErrPeerAway)
	got, _ := s.postTransfer(t, c.Framework, s.handOn(c, 1, 1, 2).Text())
	if got.status != http.StatusServiceUnavailable || got.reason != coupon.ReasonLedgerUnavailable {
		t.Errorf("%d %s", got.status, got.body)
	}
	s.consortium.Heal()
	if got, _ := s.postTransfer(t, c.Framework, s.handOn(c, 1, 1, 2).Text()); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
}
