// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/contract"
	"ecoupon/services/audit"
	"ecoupon/services/internal/ledgertest"
)

// tampering changes what chaincode writes, by the key or the event's name, and
// what it reads of collections. A nil function changes nothing; what becomes nil
// is not written.
type tampering struct {
	public  func(key string, value []byte) []byte
	private func(owner, key string, value []byte) []byte
	event   func(payload []byte) []byte
	// hash is what the private key is said to have; nil for none.
	hash func(key string, hash []byte) []byte
}

// tampered is chaincode that does all that it must, and tampers with the result.
type tampered struct {
	shim.Chaincode
	tampering
}

func (c tampered) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	return c.Chaincode.Invoke(tamperedStub{stub, c.tampering})
}

type tamperedStub struct {
	shim.ChaincodeStubInterface
	tampering
}

func (s tamperedStub) PutState(key string, value []byte) error {
	if s.public != nil {
		value = s.public(key, value)
	}
	return s.ChaincodeStubInterface.PutState(key, value)
}

func (s tamperedStub) PutPrivateData(collection, key string, value []byte) error {
	if s.private != nil {
		if value = s.private(strings.TrimPrefix(collection, "_implicit_org_"), key, value); value == nil {
			return nil
		}
	}
	return s.ChaincodeStubInterface.PutPrivateData(collection, key, value)
}

func (s tamperedStub) SetEvent(name string, payload []byte) error {
	if s.event != nil {
		payload = s.event(payload)
	}
	return s.ChaincodeStubInterface.SetEvent(name, payload)
}

func (s tamperedStub) GetPrivateDataHash(collection, key string) ([]byte, error) {
	hash, err := s.ChaincodeStubInterface.GetPrivateDataHash(collection, key)
	if s.hash != nil {
		hash = s.hash(key, hash)
	}
	return hash, err
}

// edited changes a record and keeps its form.
func edited[R any](change func(*R)) func([]byte) []byte {
	return func(text []byte) []byte {
		var r R
		if err := json.Unmarshal(text, &r); err != nil {
			panic(err)
		}
		change(&r)
		out, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		return out
	}
}

// inRecord changes the private records whose keys begin so, in all collections.
func inRecord[R any](prefix string, change func(*R)) tampering {
	return tampering{private: func(_, key string, value []byte) []byte {
		if strings.HasPrefix(key, prefix) {
			return edited(change)(value)
		}
		return value
	}}
}

func inEvent[E any](change func(*E)) tampering { return tampering{event: edited(change)} }

// leftOut writes nothing under keys that begin so into an organisation's
// collection.
func leftOut(owner, prefix string) tampering {
	return tampering{private: func(in, key string, value []byte) []byte {
		if in == owner && strings.HasPrefix(key, prefix) {
			return nil
		}
		return value
	}}
}

// inDigested changes a private record, and makes the digest of it that the public
// keys have the right one.
func inDigested[R any](prefix, digestPrefix string, change func(*R)) tampering {
	var digest [sha256.Size]byte
	t := inRecord(prefix, change)
	inner := t.private
	t.private = func(owner, key string, value []byte) []byte {
		out := inner(owner, key, value)
		if strings.HasPrefix(key, prefix) {
			digest = sha256.Sum256(out)
		}
		return out
	}
	t.public = func(key string, value []byte) []byte {
		if strings.HasPrefix(key, digestPrefix) {
			return append([]byte{1}, digest[:]...)
		}
		return value
	}
	return t
}

// tamper does something while the chaincode of these organisations tampers.
func tamper(t *testing.T, c *ledgertest.Consortium, change tampering, mspIDs []string, do func()) {
	t.Helper()
	for _, mspID := range mspIDs {
		honest, err := contract.New(contract.Config{MSPID: mspID, Now: c.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		c.Network.AddOrganisation(mspID, tampered{honest, change})
		defer c.Network.AddOrganisation(mspID, honest)
	}
	do()
}

// assertBreaches audits as one organisation: just these rules are broken, all by
// the last transaction, for which these organisations are named.
func assertBreaches(t *testing.T, c *ledgertest.Consortium, seenBy string, concerned []string, want ...string) {
	t.Helper()
	chain := c.Chain(t)
	_, found := run(t, chain, seenBy)
	got := rules(found)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("seen by %q (-want +got):\n%s\n%+v", seenBy, diff, found)
	}
	blocks := c.Network.Blocks()
	last := blocks[len(blocks)-1].Transactions
	for _, f := range found {
		if f.Level != audit.Breach {
			continue
		}
		if f.Transaction != last[len(last)-1].ID || !slices.Equal(f.Organisations, concerned) {
			t.Errorf("seen by %q, not of the last transaction or of %s: %+v", seenBy, concerned, f)
		}
	}
}
