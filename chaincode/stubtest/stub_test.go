// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ecoupon/chaincode/stubtest"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// fault expects an endorsement to fail as a dying chaincode process would.
func fault(t *testing.T, n *stubtest.Network, function, text string) {
	t.Helper()
	_, err := n.Endorse(proposal(n, function))
	var f *stubtest.FaultError
	if !errors.As(err, &f) {
		t.Fatalf("%s: error %v, want a FaultError", function, err)
	}
	if !strings.Contains(f.Problem, text) {
		t.Errorf("%s: %q, want something with %q", function, f.Problem, text)
	}
	if len(n.Faults()) == 0 {
		t.Errorf("%s: no fault on record", function)
	}
}

// recovering is chaincode that survives its own panics, as production code
// does. Faults must show nonetheless.
type recovering struct{ script }

func (r recovering) Invoke(stub shim.ChaincodeStubInterface) (response *peer.Response) {
	defer func() {
		if recover() != nil {
			response = shim.Error("INTERNAL")
		}
	}()
	return r.script.Invoke(stub)
}

func TestFaultsAreLoud(t *testing.T) {
	t.Parallel()
	bad := "\xff\xfe"
	cc := script{
		"panic": func(shim.ChaincodeStubInterface, []string) ([]byte, error) { panic("out of paper") },
		"get":   func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) { return stub.GetState(bad) },
		"put": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			return nil, stub.PutState(bad, []byte("v"))
		},
		"batch": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			stub.StartWriteBatch()
			return nil, stub.PutPrivateData(stubtest.Implicit(issuer), bad, []byte("v"))
		},
		"many": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			_, err := stub.GetMultipleStates("a", bad)
			return nil, err
		},
		"hash": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			return stub.GetPrivateDataHash(stubtest.Implicit(issuer), bad)
		},
		"range": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			_, err := stub.GetStateByRange("a", bad)
			return nil, err
		},
		"event": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			return nil, stub.SetEvent(bad, nil)
		},
	}
	for _, chaincode := range []shim.Chaincode{cc, recovering{cc}} {
		n := network(t, chaincode)
		for function := range cc {
			if _, survives := chaincode.(recovering); survives && function == "panic" {
				refused(t, n, proposal(n, function), "INTERNAL") // a panic that is its own is the chaincode's affair
				continue
			}
			want := "not valid UTF-8"
			if function == "panic" {
				want = "out of paper"
			}
			fault(t, n, function, want)
		}
	}
}

type silent struct{ script }

func (silent) Invoke(shim.ChaincodeStubInterface) *peer.Response { return nil }

func TestNoResponseIsAFault(t *testing.T) {
	t.Parallel()
	fault(t, network(t, silent{}), "any", "no response")
}

func TestStubIsForOneGoroutineAndOneInvocation(t *testing.T) {
	t.Parallel()
	var kept shim.ChaincodeStubInterface
	n := network(t, script{
		"keep": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			kept = stub
			return nil, nil
		},
		"share": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			var noticed atomic.Bool
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for !noticed.Load() && t.Context().Err() == nil {
						if _, err := stub.GetMultipleStates("a", "b", "c", "d"); err != nil {
							noticed.Store(true)
						}
					}
				})
			}
			all.Wait()
			return nil, nil
		},
	})
	endorse(t, n, "keep")
	if len(n.Faults()) != 0 {
		t.Fatalf("faults %v", n.Faults())
	}
	if _, err := kept.GetState("k"); err == nil || len(n.Faults()) != 1 {
		t.Errorf("using a stub after Invoke: error %v, faults %v", err, n.Faults())
	}
	fault(t, n, "share", "two goroutines")
}

func TestEmptyKeysAndValues(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	refused(t, n, proposal(n, "get", ""), "key must not be an empty string")
	refused(t, n, proposal(n, "put", "", "v"), "key must not be an empty string")
	run(t, n, "put", "k", "v")
	tx := endorse(t, n, "put", "k", "")
	equal(t, "delete flag", tx.Writes()[0].Delete, true)
	commit(t, n, []*stubtest.Transaction{tx}, valid)
	equal(t, "keys", len(n.Keys(namespace)), 0)
}

func TestUnsupportedCallsSaySo(t *testing.T) {
	t.Parallel()
	calls := map[string]func(stub shim.ChaincodeStubInterface) error{
		"rich": func(s shim.ChaincodeStubInterface) error { _, err := s.GetQueryResult("{}"); return err },
		"richPages": func(s shim.ChaincodeStubInterface) error {
			_, _, err := s.GetQueryResultWithPagination("{}", 1, "")
			return err
		},
		"richPrivate": func(s shim.ChaincodeStubInterface) error {
			_, err := s.GetPrivateDataQueryResult("c", "{}")
			return err
		},
		"history":    func(s shim.ChaincodeStubInterface) error { _, err := s.GetHistoryForKey("k"); return err },
		"setPolicy":  func(s shim.ChaincodeStubInterface) error { return s.SetStateValidationParameter("k", nil) },
		"getPolicy":  func(s shim.ChaincodeStubInterface) error { _, err := s.GetStateValidationParameter("k"); return err },
		"setPrivate": func(s shim.ChaincodeStubInterface) error { return s.SetPrivateDataValidationParameter("c", "k", nil) },
		"getPrivate": func(s shim.ChaincodeStubInterface) error {
			_, err := s.GetPrivateDataValidationParameter("c", "k")
			return err
		},
		"invoke": func(s shim.ChaincodeStubInterface) error {
			return errors.New(s.InvokeChaincode("other", nil, "").Message)
		},
	}
	cc := script{}
	for name, call := range calls {
		cc[name] = func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) { return nil, call(stub) }
	}
	n := network(t, cc)
	for name := range calls {
		refused(t, n, proposal(n, name), "not supported")
	}
}

