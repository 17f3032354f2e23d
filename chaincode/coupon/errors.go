// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Error says why something was refused. Its text is "REASON: field: detail",
// without the parts that are empty; ParseError reads it back after it has
// crossed a process border as one string.
//
// Neither Field nor Detail repeats a value of the caller: the text ends in
// logs, and the value may be an invoice number or a coupon.
type Error struct {
	Reason Reason
	// Field is the path of the offending field in the request, as in
	// "lines[3].quantity"; empty if there is none.
	Field string
	// Detail is a sentence for people; programs look at Reason only.
	Detail string
}

// Error returns "REASON: field: detail".
func (e *Error) Error() string {
	parts := []string{string(e.Reason)}
	if e.Field != "" {
		parts = append(parts, e.Field)
	}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	return strings.Join(parts, ": ")
}

// Refuse returns the error for a reason; format and a make the detail.
func Refuse(r Reason, field, format string, a ...any) *Error {
	return &Error{Reason: r, Field: field, Detail: fmt.Sprintf(format, a...)}
}

// ReasonOf returns the reason of the first *Error in err's chain.
func ReasonOf(err error) (Reason, bool) {
	var refused *Error
	if !errors.As(err, &refused) {
		return "", false
	}
	return refused.Reason, true
}

// fieldPath matches what stands for a field in an error's text; details are
// sentences and do not begin so.
var fieldPath = regexp.MustCompile(`^[a-z][a-z0-9_]*(\[[0-9]+\])*(\.[a-z][a-z0-9_]*(\[[0-9]+\])*)*$`)

// ParseError reads the text of an Error. It is false for text that does not
// begin with a known reason followed by a colon or nothing at all. The Error's
// text is again the text given.
func ParseError(text string) (*Error, bool) {
	name, rest, found := strings.Cut(text, ": ")
	if !Reason(name).known() || found && rest == "" {
		return nil, false
	}
	parsed := &Error{Reason: Reason(name), Detail: rest}
	field, detail, more := strings.Cut(rest, ": ")
	if fieldPath.MatchString(field) && (detail != "" || !more) {
		parsed.Field, parsed.Detail = field, detail
	}
	return parsed, true
}

// Refusal is one entry of a refused batch: which coupon of which redemption,
// both counted from 0, and why. Coupon is -1 where the redemption itself is
// refused.
type Refusal struct {
	Redemption int    `json:"redemption"`
	Coupon     int    `json:"coupon"`
	Reason     Reason `json:"reason"`
	Field      string `json:"field,omitempty"`
	Detail     string `json:"detail,omitempty"`
}

// Reasons returns the closed list of reasons in alphabetical order.
func Reasons() []Reason {
	return slices.Clone(reasons)
}

func (r Reason) known() bool {
	_, found := slices.BinarySearch(reasons, r)
	return found
}
