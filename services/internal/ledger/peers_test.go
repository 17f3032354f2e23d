// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	gatewayv1 "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

// within is how long a service may take to go on at another peer.
const within = 2 * time.Second

// lonePeer answers with what it has been told. Its evaluations name it.
type lonePeer struct {
	gatewayv1.UnimplementedGatewayServer
	peer.UnimplementedEndorserServer

	number int
	blocks atomic.Uint64
	says   atomic.Pointer[peer.Response] // instead of its number
	probes atomic.Int64
	server *grpc.Server

	mu     sync.Mutex
	halted chan struct{} // open while the peer hangs
}

// hang makes all calls wait until the function is called that it returns.
func (p *lonePeer) hang() (goOn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	halted := make(chan struct{})
	p.halted = halted
	return sync.OnceFunc(func() { close(halted) })
}

func (p *lonePeer) passes(ctx context.Context) error {
	p.mu.Lock()
	halted := p.halted
	p.mu.Unlock()
	if halted == nil {
		return nil
	}
	select {
	case <-halted:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *lonePeer) ProcessProposal(ctx context.Context, signed *peer.SignedProposal) (*peer.ProposalResponse, error) {
	if err := p.passes(ctx); err != nil {
		return nil, err
	}
	if len(signed.GetSignature()) == 0 {
		return nil, status.Error(codes.Unknown, "not signed")
	}
	var (
		proposal   peer.Proposal
		payload    peer.ChaincodeProposalPayload
		invocation peer.ChaincodeInvocationSpec
	)
	if err := errors.Join(
		proto.Unmarshal(signed.GetProposalBytes(), &proposal),
		proto.Unmarshal(proposal.GetPayload(), &payload),
		proto.Unmarshal(payload.GetInput(), &invocation),
	); err != nil {
		return nil, err
	}
	if invocation.GetChaincodeSpec().GetChaincodeId().GetName() == "qscc" {
		p.probes.Add(1)
		info, err := proto.Marshal(&common.BlockchainInfo{Height: p.blocks.Load()})
		return &peer.ProposalResponse{Response: &peer.Response{Status: 200, Payload: info}}, err
	}
	if says := p.says.Load(); says != nil {
		return &peer.ProposalResponse{Response: says, Payload: []byte("results")}, nil
	}
	return &peer.ProposalResponse{Response: &peer.Response{Status: 200, Payload: []byte(strconv.Itoa(p.number))}}, nil
}

// CommitStatus finds every transaction in the peer's last block.
func (p *lonePeer) CommitStatus(ctx context.Context, _ *gatewayv1.SignedCommitStatusRequest) (*gatewayv1.CommitStatusResponse, error) {
	return &gatewayv1.CommitStatusResponse{Result: peer.TxValidationCode_VALID, BlockNumber: p.blocks.Load() - 1}, p.passes(ctx)
}

// ChaincodeEvents shows all blocks, each with an event, and then waits.
func (p *lonePeer) ChaincodeEvents(signed *gatewayv1.SignedChaincodeEventsRequest, stream gatewayv1.Gateway_ChaincodeEventsServer) error {
	var request gatewayv1.ChaincodeEventsRequest
	if err := proto.Unmarshal(signed.GetRequest(), &request); err != nil {
		return err
	}
	from := request.GetStartPosition().GetType().(*orderer.SeekPosition_Specified).Specified.GetNumber()
	for ; from < p.blocks.Load(); from++ {
		err := stream.Send(&gatewayv1.ChaincodeEventsResponse{BlockNumber: from, Events: []*peer.ChaincodeEvent{
			{ChaincodeId: namespace, EventName: "Shown", TxId: strconv.Itoa(p.number), Payload: []byte("{}")},
		}})
		if err != nil {
			return err
		}
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

// pair starts two peers of the issuer with so many blocks, and opens a client.
func pair(t *testing.T, blocks ...uint64) ([]*lonePeer, *ledger.Client) {
	t.Helper()
	consortium := servetest.New(t, servetest.Default()...)
	own := &consortium.Directory.Organisations[0]
	own.Peers = nil
	var started []*lonePeer
	for i := range blocks {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p := &lonePeer{number: i, server: grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{consortium.Server(t, issuer)},
		})))}
		p.blocks.Store(blocks[i])
		gatewayv1.RegisterGatewayServer(p.server, p)
		peer.RegisterEndorserServer(p.server, p)
		go func() { _ = p.server.Serve(listener) }()
		t.Cleanup(p.server.Stop)
		started = append(started, p)
		own.Peers = append(own.Peers, config.Endpoint{Address: listener.Addr().String(), ServerName: "localhost"})
	}
	var cfg ledger.Config
	cfg.Certificate, cfg.Key = write(t, consortium.Caller(t, issuer, serve.RoleService))
	cfg.TLSCertificate, cfg.TLSKey = write(t, consortium.Server(t, issuer))
	client, err := ledger.Open(cfg, consortium.Directory, issuer, new(ledgertest.Journal), servetest.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return started, client
}

