// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
)

const (
	// maxBody bounds a request: an id and a key, or a transfer, and room for white
	// space.
	maxBody = 4 << 10
	// retryAfter is what those who ask too often are told to wait, in seconds.
	retryAfter = "1"
)

// Public is the side for everybody: five methods of the API as JSON over
// HTTP. It asks nobody who they are, and its log has no addresses.
type Public struct {
	advertiser *Advertiser
	visitors   *visitors
	logger     *slog.Logger
	mux        *http.ServeMux
}

// NewPublic serves the use cases of an advertiser to the public.
func NewPublic(advertiser *Advertiser) *Public {
	p := &Public{
		advertiser: advertiser,
		visitors:   newVisitors(advertiser.limits, advertiser.now),
		logger:     advertiser.logger,
		mux:        http.NewServeMux(),
	}
	p.mux.HandleFunc("GET /v1/offers", p.answer(p.listOffers))
	p.mux.HandleFunc("POST /v1/offers/{framework_id}/coupons", p.answer(p.issueCoupon))
	p.mux.HandleFunc("GET /v1/offers/{framework_id}/receipts/{lane}/{sn}", p.answer(p.getReceipt))
	p.mux.HandleFunc("POST /v1/offers/{framework_id}/transfers", p.answer(p.transferCoupon))
	p.mux.HandleFunc("GET /v1/offers/{framework_id}/owners/{coupon}", p.answer(p.getOwner))
	p.mux.HandleFunc("/v1/offers/{framework_id}/transfers", p.answer(wrongMethod(http.MethodPost)))
	p.mux.HandleFunc("/v1/offers/{framework_id}/owners/{coupon}", p.answer(wrongMethod(http.MethodGet)))
	p.mux.HandleFunc("/v1/offers/{framework_id}/receipts/{lane}/{sn}", p.answer(wrongMethod(http.MethodGet)))
	p.mux.HandleFunc("/v1/offers", p.answer(wrongMethod(http.MethodGet)))
	p.mux.HandleFunc("/v1/offers/{framework_id}/coupons", p.answer(wrongMethod(http.MethodPost)))
	p.mux.HandleFunc("/", p.answer(func(http.ResponseWriter, *http.Request) (proto.Message, error) {
		return nil, refuseHTTP(http.StatusNotFound, coupon.ReasonNotFound, "there is nothing at this path")
	}))
	return p
}

// ServeHTTP limits how often an address asks, and answers.
func (p *Public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.visitors.allow(r.RemoteAddr) {
		p.refuse(w, r, coupon.Refuse(coupon.ReasonRateLimited, "", "you ask too often"))
		return
	}
	p.mux.ServeHTTP(w, r)
}

// handler returns the answer rather than writing it, so that there is one place
// that does.
type handler func(w http.ResponseWriter, r *http.Request) (proto.Message, error)

// answer writes what a handler returns, and a line in the log, without address,
// path or content.
func (p *Public) answer(handle handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start := p.advertiser.now()
		message, err := handle(w, r)
		if err != nil {
			p.refuse(w, r, err)
			return
		}
		body, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(message)
		if err != nil {
			p.refuse(w, r, err)
			return
		}
		write(w, http.StatusOK, body)
		p.logger.InfoContext(r.Context(), "public", "route", r.Pattern, "status", http.StatusOK, "took", p.advertiser.now().Sub(start))
	}
}

func (p *Public) listOffers(_ http.ResponseWriter, r *http.Request) (proto.Message, error) {
	request, err := listRequest(r.URL.Query())
	if err != nil {
		return nil, err
	}
	return NewServer(p.advertiser).ListOffers(r.Context(), request)
}

func (p *Public) issueCoupon(w http.ResponseWriter, r *http.Request) (proto.Message, error) {
	request := new(advertiserv1.IssueCouponRequest)
	if err := readPosted(w, r, request); err != nil {
		return nil, err
	}
	request.FrameworkId = r.PathValue("framework_id")
	return NewServer(p.advertiser).IssueCoupon(r.Context(), request)
}

