// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package ledgertest is the ledger for tests of services: the real contract on peers in memory, behind gateways that
// the real ledger client speaks to over gRPC. So neither the rules nor the handling of errors can drift from what
// runs in production.
package ledgertest

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	gatewayv1 "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"ecoupon/chaincode/contract"
	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// connectionBuffer is that of a gateway's connections in memory.
const connectionBuffer = 1 << 20

// Options describe a consortium. The zero value is the four organisations of one role each, on the machine's time.
type Options struct {
	// Organisations need MSP id and roles only.
	Organisations []config.Organisation
	// Start is the time that the clock shows at first.
	Start time.Time
	// BlockInterval is how long a block fills before it is cut; blocks are cut at once if 0.
	BlockInterval time.Duration
	// Altered says that the test alters chaincode otherwise than by Announce, or its definition: what it leaves is not
	// audited.
	Altered bool
	// Ledger holds the limits of the clients.
	Ledger ledger.Config
}

// Impatient are the limits of clients that are to learn soon that an outcome is unknown. It is the time that a real
// commit has, too: much longer than one takes, on a machine that is busy as well.
var Impatient = ledger.Config{CommitTimeout: config.Duration(2 * time.Second)}

// Consortium is a channel with the real contract and a gateway for each organisation. Its directory, callers and
// services are those of the servetest consortium in it.
type Consortium struct {
	*servetest.Consortium

	// Network is underneath: to hold blocks, let peers lag, lose private data, and look at what is public.
	Network *stubtest.Network
	// Clock is the time of all peers, and of all proposals.
	Clock *Clock

	limits   ledger.Config
	faults   faults
	gateways map[string]*gateway

	mu         sync.Mutex // guards all below
	identities map[string]stubtest.Identity
	clients    map[string]*ledger.Client
}

// New builds the consortium. When the test ends it is an error if a chaincode process would have died, or if
// something is on the ledger that an audit finds to be against the rules.
//
// All of it is in memory, so a test whose clients wait for what does not come can have it in a bubble of
// testing/synctest: no deadline passes there while anything is being done.
func New(t testing.TB, o Options) *Consortium {
	t.Helper()
	if o.Organisations == nil {
		o.Organisations = servetest.Default()
	}
	clock := NewClock(o.Start)
	c := &Consortium{
		Consortium: servetest.New(t, o.Organisations...),
		Network:    stubtest.New(stubtest.Config{Now: clock.Now, BlockInterval: o.BlockInterval}),
		Clock:      clock,
		limits:     o.Ledger,
		gateways:   make(map[string]*gateway),
		identities: make(map[string]stubtest.Identity),
		clients:    make(map[string]*ledger.Client),
	}
	for _, organisation := range c.Directory.Organisations {
		chaincode, err := contract.New(contract.Config{MSPID: organisation.MSPID, Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		c.Network.AddOrganisation(organisation.MSPID, chaincode)
		c.gateways[organisation.MSPID] = c.newGateway(t, organisation.MSPID)
	}
	for _, organisation := range c.Directory.WithRole(config.RoleIssuer) {
		c.Network.Define(config.Namespace(organisation.MSPID), stubtest.IssuerAndOther(organisation.MSPID))
	}
	t.Cleanup(func() {
		for _, fault := range c.Network.Faults() {
			t.Error(fault)
		}
		if !o.Altered {
			c.audit(t)
		}
	})
	return c
}

// newGateway starts the gateway of the organisation's peer.
func (c *Consortium) newGateway(t testing.TB, mspID string) *gateway {
	t.Helper()
	listener := bufconn.Listen(connectionBuffer)
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	conn, err := grpc.NewClient("passthrough:"+mspID,
		grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &gateway{consortium: c, mspID: mspID, conn: conn, ctx: ctx, interrupted: make(chan struct{})}
	server := grpc.NewServer()
	gatewayv1.RegisterGatewayServer(server, g)
	g.running.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		cancel()
		_ = conn.Close()
		server.Stop()
		g.running.Wait()
	})
	return g
}

// For returns the client of the organisation's service, with a journal in memory. It is the same one each time.
func (c *Consortium) For(t testing.TB, mspID string) *ledger.Client {
	t.Helper()
	c.mu.Lock()
	known := c.clients[mspID]
	c.mu.Unlock()
	if known != nil {
		return known
	}
	made := c.Client(t, mspID, serve.RoleService, new(Journal))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients[mspID] = made
	return made
}

// Client returns a new client of somebody with the role in the organisation.
func (c *Consortium) Client(t testing.TB, mspID, role string, journal ledger.Journal) *ledger.Client {
	t.Helper()
	id := c.Network.Identity(mspID, role)
	c.mu.Lock()
	c.identities[string(id.Serialized)] = id
	c.mu.Unlock()
	client, err := ledger.New(ledger.Options{
		Config: c.limits, Conn: c.gateways[mspID].conn, Channel: c.Directory.Channel,
		MSPID: mspID, Certificate: id.Certificate, Key: id.Key, Journal: journal, Logger: servetest.Logger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// SetUp does for an issuer's namespace what its service does at its start: it names the clearing house, and sets the
// first tick.
func (c *Consortium) SetUp(t testing.TB, issuer, clearing string) {
	t.Helper()
	for _, call := range []ledger.Call{
		{Function: "SetParties", Argument: coupon.PartiesRequest{Clearing: clearing}},
		{Function: "Tick"},
	} {
		call.Namespace, call.Endorsers = config.Namespace(issuer), []string{issuer, clearing}
		if _, err := c.For(t, issuer).Submit(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
}

// Tick rolls the tick of an issuer's namespace, which must be due: the clock is not moved.
func (c *Consortium) Tick(t testing.TB, issuer, second string) {
	t.Helper()
	call := ledger.Call{Namespace: config.Namespace(issuer), Function: "Tick", Endorsers: []string{issuer, second}}
	if _, err := c.For(t, issuer).Submit(t.Context(), call); err != nil {
		t.Fatal(err)
	}
}

// Clock is the machine's, moved by what a test says.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
}

// NewClock shows start now, or the machine's time if start is zero.
func NewClock(start time.Time) *Clock {
	clock := new(Clock)
	if !start.IsZero() {
		clock.Set(start)
	}
	return clock
}

// Now is what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// Set makes the clock show at, and go on from there.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = time.Until(at)
}

// Advance moves the clock.
func (c *Clock) Advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += by
}
