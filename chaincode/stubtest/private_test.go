// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"ecoupon/chaincode/stubtest"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// write endorses a private write on some organisations' peers.
func write(t *testing.T, n *stubtest.Network, collection, key, value string, endorsers ...string) *stubtest.Transaction {
	t.Helper()
	p := proposal(n, "copyPrivate", collection, key)
	p.Transient = map[string][]byte{"input": []byte(value)}
	p.Endorsers = endorsers
	return endorseAs(t, n, p)
}

func at(mspID string, p stubtest.Proposal) stubtest.Proposal {
	p.Endorsers = []string{mspID}
	return p
}

func TestPrivateValuesAreForMembers(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	coll := stubtest.Implicit(issuer)

	// Absence can be read anywhere: there is no hash that a value would have to match.
	for _, mspID := range []string{issuer, retailer} {
		payload, err := n.Evaluate(at(mspID, proposal(n, "getPrivate", coll, "k")))
		if err != nil || payload != nil {
			t.Errorf("absent key at %s: %q, %v", mspID, payload, err)
		}
	}
	tx := write(t, n, coll, "k", "secret", retailer, issuer)
	commit(t, n, []*stubtest.Transaction{tx}, valid)

	payload, err := n.Evaluate(at(issuer, proposal(n, "getPrivate", coll, "k")))
	if err != nil || string(payload) != "secret" {
		t.Errorf("at the member: %q, %v", payload, err)
	}
	refused(t, n, at(retailer, proposal(n, "getPrivate", coll, "k")),
		"private data matching public hash version is not available. "+
			"Public hash version = {BlockNum: 1, TxNum: 0}, Private data version = <nil>")
	want := sha256.Sum256([]byte("secret"))
	for _, mspID := range []string{issuer, retailer, advertiser} {
		payload, err := n.Evaluate(at(mspID, proposal(n, "getHash", coll, "k")))
		if err != nil || !bytes.Equal(payload, want[:]) {
			t.Errorf("hash at %s: %x, %v", mspID, payload, err)
		}
	}
	refused(t, n, proposal(n, "getPrivate", "_implicit_org_NobodyMSP", "k"), "not defined in the collection config")
	refused(t, n, proposal(n, "getHash", "nothing", "k"), "not defined in the collection config")
	refused(t, n, proposal(n, "getPrivate", "", "k"), "collection must not be an empty string")
}

func TestValueAndHashGiveTheSameReadSet(t *testing.T) {
	t.Parallel()
	coll := stubtest.Implicit(issuer)
	byMSP := func(mspID string) script {
		return basics().with("use", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			for _, key := range []string{"k", "absent"} {
				read := stub.GetPrivateDataHash
				if mspID == issuer {
					read = stub.GetPrivateData
				}
				if _, err := read(coll, key); err != nil {
					return nil, err
				}
			}
			return nil, stub.PutState("used", []byte("yes"))
		})
	}
	n := network(t, byMSP(retailer))
	n.AddOrganisation(issuer, byMSP(issuer))
	commit(t, n, []*stubtest.Transaction{write(t, n, coll, "k", "secret", issuer)}, valid)

	one, two := endorse(t, n, "use"), endorse(t, n, "use")
	commit(t, n, []*stubtest.Transaction{one, write(t, n, coll, "k", "secret", issuer), two}, valid, valid, conflict)
	late := endorse(t, n, "use")
	commit(t, n, []*stubtest.Transaction{write(t, n, coll, "absent", "now here", issuer)}, valid)
	commit(t, n, []*stubtest.Transaction{late}, conflict)
}

func TestPrivateWritesArePublicAsHashesOnly(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	coll := stubtest.Implicit(issuer)
	tx := write(t, n, coll, "private-key", "private-value", issuer, retailer)
	for _, secret := range []string{"private-key", "private-value"} {
		sum := sha256.Sum256([]byte(secret))
		if !bytes.Contains(tx.Bytes, sum[:]) {
			t.Errorf("the transaction lacks the hash of %q", secret)
		}
	}
	if bytes.Contains(tx.Bytes, []byte("private-value")) {
		t.Error("the transaction holds a private value")
	}
	got := tx.PrivateWrites()
	keyHash, valueHash := sha256.Sum256([]byte("private-key")), sha256.Sum256([]byte("private-value"))
	if len(got) != 1 || got[0].Collection != coll || !bytes.Equal(got[0].KeyHash, keyHash[:]) ||
		!bytes.Equal(got[0].ValueHash, valueHash[:]) {
		t.Errorf("private writes %+v", got)
	}
	// The search finds what is public: this key is an argument too.
	if !bytes.Contains(tx.Bytes, []byte("private-key")) {
		t.Error("an argument is not found in the transaction")
	}
}

