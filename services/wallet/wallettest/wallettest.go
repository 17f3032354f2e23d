// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package wallettest is an advertiser for tests of whatever uses a wallet: the
// public protocol over real TLS, with real mandates and coupons, and with the
// misbehaviour that a wallet must withstand.
package wallettest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// Terms is the terms document of every offer made by Offer.
const Terms = `{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`

// Misconduct is how the advertiser deviates. It is asked at each request, so a
// test can change its fields between calls of the wallet.
type Misconduct struct {
	// LoseAnswers closes the connection after issuing, or handing on, this many
	// times.
	LoseAnswers int
	// Refuse answers requests for coupons and transfers with this reason.
	Refuse coupon.Reason
	// Owner is put into coupons in place of the customer's, or of what the
	// customer chose.
	Owner *coupon.PublicKey
	// Framework is put into coupons in place of the offer's.
	Framework *coupon.FrameworkID
	// Garbage is answered in place of a coupon.
	Garbage string
	// Static makes static coupons of a dynamic offer.
	Static bool
	// Owned may alter what is said of a coupon's owner.
	Owned func(*advertiserv1.Ownership)
	// Late is added to times of release.
	Late time.Duration
	// Receipt may alter answers with a receipt.
	Receipt func(*advertiserv1.GetReceiptResponse)
}

// Request is what the advertiser saw of a customer.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         map[string]any
	Peer         string
}

// Advertiser is the fake; its methods are safe for concurrent use.
type Advertiser struct {
	URL   string
	Roots *x509.CertPool
	// PEM has the same authorities as Roots, for a file.
	PEM []byte
	// Now is the advertiser's clock; it is set before the first request.
	Now func() time.Time

	keys   coupon.Key
	lanes  map[coupon.FrameworkID]*lane
	mu     sync.Mutex
	offers []*advertiserv1.Offer
	issued map[string]string
	// transfers has those of each coupon, oldest first.
	transfers map[coupon.Coupon][]coupon.Transfer
	serial    int64
	conduct   Misconduct
	requests  []Request
}

// New starts an advertiser without offers; it ends with the test.
func New(t testing.TB) *Advertiser {
	t.Helper()
	a := &Advertiser{
		issued: make(map[string]string), transfers: make(map[coupon.Coupon][]coupon.Transfer), lanes: make(map[coupon.FrameworkID]*lane),
		Roots: x509.NewCertPool(), Now: time.Now,
	}
	if _, err := rand.Read(a.keys[:]); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/offers", a.list)
	mux.HandleFunc("POST /v1/offers/{framework_id}/coupons", a.issue)
	mux.HandleFunc("GET /v1/offers/{framework_id}/receipts/{lane}/{sn}", a.receipt)
	mux.HandleFunc("POST /v1/offers/{framework_id}/transfers", a.transfer)
	mux.HandleFunc("GET /v1/offers/{framework_id}/owners/{coupon}", a.owner)
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	a.URL = server.URL
	a.Roots.AddCert(server.Certificate())
	a.PEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return a
}

// Offer adds an offer of a campaign of static coupons. change may alter what is
// shown, after the framework id was computed; nil for an honest one.
func (a *Advertiser) Offer(campaign string, holder typev1.Holder, begin time.Time, change func(*advertiserv1.Offer)) {
	a.offerOf(coupon.KindStatic, Terms, campaign, holder, begin, change)
}

func (a *Advertiser) offerOf(
	kind coupon.Kind, terms, campaign string, holder typev1.Holder, begin time.Time, change func(*advertiserv1.Offer),
) {
	m := coupon.Mandate{
		Issuer: "IssuerMSP", Emitter: "AdvertiserMSP", Product: "Cocoa 250 g", Offer: "50 cents off",
		Campaign: campaign, Version: 1, Kind: kind, Epoch: 1, TermsSHA256: sha256.Sum256([]byte(terms)),
	}
	shown := map[coupon.Kind]typev1.Kind{
		coupon.KindStatic: typev1.Kind_KIND_STATIC, coupon.KindDynamic: typev1.Kind_KIND_DYNAMIC, coupon.KindProof: typev1.Kind_KIND_PROOF,
	}[kind]
	offer := &advertiserv1.Offer{
		Campaign: &typev1.Campaign{
			Issuer: m.Issuer, Campaign: campaign, Version: 1, Product: m.Product, Offer: m.Offer, Terms: terms,
			Kinds: []typev1.Kind{shown}, Holder: holder,
			BeginTime: timestamppb.New(begin), EndTime: timestamppb.New(begin.AddDate(0, 0, 30)),
			Status: typev1.CampaignStatus_CAMPAIGN_STATUS_ACTIVE,
		},
		Framework: &typev1.Framework{
			FrameworkId: m.ID().String(), Issuer: m.Issuer, Emitter: m.Emitter, Campaign: campaign, Version: 1,
			Kind: shown, Epoch: 1, Quotas: []int64{1000},
		},
	}
	if change != nil {
		change(offer)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.offers = append(a.offers, offer)
}

// Misbehave sets what the advertiser does from now on.
func (a *Advertiser) Misbehave(m Misconduct) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conduct = m
}

