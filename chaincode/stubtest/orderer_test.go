// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ecoupon/chaincode/stubtest"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

func TestSubmitAndCut(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	a, b := endorse(t, n, "append", "k", "1"), endorse(t, n, "append", "k", "2")
	n.Submit(a)
	n.Submit(b)
	equal(t, "pending", n.Pending(), 2)
	equal(t, "height", n.Height(), 1)
	results := n.Cut()
	equal(t, "transactions", len(results), 2)
	equal(t, "second", results[1].Code, conflict)
	equal(t, "nothing to cut", len(n.Cut()), 0)
	equal(t, "height", n.Height(), 2)
	r, err := n.SubmitAndWait(t.Context(), endorse(t, n, "append", "k", "3"))
	if err != nil || !r.Valid() || r.Block != 2 {
		t.Errorf("result %+v, %v", r, err)
	}
	again, err := n.SubmitAndWait(t.Context(), a)
	if err != nil || again != results[0] {
		t.Errorf("submitted again: %+v, %v, want the first result", again, err)
	}
}

func TestHeldBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := network(t, basics())
		n.HoldBlocks()
		var codes [3]stubtest.Result
		var all sync.WaitGroup
		for i := range codes {
			tx := endorse(t, n, "append", "k", strconv.Itoa(i))
			all.Go(func() {
				r, err := n.SubmitAndWait(t.Context(), tx)
				if err != nil {
					t.Error(err)
				}
				codes[i] = r
			})
		}
		synctest.Wait()
		equal(t, "pending", n.Pending(), 3)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		late := endorse(t, n, "put", "x", "y")
		if _, err := n.SubmitAndWait(ctx, late); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that of the context", err)
		}
		equal(t, "in the block", len(n.ReleaseBlocks()), 4)
		all.Wait()
		count := 0
		for _, r := range codes {
			if r.Valid() {
				count++
			}
		}
		equal(t, "valid", count, 1)
		r, _ := n.Status(late.ID)
		equal(t, "of unknown outcome, yet valid", r.Valid(), true)
	})
}

func TestBlockInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := stubtest.New(stubtest.Config{BlockInterval: 20 * time.Millisecond})
		n.AddOrganisation(issuer, basics())
		n.AddOrganisation(retailer, basics())
		n.Define(namespace, stubtest.IssuerAndOther(issuer))
		start := time.Now()
		var all sync.WaitGroup
		for i := range 10 {
			tx := endorse(t, n, "put", strconv.Itoa(i), "v")
			all.Go(func() {
				if r, err := n.SubmitAndWait(t.Context(), tx); err != nil || r.Block != 1 {
					t.Errorf("result %+v, %v", r, err)
				}
			})
		}
		all.Wait()
		equal(t, "waited", time.Since(start), 20*time.Millisecond)
		if _, err := n.SubmitAndWait(t.Context(), endorse(t, n, "put", "a", "v")); err != nil {
			t.Error(err)
		}
		equal(t, "waited", time.Since(start), 40*time.Millisecond)
	})
}