func TestDeleteAndPurge(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"delPrivate", "purge"} {
		n := network(t, basics())
		coll := stubtest.Implicit(retailer)
		commit(t, n, []*stubtest.Transaction{write(t, n, coll, "k", "v", retailer)}, valid)
		reader := endorse(t, n, "getHash", coll, "k")
		tx := endorse(t, n, function, coll, "k")
		commit(t, n, []*stubtest.Transaction{tx, reader}, valid, conflict)
		equal(t, function+": purge flag", tx.PrivateWrites()[0].Purge, function == "purge")
		equal(t, function+": hash", evaluate(t, n, "getHash", coll, "k"), "")
		for _, mspID := range []string{retailer, issuer} {
			payload, err := n.Evaluate(at(mspID, proposal(n, "getPrivate", coll, "k")))
			if err != nil || payload != nil {
				t.Errorf("%s: at %s %q, %v", function, mspID, payload, err)
			}
		}
		if n.PrivateState(namespace, coll, "k") != nil {
			t.Errorf("%s left the value", function)
		}
	}
}

func TestEmptyPrivateValueDeletes(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	coll := stubtest.Implicit(issuer)
	commit(t, n, []*stubtest.Transaction{write(t, n, coll, "k", "v", issuer)}, valid)
	commit(t, n, []*stubtest.Transaction{write(t, n, coll, "k", "", issuer)}, valid)
	equal(t, "hash", evaluate(t, n, "getHash", coll, "k"), "")
}

func TestLostPrivateData(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	coll := stubtest.Implicit(issuer)
	commit(t, n, []*stubtest.Transaction{
		write(t, n, coll, "k", "v", issuer), write(t, n, coll, "l", "v", issuer),
	}, valid, valid)
	n.Lose(issuer, namespace, coll, "k")
	refused(t, n, at(issuer, proposal(n, "getPrivate", coll, "k")), "private data matching public hash version")
	equal(t, "the other value", evaluate(t, n, "getPrivate", coll, "l"), "v")
}

func TestMultiplePrivateDataDoesNotNoticeMissingValues(t *testing.T) {
	t.Parallel()
	n := network(t, basics().with("many", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		values, err := stub.GetMultiplePrivateData(args[0], args[1:]...)
		return fmt.Appendf(nil, "%d %s", len(values), values), err
	}))
	coll := stubtest.Implicit(issuer)
	commit(t, n, []*stubtest.Transaction{write(t, n, coll, "b", "v", issuer)}, valid)
	member := endorseAs(t, n, at(issuer, proposal(n, "many", coll, "c", "b", "a")))
	equal(t, "at the member", string(member.Response.Payload), "3 [ v ]")
	other := endorseAs(t, n, at(retailer, proposal(n, "many", coll, "b")))
	equal(t, "elsewhere", string(other.Response.Payload), "1 []")
	n.Define(namespace, stubtest.AnyOf(issuer, retailer))
	commit(t, n, []*stubtest.Transaction{member, other}, valid, conflict)
	if _, err := n.Endorse(proposal(n, "many", coll, "b")); err == nil {
		t.Error("member and other peer agree on what they read")
	}
}

func TestPrivateRangesOnlyInReadOnlyTransactions(t *testing.T) {
	t.Parallel()
	coll := stubtest.Implicit(issuer)
	open := func(stub shim.ChaincodeStubInterface) (string, error) {
		it, err := stub.GetPrivateDataByRange(coll, "", "")
		if err != nil {
			return "", err
		}
		keys, err := drain(it)
		return strings.Join(keys, " "), err
	}
	n := network(t, basics().with("list", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		keys, err := open(stub)
		return []byte(keys), err
	}).with("listThenWrite", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		if _, err := open(stub); err != nil {
			return nil, err
		}
		return nil, stub.PutState("k", []byte("v"))
	}).with("writeThenList", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		if err := stub.PutPrivateData(coll, "k", []byte("v")); err != nil {
			return nil, err
		}
		_, err := open(stub)
		return nil, err
	}).with("listThenBatch", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		if _, err := open(stub); err != nil {
			return nil, err
		}
		stub.StartWriteBatch()
		return nil, stub.PutState("k", []byte("v")) // refused when the batch ends
	}))
	commit(t, n, []*stubtest.Transaction{
		write(t, n, coll, "b", "v", issuer), write(t, n, coll, "a", "v", issuer),
	}, valid, valid)
	equal(t, "at the member", evaluate(t, n, "list"), "a b")
	payload, err := n.Evaluate(at(retailer, proposal(n, "list")))
	if err != nil || len(payload) != 0 {
		t.Errorf("elsewhere: %q, %v", payload, err)
	}
	refused(t, n, at(issuer, proposal(n, "listThenWrite")), "Writes are not allowed")
	refused(t, n, at(issuer, proposal(n, "writeThenList")), "only in a read-only transaction")
	refused(t, n, at(issuer, proposal(n, "listThenBatch")), "failed send batch")
}
