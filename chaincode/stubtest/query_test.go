// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"ecoupon/chaincode/stubtest"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// queries are functions that list keys in every way there is.
func queries() script {
	return basics().with("fill", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		stub.StartWriteBatch()
		for _, key := range args {
			if err := stub.PutState(key, []byte("v")); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}).with("composite", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		it, err := stub.GetStateByPartialCompositeKey(args[0], args[1:])
		if err != nil {
			return nil, err
		}
		keys, err := drain(it)
		for i, key := range keys {
			kind, attributes, err := stub.SplitCompositeKey(key)
			if err != nil {
				return nil, err
			}
			keys[i] = kind + ":" + strings.Join(attributes, ",")
		}
		return []byte(strings.Join(keys, " ")), err
	}).with("page", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		size, err := strconv.Atoi(args[2])
		if err != nil {
			return nil, err
		}
		it, metadata, err := stub.GetStateByRangeWithPagination(args[0], args[1], int32(size), args[3])
		if err != nil {
			return nil, err
		}
		keys, err := drain(it)
		return fmt.Appendf(nil, "%s next=%s count=%d", strings.Join(keys, " "), metadata.Bookmark,
			metadata.FetchedRecordsCount), err
	}).with("pageAndWrite", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		if _, _, err := stub.GetStateByRangeWithPagination("", "", 10, ""); err != nil {
			return nil, err
		}
		return nil, stub.PutState("k", []byte("v"))
	}).with("take", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		wanted, err := strconv.Atoi(args[0])
		if err != nil {
			return nil, err
		}
		it, err := stub.GetStateByRange("", "")
		if err != nil {
			return nil, err
		}
		for range wanted {
			if _, err := it.Next(); err != nil {
				return nil, err
			}
		}
		return nil, it.Close()
	})
}

func key(t *testing.T, objectType string, attributes ...string) string {
	t.Helper()
	k, err := shim.CreateCompositeKey(objectType, attributes)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRangesGoByBytes(t *testing.T) {
	t.Parallel()
	n := network(t, queries())
	run(t, n, "fill", "b", "a", "a/10", "a/9", "ä", "B", "\x01", key(t, "a", "x"), "a\x00", "\u007f")
	tests := []struct{ start, end, want string }{
		{"", "", "\x01 B a a\x00 a/10 a/9 b \u007f ä"},
		{"a", "b", "a a\x00 a/10 a/9"},
		{"a", "a", ""},
		{"b", "a", ""},
		{"a/", "a0", "a/10 a/9"},
		{"c", "", "\u007f ä"},
		{"", "B", "\x01"},
	}
	for _, test := range tests {
		equal(t, fmt.Sprintf("from %q to %q", test.start, test.end), evaluate(t, n, "range", test.start, test.end), test.want)
	}
	refused(t, n, proposal(n, "range", "\x00a", ""), "null character which is not allowed")
	refused(t, n, proposal(n, "range", "", "\x00a"), "null character which is not allowed")
}

func TestCompositeKeys(t *testing.T) {
	t.Parallel()
	n := network(t, queries().with("bad", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		_, err := stub.CreateCompositeKey(args[0], args[1:])
		return nil, err
	}).with("split", func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		_, _, err := stub.SplitCompositeKey(args[0])
		return nil, err
	}).with("pages", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		all, _, err := stub.GetAllStatesCompositeKeyWithPagination(10, "")
		if err != nil {
			return nil, err
		}
		some, metadata, err := stub.GetStateByPartialCompositeKeyWithPagination("claim", []string{"1"}, 1, "")
		if err != nil {
			return nil, err
		}
		a, errA := drain(all)
		b, errB := drain(some)
		return fmt.Appendf(nil, "%d %d %q", len(a), len(b), metadata.Bookmark), errors.Join(errA, errB)
	}))
	run(t, n, "fill", key(t, "claim", "1", "b"), key(t, "claim", "1", "a"), key(t, "claim", "10", "a"), key(t, "claims", "1", "a"), "claim")
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"claim", "1"}, "claim:1,a claim:1,b"},
		{[]string{"claim"}, "claim:1,a claim:1,b claim:10,a"},
		{[]string{"claim", "1", "a"}, "claim:1,a"},
		{[]string{"cl"}, ""},
	}
	for _, test := range tests {
		equal(t, fmt.Sprint(test.args), evaluate(t, n, "composite", test.args...), test.want)
	}
	equal(t, "pages", evaluate(t, n, "pages"), fmt.Sprintf("4 1 %q", key(t, "claim", "1", "b")))
	refused(t, n, proposal(n, "bad", "a", "b\x00c"), "U+0000")
	refused(t, n, proposal(n, "bad", "a", "b\xff"), "not a valid utf8 string")
	refused(t, n, proposal(n, "split", "\x00"), "malformed composite key")
}

func TestPages(t *testing.T) {
	t.Parallel()
	n := network(t, queries())
	run(t, n, "fill", "a", "b", "c", "d", "e")
	equal(t, "first", evaluate(t, n, "page", "", "", "2", ""), "a b next=c count=2")
	equal(t, "second", evaluate(t, n, "page", "", "", "2", "c"), "c d next=e count=2")
	equal(t, "last", evaluate(t, n, "page", "", "", "2", "e"), "e next= count=1")
	equal(t, "exactly", evaluate(t, n, "page", "a", "c", "2", ""), "a b next= count=2")
	refused(t, n, proposal(n, "pageAndWrite"), "Writes are not allowed")
}

// TestRangesCountAsFarAsThePeerReads: a peer reads 101 results ahead, used or
// not, and no further until they are.
func TestRangesCountAsFarAsThePeerReads(t *testing.T) {
	t.Parallel()
	var keys []string
	for i := range 300 {
		keys = append(keys, fmt.Sprintf("k%03d", i))
	}
	tests := []struct {
		taken   int
		changed string
		want    peer.TxValidationCode
	}{
		{0, "k050", phantom}, {1, "k100", phantom}, {1, "k101", valid}, {1, "k0005", phantom}, {1, "k1005", valid},
		{99, "k101", valid}, {100, "k200", phantom}, {100, "k201", valid}, {200, "k299", phantom}, {300, "k299", phantom},
		{200, "k3", phantom}, {100, "k3", valid},
	}
	for _, test := range tests {
		n := network(t, queries())
		run(t, n, "fill", keys...)
		reader := endorse(t, n, "take", strconv.Itoa(test.taken))
		change := endorse(t, n, "put", test.changed, "new")
		t.Log(test)
		commit(t, n, []*stubtest.Transaction{change, reader}, valid, test.want)
	}
}

func TestQueryLimitCutsInSilence(t *testing.T) {
	t.Parallel()
	n := stubtest.New(stubtest.Config{QueryLimit: 3})
	n.AddOrganisation(issuer, queries())
	n.AddOrganisation(retailer, queries())
	n.Define(namespace, stubtest.IssuerAndOther(issuer))
	run(t, n, "fill", "a", "b", "c", "d", "e")
	equal(t, "range", evaluate(t, n, "range", "", ""), "a b c")
	reader := endorse(t, n, "range", "", "")
	run(t, n, "put", "d", "x")
	commit(t, n, []*stubtest.Transaction{reader}, valid)
	refused(t, n, proposal(n, "take", "4"), "no such key")
}
