// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"context"
	"slices"
	"sync"

	"ecoupon/services/internal/ledger"
)

// Journal is a ledger.Journal in memory. Its zero value is empty.
type Journal struct {
	mu       sync.Mutex
	pending  []ledger.Submission
	outcomes []ledger.Outcome
}

// Sending keeps the submission.
func (j *Journal) Sending(_ context.Context, submission ledger.Submission) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = append(j.pending, submission)
	return nil
}

// Decided keeps the outcome instead of the submission.
func (j *Journal) Decided(_ context.Context, outcome ledger.Outcome) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.outcomes = append(j.outcomes, outcome)
	j.pending = slices.DeleteFunc(j.pending, func(s ledger.Submission) bool { return s.ID == outcome.TransactionID })
	return nil
}

// Pending lists the submissions without an outcome, oldest first.
func (j *Journal) Pending(context.Context) ([]ledger.Submission, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.pending), nil
}

// Outcomes lists all outcomes in the order in which they became known.
func (j *Journal) Outcomes() []ledger.Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.outcomes)
}