func TestWriteBatch(t *testing.T) {
	t.Parallel()
	coll := stubtest.Implicit(issuer)
	n := network(t, basics().with("batch", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		stub.StartWriteBatch()
		stub.StartWriteBatch() // does not begin anew
		value := []byte("first")
		err := errors.Join(
			stub.PutState("a", value), stub.DelState("a"), stub.PutState("a", []byte("last")),
			stub.PutState("b", []byte("x")), stub.DelState("b"),
			stub.PutPrivateData(coll, "a", []byte("private")), stub.DelState("old"),
			stub.PutState("late", value),
		)
		copy(value, "FIRST") // seen, as the batch is encoded at its end
		if args[0] == "finish" {
			err = errors.Join(err, stub.FinishWriteBatch(), stub.FinishWriteBatch(), stub.PutState("after", value))
			copy(value, "other") // not seen
		}
		return nil, err
	}))
	run(t, n, "put", "old", "x")
	for _, end := range []string{"finish", "leave open"} {
		tx := endorse(t, n, "batch", end)
		commit(t, n, []*stubtest.Transaction{tx}, valid)
		equal(t, end+": a", string(n.State(namespace, "a")), "last")
		equal(t, end+": b", string(n.State(namespace, "b")), "")
		equal(t, end+": old", string(n.State(namespace, "old")), "")
		equal(t, end+": late", string(n.State(namespace, "late")), "FIRST")
		equal(t, end+": after", string(n.State(namespace, "after")), "FIRST")
		equal(t, end+": private", string(n.PrivateState(namespace, coll, "a")), "private")
	}
}

func TestReadingSeveralKeys(t *testing.T) {
	t.Parallel()
	n := network(t, basics().with("many", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		if none, err := stub.GetMultipleStates(); none != nil || err != nil {
			return nil, errors.New("no keys, but an answer")
		}
		values, err := stub.GetMultipleStates(args...)
		if err == nil && (len(values) != 3 || values[1] != nil) {
			err = errors.New("wrong number of values, or one that is not nil")
		}
		return bytes.Join(values, []byte(",")), err
	}))
	run(t, n, "put", "b", "2")
	run(t, n, "put", "a", "1")
	tx := endorse(t, n, "many", "b", "none", "a")
	equal(t, "values", string(tx.Response.Payload), "2,,1")
	equal(t, "reads", strings.Join(tx.Reads(), " "), "a b none")
	commit(t, n, []*stubtest.Transaction{endorse(t, n, "put", "none", "x"), tx}, valid, conflict)
}

func TestChaincodeCannotChangeStoredValues(t *testing.T) {
	t.Parallel()
	n := network(t, basics().with("scribble", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		value, err := stub.GetState("k")
		clear(value)
		transient, _ := stub.GetTransient()
		if string(transient["input"]) != "in" {
			return nil, errors.New("another peer's changes to the transient data are seen")
		}
		clear(transient["input"])
		clear(stub.GetArgs()[0])
		return nil, err
	}))
	run(t, n, "put", "k", "v")
	p := proposal(n, "scribble")
	p.Transient = map[string][]byte{"input": []byte("in")}
	endorseAs(t, n, p)
	equal(t, "value", string(n.State(namespace, "k")), "v")
	equal(t, "the caller's map", string(p.Transient["input"]), "in")
}

func TestCreatorAndProposal(t *testing.T) {
	t.Parallel()
	at := time.Date(2031, 5, 6, 7, 8, 9, 10, time.UTC)
	var seen struct {
		mspID, role, id      string
		client, admin, found bool
		stub                 shim.ChaincodeStubInterface
		signed               *peer.SignedProposal
		transient            map[string][]byte
	}
	n := stubtest.New(stubtest.Config{Channel: "test"})
	n.Define(namespace, stubtest.AnyOf(issuer))
	n.AddOrganisation(issuer, script{"look": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		client, err := cid.New(stub)
		if err != nil {
			return nil, err
		}
		seen.mspID, _ = client.GetMSPID()
		seen.id, _ = client.GetID()
		seen.role, seen.found, _ = client.GetAttributeValue("role")
		seen.client, _ = client.HasOUValue("client")
		seen.admin, _ = client.HasOUValue("admin")
		seen.stub = stub
		seen.transient, _ = stub.GetTransient()
		seen.signed, err = stub.GetSignedProposal()
		return nil, err
	}})
	p := at0(n, at)
	tx := endorseAs(t, n, p)
	equal(t, "MSP", seen.mspID, issuer)
	equal(t, "role", seen.role, "till")
	equal(t, "unit client", seen.client, true)
	equal(t, "unit admin", seen.admin, false)
	equal(t, "channel", seen.stub.GetChannelID(), "test")
	equal(t, "id", seen.stub.GetTxID(), tx.ID)
	ts, err := seen.stub.GetTxTimestamp()
	if err != nil || !ts.AsTime().Equal(at) {
		t.Errorf("timestamp %v, %v", ts, err)
	}
	checkProposal(t, seen.signed, tx, at)
	equal(t, "transient", string(seen.transient["input"]), "hidden")
	if bytes.Contains(tx.Bytes, []byte("hidden")) {
		t.Error("transient data is in the transaction")
	}
	endorseAs(t, n, stubtest.Proposal{
		Namespace: namespace, Function: "look", Creator: n.Identity(issuer, "admin"), Endorsers: []string{issuer},
	})
	equal(t, "unit admin of an administrator", seen.admin, true)
}

