// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"crypto/x509"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/retailer"
	"ecoupon/services/wallet"
)

// store is a retailer that emits purchase proofs, by two services of one
// organisation.
const store = "StoreMSP"

const grinder = "(01)09521234543213(21)S0001"

// shops are the store, whose services have the shipped configuration and mutual
// TLS, and another retailer.
type shops struct {
	*ledgertest.Consortium
	emitter     *servetest.Service
	till        retailerv1.RetailerServiceClient
	home, other *retailer.Service
	address     string
	roots       *x509.CertPool
	wallet      *wallet.Wallet
}

func newShops(t *testing.T) *shops {
	t.Helper()
	roles := []string{config.RoleRetailer, config.RoleAdvertiser}
	c := ledgertest.New(t, ledgertest.Options{
		Organisations: append(servetest.Default(), config.Organisation{MSPID: store, Roles: roles}),
	})
	c.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	s := &shops{Consortium: c, other: runRetailer(t, c, servetest.RetailerMSP, nil)}
	var issuing advertiser.Config
	var selling retailer.Config
	if err := errors.Join(config.Load("config/advertiser.json", &issuing), config.Load("config/retailer.json", &selling)); err != nil {
		t.Fatal(err)
	}
	emitter, address, roots := runAdvertiser(t, c, store)
	s.address, s.roots = address, roots
	s.emitter = c.Serve(t, store, serve.Options{Config: issuing.Serve, Register: func(to grpc.ServiceRegistrar) {
		advertiserv1.RegisterAdvertiserServiceServer(to, advertiser.NewServer(emitter))
	}})
	s.home = runRetailer(t, c, store, retailer.NewAdvertiserService(s.emitter.Dial(t, c.Caller(t, store, serve.RoleService))))
	counter := c.Serve(t, store, serve.Options{Config: selling.Serve, Register: func(to grpc.ServiceRegistrar) {
		retailerv1.RegisterRetailerServiceServer(to, retailer.NewServer(s.home))
	}})
	s.till = retailerv1.NewRetailerServiceClient(counter.Dial(t, c.Caller(t, store, serve.RoleTill)))
	s.wallet = s.newWallet(t)
	return s
}