// Requests returns all requests so far.
func (a *Advertiser) Requests() []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Request(nil), a.requests...)
}

// Issued returns the number of coupons made.
func (a *Advertiser) Issued() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int(a.serial)
}

func (a *Advertiser) note(r *http.Request) (body []byte) {
	var seen map[string]any
	if r.Method == http.MethodPost {
		_ = json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<16)).Decode(&seen)
		body, _ = json.Marshal(seen)
	}
	a.requests = append(a.requests, Request{
		Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: seen, Peer: r.RemoteAddr,
	})
	return body
}

// list answers two offers on a page.
func (a *Advertiser) list(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.note(r)
	const pageSize = 2
	from, _ := strconv.Atoi(r.URL.Query().Get("page_token"))
	to := min(from+pageSize, len(a.offers))
	page := &advertiserv1.ListOffersResponse{Offers: a.offers[from:to]}
	if to < len(a.offers) {
		page.NextPageToken = strconv.Itoa(to)
	}
	answer(w, page)
}

func (a *Advertiser) issue(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var request advertiserv1.IssueCouponRequest
	if err := protojson.Unmarshal(a.note(r), &request); err != nil {
		refuse(w, http.StatusBadRequest, coupon.ReasonInvalidRequest)
		return
	}
	if a.conduct.Refuse != "" {
		refuse(w, http.StatusConflict, a.conduct.Refuse)
		return
	}
	offer := a.offer(r.PathValue("framework_id"))
	if offer == nil {
		refuse(w, http.StatusNotFound, coupon.ReasonUnknownFramework)
		return
	}
	text, known := a.issued[request.GetRequestId()]
	if !known {
		text = a.make(offer, &request)
		a.issued[request.GetRequestId()] = text
	}
	if a.conduct.LoseAnswers > 0 {
		a.conduct.LoseAnswers--
		panic(http.ErrAbortHandler)
	}
	answer(w, &advertiserv1.IssueCouponResponse{Coupon: text})
}

func (a *Advertiser) offer(framework string) *advertiserv1.Offer {
	for _, offer := range a.offers {
		if offer.GetFramework().GetFrameworkId() == framework {
			return offer
		}
	}
	return nil
}

func (a *Advertiser) make(offer *advertiserv1.Offer, request *advertiserv1.IssueCouponRequest) string {
	if a.conduct.Garbage != "" {
		return a.conduct.Garbage
	}
	a.serial++
	c := coupon.Coupon{Kind: coupon.KindStatic, SN: a.serial, Bound: len(request.GetOwner()) > 0}
	_ = c.Framework.UnmarshalText([]byte(offer.GetFramework().GetFrameworkId()))
	copy(c.Owner[:], request.GetOwner())
	if offer.GetFramework().GetKind() == typev1.Kind_KIND_DYNAMIC && !a.conduct.Static {
		return a.release(c, request.GetUData())
	}
	if a.conduct.Owner != nil {
		c.Bound, c.Owner = true, *a.conduct.Owner
	}
	if a.conduct.Framework != nil {
		c.Framework = *a.conduct.Framework
	}
	c.EmitterMAC = c.MAC(a.keys, nil, coupon.Hash{})
	return c.Text()
}

func answer(w http.ResponseWriter, message proto.Message) {
	data, err := protojson.Marshal(message)
	if err != nil {
		refuse(w, http.StatusInternalServerError, coupon.ReasonInternal)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data)
}

func refuse(w http.ResponseWriter, status int, reason coupon.Reason) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"reason": string(reason), "message": string(reason) + ": so it is"})
}
