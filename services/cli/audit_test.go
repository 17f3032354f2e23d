// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"ecoupon/services/audit"
	"ecoupon/services/cli"
	"ecoupon/services/dial"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// blocks is a peer that delivers a chain to whoever asks as it must.
type blocks struct {
	peer.UnimplementedDeliverServer
	chain *ledgertest.Chain
	asker *ecdsa.PublicKey
}

// DeliverWithPrivateData checks the request like a peer and delivers.
func (b *blocks) DeliverWithPrivateData(stream grpc.BidiStreamingServer[common.Envelope, peer.DeliverResponse]) error {
	ask, err := stream.Recv()
	if err != nil {
		return err
	}
	var (
		payload common.Payload
		channel common.ChannelHeader
		signer  common.SignatureHeader
		creator msp.SerializedIdentity
		seek    orderer.SeekInfo
	)
	digest := sha256.Sum256(ask.GetPayload())
	if err := errors.Join(
		proto.Unmarshal(ask.GetPayload(), &payload), proto.Unmarshal(payload.GetHeader().GetChannelHeader(), &channel),
		proto.Unmarshal(payload.GetHeader().GetSignatureHeader(), &signer), proto.Unmarshal(signer.GetCreator(), &creator),
		proto.Unmarshal(payload.GetData(), &seek),
	); err != nil {
		return err
	}
	binding := sha256.Sum256([]byte("tls"))
	if !ecdsa.VerifyASN1(b.asker, digest[:], ask.GetSignature()) || string(channel.GetTlsCertHash()) != string(binding[:]) ||
		creator.GetMspid() != servetest.RetailerMSP || channel.GetChannelId() != "coupons" || seek.GetStart().GetSpecified().GetNumber() != 0 {
		return stream.Send(&peer.DeliverResponse{Type: &peer.DeliverResponse_Status{Status: common.Status_FORBIDDEN}})
	}
	for _, block := range b.chain.Blocks {
		if stop := seek.GetStop().GetSpecified(); stop != nil && block.GetHeader().GetNumber() > stop.GetNumber() {
			break
		}
		err := stream.Send(&peer.DeliverResponse{Type: &peer.DeliverResponse_BlockAndPrivateData{
			BlockAndPrivateData: &peer.BlockAndPrivateData{Block: block.Block, PrivateDataMap: block.Private},
		}})
		if err != nil {
			return err
		}
	}
	return stream.Send(&peer.DeliverResponse{Type: &peer.DeliverResponse_Status{Status: common.Status_SUCCESS}})
}

// audited is a consortium whose retailer's peer has a chain.
func audited(t *testing.T) (*consortium, *ledgertest.Chain) {
	t.Helper()
	network := ledgertest.New(t, ledgertest.Options{})
	network.SetUp(t, servetest.IssuerMSP, servetest.ClearingMSP)
	campaigntest.Publish(t, network, campaigntest.Options{}).Redeem(t, servetest.RetailerMSP, "A-1", 1)
	chain := network.Chain(t)
	auditor := network.Network.Identity(servetest.RetailerMSP, "auditor")
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	peer.RegisterDeliverServer(server, &blocks{chain: chain, asker: &auditor.Key.PublicKey})
	var group sync.WaitGroup
	group.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() { server.Stop(); group.Wait() })
	c := newConsortium(t)
	c.ledger = func(address string) (*dial.Ledger, error) {
		if address != "" {
			return nil, errors.New("the directory has no peer " + address)
		}
		conn, err := grpc.NewClient("passthrough:peer", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
		block, _ := pem.Decode([]byte(certificateOf(t, auditor.Serialized)))
		return &dial.Ledger{
			Conn: conn, Channel: "coupons", MSPID: servetest.RetailerMSP,
			Identity: tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: auditor.Key},
			TLS:      tls.Certificate{Certificate: [][]byte{[]byte("tls")}},
		}, err
	}
	return c, chain
}

func certificateOf(t *testing.T, serialized []byte) string {
	t.Helper()
	var id msp.SerializedIdentity
	if err := proto.Unmarshal(serialized, &id); err != nil {
		t.Fatal(err)
	}
	return string(id.GetIdBytes())
}

func TestAudit(t *testing.T) {
	t.Parallel()
	c, chain := audited(t)
	got := c.run(t, "", "--as", "folder", "audit")
	if got.exit != cli.ExitDone || !strings.Contains(got.out, "9 blocks audited") || !strings.Contains(got.out, "0 breaches, one notice") {
		t.Errorf("%+v", got)
	}
	if got := c.run(t, "", "--as", "folder", "audit", "--to", "3", "--breaches-only"); got.exit != cli.ExitDone || !strings.HasPrefix(got.out, "4 blocks audited") {
		t.Errorf("to block 3: %+v", got)
	}

	chain.Code(8, 0, peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE)
	got = c.run(t, "", "--as", "folder", "--json", "audit", "--breaches-only")
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	var finding audit.Finding
	var report audit.Report
	if len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &finding) != nil || json.Unmarshal([]byte(lines[1]), &report) != nil {
		t.Fatalf("%+v", got)
	}
	if got.exit != cli.ExitRefused || finding.Rule != "validation-code" || finding.Block != 8 || finding.Function != "Redeem" ||
		strings.Join(finding.Organisations, " ") != "IssuerMSP RetailerMSP" || report.Breaches != 1 || report.Genesis == "" {
		t.Errorf("%+v", got)
	}
	got = c.run(t, "", "--as", "folder", "audit")
	if got.exit != cli.ExitRefused || !strings.Contains(got.out, "BREACH validation-code: block 8, transaction ") || !strings.Contains(got.out, "IssuerMSP, RetailerMSP") {
		t.Errorf("%+v", got)
	}
	if got := c.run(t, "", "--as", "folder", "audit", "--genesis", report.Genesis, "--to", "7"); got.exit != cli.ExitDone {
		t.Errorf("the right first block: %+v", got)
	}
	if got := c.run(t, "", "--as", "folder", "audit", "--genesis", "00"); got.exit != cli.ExitFault || !strings.Contains(got.err, "another ledger") {
		t.Errorf("another first block: %+v", got)
	}
}

func TestAuditMistakes(t *testing.T) {
	t.Parallel()
	c, _ := audited(t)
	for _, args := range []string{"audit --from 3 --to 2", "audit --from -1", "audit --peer 127.0.0.1:1", "audit more"} {
		if got := c.run(t, "", append([]string{"--as", "folder"}, strings.Fields(args)...)...); got.exit != cli.ExitUsage {
			t.Errorf("%s: %+v", args, got)
		}
	}
	// A peer that is asked as it should not be delivers nothing, and that is no good ledger.
	good := c.ledger
	c.ledger = func(address string) (*dial.Ledger, error) {
		l, err := good(address)
		l.TLS.Certificate = [][]byte{[]byte("other")}
		return l, err
	}
	if got := c.run(t, "", "--as", "folder", "audit"); got.exit != cli.ExitFault || !strings.Contains(got.err, "FORBIDDEN") {
		t.Errorf("%+v", got)
	}
}
