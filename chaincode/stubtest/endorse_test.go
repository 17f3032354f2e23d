// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest_test

import (
	"errors"
	"strings"
	"testing"

	"ecoupon/chaincode/stubtest"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

func mismatch(t *testing.T, n *stubtest.Network, p stubtest.Proposal, text string) {
	t.Helper()
	_, err := n.Endorse(p)
	var m *stubtest.MismatchError
	if !errors.As(err, &m) {
		t.Fatalf("%s: error %v, want a MismatchError", p.Function, err)
	}
	if !strings.Contains(m.Detail, text) {
		t.Errorf("%s: %q, want something with %q", p.Function, m.Detail, text)
	}
}

// TestEveryDifferenceIsSeen: two peers whose chaincode differs in one respect
// make no transaction together.
func TestEveryDifferenceIsSeen(t *testing.T) {
	t.Parallel()
	coll := stubtest.Implicit(issuer)
	tests := []struct {
		name, text string
		differ     func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error)
	}{
		{"payload", "responses", func(_ shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			return []byte(mspID), nil
		}},
		{"event", "events", func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			return nil, stub.SetEvent("e", []byte(mspID))
		}},
		{"read", "read 0", func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			_, err := stub.GetState(mspID)
			return nil, err
		}},
		{"one read more", "none", func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			if mspID == issuer {
				return nil, nil
			}
			_, err := stub.GetState("k")
			return nil, err
		}},
		{"value", "write 0", func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			return nil, stub.PutState("k", []byte(mspID))
		}},
		{"range", "range 0", func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			_, err := stub.GetStateByRange("a", mspID)
			return nil, err
		}},
		{"private value", `value of key "k"`, func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			return nil, stub.PutPrivateData(coll, "k", []byte(mspID))
		}},
		{"private key", "key", func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			return nil, stub.PutPrivateData(coll, mspID, []byte("v"))
		}},
		{"private read", "read in " + coll, func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			_, err := stub.GetPrivateDataHash(coll, mspID)
			return nil, err
		}},
		{"purge", "write in " + coll, func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			if mspID == issuer {
				return nil, stub.PurgePrivateData(coll, "k")
			}
			return nil, stub.DelPrivateData(coll, "k")
		}},
		{"collection", "collections", func(stub shim.ChaincodeStubInterface, mspID string) ([]byte, error) {
			return nil, stub.PutPrivateData(stubtest.Implicit(mspID), "k", []byte("v"))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := network(t, script{})
			for _, mspID := range []string{issuer, retailer} {
				n.AddOrganisation(mspID, script{"f": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
					return test.differ(stub, mspID)
				}})
			}
			mismatch(t, n, proposal(n, "f"), test.text)
			_, err := n.Endorse(proposal(n, "f"))
			var m *stubtest.MismatchError
			if errors.As(err, &m) && strings.Join(m.MSPIDs, " ") != issuer+" "+retailer {
				t.Errorf("organisations %v", m.MSPIDs)
			}
		})
	}
}

func TestRefusalNamesItsOrganisation(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	n.AddOrganisation(retailer, basics().with("put", func(shim.ChaincodeStubInterface, []string) ([]byte, error) {
		return nil, errors.New("WRONG_BASKET: no goods")
	}))
	_, err := n.Endorse(proposal(n, "put", "a", "b"))
	var refusal *stubtest.EndorseError
	if !errors.As(err, &refusal) {
		t.Fatalf("error %v", err)
	}
	equal(t, "organisation", refusal.MSPID, retailer)
	equal(t, "message", refusal.Message, "WRONG_BASKET: no goods")
	equal(t, "status", refusal.Status, int32(500))
}

func TestLaggingPeer(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	run(t, n, "put", "k", "1")
	n.Lag(retailer)
	run(t, n, "put", "k", "2")
	mismatch(t, n, proposal(n, "append", "k", "x"), "block_num")
	run(t, n, "put", "other", "as no read differs")
	payload, err := n.Evaluate(at(retailer, proposal(n, "get", "k")))
	if err != nil || string(payload) != "1" {
		t.Errorf("at the peer that lags: %q, %v", payload, err)
	}
	p := proposal(n, "append", "k", "x")
	p.Endorsers = []string{retailer}
	n.Define(namespace, stubtest.AnyOf(retailer))
	commit(t, n, []*stubtest.Transaction{endorseAs(t, n, p)}, conflict)
	n.CatchUp(retailer)
	run(t, n, "append", "k", "x")
	equal(t, "value", string(n.State(namespace, "k")), "2x")
}

