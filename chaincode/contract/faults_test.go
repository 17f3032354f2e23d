// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
)

// fault is what a peer does when a request of the chaincode fails.
type fault int

const (
	none  fault = iota
	fails       // an error
	dies        // a panic in the chaincode
	short       // several values are asked for, and one is missing
)

var errFault = errors.New("the peer's database is gone")

// faulty runs the consortium's chaincode on a stub of which one request fails.
type faulty struct {
	honest shim.Chaincode
	fault  fault
	at     int  // counts from 0
	count  *int // how many requests there were
}

func (faulty) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (f faulty) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	*f.count = 0
	return f.honest.Invoke(&faultyStub{stub, f})
}

type faultyStub struct {
	shim.ChaincodeStubInterface
	faulty
}

func (s *faultyStub) next() error {
	n := *s.count
	*s.count++
	if n != s.at {
		return nil
	}
	switch s.fault {
	case fails:
		return errFault
	case dies:
		panic(errFault)
	default:
		return nil
	}
}

func (s *faultyStub) GetState(key string) ([]byte, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	return s.ChaincodeStubInterface.GetState(key)
}

func (s *faultyStub) GetMultipleStates(keys ...string) ([][]byte, error) {
	cut := s.fault == short && *s.count == s.at
	if err := s.next(); err != nil {
		return nil, err
	}
	values, err := s.ChaincodeStubInterface.GetMultipleStates(keys...)
	if cut && len(values) > 0 {
		values = values[1:]
	}
	return values, err
}

func (s *faultyStub) GetStateByRange(start, end string) (shim.StateQueryIteratorInterface, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	return s.ChaincodeStubInterface.GetStateByRange(start, end)
}

func (s *faultyStub) GetPrivateData(collection, key string) ([]byte, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	return s.ChaincodeStubInterface.GetPrivateData(collection, key)
}

func (s *faultyStub) GetPrivateDataHash(collection, key string) ([]byte, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	return s.ChaincodeStubInterface.GetPrivateDataHash(collection, key)
}

func (s *faultyStub) PutState(key string, value []byte) error {
	if err := s.next(); err != nil {
		return err
	}
	return s.ChaincodeStubInterface.PutState(key, value)
}

func (s *faultyStub) PutPrivateData(collection, key string, value []byte) error {
	if err := s.next(); err != nil {
		return err
	}
	return s.ChaincodeStubInterface.PutPrivateData(collection, key, value)
}

func (s *faultyStub) FinishWriteBatch() error {
	if err := s.next(); err != nil {
		return err
	}
	return s.ChaincodeStubInterface.FinishWriteBatch()
}

func (s *faultyStub) SetEvent(name string, payload []byte) error {
	if err := s.next(); err != nil {
		return err
	}
	return s.ChaincodeStubInterface.SetEvent(name, payload)
}

func (s *faultyStub) GetTransient() (map[string][]byte, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	return s.ChaincodeStubInterface.GetTransient()
}

func (s *faultyStub) GetSignedProposal() (*peer.SignedProposal, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	return s.ChaincodeStubInterface.GetSignedProposal()
}

func (s *faultyStub) GetTxTimestamp() (*timestamppb.Timestamp, error) {
	if err := s.next(); err != nil {
		return nil, err
	}
	return s.ChaincodeStubInterface.GetTxTimestamp()
}