func at0(n *stubtest.Network, at time.Time) stubtest.Proposal {
	return stubtest.Proposal{
		Namespace: namespace, Function: "look", Args: []string{"x"}, Creator: n.Identity(issuer, "till"),
		Endorsers: []string{issuer}, Time: at, Transient: map[string][]byte{"input": []byte("hidden")},
	}
}

// checkProposal reads the signed proposal as chaincode does that looks for its
// namespace.
func checkProposal(t *testing.T, signed *peer.SignedProposal, tx *stubtest.Transaction, at time.Time) {
	t.Helper()
	var (
		prop      peer.Proposal
		header    common.Header
		channel   common.ChannelHeader
		extension peer.ChaincodeHeaderExtension
		signature common.SignatureHeader
		payload   peer.ChaincodeProposalPayload
	)
	err := errors.Join(
		proto.Unmarshal(signed.ProposalBytes, &prop), proto.Unmarshal(prop.Header, &header),
		proto.Unmarshal(header.ChannelHeader, &channel), proto.Unmarshal(channel.Extension, &extension),
		proto.Unmarshal(header.SignatureHeader, &signature), proto.Unmarshal(prop.Payload, &payload),
	)
	if err != nil {
		t.Fatalf("reading the signed proposal: %v", err)
	}
	equal(t, "namespace", extension.GetChaincodeId().GetName(), namespace)
	equal(t, "transaction id", channel.TxId, tx.ID)
	equal(t, "time", channel.Timestamp.AsTime(), at)
	equal(t, "creator", string(signature.Creator), string(tx.Creator))
	equal(t, "transient", string(payload.TransientMap["input"]), "hidden")
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	n, elsewhere := network(t, basics()), network(t, basics())
	for name, id := range map[string]stubtest.Identity{
		"a certificate outside the MSP": n.Outsider(retailer, "till"),
		"a certificate of another CA":   elsewhere.Identity(retailer, "service"),
	} {
		p := proposal(n, "put", "a", "b")
		p.Creator = id
		if _, err := n.Endorse(p); err == nil || !strings.Contains(err.Error(), "access denied") {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := n.Evaluate(p); err == nil {
			t.Errorf("%s may evaluate", name)
		}
	}
	if a, b := n.Identity(issuer, "service"), n.Identity(issuer, "service"); !bytes.Equal(a.Serialized, b.Serialized) {
		t.Error("an identity is another one the second time")
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	n := network(t, basics().with("tell", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		if stub.SetEvent("", nil) == nil {
			return nil, errors.New("an event without a name was accepted")
		}
		if err := stub.SetEvent("first", []byte("gone")); err != nil {
			return nil, err
		}
		if _, err := stub.GetState("k"); err != nil {
			return nil, err
		}
		return nil, errors.Join(stub.SetEvent("last", []byte(args[0])), stub.PutState("k", []byte(args[0])))
	}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fromStart := n.Subscribe(ctx, namespace, 0)
	a, b := endorse(t, n, "tell", "one"), endorse(t, n, "tell", "two")
	commit(t, n, []*stubtest.Transaction{a, b}, valid, conflict)
	run(t, n, "put", "x", "y")
	run(t, n, "tell", "three")
	n.Define("other", stubtest.AnyOf(issuer))

	want := []string{"one", "three"}
	for i, e := range n.Events(namespace) {
		if e.Name != "last" || string(e.Payload) != want[i] || e.Namespace != namespace || e.TxID == "" {
			t.Errorf("event %d: %+v", i, e)
		}
		got := <-fromStart
		equal(t, "delivered", got.TxID, e.TxID)
	}
	equal(t, "number of events", len(n.Events(namespace)), 2)
	equal(t, "events elsewhere", len(n.Events("other")), 0)
	replayed := <-n.Subscribe(ctx, namespace, 2)
	if string(replayed.Payload) != "three" || replayed.Block != 3 {
		t.Errorf("replay from block 2 begins with %+v", replayed)
	}
	cancel()
	if _, open := <-fromStart; open {
		t.Error("a subscription outlives its context")
	}
}
