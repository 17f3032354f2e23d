// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"encoding/json"
	"errors"
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/rpcerr"
)

// httpError is a refusal by HTTP itself, for which no code of the API stands.
type httpError struct {
	refusal *coupon.Error
	status  int
}

func refuseHTTP(status int, reason coupon.Reason, detail string) error {
	return &httpError{coupon.Refuse(reason, "", "%s", detail), status}
}

// Error is the refusal's text.
func (e *httpError) Error() string { return e.refusal.Error() }

// Unwrap lets it be handled as any refusal.
func (e *httpError) Unwrap() error { return e.refusal }

// errorBody is what the public is told.
type errorBody struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// errorAnswer is the HTTP status and the body for an error. The reason is the
// exact one: on this side there is nothing to try out.
func errorAnswer(err error) (int, []byte) {
	answer := rpcerr.Status(err, false)
	body := errorBody{Reason: string(coupon.ReasonInternal), Message: answer.Message()}
	for _, detail := range answer.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			body.Reason = info.GetReason()
		}
	}
	status, found := httpStatuses[answer.Code()]
	if !found {
		status = http.StatusInternalServerError
	}
	var byHTTP *httpError
	if errors.As(err, &byHTTP) {
		status = byHTTP.status
	}
	text, err := json.Marshal(body)
	if err != nil {
		return http.StatusInternalServerError, []byte("{}")
	}
	return status, text
}

var httpStatuses = map[codes.Code]int{
	codes.InvalidArgument:    http.StatusBadRequest,
	codes.PermissionDenied:   http.StatusForbidden,
	codes.NotFound:           http.StatusNotFound,
	codes.AlreadyExists:      http.StatusConflict,
	codes.FailedPrecondition: http.StatusConflict,
	codes.Aborted:            http.StatusConflict,
	codes.ResourceExhausted:  http.StatusTooManyRequests,
	codes.Unavailable:        http.StatusServiceUnavailable,
	codes.DeadlineExceeded:   http.StatusServiceUnavailable,
	codes.Canceled:           http.StatusServiceUnavailable,
}
