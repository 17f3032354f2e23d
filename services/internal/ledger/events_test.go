// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

func (j brokenJournal) Sending(context.Context, ledger.Submission) error { return j.err }

func (j brokenJournal) Decided(context.Context, ledger.Outcome) error { return j.err }

func (j brokenJournal) Pending(context.Context) ([]ledger.Submission, error) { return nil, j.err }

// projection remembers names of events, and fails as it is told.
type projection struct {
	mu      sync.Mutex
	next    uint64
	applied []string
	fail    []error
	changed chan struct{}
}

func newProjection(fail ...error) *projection {
	return &projection{fail: fail, changed: make(chan struct{}, 100)}
}

func (p *projection) Next(context.Context, string) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next, nil
}

func (p *projection) Apply(_ context.Context, block ledger.Block) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.fail) > 0 {
		err := p.fail[0]
		p.fail = p.fail[1:]
		return err
	}
	if block.Number < p.next {
		return fmt.Errorf("block %d again", block.Number)
	}
	for _, event := range block.Events {
		if event.Block != block.Number || event.Namespace != block.Namespace || event.TransactionID == "" {
			return fmt.Errorf("odd event %+v", event)
		}
		p.applied = append(p.applied, event.Name)
	}
	p.next = block.Number + 1
	p.changed <- struct{}{}
	return nil
}

// await returns the names once there are that many.
func (p *projection) await(t *testing.T, count int) []string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		p.mu.Lock()
		applied := append([]string(nil), p.applied...)
		p.mu.Unlock()
		if len(applied) >= count {
			return applied
		}
		select {
		case <-p.changed:
		case <-deadline:
			t.Fatalf("only %v", applied)
		}
	}
}

// follow runs until the test calls the function returned, which returns what Follow did.
func follow(t *testing.T, client *ledger.Client, to ledger.Projection) func() error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- client.Follow(ctx, namespace, to) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	return stop
}

func TestFollowShowsEachBlockOnceWhateverHappensToTheStream(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	consortium.SetUp(t, issuer, clearing)
	client := consortium.For(t, servetest.RetailerMSP)
	// The ledger is away when the first block is applied, as it may be for a projection that reads from it.
	first := newProjection(fmt.Errorf("reading: %w", ledger.ErrUnavailable))
	stop := follow(t, client, first)
	first.await(t, 2)

	consortium.FailBefore(servetest.RetailerMSP, ledgertest.StepEvents, 1, ledgertest.ErrPeerAway)
	consortium.Interrupt(servetest.RetailerMSP)
	consortium.Clock.Advance(3 * time.Minute)
	consortium.Tick(t, issuer, clearing)
	want := []string{"PartiesSet", "Ticked", "Ticked"}
	if diff := cmp.Diff(want, first.await(t, 3)); diff != "" {
		t.Error(diff)
	}
	if err := stop(); err != nil {
		t.Errorf("ended with %v", err)
	}

	// What happens meanwhile is found from the checkpoint.
	consortium.Clock.Advance(3 * time.Minute)
	consortium.Tick(t, issuer, clearing)
	follow(t, client, first)
	if diff := cmp.Diff(append(want, "Ticked"), first.await(t, 4)); diff != "" {
		t.Error(diff)
	}
}

func TestFollowReturnsWhatIsWrongWithTheProjection(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	consortium.SetUp(t, issuer, clearing)
	full := errors.New("the disk is full")
	if err := consortium.For(t, issuer).Follow(t.Context(), namespace, newProjection(full)); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

func TestEventsOfOneBlockComeTogether(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	consortium.SetUp(t, issuer, clearing)
	client := consortium.For(t, issuer)
	var sent []ledger.Transaction
	for _, campaign := range []string{"one", "two"} {
		key := coupon.CampaignKeyInput{Campaign: campaign, Version: 1, Key: coupon.Key{1}}
		transaction, err := client.Prepare(t.Context(), ledger.Call{
			Namespace: namespace, Function: "EnterCampaignKey", Input: key, Endorsers: []string{issuer},
		})
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, transaction)
	}
	consortium.Network.HoldBlocks()
	var group sync.WaitGroup
	for _, transaction := range sent {
		group.Go(func() {
			if _, err := client.Send(t.Context(), transaction); err != nil {
				t.Error(err)
			}
		})
	}
	awaitPending(t, consortium, len(sent))
	consortium.Network.ReleaseBlocks()
	group.Wait()
	collected := newProjection()
	collected.next = consortium.Network.Height() - 1
	follow(t, client, collected)
	collected.await(t, 2)
	if collected.next != consortium.Network.Height() {
		t.Errorf("two blocks: the next is %d", collected.next)
	}
	payload := consortium.Network.Events(namespace)[2].Payload
	var event coupon.CampaignEvent
	if err := json.Unmarshal(payload, &event); err != nil || event.Version != 1 {
		t.Errorf("got %s, %v", payload, err)
	}
}
