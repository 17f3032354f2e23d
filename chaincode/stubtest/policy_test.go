// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest_test

import (
	"errors"
	"fmt"
	"testing"

	"ecoupon/chaincode/stubtest"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

func TestPolicies(t *testing.T) {
	t.Parallel()
	both := func(first, second string) handler {
		return func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			for _, mspID := range []string{first, second} {
				if mspID == "" {
					continue
				}
				if err := stub.PutPrivateData(stubtest.Implicit(mspID), "k", []byte("v")); err != nil {
					return nil, err
				}
			}
			return nil, nil
		}
	}
	cc := basics().with("claim", both(retailer, advertiser)).with("keepOwn", both(issuer, "")).
		with("publicAndPrivate", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			if err := stub.PutPrivateData(stubtest.Implicit(retailer), "k", []byte("v")); err != nil {
				return nil, err
			}
			return nil, stub.PutState("k", []byte("v"))
		}).with("readPrivate", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		return stub.GetPrivateDataHash(stubtest.Implicit(retailer), "k")
	})
	tests := []struct {
		function  string
		endorsers []string
		want      peer.TxValidationCode
	}{
		{"put", []string{issuer, retailer}, valid},
		{"put", []string{issuer, advertiser}, valid},
		{"put", []string{issuer}, policy},
		{"put", []string{retailer, advertiser}, policy},
		{"del", []string{retailer, advertiser}, policy},
		{"get", []string{issuer, retailer}, valid},
		{"get", []string{retailer, advertiser}, policy},
		{"range", []string{retailer}, policy},
		{"readPrivate", []string{retailer}, policy},
		{"readPrivate", []string{retailer, issuer}, valid},
		{"keepOwn", []string{issuer}, valid},
		{"keepOwn", []string{retailer, advertiser}, policy},
		{"claim", []string{retailer, advertiser}, valid},
		{"claim", []string{retailer, issuer}, policy},
		{"claim", []string{advertiser}, policy},
		{"publicAndPrivate", []string{issuer, retailer}, valid},
		{"publicAndPrivate", []string{issuer, advertiser}, policy},
		{"publicAndPrivate", []string{retailer}, policy},
		{"publicAndPrivate", []string{retailer, advertiser}, policy},
	}
	n := network(t, cc)
	for _, test := range tests {
		t.Run(fmt.Sprint(test.function, test.endorsers), func(t *testing.T) {
			p := proposal(n, test.function, "a", "b")
			p.Endorsers = test.endorsers
			commit(t, n, []*stubtest.Transaction{endorseAs(t, n, p)}, test.want)
		})
	}
}

func TestExplicitCollections(t *testing.T) {
	t.Parallel()
	n := network(t, basics().with("two", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		return nil, errors.Join(
			stub.PutPrivateData("shared", "two", []byte("v")), stub.PutPrivateData("own", "two", []byte("v")))
	}))
	n.DefineCollection(namespace, "shared", nil, issuer, retailer)
	n.DefineCollection(namespace, "own", stubtest.AllOf(advertiser), advertiser)
	n.Define(namespace, stubtest.IssuerAndOther(issuer)) // keeps the collections
	commit(t, n, []*stubtest.Transaction{
		write(t, n, "shared", "k", "1", issuer),               // falls to the namespace's policy
		write(t, n, "shared", "k", "2", issuer, advertiser),   // meets it
		write(t, n, "own", "k", "3", issuer, retailer),        // misses the collection's
		write(t, n, "own", "k", "4", advertiser),              // meets it, which is enough
		write(t, n, "shared", "l", "5", retailer, advertiser), // misses the namespace's
		write(t, n, stubtest.Implicit(issuer), "k", "6", issuer),
	}, policy, valid, policy, valid, policy, valid)
	commit(t, n, []*stubtest.Transaction{
		endorseAs(t, n, at(advertiser, proposal(n, "two"))), // meets the one collection's policy, not the namespace's
	}, policy)
	for mspID, want := range map[string]string{issuer: "2", retailer: "2", advertiser: ""} {
		payload, err := n.Evaluate(at(mspID, proposal(n, "getPrivate", "shared", "k")))
		if string(payload) != want || (err != nil) != (want == "") {
			t.Errorf("at %s: %q, %v", mspID, payload, err)
		}
	}
}
