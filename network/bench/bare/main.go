// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command bare is the chaincode server with three more functions, which read
// nothing and hold nothing private: what the benchmark measures redemptions
// against.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
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

// Invoke runs Bare, which writes one key; Blind, which writes many; Empty, which
// writes none; or hands over to the rules.
func (b *bare) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	var err error
	switch {
	case name == "Bare" && len(args) == 1:
		err = stub.PutState("bare/"+args[0], []byte{1})
	case name == "Blind" && len(args) == 1:
		err = blind(stub, args[0])
	case name == "Empty" && len(args) == 0:
	default:
		return b.Chaincode.Invoke(stub)
	}
	if err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(nil)
}

// shape is keys of one length with values of one length.
type shape struct {
	Count int `json:"count"`
	Key   int `json:"key"`
	Value int `json:"value"`
}

// blind writes keys and values of given lengths at once. Both derive from the
// transaction's id, so that they are new and all endorsers write the same.
func blind(stub shim.ChaincodeStubInterface, shapes string) error {
	var all []shape
	if err := json.Unmarshal([]byte(shapes), &all); err != nil {
		return err
	}
	stub.StartWriteBatch()
	n := uint64(0)
	for _, s := range all {
		for range s.Count {
			n++
			key := derived(stub.GetTxID(), n, 0, s.Key)
			value := derived(stub.GetTxID(), n, 1, s.Value)
			if err := stub.PutState(hex.EncodeToString(key)[:s.Key], value); err != nil {
				return err
			}
		}
	}
	return stub.FinishWriteBatch()
}

// derived returns so many bytes that derive from the rest.
func derived(id string, n, use uint64, length int) []byte {
	var bytes []byte
	for part := uint64(0); len(bytes) < length; part++ {
		seed := append([]byte(id), make([]byte, 24)...)
		binary.BigEndian.PutUint64(seed[len(id):], n)
		binary.BigEndian.PutUint64(seed[len(id)+8:], use)
		binary.BigEndian.PutUint64(seed[len(id)+16:], part)
		sum := sha256.Sum256(seed)
		bytes = append(bytes, sum[:]...)
	}
	return bytes[:length]
}
