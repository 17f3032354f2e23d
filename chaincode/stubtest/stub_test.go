// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"ecoupon/chaincode/stubtest"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

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
