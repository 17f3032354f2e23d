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

func TestWritesAreInvisibleToTheirOwnTransaction(t *testing.T) {
	t.Parallel()
	seen := map[bool]string{}
	for _, batched := range []bool{false, true} {
		n := network(t, basics().with("look", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			if batched {
				stub.StartWriteBatch()
			}
			if err := stub.PutState("a", []byte("new")); err != nil {
				return nil, err
			}
			if err := stub.DelState("b"); err != nil {
				return nil, err
			}
			if err := stub.FinishWriteBatch(); err != nil {
				return nil, err
			}
			values, err := stub.GetMultipleStates("a", "b", "c")
			if err != nil {
				return nil, err
			}
			it, err := stub.GetStateByRange("", "")
			if err != nil {
				return nil, err
			}
			keys, err := drain(it)
			return fmt.Appendf(nil, "%s %v", values, keys), err
		}))
		run(t, n, "put", "a", "old")
		run(t, n, "put", "b", "old")
		tx := endorse(t, n, "look")
		seen[batched] = string(tx.Response.Payload)
		commit(t, n, []*stubtest.Transaction{tx}, valid)
		equal(t, "a afterwards", string(n.State(namespace, "a")), "new")
		equal(t, "b afterwards", string(n.State(namespace, "b")), "")
	}
	for batched, got := range seen {
		equal(t, fmt.Sprintf("seen (batched %v)", batched), got, "[old old ] [a b]")
	}
}

// step is a transaction that is endorsed before the block in which it is
// committed. Transactions of one block are endorsed on the same state.
type step struct {
	call string
	args []string
	want peer.TxValidationCode
}

// conflicts are transactions endorsed on one state and committed on another.
var conflicts = []struct {
	name   string
	before []step // each in a block of its own
	late   []step // all endorsed here, and committed in one block after the next ones
	middle []step // each endorsed and committed before the late ones
}{
	{
		name: "first of two that read and write a key wins",
		late: []step{{"append", []string{"k", "1"}, valid}, {"append", []string{"k", "2"}, conflict}},
	},
	{
		name:   "a key written since endorsement",
		middle: []step{{"put", []string{"k", "x"}, valid}},
		late:   []step{{"append", []string{"k", "1"}, conflict}, {"append", []string{"other", "1"}, valid}},
	},
	{
		name:   "a key deleted since endorsement",
		before: []step{{"put", []string{"k", "x"}, valid}},
		middle: []step{{"del", []string{"k"}, valid}},
		late:   []step{{"append", []string{"k", "1"}, conflict}},
	},
	{
		name:   "a key deleted and made again with the same value",
		before: []step{{"put", []string{"k", "x"}, valid}},
		middle: []step{{"del", []string{"k"}, valid}, {"put", []string{"k", "x"}, valid}},
		late:   []step{{"append", []string{"k", "1"}, conflict}},
	},
	{
		name:   "blind writes never conflict",
		middle: []step{{"put", []string{"k", "x"}, valid}},
		late:   []step{{"put", []string{"k", "1"}, valid}, {"put", []string{"k", "2"}, valid}, {"del", []string{"k"}, valid}},
	},
	{
		name: "an absent key deleted earlier in the block",
		late: []step{{"del", []string{"k"}, valid}, {"append", []string{"k", "1"}, conflict}},
	},
	{
		name:   "an absent key deleted in an earlier block",
		middle: []step{{"del", []string{"k"}, valid}},
		late:   []step{{"append", []string{"k", "1"}, valid}},
	},
	{
		name: "an invalid transaction writes nothing",
		late: []step{
			{"append", []string{"k", "1"}, valid}, {"append", []string{"k", "2"}, conflict},
			{"append", []string{"l", "1"}, valid},
		},
	},
	{
		name:   "reading alone conflicts too",
		middle: []step{{"put", []string{"k", "x"}, valid}},
		late:   []step{{"get", []string{"k"}, conflict}},
	},
	{
		name:   "a key added to a range",
		before: []step{{"put", []string{"a", "x"}, valid}},
		middle: []step{{"put", []string{"b", "x"}, valid}},
		late:   []step{{"range", []string{"a", "c"}, phantom}, {"range", []string{"a", "b"}, valid}},
	},
	{
		name:   "a key added to a range earlier in the block",
		before: []step{{"put", []string{"a", "x"}, valid}},
		late:   []step{{"put", []string{"b", "x"}, valid}, {"range", []string{"", ""}, phantom}},
	},
	{
		name:   "a key of a range rewritten",
		before: []step{{"put", []string{"a", "x"}, valid}},
		middle: []step{{"put", []string{"a", "x"}, valid}},
		late:   []step{{"range", []string{"a", "b"}, phantom}},
	},
	{
		name:   "a key of a range deleted",
		before: []step{{"put", []string{"a", "x"}, valid}, {"put", []string{"b", "x"}, valid}},
		middle: []step{{"del", []string{"b"}, valid}},
		late:   []step{{"range", []string{"a", "c"}, phantom}},
	},
	{
		name:   "a range's end does not belong to it",
		before: []step{{"put", []string{"a", "x"}, valid}},
		middle: []step{{"put", []string{"c", "x"}, valid}},
		late:   []step{{"range", []string{"a", "c"}, valid}},
	},
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	for _, test := range conflicts {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := network(t, basics())
			for _, s := range test.before {
				commit(t, n, []*stubtest.Transaction{endorse(t, n, s.call, s.args...)}, s.want)
			}
			var late []*stubtest.Transaction
			var want []peer.TxValidationCode
			for _, s := range test.late {
				late = append(late, endorse(t, n, s.call, s.args...))
				want = append(want, s.want)
			}
			for _, s := range test.middle {
				commit(t, n, []*stubtest.Transaction{endorse(t, n, s.call, s.args...)}, s.want)
			}
			commit(t, n, late, want...)
		})
	}
}

