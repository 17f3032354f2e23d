// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
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
	// ErrQueueFull is what orderers answer that can take no more transactions.
	ErrQueueFull = status.Error(codes.Aborted,
		"received unsuccessful response from orderer: status=SERVICE_UNAVAILABLE, info=request submission failed: timeout")
	// ErrBusy is what a peer answers above its limit of calls at a time.
	ErrBusy = status.Error(codes.Unknown, "too many requests for /gateway.Gateway, exceeding concurrency limit (500)")
)

// ErrHangs is no answer at all: the step hangs until the client gives it up.
var ErrHangs = errors.New("the gateway hangs")

// fault makes one step of one organisation's gateway fail a number of times.
type fault struct {
	mspID string
	step  Step
	after bool
	times int
	err   error
}

// held is a proposal that waits, or its answer.
type held struct {
	mspID, function   string
	after             bool
	reached, released chan struct{}
}

type faults struct {
	mu       sync.Mutex
	list     []*fault
	held     []*held
	verdicts map[string]peer.TxValidationCode
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

// Hold makes the next proposal of the function at the organisation's gateway wait before any peer is asked, until
// release is called. Reached is closed when it waits.
func (c *Consortium) Hold(mspID, function string) (reached <-chan struct{}, release func()) {
	return c.faults.wait(&held{mspID: mspID, function: function})
}

// HoldAnswer is Hold for the answer to the next evaluation of the function, which the peer has given then.
func (c *Consortium) HoldAnswer(mspID, function string) (reached <-chan struct{}, release func()) {
	return c.faults.wait(&held{mspID: mspID, function: function, after: true})
}

// Judge has the organisation's gateway say of all transactions that they have this status, until healed.
func (c *Consortium) Judge(mspID string, code peer.TxValidationCode) {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	if c.faults.verdicts == nil {
		c.faults.verdicts = make(map[string]peer.TxValidationCode)
	}
	c.faults.verdicts[mspID] = code
}

// Heal forgets all faults that have not happened.
func (c *Consortium) Heal() {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.list, c.faults.verdicts = nil, nil
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

// meet lets the fault happen that applies now, and returns its error.
func (f *faults) meet(ctx context.Context, mspID string, step Step, after bool) error {
	one := f.take(mspID, step, after)
	switch {
	case one == nil:
		return nil
	case !errors.Is(one.err, ErrHangs):
		return one.err
	}
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

// take returns the fault that applies now, nil if none does, and counts it.
func (f *faults) take(mspID string, step Step, after bool) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if one.mspID == mspID && one.step == step && one.after == after && one.times > 0 {
			one.times--
			return one
		}
	}
	return nil
}

func (f *faults) wait(one *held) (reached <-chan struct{}, release func()) {
	one.reached, one.released = make(chan struct{}), make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = append(f.held, one)
	return one.reached, sync.OnceFunc(func() { close(one.released) })
}

// hold returns when the proposal, or after it the answer, may go on.
func (f *faults) hold(ctx context.Context, mspID, function string, after bool) error {
	f.mu.Lock()
	i := slices.IndexFunc(f.held, func(h *held) bool { return h.mspID == mspID && h.function == function && h.after == after })
	if i < 0 {
		f.mu.Unlock()
		return nil
	}
	one := f.held[i]
	f.held = slices.Delete(f.held, i, i+1)
	f.mu.Unlock()
	close(one.reached)
	select {
	case <-one.released:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// judge is the status that the gateway tells of a transaction.
func (f *faults) judge(mspID string, code peer.TxValidationCode) peer.TxValidationCode {
	f.mu.Lock()
	defer f.mu.Unlock()
	if told, found := f.verdicts[mspID]; found {
		return told
	}
	return code
}