// TestNoFaultIsOverlooked goes through a namespace's life, and at each step
// lets every single request to the peer fail once. Never does a function go on
// without what it asked for, and never does it take the process with it.
func TestNoFaultIsOverlooked(t *testing.T) {
	t.Parallel()
	c := newConsortium(t)
	steps := []func() call{
		setParties, tick,
		func() call { return enterKey(bearer) },
		func() call { return publish(bearer) },
		func() call { return change("PauseCampaign", bearer) },
		func() call { return change("ResumeCampaign", bearer) },
		func() call { return authorise(bearer) },
		func() call { return c.admit(bearer, retailer) },
		func() call { c.open(bound); c.published(); return c.admit(fresh, retailer) },
		func() call {
			return redeem(c.batch(c.sale(bearer.tender(1), c.presented(bound, 1)), c.sale(bearer.tender(2))))
		},
	}
	for _, step := range steps {
		k := step()
		c.survives(k)
		c.run(k)
	}
	tx := c.run(redeem(c.batch(c.sale(bearer.tender(3)), c.sale(bearer.tender(4)))))
	text := c.record(tx)
	c.survives(check(checked(c.sale(bearer.tender(5), c.presented(bound, 2)))))
	claim, settlement := c.claim(text), c.settle(text)
	for _, k := range []call{void(text, redemptionOf(c, text)), claim, settlement, closing(bearer, 0)} {
		c.survives(k)
		c.run(k)
	}
	id := decodeRecord(t, text).ID
	for function, argument := range map[string]any{
		"GetParties": nil, "GetTick": nil, "GetClock": nil, "GetCampaign": bearer.ref(), "ListRetailers": bearer.ref(),
		"CampaignKey": bearer.ref(), "GetFramework": coupon.FrameworkQuery{Framework: bearer.mandate().ID()},
		"EmitterKey":     coupon.FrameworkQuery{Framework: bearer.mandate().ID()},
		"ListCampaigns":  coupon.PageQuery{},
		"ListFrameworks": coupon.FrameworksQuery{Campaign: "spring", Version: 1},
		"HasRetailerKey": coupon.RetailerQuery{Retailer: retailer},
		"FindRedemption": coupon.RedemptionQuery{Redemption: redemptionOf(c, text)},
		"GetBatch":       coupon.BatchQuery{Batch: id},
		"GetMarkers":     coupon.MarkersQuery{Tags: []coupon.Tag{bearer.tag(bearer.mint(3))}},
		"Standing":       coupon.StandingQuery{Retailer: retailer, Batches: []coupon.BatchID{id}},
		"GetSettlement":  coupon.SettlementQuery{SettlementID: settlement.input.(coupon.SettleInput).SettlementID, Retailer: retailer},
	} {
		c.survives(call{function: function, argument: argument, by: issuer, endorsers: []string{issuer}})
	}
	c.survives(call{
		function: "GetClaim", by: clearing, endorsers: []string{clearing},
		argument: coupon.ClaimQuery{Retailer: retailer, ClaimID: claim.input.(coupon.ClaimInput).ClaimID},
	})
}

// survives runs a call with every fault on every endorser's peer.
func (c *consortium) survives(k call) {
	c.t.Helper()
	c.t.Logf("a panic must be refused with %s", coupon.ReasonInternal)
	for _, mspID := range k.endorsers {
		alone := k
		alone.endorsers = []string{mspID}
		count := 0
		c.AddOrganisation(mspID, faulty{c.honest[mspID], none, 0, &count})
		c.endorse(alone)
		for at := range count {
			for _, f := range []fault{fails, dies} {
				c.AddOrganisation(mspID, faulty{c.honest[mspID], f, at, new(int)})
				_, message := c.reasonOf(alone)
				want := map[fault]string{fails: errFault.Error(), dies: "INTERNAL: the transaction function panicked"}[f]
				if !strings.Contains(message, want) {
					c.t.Errorf("%s on the peer of %s, request %d: %q, want %q", k.function, mspID, at, message, want)
				}
			}
		}
		c.AddOrganisation(mspID, c.honest[mspID])
	}
}

// TestShortAnswersAreNotShifted: where one of several values is missing, no
// function goes on with the others in the wrong places.
func TestShortAnswersAreNotShifted(t *testing.T) {
	t.Parallel()
	c := founded(t)
	text := c.sold()
	for _, k := range []call{redeem(c.batch(c.sale(bearer.tender(500)))), void(text, redemptionOf(c, text)), c.claim(text)} {
		alone := k
		alone.endorsers = []string{retailer}
		count := 0
		c.AddOrganisation(retailer, faulty{c.honest[retailer], none, 0, &count})
		c.endorse(alone)
		refused := 0
		for at := range count {
			c.AddOrganisation(retailer, faulty{c.honest[retailer], short, at, new(int)})
			if _, message := c.reasonOf(alone); strings.Contains(message, "values") {
				refused++
			}
		}
		if refused < 2 {
			t.Errorf("%s noticed %d short answers, want every one", k.function, refused)
		}
	}
}

// TestLostPrivateData: an issuer's peer that lacks a key, though it should have
// it, refuses; it never relies on the other endorser.
func TestLostPrivateData(t *testing.T) {
	t.Parallel()
	c := founded(t)
	k := redeem(c.batch(c.sale(bearer.tender(1))))
	c.Lose(issuer, namespace, implicit(issuer), campaignKeyName(bearer))
	k.endorsers = []string{issuer}
	if _, message := c.reasonOf(k); message == "" {
		t.Error("an issuer's peer without k_M endorses")
	}
	k.endorsers = []string{retailer}
	c.endorse(k)
	c.Lose(retailer, namespace, implicit(retailer), retailerKeyName(retailer))
	if _, message := c.reasonOf(k); message == "" {
		t.Error("a retailer's peer without k_IR endorses")
	}
}
