// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Step is a question to a gateway.
type Step string

// The steps of a gateway's work.
const (
	StepEvaluate Step = "evaluate"
	StepEndorse  Step = "endorse"
	StepSubmit   Step = "submit"
	StepStatus   Step = "status"
	StepEvents   Step = "events"
)

// Answers that real gateways give when something is wrong with the network.
var (
	// ErrPeerAway is what a client gets that cannot reach the peer.
	ErrPeerAway = status.Error(codes.Unavailable, "connection error: desc = \"transport: connection refused\"")
	// ErrTooFewOrderers and ErrAlreadyProcessed are answers for transactions that may well commit.
	ErrTooFewOrderers = status.Error(codes.Unavailable,
		"insufficient number of orderers could successfully process transaction to satisfy quorum requirement")
	ErrAlreadyProcessed = status.Error(codes.Aborted,
		"received unsuccessful response from orderer: status=SERVICE_UNAVAILABLE, info=request already processed")
	// ErrBusy is what a peer answers above its limit of calls at a time.
	ErrBusy = status.Error(codes.Unknown, "too many requests for /gateway.Gateway, exceeding concurrency limit (500)")
)

// fault makes one step of one organisation's gateway fail a number of times.
type fault struct {
	mspID string
	step  Step
	after bool
	times int
	err   error
}

type faults struct {
	mu   sync.Mutex
	list []*fault
}

// FailBefore makes the next steps of the organisation's gateway answer err without being done.
func (c *Consortium) FailBefore(mspID string, step Step, times int, err error) {
	c.faults.add(&fault{mspID: mspID, step: step, times: times, err: err})
}

// FailAfter makes the next steps of the organisation's gateway answer err although they are done. Steps that fail by
// themselves do not count.
func (c *Consortium) FailAfter(mspID string, step Step, times int, err error) {
	c.faults.add(&fault{mspID: mspID, step: step, after: true, times: times, err: err})
}

// Heal forgets all faults that have not happened.
func (c *Consortium) Heal() {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.list = nil
}

// Interrupt ends the streams of events that are open at the organisation's gateway.
func (c *Consortium) Interrupt(mspID string) {
	c.gateways[mspID].interrupt()
}

func (f *faults) add(one *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, one)
}

// take returns the error of a fault that applies now, and counts it.
func (f *faults) take(mspID string, step Step, after bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if one.mspID == mspID && one.step == step && one.after == after && one.times > 0 {
			one.times--
			return one.err
		}
	}
	return nil
}