// answered expects that the peer of the number evaluates.
func answered(t *testing.T, client *ledger.Client, by int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	number := -1
	if err := client.Evaluate(ctx, ledger.Call{Namespace: namespace, Function: "GetTick"}, &number); err != nil || number != by {
		t.Errorf("peer %d answered, %v; want %d", number, err, by)
	}
}

func TestServiceGoesOnAtAnotherPeer(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*lonePeer) (back func()){
		"the peer ends":  func(p *lonePeer) func() { p.server.Stop(); return nil },
		"the peer hangs": func(p *lonePeer) func() { return p.hang() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peers, client := pair(t, 5, 5)
			for range 3 {
				answered(t, client, 0)
			}
			back := lose(peers[0])
			for range 3 {
				answered(t, client, 1)
			}
			if back == nil {
				return
			}
			back()
			answered(t, client, 1) // it stays there
			defer peers[1].hang()()
			answered(t, client, 0)
		})
	}
}

func TestServiceWaitsForPeerThatIsBehind(t *testing.T) {
	t.Parallel()
	peers, client := pair(t, 10, 7)
	receipt, err := client.Status(t.Context(), "transaction")
	if err != nil || receipt.Block != 9 {
		t.Fatalf("got %+v %v", receipt, err)
	}
	peers[0].server.Stop()
	for _, blocks := range []uint64{7, 9} {
		peers[1].blocks.Store(blocks)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := client.Evaluate(ctx, ledger.Call{Namespace: namespace, Function: "GetTick"}, nil)
		cancel()
		if !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("of a peer with %d blocks: %v", blocks, err)
		}
	}
	peers[1].blocks.Store(10)
	answered(t, client, 1)
}

// The other peer was seen with as many blocks as the first, which then shows
// one more and ends.
func TestServiceWaitsForTheLastBlock(t *testing.T) {
	t.Parallel()
	peers, client := pair(t, 10, 10)
	answered(t, client, 0)
	for peers[1].probes.Load() < 2 {
		answered(t, client, 0) // until the first probe has been heard
	}
	peers[0].blocks.Store(11)
	if receipt, err := client.Status(t.Context(), "transaction"); err != nil || receipt.Block != 10 {
		t.Fatalf("got %+v %v", receipt, err)
	}
	peers[0].server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := client.Evaluate(ctx, ledger.Call{Namespace: namespace, Function: "GetTick"}, nil); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("of a peer that has not the last block: %v", err)
	}
	peers[1].blocks.Store(11)
	answered(t, client, 1)
}

func TestPeerThatCameBackBehindIsNotUsed(t *testing.T) {
	t.Parallel()
	peers, client := pair(t, 10, 10)
	answered(t, client, 0)
	peers[0].blocks.Store(3) // from an old copy
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for number := 0; number == 0; {
		if err := client.Evaluate(ctx, ledger.Call{Namespace: namespace, Function: "GetTick"}, &number); err != nil {
			t.Fatal(err)
		}
	}
	answered(t, client, 1)
}

func TestFollowGoesOnAtAnotherPeer(t *testing.T) {
	t.Parallel()
	peers, client := pair(t, 3, 3)
	to := newProjection()
	to.next = 1
	stop := follow(t, client, to)
	to.await(t, 2)
	peers[1].blocks.Store(5)
	peers[0].server.Stop()
	to.await(t, 4)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestNoPeerAnswers(t *testing.T) {
	t.Parallel()
	peers, client := pair(t, 5, 5)
	answered(t, client, 0)
	for _, p := range peers {
		p.server.Stop()
	}
	began := time.Now()
	err := client.Evaluate(t.Context(), ledger.Call{Namespace: namespace, Function: "GetTick"}, nil)
	if took := time.Since(began); !errors.Is(err, ledger.ErrUnavailable) || took > within {
		t.Errorf("got %v after %s", err, took)
	}
}

func TestPeersOwnAnswersAreUnderstood(t *testing.T) {
	t.Parallel()
	peers, client := pair(t, 5, 5)
	evaluate := func(says *peer.Response) error {
		peers[0].says.Store(says)
		return client.Evaluate(t.Context(), ledger.Call{Namespace: namespace, Function: "GetTick"}, nil)
	}
	if reason, _ := coupon.ReasonOf(evaluate(&peer.Response{Status: 500, Message: "NOT_FOUND: there is none"})); reason != coupon.ReasonNotFound {
		t.Errorf("a refusal: %q", reason)
	}
	err := evaluate(&peer.Response{Status: 500, Message: "GET_STATE failed: private data matching public hash version is not available. Public"})
	if !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("private data that has not come: %v", err)
	}
	if err := evaluate(&peer.Response{Status: 500, Message: "broken"}); err == nil || errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("a contract that failed: %v", err)
	}
}
