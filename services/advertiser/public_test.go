// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/servetest"
)

// reply is what an anonymous visitor gets.
type reply struct {
	status int
	reason coupon.Reason
	header http.Header
	body   []byte
}

// visit is a request without certificate.
func (s stand) visit(t *testing.T, method, path, media, body string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.PublicURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if media != "" {
		request.Header.Set("Content-Type", media)
	}
	response, err := s.HTTP().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := reply{status: response.StatusCode, header: response.Header, body: text}
	if response.StatusCode != http.StatusOK {
		var refused struct {
			Reason  coupon.Reason `json:"reason"`
			Message string        `json:"message"`
		}
		if err := json.Unmarshal(text, &refused); err != nil || refused.Message == "" {
			t.Errorf("%s %s: status %d with the body %q", method, path, response.StatusCode, text)
		}
		got.reason = refused.Reason
	}
	return got
}

func (s stand) post(t *testing.T, f coupon.Framework, body string) reply {
	t.Helper()
	return s.visit(t, http.MethodPost, couponsOf(f), "application/json", body)
}

func couponsOf(f coupon.Framework) string {
	return "/v1/offers/" + f.ID.String() + "/coupons"
}

func encode(owner []byte) string { return base64.StdEncoding.EncodeToString(owner) }

func TestThePublicSeesTheOffers(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	a := mandate(t, s.consortium, campaign{id: "a", holder: coupon.HolderBearer, quotas: []int64{1}}, servetest.AdvertiserMSP)
	b := mandate(t, s.consortium, campaign{id: "b", holder: coupon.HolderBound, quotas: []int64{1}}, servetest.AdvertiserMSP)
	want := s.offered(t, a, b)
	var got []*advertiserv1.Offer
	path := "/v1/offers?page_size=1"
	for {
		answer := s.visit(t, http.MethodGet, path, "", "")
		var page advertiserv1.ListOffersResponse
		if err := protojson.Unmarshal(answer.body, &page); err != nil {
			t.Fatalf("%d %s: %v", answer.status, answer.body, err)
		}
		got = append(got, page.GetOffers()...)
		if page.GetNextPageToken() == "" {
			break
		}
		path = "/v1/offers?page_size=1&page_token=" + page.GetNextPageToken()
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("offers (-API +public):\n%s", diff)
	}
}