func (p *Public) transferCoupon(w http.ResponseWriter, r *http.Request) (proto.Message, error) {
	request := new(advertiserv1.TransferCouponRequest)
	if err := readPosted(w, r, request); err != nil {
		return nil, err
	}
	request.FrameworkId = r.PathValue("framework_id")
	return NewServer(p.advertiser).TransferCoupon(r.Context(), request)
}

func (p *Public) getOwner(_ http.ResponseWriter, r *http.Request) (proto.Message, error) {
	if r.URL.RawQuery != "" {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "", "the request is in the path alone")
	}
	return NewServer(p.advertiser).GetOwner(r.Context(), &advertiserv1.GetOwnerRequest{
		FrameworkId: r.PathValue("framework_id"), Coupon: r.PathValue("coupon"),
	})
}

// ofOffer is a request about an offer, which the path names.
type ofOffer interface {
	proto.Message
	GetFrameworkId() string
}

// readPosted reads a body that may name the offer as the path does.
func readPosted(w http.ResponseWriter, r *http.Request, request ofOffer) error {
	if r.URL.RawQuery != "" {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "", "the request is in the body, not in the address")
	}
	if err := readBody(w, r, request); err != nil {
		return err
	}
	if id := request.GetFrameworkId(); id != "" && id != r.PathValue("framework_id") {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "framework_id", "body and path name different offers")
	}
	return nil
}

func (p *Public) getReceipt(_ http.ResponseWriter, r *http.Request) (proto.Message, error) {
	if r.URL.RawQuery != "" {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "", "the request is in the path alone")
	}
	lane, err := strconv.ParseInt(r.PathValue("lane"), 10, 32)
	if err != nil {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "lane", "a lane is a number")
	}
	sn, err := strconv.ParseInt(r.PathValue("sn"), 10, 64)
	if err != nil {
		return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "sn", "a serial number is a number")
	}
	return NewServer(p.advertiser).GetReceipt(r.Context(), &advertiserv1.GetReceiptRequest{
		FrameworkId: r.PathValue("framework_id"), Lane: int32(lane), Sn: sn,
	})
}

// listRequest takes each parameter once and none but those of the API.
func listRequest(query url.Values) (*advertiserv1.ListOffersRequest, error) {
	request := new(advertiserv1.ListOffersRequest)
	for name, values := range query {
		if len(values) != 1 {
			return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "", "a parameter is there more than once")
		}
		switch name {
		case "page_size":
			size, err := strconv.ParseInt(values[0], 10, 32)
			if err != nil {
				return nil, coupon.Refuse(coupon.ReasonInvalidRequest, name, "a size is a number")
			}
			request.PageSize = int32(size)
		case "page_token":
			request.PageToken = values[0]
		default:
			return nil, coupon.Refuse(coupon.ReasonInvalidRequest, "", "the parameters are page_size and page_token")
		}
	}
	return request, nil
}

// readBody accepts one JSON object with the fields of the message and nothing
// else. What it refuses is not repeated.
func readBody(w http.ResponseWriter, r *http.Request, into proto.Message) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return refuseHTTP(http.StatusUnsupportedMediaType, coupon.ReasonInvalidRequest, "the body is application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return refuseHTTP(http.StatusRequestEntityTooLarge, coupon.ReasonInvalidRequest, "the body is too large")
	case err != nil:
		return coupon.Refuse(coupon.ReasonInvalidRequest, "", "the body ends early")
	}
	if err := protojson.Unmarshal(body, into); err != nil {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "", "the body is not the JSON of this request")
	}
	return nil
}

func wrongMethod(allowed string) handler {
	return func(w http.ResponseWriter, _ *http.Request) (proto.Message, error) {
		w.Header().Set("Allow", allowed)
		return nil, refuseHTTP(http.StatusMethodNotAllowed, coupon.ReasonInvalidRequest, "the method is "+allowed)
	}
}

func (p *Public) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code, body := errorAnswer(err)
	if code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", retryAfter)
	}
	write(w, code, body)
	level := slog.LevelInfo
	if code >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	p.logger.LogAttrs(r.Context(), level, "public",
		slog.String("route", r.Pattern), slog.Int("status", code), slog.String("error", err.Error()))
}

func write(w http.ResponseWriter, code int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}
