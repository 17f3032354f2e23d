// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/contract"
	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

const (
	issuer     = "IssuerMSP"
	advertiser = "AdvertiserMSP"
	retailer   = "RetailerMSP"
	retailer2  = "Retailer2MSP"
	clearing   = "ClearingMSP"
	outsider   = "OutsiderMSP"

	namespace = "coupon-" + issuer

	valid    = peer.TxValidationCode_VALID
	conflict = peer.TxValidationCode_MVCC_READ_CONFLICT
	policy   = peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE
)

// members are all organisations of the channel.
var members = []string{issuer, advertiser, retailer, retailer2, clearing, outsider}

// consortium is a channel of six organisations with one issuer's namespace.
// Every endorsement is made twice on each peer, and all results are compared.
type consortium struct {
	*stubtest.Network
	*processes
	t      testing.TB
	number atomic.Int64 // makes request ids, invoice numbers and salts differ
}

// processes are the chaincode processes of all organisations. They hold no
// state but the clock, and take long to make: tests hand them on.
type processes struct {
	clock  *clock
	honest map[string]shim.Chaincode
}

var idle sync.Pool

// newProcesses are idle ones, or new.
func newProcesses(t testing.TB) *processes {
	t.Helper()
	if p, found := idle.Get().(*processes); found {
		return p
	}
	p := &processes{clock: &clock{}, honest: map[string]shim.Chaincode{}}
	for _, mspID := range members {
		cc, err := contract.New(contract.Config{MSPID: mspID, Now: p.clock.now})
		if err != nil {
			t.Fatal(err)
		}
		p.honest[mspID] = cc
	}
	return p
}

// clock is every peer's, and the one that proposals are dated by.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// newConsortium has nothing on its ledger.
func newConsortium(t testing.TB) *consortium {
	t.Helper()
	return newConsortiumOn(t, 1)
}

// newConsortiumOn has peers that repeat each endorsement so often, and compare.
func newConsortiumOn(t testing.TB, repeat int) *consortium {
	t.Helper()
	c := &consortium{t: t, processes: newProcesses(t)}
	c.clock.ms.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMilli())
	c.Network = stubtest.New(stubtest.Config{Now: c.clock.now, Repeat: repeat})
	for _, mspID := range members {
		c.AddOrganisation(mspID, c.honest[mspID])
	}
	c.Define(namespace, stubtest.IssuerAndOther(issuer))
	t.Cleanup(func() {
		for _, fault := range c.Faults() {
			t.Errorf("a chaincode process would have died: %v", fault)
		}
		idle.Put(c.processes)
	})
	return c
}

// founded has its clearing house, a tick, and the offers bearer and bound, to
// both of which the first retailer is admitted.
func founded(t testing.TB) *consortium {
	t.Helper()
	return foundedOn(t, 1)
}

func foundedOn(t testing.TB, repeat int) *consortium {
	t.Helper()
	c := newConsortiumOn(t, repeat)
	c.run(setParties())
	c.run(tick())
	c.open(bearer)
	c.open(bound)
	return c
}

// open publishes an offer, admits the retailer and authorises the emitter.
func (c *consortium) open(o offer) {
	c.t.Helper()
	c.run(enterKey(o))
	c.run(publish(o))
	c.run(c.admit(o, retailer))
	c.run(authorise(o))
}

// call is one use of a function.
type call struct {
	function  string
	argument  any // nil for none; a string is sent as it is
	input     any // nil for none; a map is the transient map itself
	by, role  string
	endorsers []string
	at        time.Time
}

func (c *consortium) proposal(k call) stubtest.Proposal {
	c.t.Helper()
	if k.role == "" {
		k.role = "service"
	}
	p := stubtest.Proposal{
		Namespace: namespace, Function: k.function, Creator: c.Identity(k.by, k.role),
		Endorsers: k.endorsers, Time: k.at,
	}
	switch a := k.argument.(type) {
	case nil:
	case string:
		p.Args = []string{a}
	default:
		p.Args = []string{encode(c.t, a)}
	}
	switch in := k.input.(type) {
	case nil:
	case map[string][]byte:
		p.Transient = in
	case string:
		p.Transient = map[string][]byte{coupon.TransientKey: []byte(in)}
	default:
		p.Transient = map[string][]byte{coupon.TransientKey: []byte(encode(c.t, in))}
	}
	return p
}

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encoding %T: %v", v, err)
	}
	return string(b)
}

