// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command altered is a chaincode server whose owner has changed the rules: next
// to the real functions it has some that write whatever they are told. Tests
// give it to organisations that cheat.
//
// Write takes [key, value in hex] for the public state, or [collection, key,
// value in hex] for private data; an empty value deletes. Announce takes
// [collection, event, payload in hex] and writes something into the collection,
// as a transaction must write something. Panic runs a real function on a ledger
// that makes it panic.
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

// Invoke runs Write, Announce or Panic, or hands over to the real rules.
func (a *altered) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	if name == "Panic" {
		return a.Chaincode.Invoke(broken{stub})
	}
	does, altered := map[string]func(shim.ChaincodeStubInterface, []string) error{"Write": write, "Announce": announce}[name]
	if !altered {
		return a.Chaincode.Invoke(stub)
	}
	if err := does(stub, args); err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(nil)
}

func announce(stub shim.ChaincodeStubInterface, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("announce takes 3 arguments, not %d", len(args))
	}
	payload, err := hex.DecodeString(args[2])
	if err != nil {
		return err
	}
	if err := stub.PutPrivateData(args[0], "announced", []byte(stub.GetTxID())); err != nil {
		return err
	}
	return stub.SetEvent(args[1], payload)
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

// broken makes the real rules run GetTick, whose first look at the state
// panics.
type broken struct{ shim.ChaincodeStubInterface }

func (broken) GetFunctionAndParameters() (string, []string) { return "GetTick", nil }

func (broken) GetState(string) ([]byte, error) { panic("no state") }