func TestThePublicGetsCoupons(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	bearer := mandate(t, s.consortium, campaign{id: "bearer", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	bound := mandate(t, s.consortium, campaign{id: "bound", holder: coupon.HolderBound, quotas: []int64{10}}, servetest.AdvertiserMSP)
	s.offered(t, bearer, bound)
	owner := newOwner(t)
	for _, test := range []struct {
		name      string
		framework coupon.Framework
		body      string
	}{
		{"bearer", bearer, fmt.Sprintf(`{"request_id":%q}`, uuid.NewString())},
		{"bound", bound, fmt.Sprintf(`{"request_id":%q,"owner":%q}`, uuid.NewString(), encode(owner))},
		{"names as JSON has them", bound, fmt.Sprintf(`{"requestId":%q,"owner":%q}`, uuid.NewString(), encode(owner))},
		{"the framework twice", bearer, fmt.Sprintf(`{"request_id":%q,"framework_id":%q}`, uuid.NewString(), bearer.ID)},
	} {
		var first advertiserv1.IssueCouponResponse
		for range 2 {
			answer := s.post(t, test.framework, test.body)
			var response advertiserv1.IssueCouponResponse
			if err := protojson.Unmarshal(answer.body, &response); err != nil || answer.status != http.StatusOK {
				t.Fatalf("%s: %d %s: %v", test.name, answer.status, answer.body, err)
			}
			if first.GetCoupon() == "" {
				first.Coupon = response.GetCoupon()
			}
			if response.GetCoupon() != first.GetCoupon() {
				t.Errorf("%s: a repeat got another coupon", test.name)
			}
			if got := answer.header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: a coupon may be kept on the way: %q", test.name, got)
			}
		}
		made, err := coupon.ParseCoupon(first.GetCoupon())
		if err != nil || made.Framework != test.framework.ID || made.Bound != (test.framework.ID == bound.ID) {
			t.Errorf("%s: got %+v, %v", test.name, made, err)
		}
	}
}

func TestThePublicIsRefused(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	bearer := mandate(t, s.consortium, campaign{id: "bearer", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	bound := mandate(t, s.consortium, campaign{id: "bound", holder: coupon.HolderBound, quotas: []int64{10}}, servetest.AdvertiserMSP)
	paused := mandate(t, s.consortium, campaign{id: "paused", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	s.offered(t, bearer, bound, paused)
	change(t, s.consortium, "PauseCampaign", "paused")
	s.offered(t, bearer, bound)
	known := uuid.NewString()
	if answer := s.post(t, bound, fmt.Sprintf(`{"request_id":%q,"owner":%q}`, known, encode(newOwner(t)))); answer.status != http.StatusOK {
		t.Fatalf("%d %s", answer.status, answer.body)
	}
	id := func(rest string) string { return fmt.Sprintf(`{"request_id":%q%s}`, uuid.NewString(), rest) }
	const asJSON = "application/json"
	for _, test := range []struct {
		name, method, path, media, body string
		status                          int
		reason                          coupon.Reason
	}{
		{"no such page", http.MethodGet, "/", "", "", http.StatusNotFound, coupon.ReasonNotFound},
		{"a page near by", http.MethodGet, "/v1/offers/1", "", "", http.StatusNotFound, coupon.ReasonNotFound},
		{"posted offers", http.MethodPost, "/v1/offers", asJSON, "{}", http.StatusMethodNotAllowed, coupon.ReasonInvalidRequest},
		{"coupons to look at", http.MethodGet, couponsOf(bearer), "", "", http.StatusMethodNotAllowed, coupon.ReasonInvalidRequest},
		{"an unknown parameter", http.MethodGet, "/v1/offers?size=1", "", "", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a parameter twice", http.MethodGet, "/v1/offers?page_size=1&page_size=2", "", "", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a size that is no number", http.MethodGet, "/v1/offers?page_size=many", "", "", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a negative size", http.MethodGet, "/v1/offers?page_size=-1", "", "", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a token that is none", http.MethodGet, "/v1/offers?page_token=x", "", "", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a form", http.MethodPost, couponsOf(bearer), "application/x-www-form-urlencoded", "request_id=1", http.StatusUnsupportedMediaType, coupon.ReasonInvalidRequest},
		{"no media type", http.MethodPost, couponsOf(bearer), "", id(""), http.StatusUnsupportedMediaType, coupon.ReasonInvalidRequest},
		{"a parameter of a coupon", http.MethodPost, couponsOf(bearer) + "?n=2", asJSON, id(""), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"no body", http.MethodPost, couponsOf(bearer), asJSON, "", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"not JSON", http.MethodPost, couponsOf(bearer), asJSON, "request_id", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a list", http.MethodPost, couponsOf(bearer), asJSON, "[" + id("") + "]", http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"two objects", http.MethodPost, couponsOf(bearer), asJSON, id("") + id(""), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"an unknown field", http.MethodPost, couponsOf(bearer), asJSON, id(`,"name":"Alice"`), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a field twice", http.MethodPost, couponsOf(bearer), asJSON, id(`,"request_id":"1"`), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"another case", http.MethodPost, couponsOf(bearer), asJSON, `{"Request_ID":"1"}`, http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"another framework", http.MethodPost, couponsOf(bearer), asJSON, id(fmt.Sprintf(`,"framework_id":%q`, bound.ID)), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"an id that can be guessed", http.MethodPost, couponsOf(bearer), asJSON, `{"request_id":"1"}`, http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"too large", http.MethodPost, couponsOf(bearer), asJSON, id(strings.Repeat(" ", 4096)), http.StatusRequestEntityTooLarge, coupon.ReasonInvalidRequest},
		{"larger still", http.MethodPost, couponsOf(bearer), asJSON, strings.Repeat(" ", 20_000), http.StatusRequestEntityTooLarge, coupon.ReasonInvalidRequest},
		{"a framework that is none", http.MethodPost, "/v1/offers/x/coupons", asJSON, id(""), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"an unknown framework", http.MethodPost, "/v1/offers/" + strings.Repeat("0", 32) + "/coupons", asJSON, id(""), http.StatusNotFound, coupon.ReasonUnknownFramework},
		{"an owner of a bearer coupon", http.MethodPost, couponsOf(bearer), asJSON, id(fmt.Sprintf(`,"owner":%q`, encode(newOwner(t)))), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"no owner", http.MethodPost, couponsOf(bound), asJSON, id(""), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"an owner in hexadecimal", http.MethodPost, couponsOf(bound), asJSON, id(fmt.Sprintf(`,"owner":"%x"`, newOwner(t))), http.StatusBadRequest, coupon.ReasonInvalidRequest},
		{"a bad owner's key", http.MethodPost, couponsOf(bound), asJSON, id(fmt.Sprintf(`,"owner":%q`, encode(make([]byte, 32)))), http.StatusBadRequest, coupon.ReasonBadOwnerKey},
		{"the id of another request", http.MethodPost, couponsOf(bound), asJSON, fmt.Sprintf(`{"request_id":%q,"owner":%q}`, known, encode(newOwner(t))), http.StatusConflict, coupon.ReasonRequestConflict},
		{"a paused campaign", http.MethodPost, couponsOf(paused), asJSON, id(""), http.StatusConflict, coupon.ReasonCampaignPaused},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer := s.visit(t, test.method, test.path, test.media, test.body)
			if answer.status != test.status || answer.reason != test.reason {
				t.Errorf("%d %s, want %d %s", answer.status, answer.body, test.status, test.reason)
			}
			if got := answer.header.Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

func TestVisitorsWhoAskTooOftenWait(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	s := runStand(t, c, filepath.Join(t.TempDir(), "advertiser.db"), advertiser.Limits{AddressRate: 0.001, AddressBurst: 3})
	f := mandate(t, c, campaign{id: "tea", holder: coupon.HolderBearer, quotas: []int64{10}}, servetest.AdvertiserMSP)
	s.offered(t, f) // over the API, which is not limited
	for range 3 {
		if answer := s.visit(t, http.MethodGet, "/v1/offers", "", ""); answer.status != http.StatusOK {
			t.Errorf("%d %s", answer.status, answer.body)
		}
	}
	answer := s.post(t, f, fmt.Sprintf(`{"request_id":%q}`, uuid.NewString()))
	if answer.status != http.StatusTooManyRequests || answer.reason != coupon.ReasonRateLimited || answer.header.Get("Retry-After") == "" {
		t.Errorf("%d %s %v", answer.status, answer.body, answer.header)
	}
	if made := s.issue(t, bearerRequest(f)); made.SN != 1 {
		t.Errorf("who was sent away used up a number: the first is %d", made.SN)
	}
}

// TestTheLogTellsNothing: no coupon, key or request, and no address beside what
// the public did.
func TestTheLogTellsNothing(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	f := mandate(t, s.consortium, campaign{id: "bound", holder: coupon.HolderBound, quotas: []int64{10}}, servetest.AdvertiserMSP)
	s.offered(t, f)
	owner, id := newOwner(t), uuid.NewString()
	answer := s.post(t, f, fmt.Sprintf(`{"request_id":%q,"owner":%q}`, id, encode(owner)))
	var response advertiserv1.IssueCouponResponse
	if err := protojson.Unmarshal(answer.body, &response); err != nil {
		t.Fatal(err)
	}
	s.post(t, f, fmt.Sprintf(`{"request_id":%q,"owner":%q}`, id, encode(newOwner(t)))) // refused
	s.issue(t, boundRequest(t, f))
	public := 0
	for _, line := range s.log.lines() {
		for name, secret := range map[string]string{
			"a coupon": response.GetCoupon(), "any coupon": "ec1.", "a request": id,
			"an owner": encode(owner), "an owner in hexadecimal": fmt.Sprintf("%x", owner),
		} {
			if bytes.Contains(line, []byte(secret)) {
				t.Errorf("%s is in the log: %s", name, line)
			}
		}
		if bytes.Contains(line, []byte(`"msg":"public"`)) {
			public++
			if bytes.Contains(line, []byte("127.0.0.1")) || bytes.Contains(line, []byte(f.ID.String())) {
				t.Errorf("the log says who did what: %s", line)
			}
		}
	}
	if public != 2 {
		t.Errorf("%d lines about the public, want 2", public)
	}
}