func (s *shops) newWallet(t *testing.T) *wallet.Wallet {
	t.Helper()
	w, err := wallet.New(wallet.Config{Path: filepath.Join(t.TempDir(), "w"), Roots: s.roots, Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// publish makes an offer of proofs, good at both retailers.
func (s *shops) publish(t *testing.T, id string, holder coupon.Holder) *campaigntest.Campaign {
	t.Helper()
	return campaigntest.Publish(t, s.Consortium, campaigntest.Options{
		ID: id, Kind: coupon.KindProof, MaxFrameAge: time.Hour, Holder: holder, Emitter: store,
		Retailers: []string{store, servetest.RetailerMSP},
	})
}

// buy asks at the till for the proof of a sale.
func (s *shops) buy(t *testing.T, expected wallet.Expectation, product string) (string, error) {
	t.Helper()
	response, err := s.till.IssueProof(t.Context(), &retailerv1.IssueProofRequest{
		RequestId: uuid.NewString(), FrameworkId: expected.Framework.String(), UData: expected.UData[:],
		ProductId: product, InvoiceNumber: "R-1",
	})
	return response.GetCoupon(), err
}

// TestLifeOfAPurchaseProof sells a product, and redeems its proof at another
// retailer; a second one of the same product is not to be had, and the first one
// counts once.
func TestLifeOfAPurchaseProof(t *testing.T) {
	t.Parallel()
	s := newShops(t)
	for _, holder := range []coupon.Holder{coupon.HolderBound, coupon.HolderBearer} {
		t.Run(string(holder), func(t *testing.T) {
			campaign := s.publish(t, "proven-"+string(holder), holder)
			offer := shownAt(t, s.wallet, s.address, campaign.Framework.ID)
			expected, err := s.wallet.Expect(s.address, offer)
			if err != nil {
				t.Fatal(err)
			}
			text, err := s.buy(t, expected, grinder)
			if err != nil {
				t.Fatal(err)
			}
			held, err := s.wallet.Accept(text)
			if err != nil || held.ID != expected.ID || held.State != wallet.Held {
				t.Fatalf("accepted as %+v, %v", held, err)
			}
			_, err = s.buy(t, expected, grinder)
			if got := reasonOf(err); got != coupon.ReasonProductHasProof || status.Code(err) != codes.AlreadyExists {
				t.Errorf("a second proof: %v", err)
			}
			show := func(retailer string) coupon.CheckedCoupon {
				t.Helper()
				shown, err := s.wallet.Present(held.ID, wallet.Audience{Retailer: retailer})
				if err != nil {
					t.Fatal(err)
				}
				return coupon.CheckedCoupon{Text: shown}
			}
			redeemed, err := s.other.Redeem(t.Context(), saleOf(s.Consortium, show(servetest.RetailerMSP)))
			if err != nil || redeemed.Total != 100 {
				t.Fatalf("redeemed: %+v, %v", redeemed, err)
			}
			_, err = s.home.Redeem(t.Context(), saleOf(s.Consortium, show(store)))
			var refused *ledger.BatchRefusal
			if !errors.As(err, &refused) || refused.Refusals[0].Reason != coupon.ReasonAlreadyRedeemed {
				t.Errorf("again at home: %v", err)
			}
		})
	}
}

// TestSalesOfOneProductAtOnce: a dishonest emitter could release several proofs
// of a product; of those that are redeemed at once one counts, and the others
// are told so.
func TestSalesOfOneProductAtOnce(t *testing.T) {
	t.Parallel()
	s := newShops(t)
	campaign := campaigntest.Publish(t, s.Consortium, campaigntest.Options{
		Kind: coupon.KindProof, MaxFrameAge: time.Hour, Retailers: []string{servetest.AdvertiserMSP, servetest.RetailerMSP},
	})
	lane := campaign.OpenLane(t, 0)
	product := coupon.Product{Tag: coupon.ProductTag(coupon.DeriveProductKey(campaign.Key), grinder)}
	answers := make(chan error, 8)
	for range cap(answers) {
		proof := lane.Proof(product)
		go func() {
			_, err := s.other.Redeem(t.Context(), saleOf(s.Consortium, coupon.CheckedCoupon{Text: proof.Text()}))
			answers <- err
		}()
	}
	redeemed := 0
	for range cap(answers) {
		err := <-answers
		var refused *ledger.BatchRefusal
		switch {
		case err == nil:
			redeemed++
		case !errors.As(err, &refused) || refused.Refusals[0].Reason != coupon.ReasonProductUsed:
			t.Errorf("another sale: %v", err)
		}
	}
	if redeemed != 1 {
		t.Errorf("%d sales got the discount", redeemed)
	}
}

// TestReplicasReleaseTwoProofsOfAProduct: each knows its own proofs only. Of the two
// one is redeemed, whichever comes first, and after that none is released.
func TestReplicasReleaseTwoProofsOfAProduct(t *testing.T) {
	t.Parallel()
	c := ledgertest.New(t, ledgertest.Options{
		Organisations: append(servetest.Default(), config.Organisation{MSPID: store, Roles: []string{config.RoleRetailer, config.RoleAdvertiser}}),
	})
	c.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	first, _, _ := runAdvertiser(t, c, store, 0)
	second, _, _ := runAdvertiser(t, c, store, 1)
	till := runRetailer(t, c, servetest.RetailerMSP, nil)
	campaign := campaigntest.Publish(t, c, campaigntest.Options{
		ID: "proven", Kind: coupon.KindProof, MaxFrameAge: time.Hour, Emitter: store, Quotas: []int64{10, 10},
		Retailers: []string{store, servetest.RetailerMSP},
	})
	ask := func(replica *advertiser.Advertiser) (text string, err error) {
		uData := campaigntest.RandomKey()
		request := advertiser.ProofRequest{
			ID: uuid.NewString(), Framework: campaign.Framework.ID, UData: uData[:], Product: grinder, Invoice: "R-1",
		}
		eventually(t, func() bool {
			var proof coupon.Coupon
			proof, err = replica.IssueProof(t.Context(), request)
			text = proof.Text()
			reason, _ := coupon.ReasonOf(err)
			return reason != coupon.ReasonUnknownFramework // the replica may have yet to learn of it
		})
		return text, err
	}
	one, err := ask(first)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ask(first)
	wantRefusal(t, "the same replica", err, coupon.ReasonProductHasProof)
	two, err := ask(second)
	if err != nil {
		t.Fatal(err)
	}
	c.Clock.Advance(time.Second)
	if _, err := till.Redeem(t.Context(), saleOf(c, coupon.CheckedCoupon{Text: two})); err != nil {
		t.Fatal(err)
	}
	_, err = till.Redeem(t.Context(), saleOf(c, coupon.CheckedCoupon{Text: one}))
	wantRefusal(t, "the other proof", err, coupon.ReasonProductUsed)
	for _, replica := range []*advertiser.Advertiser{first, second} {
		_, err := ask(replica)
		wantRefusal(t, "once one is redeemed", err, coupon.ReasonProductUsed)
	}
}

func TestTillsOfARetailerThatEmitsNothing(t *testing.T) {
	t.Parallel()
	s := newShops(t)
	_, err := s.other.IssueProof(t.Context(), retailer.Proof{RequestID: uuid.NewString()})
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonUnknownFramework {
		t.Errorf("without an emitter: %v", err)
	}
	_, err = s.home.IssueProof(t.Context(), retailer.Proof{RequestID: "1"})
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonInvalidRequest {
		t.Errorf("without a request id: %v", err)
	}
	_, err = s.till.IssueProof(t.Context(), &retailerv1.IssueProofRequest{RequestId: uuid.NewString(), FrameworkId: "x"})
	if got := reasonOf(err); got != coupon.ReasonInvalidRequest {
		t.Errorf("without a framework: %v", err)
	}
	if err := s.emitter.Stop(); err != nil {
		t.Fatal(err)
	}
	_, err = s.home.IssueProof(t.Context(), retailer.Proof{RequestID: uuid.NewString()})
	if !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("while the emitter is away: %v", err)
	}
}

func reasonOf(err error) coupon.Reason {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return coupon.Reason(info.GetReason())
		}
	}
	return ""
}
