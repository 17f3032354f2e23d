// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package ledger is how a service speaks to the consortium's ledger: through the gateway of its own organisation's
// peer. It is the only package here that knows the gateway's client.
//
// It exists because the gateway's answers need judgement. A refusal by the contract arrives as text in the details
// of an error whose code means nothing; an error after endorsement is not a failure; and endorsers that are a block
// apart disagree without either being wrong. What leaves this package is one of: a result, a refusal with its
// reason, a transaction that is known to be invalid, a ledger out of reach, or an outcome that is honestly unknown.
package ledger

import (
	"sync/atomic"
	"time"

	"ecoupon/chaincode/coupon"
)

// Call is one invocation of a contract function. Argument and Input are sent as JSON.
type Call struct {
	// Namespace is the chaincode definition of an issuer.
	Namespace string
	// Function is the exact name of the contract function.
	Function string
	// Argument is the one public argument, on the ledger for ever; nil if the function has none.
	Argument any
	// Input is the private input. It travels to the endorsers only, and is on no ledger; nil if there is none.
	Input any
	// Endorsers are the MSP ids of the organisations that must endorse; for an evaluation, of the one whose peer
	// answers (the own organisation's if empty).
	Endorsers []string
	// RetryOn lists refusals that, for this call, only mean that a peer is a block behind: what is missing is
	// known to be committed. They are proposed anew a bounded number of times before they count. Refusals of entries of
	// a batch are none of them.
	RetryOn []coupon.Reason
	// Certain says that a transaction's RetryOn cannot mean anything else, however long the peer takes: after the last
	// attempt it is ErrUnavailable and no refusal.
	Certain bool
	// Within bounds the wait for one answer of the endorsers, where the caller cannot wait as long as the
	// configuration allows; 0 for no other bound.
	Within time.Duration
	// Reference is what the caller knows the call by, such as its request id. It is kept in the journal and not
	// sent. It must hold no secret.
	Reference string
	// Once, where it is not empty, names what a submission is for, in its namespace and function, such as a request id.
	// Its transactions have ids that follow from it and from the identity that submits, so that whoever is asked for the
	// same thing again finds on the ledger whether it was done, with an empty store, too. Its SHA-256 is public.
	Once string

	// number counts the transactions with the same Once.
	number int
}

// limit is how long one answer is waited for.
func (c Call) limit(configured time.Duration) time.Duration {
	if c.Within > 0 {
		return min(c.Within, configured)
	}
	return configured
}

// Transaction is endorsed and signed, and not necessarily sent. Whoever stores it before sending it can send the
// same one again after a crash.
type Transaction struct {
	ID    string
	Bytes []byte
}

// Receipt says where a valid transaction is on the ledger.
type Receipt struct {
	TransactionID string
	Block         uint64
}

// Block holds the events of one namespace in one block, in the order of their transactions. Only valid transactions
// have events, each at most one.
type Block struct {
	Namespace string
	Number    uint64
	Events    []Event

	// newest is the number of the last block that the peer has shown; nil where nobody counts.
	newest *atomic.Uint64
}

// Event is what a transaction announced. Payload is public, and as the contract makes it JSON; but it proves nothing:
// a member that alters its chaincode can, alone, have any event in a transaction that writes to its own collection
// only, and that is valid. What an event says is a reason to look at the ledger, see Block.Look, and no more.
type Event struct {
	Namespace     string
	Name          string
	Payload       []byte
	Block         uint64
	TransactionID string
}
