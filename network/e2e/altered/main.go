// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command altered is a chaincode server whose owner has changed the rules: next
// to the real functions it has some that write whatever they are told. Tests
// give it to organisations that cheat.
//
// Write takes [key, value in hex] for the public state, or [collection, key,
// value in hex] for private data; an empty value deletes.
package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/contract"
	"ecoupon/chaincode/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := server.Run(ctx, os.Getenv, os.Stderr, alter); err != nil {
		fmt.Fprintln(os.Stderr, "altered:", err)
		os.Exit(1)
	}
}

func alter(cfg contract.Config) (shim.Chaincode, error) {
	real, err := contract.New(cfg)
	return &altered{Chaincode: real}, err
}

type altered struct{ shim.Chaincode }

// Invoke runs Write, or hands over to the real rules.
func (a *altered) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	if name != "Write" {
		return a.Chaincode.Invoke(stub)
	}
	if err := write(stub, args); err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(nil)
}

func write(stub shim.ChaincodeStubInterface, args []string) error {
	if len(args) != 2 && len(args) != 3 {
		return fmt.Errorf("write takes 2 or 3 arguments, not %d", len(args))
	}
	value, err := hex.DecodeString(args[len(args)-1])
	if err != nil {
		return err
	}
	key := args[len(args)-2]
	switch {
	case len(args) == 2 && len(value) == 0:
		return stub.DelState(key)
	case len(args) == 2:
		return stub.PutState(key, value)
	case len(value) == 0:
		return stub.DelPrivateData(args[0], key)
	default:
		return stub.PutPrivateData(args[0], key, value)
	}
}
