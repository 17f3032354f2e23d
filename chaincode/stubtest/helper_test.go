// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"ecoupon/chaincode/stubtest"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

const (
	issuer     = "IssuerMSP"
	advertiser = "AdvertiserMSP"
	retailer   = "RetailerMSP"
	namespace  = "coupon-IssuerMSP"

	valid    = peer.TxValidationCode_VALID
	conflict = peer.TxValidationCode_MVCC_READ_CONFLICT
	phantom  = peer.TxValidationCode_PHANTOM_READ_CONFLICT
	policy   = peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE
	twice    = peer.TxValidationCode_DUPLICATE_TXID
)

// handler is one function of a test's chaincode.
type handler func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error)

// script is chaincode made of functions. An error becomes status 500.
type script map[string]handler

// Init does nothing.
func (s script) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

// Invoke runs the function that is named.
func (s script) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	f, ok := s[name]
	if !ok {
		return shim.Error("unknown function " + name)
	}
	payload, err := f(stub, args)
	if err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(payload)
}

// basics are functions that most tests use.
func basics() script {
	return script{
		"get": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
			return stub.GetState(args[0])
		},
		"put": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
			return nil, stub.PutState(args[0], []byte(args[1]))
		},
		"del": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
			return nil, stub.DelState(args[0])
		},
		"append": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
			old, err := stub.GetState(args[0])
			if err != nil {
				return nil, err
			}
			return nil, stub.PutState(args[0], append(old, args[1]...))
		},
		"range": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
			it, err := stub.GetStateByRange(args[0], args[1])
			if err != nil {
				return nil, err
			}
			keys, err := drain(it)
			return []byte(strings.Join(keys, " ")), err
		},
		"copyPrivate": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
			transient, err := stub.GetTransient()
			if err != nil {
				return nil, err
			}
			return nil, stub.PutPrivateData(args[0], args[1], transient["input"])
		},
		"getPrivate": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
			return stub.GetPrivateData(args[0], args[1])
		},
		"getHash": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
			return stub.GetPrivateDataHash(args[0], args[1])
		},
		"delPrivate": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
			return nil, stub.DelPrivateData(args[0], args[1])
		},
		"purge": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
			return nil, stub.PurgePrivateData(args[0], args[1])
		},
	}
}

// with returns the functions with one more, or another of that name.
func (s script) with(name string, f handler) script {
	out := script{name: f}
	for n, g := range s {
		if n != name {
			out[n] = g
		}
	}
	return out
}

func drain(it shim.StateQueryIteratorInterface) ([]string, error) {
	var keys []string
	for it.HasNext() {
		kv, err := it.Next()
		if err != nil {
			return nil, err
		}
		keys = append(keys, kv.Key)
	}
	return keys, it.Close()
}

// network has three organisations that run cc, and one namespace.
func network(t *testing.T, cc shim.Chaincode) *stubtest.Network {
	t.Helper()
	n := stubtest.New(stubtest.Config{Repeat: 1})
	for _, mspID := range []string{issuer, advertiser, retailer} {
		n.AddOrganisation(mspID, cc)
	}
	n.Define(namespace, stubtest.IssuerAndOther(issuer))
	return n
}

func proposal(n *stubtest.Network, function string, args ...string) stubtest.Proposal {
	return stubtest.Proposal{
		Namespace: namespace, Function: function, Args: args,
		Creator: n.Identity(issuer, "service"), Endorsers: []string{issuer, retailer},
	}
}

func endorse(t *testing.T, n *stubtest.Network, function string, args ...string) *stubtest.Transaction {
	t.Helper()
	return endorseAs(t, n, proposal(n, function, args...))
}

func endorseAs(t *testing.T, n *stubtest.Network, p stubtest.Proposal) *stubtest.Transaction {
	t.Helper()
	tx, err := n.Endorse(p)
	if err != nil {
		t.Fatalf("endorsing %s: %v", p.Function, err)
	}
	return tx
}

func refused(t *testing.T, n *stubtest.Network, p stubtest.Proposal, text string) {
	t.Helper()
	_, err := n.Endorse(p)
	var refusal *stubtest.EndorseError
	if !errors.As(err, &refusal) {
		t.Fatalf("%s: error %v, want an EndorseError", p.Function, err)
	}
	if !strings.Contains(refusal.Message, text) {
		t.Errorf("%s: message %q, want one with %q", p.Function, refusal.Message, text)
	}
}

// commit makes one block and compares the validation codes.
func commit(t *testing.T, n *stubtest.Network, txs []*stubtest.Transaction, want ...peer.TxValidationCode) {
	t.Helper()
	var got []peer.TxValidationCode
	for _, r := range n.Commit(txs...) {
		got = append(got, r.Code)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("validation codes %v, want %v", got, want)
	}
}

func run(t *testing.T, n *stubtest.Network, function string, args ...string) {
	t.Helper()
	commit(t, n, []*stubtest.Transaction{endorse(t, n, function, args...)}, valid)
}

func evaluate(t *testing.T, n *stubtest.Network, function string, args ...string) string {
	t.Helper()
	payload, err := n.Evaluate(proposal(n, function, args...))
	if err != nil {
		t.Fatalf("evaluating %s: %v", function, err)
	}
	return string(payload)
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
