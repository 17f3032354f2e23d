// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/reason"
	"ecoupon/services/wallet"
)

// usageError is a mistake in the command, its flags or its files.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func usage(err error) error                  { return &usageError{err} }
func usagef(format string, a ...any) error   { return usage(fmt.Errorf(format, a...)) }
func repeatable(id string, err error) error  { return &requestError{id, err} }
func (r *requestError) Error() string        { return r.err.Error() }
func (r *requestError) Unwrap() error        { return r.err }
func enumReason(r typev1.ErrorReason) string { return strings.TrimPrefix(r.String(), "ERROR_REASON_") }

// requestError is what became of a request that can be repeated under its id.
type requestError struct {
	id  string
	err error
}

// errNotGood is for a command that has printed all and still ends with
// ExitRefused.
var errNotGood = errors.New("not good")

// failure is an error taken apart.
type failure struct {
	Reason    coupon.Reason   `json:"reason,omitempty"`
	Field     string          `json:"field,omitempty"`
	Message   string          `json:"message"`
	RequestID string          `json:"request_id,omitempty"`
	Refused   []refusedCoupon `json:"refused,omitempty"`

	exit int
	// hint says what to do next, where the reason's sentence does not.
	hint string
}

// refusedCoupon is one coupon of a refused request, counted from 0.
type refusedCoupon struct {
	Index  int32         `json:"index"`
	Reason coupon.Reason `json:"reason"`
	Detail string        `json:"detail,omitempty"`
}

// explain prints an error, as JSON if that was asked for, and returns the exit
// code.
func (a *app) explain(err error) int {
	switch {
	case err == nil:
		return ExitDone
	case errors.Is(err, errNotGood):
		return ExitRefused
	}
	f := takeApart(err)
	if a.json {
		if line, err := jsonLine(f); err == nil {
			_, _ = a.env.Err.Write(line)
		}
		return f.exit
	}
	_, _ = fmt.Fprint(a.env.Err, f.text())
	return f.exit
}

func takeApart(err error) failure {
	f := failure{Message: err.Error(), exit: ExitFault}
	var request *requestError
	if errors.As(err, &request) {
		f.RequestID = request.id
	}
	var mistake *usageError
	var unanswered *wallet.Unanswered
	var doubt *wallet.InDoubt
	var refused *coupon.Error
	var silent *noAnswer
	var answered interface{ GRPCStatus() *status.Status }
	switch {
	case errors.As(err, &mistake):
		f.exit, f.hint = ExitUsage, "Add --help to a command to see how it is used."
	case errors.As(err, &unanswered):
		f.exit, f.RequestID = ExitRepeat, unanswered.ID
		f.hint = "coupon wallet get --again asks for it again."
	case errors.As(err, &doubt):
		f.exit, f.hint = ExitRepeat, "The same command sends the same transfer again."
	case errors.As(err, &refused):
		f.exit, f.Reason, f.Field, f.Message = ExitRefused, refused.Reason, refused.Field, refused.Detail
	case errors.As(err, &silent), errors.Is(err, context.DeadlineExceeded):
		f.exit = ExitRepeat
	case errors.As(err, &answered):
		f.ofStatus(answered.GRPCStatus())
	}
	if f.exit == ExitRepeat && f.hint == "" && f.RequestID != "" {
		f.hint = "Repeat the command with --request-id " + f.RequestID
	}
	return f
}

// exits has the exit codes for gRPC codes; the others are refusals.
var exits = map[codes.Code]int{
	codes.Unavailable: ExitRepeat, codes.DeadlineExceeded: ExitRepeat, codes.Canceled: ExitRepeat, codes.Aborted: ExitRepeat,
	codes.ResourceExhausted: ExitRepeat,
	codes.Internal:          ExitFault, codes.Unknown: ExitFault, codes.DataLoss: ExitFault, codes.Unimplemented: ExitFault,
}

func (f *failure) ofStatus(answer *status.Status) {
	f.exit, f.Message = ExitRefused, answer.Message()
	if exit, found := exits[answer.Code()]; found {
		f.exit = exit
	}
	for _, detail := range answer.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			f.Reason, f.Field = coupon.Reason(d.GetReason()), d.GetMetadata()["field"]
		case *typev1.RefusedCoupons:
			for _, r := range d.GetRefused() {
				f.Refused = append(f.Refused, refusedCoupon{r.GetIndex(), coupon.Reason(enumReason(r.GetReason())), r.GetDetail()})
			}
		}
	}
	if parsed, ok := coupon.ParseError(f.Message); ok && parsed.Reason == f.Reason {
		f.Message = parsed.Detail
	}
}

// text is the failure for people. Coupons are counted from 1, as they stand in
// the command.
func (f *failure) text() string {
	var b strings.Builder
	switch {
	case len(f.Refused) > 0:
		fmt.Fprintln(&b, "Refused as a whole; nothing was done:")
	case f.Reason == "":
		fmt.Fprintf(&b, "coupon: %s\n", printable(f.Message))
	default:
		fmt.Fprintf(&b, "%s: %s\n", printable(string(f.Reason)), printable(reason.Sentence(f.Reason)))
		f.details(&b)
	}
	for _, r := range f.Refused {
		fmt.Fprintf(&b, "  %s: %s: %s%s\n", whichCoupon(r.Index), r.Reason, reason.Sentence(r.Reason), inBrackets(r.Detail))
	}
	if f.hint != "" {
		fmt.Fprintln(&b, f.hint)
	}
	return b.String()
}

func (f *failure) details(b *strings.Builder) {
	if f.Field != "" {
		fmt.Fprintf(b, "  field: %s\n", printable(f.Field))
	}
	if f.Message != "" {
		fmt.Fprintf(b, "  detail: %s\n", printable(f.Message))
	}
}

func whichCoupon(index int32) string {
	if index < 0 {
		return "the request"
	}
	return fmt.Sprintf("coupon %d", index+1)
}

func inBrackets(detail string) string {
	if detail == "" {
		return ""
	}
	return " (" + printable(detail) + ")"
}
