// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package contract is the Fabric surface of the coupon rules: one transaction
// function per step of a coupon's life, each of which checks its caller first.
package contract

import (
	"fmt"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// Config is what a chaincode process knows of its surroundings.
type Config struct {
	// MSPID is the organisation whose peer this process serves.
	MSPID string
	// Now is the process' clock; it is used only to refuse transactions whose
	// timestamp is far from it.
	Now func() time.Time
}

// Contract holds the transaction functions.
type Contract struct {
	contractapi.Contract
	cfg Config
}

// New returns the chaincode that every organisation runs.
func New(cfg Config) (shim.Chaincode, error) {
	if cfg.MSPID == "" || cfg.Now == nil {
		return nil, fmt.Errorf("contract: MSPID and Now are required")
	}
	return contractapi.NewChaincode(&Contract{cfg: cfg})
}

// SetParties is replaced in the next step.
func (c *Contract) SetParties(ctx contractapi.TransactionContextInterface, request string) error {
	return ctx.GetStub().PutState("parties", []byte(request))
}