func TestWaitBlock(t *testing.T) {
	t.Parallel()
	n := network(t, basics())
	ctx, cancel := context.WithCancel(t.Context())
	if b, err := n.WaitBlock(ctx, 0); err != nil || b.Number != 0 || len(b.Transactions) != 0 {
		t.Errorf("block 0: %+v, %v", b, err)
	}
	run(t, n, "put", "k", "v")
	b, err := n.WaitBlock(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	tx := b.Transactions[0]
	equal(t, "argument", string(tx.Args[2]), "v")
	equal(t, "write", string(tx.Writes()[0].Value), "v")
	equal(t, "blocks", len(n.Blocks()), 2)
	cancel()
	if _, err := n.WaitBlock(ctx, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

// TestManyClients has clients that increment one counter, each proposing anew
// on a conflict, while others follow and evaluate. No increment may be lost,
// and every snapshot must be whole: two keys always change together.
func TestManyClients(t *testing.T) {
	t.Parallel()
	const clients, increments = 8, 25
	n := network(t, basics().with("increment", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		value, err := stub.GetState("a")
		if err != nil {
			return nil, err
		}
		count, _ := strconv.Atoi(string(value))
		next := []byte(strconv.Itoa(count + 1))
		return nil, errors.Join(stub.PutState("a", next), stub.PutState("b", next), stub.SetEvent("incremented", next))
	}).with("both", func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		a, errA := stub.GetState("a")
		b, errB := stub.GetState("b")
		if string(a) != string(b) {
			return nil, fmt.Errorf("torn snapshot: %s and %s", a, b)
		}
		return a, errors.Join(errA, errB)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	var working, watching sync.WaitGroup
	var conflicts, evaluated atomic.Int64
	for range clients {
		working.Go(func() {
			for done := 0; done < increments; {
				tx, err := n.Endorse(proposal(n, "increment"))
				if err != nil {
					t.Error(err)
					return
				}
				r, err := n.SubmitAndWait(ctx, tx)
				switch {
				case err != nil:
					t.Error(err)
					return
				case r.Valid():
					done++
				default:
					conflicts.Add(1)
				}
			}
		})
	}
	watching.Go(func() {
		for ctx.Err() == nil {
			if _, err := n.Evaluate(proposal(n, "both")); err != nil {
				t.Error(err)
				return
			}
			evaluated.Add(1)
		}
	})
	events := n.Subscribe(ctx, namespace, 0)
	for want := 1; want <= clients*increments; want++ {
		if e := <-events; string(e.Payload) != strconv.Itoa(want) {
			t.Fatalf("event %+v, want increment %d", e, want)
		}
	}
	working.Wait()
	cancel()
	watching.Wait()
	equal(t, "counter", string(n.State(namespace, "a")), strconv.Itoa(clients*increments))
	equal(t, "faults", len(n.Faults()), 0)
	t.Logf("%d conflicts, %d blocks, %d evaluations", conflicts.Load(), n.Height()-1, evaluated.Load())
}

func BenchmarkEndorseAndCommit(b *testing.B) {
	n := stubtest.New(stubtest.Config{})
	n.AddOrganisation(issuer, basics())
	n.AddOrganisation(retailer, basics())
	n.Define(namespace, stubtest.IssuerAndOther(issuer))
	i := 0
	for b.Loop() {
		tx, err := n.Endorse(proposal(n, "append", strconv.Itoa(i), "v"))
		if err != nil {
			b.Fatal(err)
		}
		if r := n.Commit(tx); !r[0].Valid() {
			b.Fatal(r[0].Code)
		}
		i++
	}
}

// BenchmarkBatch is a transaction of 200 keys that are read and written, on a
// ledger that grows.
func BenchmarkBatch(b *testing.B) {
	cc := script{"batch": func(stub shim.ChaincodeStubInterface, args []string) ([]byte, error) {
		var keys []string
		for i := range 200 {
			keys = append(keys, args[0]+"/"+strconv.Itoa(i))
		}
		if _, err := stub.GetMultipleStates(keys...); err != nil {
			return nil, err
		}
		stub.StartWriteBatch()
		for _, key := range keys {
			if err := stub.PutState(key, make([]byte, 42)); err != nil {
				return nil, err
			}
		}
		return nil, stub.FinishWriteBatch()
	}}
	n := stubtest.New(stubtest.Config{})
	n.AddOrganisation(issuer, cc)
	n.AddOrganisation(retailer, cc)
	n.Define(namespace, stubtest.IssuerAndOther(issuer))
	i := 0
	for b.Loop() {
		tx, err := n.Endorse(proposal(n, "batch", strconv.Itoa(i)))
		if err != nil {
			b.Fatal(err)
		}
		if r := n.Commit(tx); !r[0].Valid() {
			b.Fatal(r[0].Code)
		}
		i++
	}
}
