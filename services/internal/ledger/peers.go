// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// probeEvery is between two questions to a peer how many blocks it has, probeLimit how long an answer may take: a
	// peer that halts is left after both together, which is within the time that a till waits to be told.
	probeEvery = 250 * time.Millisecond
	probeLimit = 750 * time.Millisecond
	// probeHurry is between questions while calls wait for a peer.
	probeHurry = 25 * time.Millisecond
)

// peers leads to an organisation's peers: to one at a time, and when that one does not answer, to another. It calls
// again at the other what the first has not answered; each call may be made twice, as an evaluation and an endorsement
// have no effect, a transaction counts once however often it is sent, and a status is only read.
//
// A service must not go back in time. So a peer is used only if it has every block that the service knows of: those
// that it was told of, see saw, and those that the peer in use had. While all that answer are behind, calls wait.
type peers struct {
	mspID   string
	logger  *slog.Logger
	members []*member

	mu      sync.Mutex
	inUse   *member
	known   uint64        // blocks that the service knows of
	changed chan struct{} // closed and replaced when a probe has ended

	stop    context.CancelFunc
	probing sync.WaitGroup
}

// member is one peer. What is not fixed is guarded by the mutex of peers.
type member struct {
	address string
	conn    *grpc.ClientConn
	wake    chan struct{} // has the next probe begin at once

	begun, ended int    // probes
	answer       error  // of the last probe
	blocks       uint64 // at the last probe that was answered
	behind       bool   // at that probe: it had not all that was known before

	// use ends when another peer is used: whatever still waits for this one is called again there.
	use   context.Context
	leave context.CancelFunc
}

// height asks one peer how many blocks it has.
type height func(ctx context.Context, conn grpc.ClientConnInterface) (uint64, error)

func newPeers(mspID string, logger *slog.Logger) *peers {
	return &peers{mspID: mspID, logger: logger, changed: make(chan struct{})}
}

// add takes over the connection; the first that is added is used first.
func (p *peers) add(address string, conn *grpc.ClientConn) {
	m := &member{address: address, conn: conn, wake: make(chan struct{}, 1)}
	m.use, m.leave = context.WithCancel(context.Background())
	p.members = append(p.members, m)
	p.inUse = p.members[0]
}

// watch begins to probe all peers. Before it is called, and with a single peer, nothing is probed and the first is
// used whatever it has.
func (p *peers) watch(ask height) {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	if len(p.members) == 1 {
		return
	}
	for _, m := range p.members {
		p.probing.Go(func() {
			for ctx.Err() == nil {
				p.probe(ctx, m, ask)
				select {
				case <-ctx.Done():
				case <-m.wake:
					wait(ctx, probeHurry)
				case <-time.After(probeEvery):
				}
			}
		})
	}
}

