// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallet

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
)

const (
	// answerTime bounds one request.
	answerTime = 15 * time.Second
	// maxAnswer bounds an answer: a page of 200 offers with the longest terms.
	maxAnswer = 200 * 2 * coupon.MaxTermsBytes
	// maxPages bounds the offers of one advertiser.
	maxPages = 5
	// maxMessage bounds what is repeated of an advertiser's words.
	maxMessage = 300
)

// shop speaks to the public side of advertisers.
type shop struct {
	client *http.Client
}

// newShop makes a client that gives nothing away: no cookies, no name of a
// program, no connection kept from one request to the next, by which coupons
// could be told to be one customer's.
func newShop(roots *x509.CertPool) shop {
	return shop{client: &http.Client{
		Transport: &http.Transport{
			Proxy:              http.ProxyFromEnvironment,
			TLSClientConfig:    &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13},
			DisableKeepAlives:  true,
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       answerTime,
	}}
}

func parseAddress(advertiser string) (*url.URL, error) {
	address, err := url.Parse(advertiser)
	if err != nil {
		return nil, fmt.Errorf("the advertiser's address: %w", err)
	}
	if address.Scheme != "https" || address.Host == "" || address.User != nil || address.RawQuery != "" || address.Fragment != "" {
		return nil, fmt.Errorf("the advertiser's address %q is not of the form https://host[:port][/path]", advertiser)
	}
	return address, nil
}

func (s shop) offers(ctx context.Context, advertiser string) ([]Offer, error) {
	address, err := parseAddress(advertiser)
	if err != nil {
		return nil, err
	}
	target := address.JoinPath("v1", "offers")
	var offers []Offer
	for range maxPages {
		var page advertiserv1.ListOffersResponse
		if err := s.call(ctx, http.MethodGet, target, nil, &page); err != nil {
			return nil, fmt.Errorf("listing offers: %w", err)
		}
		for i, shown := range page.GetOffers() {
			offer, err := offerOf(shown)
			if err != nil {
				return nil, fmt.Errorf("offer %d of %s: %w", i, advertiser, err)
			}
			offers = append(offers, offer)
		}
		if page.GetNextPageToken() == "" {
			return offers, nil
		}
		target.RawQuery = url.Values{"page_token": {page.GetNextPageToken()}}.Encode()
	}
	return nil, fmt.Errorf("%s has more than %d pages of offers", advertiser, maxPages)
}

// issueRequest is all that an advertiser gets from a customer.
type issueRequest struct {
	RequestID string `json:"request_id"`
	Owner     []byte `json:"owner,omitempty"`
	UData     []byte `json:"u_data,omitempty"`
}

func (s shop) issue(ctx context.Context, advertiser string, framework coupon.FrameworkID, request issueRequest) (string, error) {
	address, err := parseAddress(advertiser)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	var answer advertiserv1.IssueCouponResponse
	target := address.JoinPath("v1", "offers", framework.String(), "coupons")
	if err := s.call(ctx, http.MethodPost, target, body, &answer); err != nil {
		return "", fmt.Errorf("asking for a coupon: %w", err)
	}
	return answer.GetCoupon(), nil
}

func (s shop) receipt(ctx context.Context, advertiser string, c coupon.Coupon) (*advertiserv1.GetReceiptResponse, error) {
	address, err := parseAddress(advertiser)
	if err != nil {
		return nil, err
	}
	answer := new(advertiserv1.GetReceiptResponse)
	target := address.JoinPath("v1", "offers", c.Framework.String(), "receipts",
		strconv.Itoa(int(c.Lane)), strconv.FormatInt(c.SN, 10))
	if err := s.call(ctx, http.MethodGet, target, nil, answer); err != nil {
		return nil, fmt.Errorf("asking for a receipt: %w", err)
	}
	return answer, nil
}

// transfer hands a coupon on; the answer is about this very transfer.
func (s shop) transfer(ctx context.Context, advertiser string, framework coupon.FrameworkID, text string) (*advertiserv1.Ownership, error) {
	address, err := parseAddress(advertiser)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"transfer": text})
	if err != nil {
		return nil, err
	}
	var answer advertiserv1.TransferCouponResponse
	target := address.JoinPath("v1", "offers", framework.String(), "transfers")
	if err := s.call(ctx, http.MethodPost, target, body, &answer); err != nil {
		return nil, fmt.Errorf("handing the coupon on: %w", err)
	}
	return answer.GetOwnership(), nil
}

func (s shop) owner(ctx context.Context, advertiser string, c coupon.Coupon) (*advertiserv1.Ownership, error) {
	address, err := parseAddress(advertiser)
	if err != nil {
		return nil, err
	}
	var answer advertiserv1.GetOwnerResponse
	target := address.JoinPath("v1", "offers", c.Framework.String(), "owners", c.Text())
	if err := s.call(ctx, http.MethodGet, target, nil, &answer); err != nil {
		return nil, fmt.Errorf("asking for the coupon's owner: %w", err)
	}
	return answer.GetOwnership(), nil
}

// call sends one request. The error has a *coupon.Error in its chain if and
// only if the advertiser answered with a reason.
func (s shop) call(ctx context.Context, method string, target *url.URL, body []byte, answer proto.Message) error {
	request, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if len(data) > maxAnswer {
		return errors.New("the answer is too long")
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response.StatusCode, data)
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, answer); err != nil {
		return fmt.Errorf("the answer is not understood: %w", err)
	}
	return nil
}

// refusal reads an answer other than 200.
func refusal(status int, data []byte) error {
	var said struct {
		Reason  coupon.Reason `json:"reason"`
		Message string        `json:"message"`
	}
	if json.Unmarshal(data, &said) != nil || said.Reason == "" {
		return fmt.Errorf("the advertiser answered %d %s", status, http.StatusText(status))
	}
	message := printable(said.Message)
	if parsed, ok := coupon.ParseError(message); ok && parsed.Reason == said.Reason {
		return parsed
	}
	return &coupon.Error{Reason: coupon.Reason(printable(string(said.Reason))), Detail: message}
}

// printable keeps what an advertiser says from commanding a terminal.
func printable(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
}