func TestConflictLeavesStateAlone(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	a, b := endorse(t, n, "append", "k", "1"), endorse(t, n, "append", "k", "2")
	commit(t, n, []*stubtest.Transaction{a, b}, valid, conflict)
	equal(t, "value", string(n.State(namespace, "k")), "1")
	run(t, n, "append", "k", "3")
	equal(t, "value", string(n.State(namespace, "k")), "13")
}

func TestNamespacesAreApart(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	n.Define("other", stubtest.AnyOf(issuer))
	run(t, n, "put", "k", "1")
	p := proposal(n, "get", "k")
	p.Namespace = "other"
	payload, err := n.Evaluate(p)
	if err != nil || payload != nil {
		t.Errorf("reading another namespace's key: %q, %v", payload, err)
	}
	late := endorseAs(t, n, p)
	run(t, n, "put", "k", "2")
	commit(t, n, []*stubtest.Transaction{late}, valid)
	p.Namespace = "none"
	if _, err := n.Endorse(p); err == nil {
		t.Error("a namespace that is not defined was accepted")
	}
}

func TestDuplicateTransactions(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	tx := endorse(t, n, "put", "k", "1")
	commit(t, n, []*stubtest.Transaction{tx, tx}, valid, twice)
	commit(t, n, []*stubtest.Transaction{tx}, twice)
	bad := endorseAs(t, n, func() stubtest.Proposal {
		p := proposal(n, "put", "k", "2")
		p.Endorsers = []string{issuer}
		return p
	}())
	commit(t, n, []*stubtest.Transaction{bad}, policy)
	commit(t, n, []*stubtest.Transaction{bad}, twice)
	r, ok := n.Status(tx.ID)
	if !ok || r.Block != 1 || r.Index != 0 || !r.Valid() {
		t.Errorf("status %+v, want that of the first occurrence", r)
	}
	if _, ok := n.Status("none"); ok {
		t.Error("an unknown transaction has a status")
	}
}

func TestRefusalsReachNoBlock(t *testing.T) {
	t.Parallel()
	n := network(t, script{"no": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		if err := stub.PutState("k", []byte("v")); err != nil {
			return nil, err
		}
		return nil, errors.New("EXPIRED: since yesterday")
	}})
	refused(t, n, proposal(n, "no"), "EXPIRED: since yesterday")
	if _, err := n.Evaluate(proposal(n, "no")); err == nil {
		t.Error("an evaluation that was refused has no error")
	}
	equal(t, "height", n.Height(), 1)
}
