// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
)

// FuzzBody reads what anybody on the Internet may post: a request, or an error
// that is the client's fault.
func FuzzBody(f *testing.F) {
	f.Add("application/json", []byte(`{"requestId":"a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d","owner":"AAAA"}`))
	f.Add("application/json; charset=utf-8", []byte(`{"owner":null,"owner":""}`))
	f.Add("text/plain", []byte("{}"))
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header["Content-Type"] = []string{media}
		var request advertiserv1.IssueCouponRequest
		err := readBody(httptest.NewRecorder(), r, &request)
		if err == nil {
			return
		}
		if code, _ := errorAnswer(err); code < 400 || code >= 500 {
			t.Fatalf("%v is answered with %d", err, code)
		}
	})
}