func (p *peers) probe(ctx context.Context, m *member, ask height) {
	p.mu.Lock()
	m.begun++
	known := p.known
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	blocks, err := ask(ctx, m.conn)
	p.mu.Lock()
	defer p.mu.Unlock()
	m.ended, m.answer = m.begun, err
	if err == nil {
		m.blocks, m.behind = blocks, blocks < known
	}
	p.choose()
	if p.inUse.good() {
		p.known = max(p.known, p.inUse.blocks)
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// good says that the peer in use can stay so. What has become known since it was probed came from it.
func (m *member) good() bool {
	return m.ended > 0 && m.answer == nil && !m.behind
}

// choose turns to another peer if the one in use is not to be used, and the other is.
func (p *peers) choose() {
	if p.inUse.ended == 0 || p.inUse.good() {
		return
	}
	i := slices.IndexFunc(p.members, func(m *member) bool { return m.good() && m.blocks >= p.known })
	if i < 0 {
		return
	}
	left := p.inUse
	p.inUse = p.members[i]
	p.inUse.use, p.inUse.leave = context.WithCancel(context.Background())
	left.leave()
	p.logger.Warn("another peer is used", "left", left.address, "blocks", left.blocks, "error", left.answer,
		"used", p.inUse.address, "known", p.known)
}

// saw notes that the service knows of a block.
func (p *peers) saw(block uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = max(p.known, block+1)
}

// pick returns the peer to use, and a context that ends when it is left. It waits while those that answer are behind;
// if none answers it is the last that did.
func (p *peers) pick(ctx context.Context) (*member, context.Context, error) {
	for {
		p.mu.Lock()
		p.choose()
		m, use, known, changed := p.inUse, p.inUse.use, p.known, p.changed
		good := len(p.members) == 1 || m.good()
		silent := !slices.ContainsFunc(p.members, func(m *member) bool { return m.ended == 0 || m.answer == nil })
		p.mu.Unlock()
		if good || silent {
			return m, use, nil
		}
		p.hurry()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, status.Errorf(codes.Unavailable, "no peer of %s has all %d blocks: %v", p.mspID, known, ctx.Err())
		}
	}
}

// hurry has all peers probed soon.
func (p *peers) hurry() {
	for _, m := range p.members {
		select {
		case m.wake <- struct{}{}:
		default: // it will be
		}
	}
}

// lost reports whether the call that a peer did not answer is to be made again: if another peer is used by now, or
// answers and will be used. It waits for what the next probe of the peer says.
func (p *peers) lost(ctx context.Context, m *member) bool {
	if len(p.members) == 1 {
		return false
	}
	p.mu.Lock()
	next := m.begun + 1
	p.mu.Unlock()
	for {
		p.mu.Lock()
		left, asked, changed := p.inUse != m, m.ended >= next, p.changed
		other := m.answer != nil && slices.ContainsFunc(p.members, func(m *member) bool { return m.answer == nil })
		p.mu.Unlock()
		if left || asked {
			return left || other
		}
		p.hurry()
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

// Invoke implements grpc.ClientConnInterface.
func (p *peers) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	for {
		m, use, err := p.pick(ctx)
		if err != nil {
			return err
		}
		attempt, cancel := context.WithCancel(ctx)
		forget := context.AfterFunc(use, cancel)
		err = p.call(attempt, m, method, args, reply, options)
		forget()
		cancel()
		if err == nil || ctx.Err() != nil || !unanswered(err) || !p.lost(ctx, m) {
			return err
		}
	}
}

// unanswered holds for the errors of a connection that broke or was given up; a gateway may answer with them too.
func unanswered(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.Canceled
}

// call has the peer itself answer evaluations that are for the own organisation: its gateway would, when it fails, ask
// another of the organisation's peers, whatever that one has.
func (p *peers) call(ctx context.Context, m *member, method string, args, reply any, options []grpc.CallOption) error {
	request, evaluation := args.(*gateway.EvaluateRequest)
	response, expected := reply.(*gateway.EvaluateResponse)
	if len(p.members) > 1 && evaluation && expected && slices.Equal(request.GetTargetOrganizations(), []string{p.mspID}) {
		return evaluateAt(ctx, m.conn, p.mspID, request, response, options)
	}
	return m.conn.Invoke(ctx, method, args, reply, options...)
}

// NewStream implements grpc.ClientConnInterface. The stream ends when its peer is left.
func (p *peers) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	m, use, err := p.pick(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	forget := context.AfterFunc(use, cancel)
	context.AfterFunc(ctx, func() { forget() })
	stream, err := m.conn.NewStream(ctx, desc, method, options...)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("at the peer %s: %w", m.address, err)
	}
	return stream, nil
}

// Close ends the probes and all connections.
func (p *peers) Close() error {
	if p.stop != nil {
		p.stop()
	}
	p.probing.Wait()
	var err error
	for _, m := range p.members {
		m.leave()
		if closed := m.conn.Close(); closed != nil && err == nil {
			err = closed
		}
	}
	return err
}
