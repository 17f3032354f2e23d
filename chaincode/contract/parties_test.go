// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"sync"
	"testing"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// witness runs the consortium's chaincode and tells an accomplice all it does.
type witness struct {
	honest shim.Chaincode
	mu     sync.Mutex
	seen   map[string][]altered // by transaction
}

func (*witness) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (w *witness) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	s := &watched{ChaincodeStubInterface: stub}
	response := w.honest.Invoke(s)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[stub.GetTxID()] = s.steps
	return response
}

// accomplice signs what a witness did: the same reads, of others' collections
// by hash, and the same writes. It knows none of the rules.
func (w *witness) accomplice(stub shim.ChaincodeStubInterface) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, step := range w.seen[stub.GetTxID()] {
		if err := step(stub); err != nil {
			return err
		}
	}
	return nil
}

// watched notes how to do again what is done with a stub.
type watched struct {
	shim.ChaincodeStubInterface
	steps []altered
}

func (s *watched) note(step altered) { s.steps = append(s.steps, step) }

func (s *watched) GetState(key string) ([]byte, error) {
	s.note(func(stub shim.ChaincodeStubInterface) error {
		_, err := stub.GetState(key)
		return err
	})
	return s.ChaincodeStubInterface.GetState(key)
}

func (s *watched) GetMultipleStates(keys ...string) ([][]byte, error) {
	s.note(func(stub shim.ChaincodeStubInterface) error {
		_, err := stub.GetMultipleStates(keys...)
		return err
	})
	return s.ChaincodeStubInterface.GetMultipleStates(keys...)
}

func (s *watched) noteHash(collection, key string) {
	s.note(func(stub shim.ChaincodeStubInterface) error {
		_, err := stub.GetPrivateDataHash(collection, key)
		return err
	})
}

func (s *watched) GetPrivateData(collection, key string) ([]byte, error) {
	s.noteHash(collection, key)
	return s.ChaincodeStubInterface.GetPrivateData(collection, key)
}

func (s *watched) GetPrivateDataHash(collection, key string) ([]byte, error) {
	s.noteHash(collection, key)
	return s.ChaincodeStubInterface.GetPrivateDataHash(collection, key)
}

func (s *watched) PutState(key string, value []byte) error {
	s.note(put(key, string(value)))
	return s.ChaincodeStubInterface.PutState(key, value)
}

func (s *watched) PutPrivateData(collection, key string, value []byte) error {
	s.note(func(stub shim.ChaincodeStubInterface) error { return stub.PutPrivateData(collection, key, value) })
	return s.ChaincodeStubInterface.PutPrivateData(collection, key, value)
}

func (s *watched) SetEvent(name string, payload []byte) error {
	s.note(func(stub shim.ChaincodeStubInterface) error { return stub.SetEvent(name, payload) })
	return s.ChaincodeStubInterface.SetEvent(name, payload)
}

// TestEveryPartyIsNeeded goes through a namespace's life. At each step an
// accomplice signs in the place of each party, and the ledger does not take it.
func TestEveryPartyIsNeeded(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	c.needs(setParties(), issuer, clearing)
	c.needs(tick(), issuer)
	c.needs(enterKey(bearer), issuer)
	c.needs(publish(bearer), issuer)
	c.needs(change("PauseCampaign", bearer), issuer)
	c.needs(change("ResumeCampaign", bearer), issuer)
	c.needs(authorise(bearer), issuer, advertiser)
	c.needs(c.admit(bearer, retailer), issuer, retailer)
	c.open(bound)
	other := makeOffer("other", coupon.HolderBearer)
	c.run(enterKey(other))
	c.run(publish(other))
	c.needs(c.admit(other, retailer), issuer, retailer)
	c.needs(redeem(c.batch(c.sale(bearer.tender(1)))), issuer, retailer)
	text := c.record(c.run(redeem(c.batch(c.sale(bearer.tender(2), c.presented(bound, 1)), c.sale(bearer.tender(3))))))
	c.needs(void(text, redemptionOf(c, text)), issuer, retailer)
	c.needs(c.claim(text), retailer, clearing)
	c.needs(c.settle(text), issuer, clearing)
	c.needs(register(instituteKey(1)), issuer, clearing)
	c.needs(closing(bearer, 0), issuer)
}

func (c *consortium) needs(k call, parties ...string) {
	c.t.Helper()
	w := &witness{honest: c.honest[k.endorsers[0]], seen: map[string][]altered{}}
	c.AddOrganisation(k.endorsers[0], w)
	c.AddOrganisation(outsider, altered(w.accomplice))
	together := k
	together.endorsers = append(append([]string{}, k.endorsers...), outsider)
	for _, mspID := range parties {
		tx, err := c.Without(c.endorse(together), mspID)
		if err != nil {
			c.t.Fatal(err)
		}
		c.commit([]*stubtest.Transaction{tx}, policy)
	}
	for _, mspID := range []string{k.endorsers[0], outsider} {
		c.AddOrganisation(mspID, c.honest[mspID])
	}
	c.run(k)
}
