// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/network/desk"
)

const (
	// tillDeadline is how long a till waits for one answer.
	tillDeadline = 5 * time.Second
	// officeDeadline is how long an operator waits for one answer.
	officeDeadline = 20 * time.Second
	// insistLimit bounds how long the same request is sent again.
	insistLimit = 3 * time.Minute
	// firstPause and longestPause bound the waits between.
	firstPause   = 50 * time.Millisecond
	longestPause = 400 * time.Millisecond
)

// insist sends the same request again and again until it is decided: answered,
// or refused for a reason that will stand. A request that stays undecided is a
// problem.
func (p *play) insist(ctx context.Context, what string, deadline time.Duration, call func(context.Context) error) error {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, insistLimit)
	defer cancel()
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		began := time.Now()
		attempt, done := context.WithTimeout(ctx, deadline)
		err := call(attempt)
		done()
		fault := undecided(err)
		if deadline == tillDeadline {
			p.book.attempt(time.Since(began), fault)
		}
		if fault == "" {
			return err
		}
		if !rest(ctx, wait) {
			if whole.Err() != nil {
				return whole.Err()
			}
			p.book.problem("%s was never decided: %v %v", what, err, desk.Reasons(err))
			return fmt.Errorf("%s was never decided: %w", what, err)
		}
	}
}

// undecidedCodes are those of answers after which the same request is to be
// sent again.
var undecidedCodes = []codes.Code{
	codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted, codes.ResourceExhausted,
	codes.Internal, codes.Unknown,
}

// undecided names what stood in the way of a decision; empty when there is one.
func undecided(err error) string {
	code := status.Code(err)
	if !slices.Contains(undecidedCodes, code) {
		return ""
	}
	if reasons := desk.Reasons(err); len(reasons) > 0 {
		return code.String() + " " + reasons[0]
	}
	return code.String()
}
