// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/protobuf/proto"
)

// Bounds of the wait before a stream of events is opened again.
const (
	firstReconnect   = 100 * time.Millisecond
	longestReconnect = 5 * time.Second
)

// readAhead is how many blocks are received while one is applied.
const readAhead = 64

// Projection is what a namespace's events are applied to.
type Projection interface {
	// Next returns the first block of the namespace that is not applied: 0 to begin with.
	Next(ctx context.Context, namespace string) (uint64, error)
	// Apply stores what the block's events mean and that Next is now the block after it, both in one database
	// transaction. It may be called again with a block that it has applied, which must change nothing.
	Apply(ctx context.Context, block Block) error
}

// Follow applies every block that has events of the namespace to the projection, in their order, from the
// projection's Next on. Blocks without such events are not shown. A block whose Apply returned nil is not shown
// again unless the projection forgets it; one whose Apply failed, or was cut short by a crash, is shown again: at
// least once in all, and exactly once in effect if Apply keeps its contract.
//
// When the stream ends, for whatever reason, and when Apply fails because the ledger is unavailable, Follow begins
// again from Next, with growing pauses. Any other error of the projection is returned. When ctx ends it returns nil.
func (c *Client) Follow(ctx context.Context, namespace string, to Projection) error {
	reconnect := newBackoff()
	for ctx.Err() == nil {
		err := c.follow(ctx, namespace, to, reconnect)
		var failed *projectionError
		switch {
		case ctx.Err() != nil:
		case errors.As(err, &failed) && !errors.Is(err, ErrUnavailable):
			return fmt.Errorf("following %s: %w", namespace, failed.error)
		default:
			c.logger.WarnContext(ctx, "events interrupted", "namespace", namespace, "error", err)
			reconnect.pause(ctx)
		}
	}
	return nil
}

// follow reads one stream until it ends; its error is never nil.
func (c *Client) follow(ctx context.Context, namespace string, to Projection, reconnect *backoff) error {
	next, err := to.Next(ctx, namespace)
	if err != nil {
		return &projectionError{fmt.Errorf("reading the checkpoint: %w", err)}
	}
	if next > 0 {
		c.saw(next - 1)
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := c.events(ctx, namespace, next)
	if err != nil {
		cancel()
		return err
	}
	blocks, ended := make(chan Block, readAhead), make(chan error, 1)
	go func() {
		defer close(blocks)
		ended <- c.receive(ctx, namespace, stream, blocks)
	}()
	defer func() {
		cancel()
		for range blocks { //nolint:revive // until the goroutine has ended
		}
	}()
	for block := range blocks {
		if block.Number < next || len(block.Events) == 0 {
			continue
		}
		if err := to.Apply(ctx, block); err != nil {
			return &projectionError{fmt.Errorf("applying block %d: %w", block.Number, err)}
		}
		next = block.Number + 1
		reconnect.reset()
	}
	return <-ended
}

// receive hands over blocks until the stream ends.
func (c *Client) receive(ctx context.Context, namespace string, stream gateway.Gateway_ChaincodeEventsClient, blocks chan<- Block) error {
	newest := new(atomic.Uint64)
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		block := blockOf(namespace, response)
		block.newest = newest
		// What is read from now on comes from a peer that has the block too: see overtaken.
		c.saw(block.Number)
		newest.Store(block.Number)
		select {
		case blocks <- block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// events opens the gateway's stream itself: the gateway client's own channel takes blocks apart, so that nobody can
// tell when one is complete, and closes without saying why.
func (c *Client) events(ctx context.Context, namespace string, from uint64) (gateway.Gateway_ChaincodeEventsClient, error) {
	request, err := c.network.NewChaincodeEventsRequest(namespace, client.WithStartBlock(from))
	if err != nil {
		return nil, err
	}
	signature, err := c.sign(request.Digest())
	if err != nil {
		return nil, fmt.Errorf("signing the request for events: %w", err)
	}
	bytes, err := request.Bytes()
	if err != nil {
		return nil, err
	}
	signed := new(gateway.SignedChaincodeEventsRequest)
	if err := proto.Unmarshal(bytes, signed); err != nil {
		return nil, err
	}
	signed.Signature = signature
	return c.raw.ChaincodeEvents(ctx, signed)
}

func blockOf(namespace string, response *gateway.ChaincodeEventsResponse) Block {
	block := Block{Namespace: namespace, Number: response.GetBlockNumber()}
	for _, event := range response.GetEvents() {
		if event.GetChaincodeId() != namespace {
			continue
		}
		block.Events = append(block.Events, Event{
			Namespace: namespace, Name: event.GetEventName(), Payload: event.GetPayload(),
			Block: response.GetBlockNumber(), TransactionID: event.GetTxId(),
		})
	}
	return block
}

// projectionError tells an error of the projection from one of the stream.
type projectionError struct{ error }

func (e *projectionError) Unwrap() error { return e.error }

// backoff grows from one interruption to the next until something goes well.
type backoff struct{ next time.Duration }

func newBackoff() *backoff { return &backoff{next: firstReconnect} }

func (b *backoff) reset() { b.next = firstReconnect }

func (b *backoff) pause(ctx context.Context) {
	wait(ctx, b.next)
	b.next = min(2*b.next, longestReconnect)
}
