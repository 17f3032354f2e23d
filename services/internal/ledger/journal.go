// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import "context"

// Submission is a transaction together with what it is for.
type Submission struct {
	Transaction

	Namespace string
	Function  string
	Reference string
}

// Outcome is what became of a submission: it is valid, in this block, or invalid for the named code.
type Outcome struct {
	Receipt

	// Invalid is the validation code by name; empty for a valid transaction.
	Invalid string
}

// Journal remembers every transaction from before it is sent until its outcome is known, so that a crash between
// the two leaves a question that can be asked rather than a transaction that nobody knows of.
type Journal interface {
	// Sending returns once the submission is durable. It is called before the transaction is sent; if it fails,
	// the transaction is not sent.
	Sending(ctx context.Context, submission Submission) error
	// Decided is called once the outcome is known; the submission is not pending after it. A transaction that the
	// journal does not know is no error.
	Decided(ctx context.Context, outcome Outcome) error
	// Pending lists the submissions without an outcome, oldest first.
	Pending(ctx context.Context) ([]Submission, error)
}