// endorse has all endorsers run the call; their results are equal.
func (c *consortium) endorse(k call) *stubtest.Transaction {
	c.t.Helper()
	tx, err := c.Endorse(c.proposal(k))
	if err != nil {
		c.t.Fatalf("%s: %v", k.function, err)
	}
	return tx
}

// run endorses and commits. Transactions return nothing and make one event.
func (c *consortium) run(k call) *stubtest.Transaction {
	c.t.Helper()
	tx := c.endorse(k)
	if len(tx.Response.GetPayload()) != 0 {
		c.t.Errorf("%s returns %q, which would be public", k.function, tx.Response.GetPayload())
	}
	c.commit([]*stubtest.Transaction{tx}, valid)
	return tx
}

// commit makes one block and compares what became of its transactions.
func (c *consortium) commit(txs []*stubtest.Transaction, want ...peer.TxValidationCode) {
	c.t.Helper()
	for i, r := range c.Commit(txs...) {
		if r.Code != want[i] {
			c.t.Fatalf("transaction %d (%s): %v, want %v", i, txs[i].Args[0], r.Code, want[i])
		}
	}
}

// refusal runs a call on one peer that must refuse it, and reads the reason.
func (c *consortium) refusal(k call) *coupon.Error {
	c.t.Helper()
	_, err := c.Endorse(c.proposal(k))
	var refused *stubtest.EndorseError
	if !errors.As(err, &refused) {
		c.t.Fatalf("%s: %v, want a refusal", k.function, err)
	}
	parsed, ok := coupon.ParseError(refused.Message)
	if !ok {
		c.t.Fatalf("%s: the text %q has no reason", k.function, refused.Message)
	}
	for _, secret := range texts(k.input) {
		if strings.Contains(refused.Message, secret) {
			c.t.Errorf("%s: the refusal repeats private input: %s", k.function, refused.Message)
		}
	}
	return parsed
}

// texts are all long texts in a private request: coupons, numbers, keys.
func texts(input any) []string {
	var found []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if len(v) >= 12 {
				found = append(found, v)
			}
		case []any:
			for _, element := range v {
				walk(element)
			}
		case map[string]any:
			for _, member := range v {
				walk(member)
			}
		}
	}
	var tree any
	if b, err := json.Marshal(input); err == nil && json.Unmarshal(b, &tree) == nil {
		walk(tree)
	}
	return found
}

// refused expects a call to be refused for exactly this reason.
func (c *consortium) refused(k call, want coupon.Reason) {
	c.t.Helper()
	c.t.Logf("%s must be refused with %s", k.function, want)
	if got := c.refusal(k); got.Reason != want {
		c.t.Errorf("%s: %v, want %s", k.function, got, want)
	}
}

// evaluate decodes the answer of the peer of k.endorsers[0], or else of k.by.
func (c *consortium) evaluate(k call, into any) {
	c.t.Helper()
	payload, err := c.Evaluate(c.proposal(k))
	if err != nil {
		c.t.Fatalf("%s: %v", k.function, err)
	}
	if err := json.Unmarshal(payload, into); err != nil {
		c.t.Fatalf("%s answered %q: %v", k.function, payload, err)
	}
}

func implicit(mspID string) string { return "_implicit_org_" + mspID }

// private is what an organisation keeps under a key.
func (c *consortium) private(mspID, key string) []byte {
	return c.PrivateState(namespace, implicit(mspID), key)
}

// lastEvent returns the newest event, whose name must be the one given.
func (c *consortium) lastEvent(name string, into any) {
	c.t.Helper()
	events := c.Events(namespace)
	last := events[len(events)-1]
	if last.Name != name {
		c.t.Fatalf("the last event is %s, want %s", last.Name, name)
	}
	if err := json.NewDecoder(strings.NewReader(string(last.Payload))).Decode(into); err != nil {
		c.t.Fatalf("event %s: %v", name, err)
	}
}