// TestCollusion: two organisations that alter their chaincode alike agree on a
// result, and peers refuse it.
func TestCollusion(t *testing.T) {
	t.Parallel()
	n := network(t, basics().with("redeem", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		spent, err := stub.GetState(args[0])
		if err == nil && spent != nil {
			err = errors.New("ALREADY_REDEEMED: " + args[0])
		}
		if err != nil {
			return nil, err
		}
		return nil, stub.PutState(args[0], []byte("spent"))
	}))
	run(t, n, "redeem", "coupon")
	refused(t, n, proposal(n, "redeem", "coupon"), "ALREADY_REDEEMED")

	altered := script{"redeem": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		return nil, stub.DelState(args[0])
	}}
	n.AddOrganisation(retailer, altered)
	n.AddOrganisation(advertiser, altered)
	p := proposal(n, "redeem", "coupon")
	p.Endorsers = []string{retailer, advertiser}
	commit(t, n, []*stubtest.Transaction{endorseAs(t, n, p)}, policy)
	equal(t, "marker", string(n.State(namespace, "coupon")), "spent")
	refused(t, n, proposal(n, "redeem", "coupon"), "ALREADY_REDEEMED") // the issuer's peer does not go along
}

func TestDeterminism(t *testing.T) {
	t.Parallel()
	calls := 0
	n := stubtest.New(stubtest.Config{})
	strict := stubtest.New(stubtest.Config{Repeat: 2})
	for _, n := range []*stubtest.Network{n, strict} {
		n.Define(namespace, stubtest.AnyOf(issuer))
		n.AddOrganisation(issuer, basics().with("count", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			calls++
			return nil, stub.PutState("k", []byte{byte(calls)})
		}).with("mapOrder", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			var out []byte
			for k := range map[string]int{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7} {
				out = append(out, k...)
			}
			return nil, stub.PutState("k", out)
		}))
	}
	for _, function := range []string{"count", "mapOrder"} {
		p := at(issuer, proposal(n, function))
		endorseAs(t, n, p) // once, nobody notices
		var m *stubtest.MismatchError
		if err := n.CheckDeterminism(p, 50); !errors.As(err, &m) {
			t.Errorf("%s: error %v, want a MismatchError", function, err)
		}
	}
	mismatch(t, strict, at(issuer, proposal(strict, "count")), "write 0")
	if err := n.CheckDeterminism(at(issuer, proposal(n, "append", "k", "v")), 10); err != nil {
		t.Errorf("deterministic chaincode: %v", err)
	}
}

func TestOpenAndWithout(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	coll := stubtest.Implicit(issuer)
	p := proposal(n, "copyPrivate", coll, "k")
	p.Transient = map[string][]byte{"input": []byte("secret")}
	tx := endorseAs(t, n, p)
	opened, err := n.Open(tx.Bytes)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	equal(t, "id", opened.ID, tx.ID)
	equal(t, "endorsers", strings.Join(opened.Endorsers(), " "), issuer+" "+retailer)
	equal(t, "function", string(opened.Args[0]), "copyPrivate")
	commit(t, n, []*stubtest.Transaction{opened}, valid)
	equal(t, "private value", string(n.PrivateState(namespace, coll, "k")), "secret")
	commit(t, n, []*stubtest.Transaction{tx}, twice)

	tx = endorse(t, n, "put", "a", "original")
	less, err := n.Without(tx, retailer)
	if err != nil {
		t.Fatalf("leaving out an endorsement: %v", err)
	}
	commit(t, n, []*stubtest.Transaction{less}, policy)

	forged := strings.Replace(string(endorse(t, n, "append", "z", "original").Bytes), "original", "ORIGINAL", 1)
	if _, err := n.Open([]byte(forged)); err == nil {
		t.Error("a transaction with other arguments than were endorsed was opened")
	}
	bytes := endorse(t, n, "put", "a", "original").Bytes
	at := strings.LastIndex(string(bytes), "original") // in the write set
	copy(bytes[at:], "ORIGINAL")
	tampered, err := n.Open(bytes)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	equal(t, "endorsements that count", len(tampered.Endorsers()), 0)
	commit(t, n, []*stubtest.Transaction{tampered}, policy)
	if _, err := n.Open([]byte("nonsense")); err == nil {
		t.Error("nonsense was opened")
	}
}

// TestProposalEndorsedTwice: a proposal may be endorsed again until it is
// committed, and members get the private values of the transaction that was.
func TestProposalEndorsedTwice(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	coll := stubtest.Implicit(issuer)
	p := proposal(n, "copyPrivate", coll, "k")
	p.Nonce = []byte("chosen elsewhere")
	p.Transient = map[string][]byte{"input": []byte("first")}
	first := endorseAs(t, n, p)
	p.Transient = map[string][]byte{"input": []byte("second")}
	second := endorseAs(t, n, p)
	equal(t, "id", first.ID, second.ID)
	commit(t, n, []*stubtest.Transaction{first, second}, valid, twice)
	equal(t, "private value", string(n.PrivateState(namespace, coll, "k")), "first")
	equal(t, "at the member", evaluate(t, n, "getPrivate", coll, "k"), "first")
	if _, err := n.Endorse(p); err == nil || !strings.Contains(err.Error(), "duplicate transaction found") {
		t.Errorf("endorsing what is committed: error %v", err)
	}
}
