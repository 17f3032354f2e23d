// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package message

import (
	"strconv"

	"ecoupon/chaincode/coupon"
)

// Sizes of pages.
const (
	defaultPage = 50
	maxPage     = coupon.MaxPage
	// maxToken bounds page tokens: a campaign's key with its version.
	maxToken = 512
)

// Page reads what a caller asks of a list.
func Page(size int32, token string) (coupon.PageQuery, error) {
	if size < 0 {
		return coupon.PageQuery{}, coupon.Refuse(coupon.ReasonInvalidRequest, "page_size", "a size is not negative")
	}
	if len(token) > maxToken {
		return coupon.PageQuery{}, BadToken()
	}
	if size == 0 {
		size = defaultPage
	}
	return coupon.PageQuery{Size: min(int(size), maxPage), After: token}, nil
}

// Token is the token of the page that follows an entry: its number. There is none
// after entry 0, which means that there are no more.
func Token(number int64) string {
	if number == 0 {
		return ""
	}
	return strconv.FormatInt(number, 10)
}

// Number is the inverse of Token.
func Number(token string) (int64, error) {
	if token == "" {
		return 0, nil
	}
	number, err := strconv.ParseInt(token, 10, 64)
	if err != nil || number < 1 {
		return 0, BadToken()
	}
	return number, nil
}

// BadToken refuses what no list has answered with.
func BadToken() error {
	return coupon.Refuse(coupon.ReasonInvalidRequest, "page_token", "not a token of an answer")
}
