// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package contract is the Fabric surface of the coupon rules: one transaction
// function for each step of a coupon's life, each of which checks its caller
// first.
//
// A function takes one request: its public part as a JSON argument, its
// private part as JSON in the transient map, because arguments stay on every
// member's ledger for ever. Transactions return nothing for the same reason;
// what a caller wants to know it evaluates. A refusal is an error whose text
// begins with its reason.
package contract

import (
	"fmt"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/coupon"
)

// Config is what a chaincode process knows of its surroundings.
type Config struct {
	// MSPID is the organisation whose peer this process serves. What only that
	// peer can read is decided by it.
	MSPID string
	// Now is the process' clock. It is used to refuse transactions whose
	// timestamp is far from it and to forget rivals, and told to who asks; nothing
	// is written of it.
	Now func() time.Time
}

// Contract holds the transaction functions; see access.go for the list.
type Contract struct {
	contractapi.Contract
	cfg        Config
	signatures *signatures
	rivals     *rivals
}

// New returns the chaincode that every organisation runs.
func New(cfg Config) (shim.Chaincode, error) {
	if cfg.MSPID == "" || cfg.Now == nil {
		return nil, fmt.Errorf("contract: MSPID and Now are required")
	}
	c := &Contract{cfg: cfg, signatures: &signatures{}, rivals: &rivals{now: cfg.Now}}
	c.TransactionContextHandler = new(Context)
	c.BeforeTransaction = c.before
	inner, err := contractapi.NewChaincode(c)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	inner.TransactionSerializer = texts{}
	return &guarded{inner: inner}, nil
}

// guarded lets only known functions through and survives a panic in one of
// them: the shim would let the process die.
type guarded struct {
	inner shim.Chaincode
}

// Init does nothing; the namespace is set up by SetParties.
func (g *guarded) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

// Invoke runs one function. Names are exact: the framework underneath accepts
// a lower-case first letter and then skips its checks.
func (g *guarded) Invoke(stub shim.ChaincodeStubInterface) (response *peer.Response) {
	defer func() {
		if r := recover(); r != nil {
			response = shim.Error(coupon.Refuse(coupon.ReasonInternal, "", "the transaction function panicked").Error())
		}
	}()
	name, args := stub.GetFunctionAndParameters()
	f, known := functions[name]
	if !known {
		return shim.Error(coupon.Refuse(coupon.ReasonUnknownFunction, "", "no such function").Error())
	}
	if len(args) != f.arguments {
		return shim.Error(coupon.Refuse(coupon.ReasonInvalidRequest, "", "%s takes %d arguments, not %d", name, f.arguments, len(args)).Error())
	}
	for _, arg := range args {
		if len(arg) > maxArgument {
			return shim.Error(coupon.Refuse(coupon.ReasonInvalidRequest, "", "an argument has at most %d bytes", maxArgument).Error())
		}
	}
	return g.inner.Invoke(stub)
}
