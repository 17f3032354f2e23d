// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command bare is the chaincode server with one more function, Bare, which
// writes one key and reads nothing: what the benchmark measures a redemption
// against.
package main

import (
	"context"
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
	if err := server.Run(ctx, os.Getenv, os.Stderr, withBare); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func withBare(cfg contract.Config) (shim.Chaincode, error) {
	rules, err := contract.New(cfg)
	return &bare{Chaincode: rules}, err
}

type bare struct{ shim.Chaincode }

// Invoke runs Bare, or hands over to the rules.
func (b *bare) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	if name != "Bare" || len(args) != 1 {
		return b.Chaincode.Invoke(stub)
	}
	if err := stub.PutState("bare/"+args[0], []byte{1}); err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(nil)
}
