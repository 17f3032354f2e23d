// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

// upLimit bounds a start with the programs built.
const upLimit = 2 * time.Minute

// TestNetworkGoesOnWithItsLedger runs a network of the project's own programs
// through its life: up, down, up again, and up after a crash of its parts.
func TestNetworkGoesOnWithItsLedger(t *testing.T) {
	t.Parallel()
	n := startNetwork(t)
	contract, done := issuerContract(t, n)
	if _, err := contract.Submit("SetParties", client.WithArguments(`{"clearing":"ClearingMSP"}`),
		client.WithEndorsingOrganizations("IssuerMSP", "ClearingMSP")); err != nil {
		t.Fatal(explain(err))
	}
	done()
	before := chainOf(t, n)

	if err := n.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range statusOf(t, n).Processes {
		if p.State != Stopped {
			t.Errorf("after Down %s is %s", p.Name, p.State)
		}
	}
	up(t, n)
	if diff := cmp.Diff(before, chainOf(t, n), protocmp.Transform()); diff != "" {
		t.Errorf("the ledger changed:\n%s", diff)
	}
	checkParties(t, n)

	for _, name := range []string{"peer.issuer", "orderer.clearing", "chaincode.retailer"} {
		crash(t, n, name)
	}
	err := statusOf(t, n).Died()
	if err == nil || !strings.Contains(err.Error(), "peer.issuer has died") {
		t.Errorf("the status says %v after a crash", err)
	}
	up(t, n)
	if err := statusOf(t, n).Died(); err != nil {
		t.Error(err)
	}
	checkParties(t, n)
}

// TestOrdererThatWasAwayCatchesUp takes one of four away while transactions
// go on, and waits until it has the blocks it missed.
func TestOrdererThatWasAwayCatchesUp(t *testing.T) {
	t.Parallel()
	n := startNetwork(t)
	publisher{t: t, n: n}.publish()
	away := n.Consortium().Organisations[3]
	if err := n.Kill(t.Context(), "orderer."+away.Name); err != nil {
		t.Fatal(err)
	}
	p := publisher{t: t, n: n}
	for range 5 {
		p.submit("PauseCampaign", testCampaign, nil, "IssuerMSP", "ClearingMSP")
		p.submit("ResumeCampaign", testCampaign, nil, "IssuerMSP", "ClearingMSP")
	}
	if err := n.Start(t.Context(), "orderer."+away.Name); err != nil {
		t.Fatal(err)
	}
	admin, err := n.ordererAdmin(away)
	if err != nil {
		t.Fatal(err)
	}
	height := chainOf(t, n).GetHeight()
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	err = until(ctx, func(ctx context.Context) error {
		info, err := admin.participation(ctx)
		if err == nil && info.Height < height {
			err = fmt.Errorf("the orderer has %d blocks of %d", info.Height, height)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestProcessesTalkToMembersOnly tries the doors of a running network.
func TestProcessesTalkToMembersOnly(t *testing.T) {
	t.Parallel()
	n := startNetwork(t)
	o := n.Consortium().Organisations[0]
	admin, err := n.clientTLS(o, kindPeer, asAdmin)
	if err != nil {
		t.Fatal(err)
	}
	till, err := n.clientTLS(o, kindPeer, [2]string{filepath.Join("till-1", "cert.pem"), filepath.Join("till-1", "key.pem")})
	if err != nil {
		t.Fatal(err)
	}
	nobody := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: admin.RootCAs}
	for name, c := range map[string]struct {
		kind, address string
		as            *tls.Config
		accepted      bool
	}{
		"administrator at the peer":             {kindPeer, n.consortium.address(o, kindPeer).Listen, admin, true},
		"nobody at the peer":                    {kindPeer, n.consortium.address(o, kindPeer).Listen, nobody, false},
		"till at the peer":                      {kindPeer, n.consortium.address(o, kindPeer).Listen, till, false},
		"nobody at the orderer":                 {kindOrderer, n.consortium.address(o, kindOrderer).Listen, nobody, false},
		"administrator at the orderer's admin":  {kindOrderer, n.consortium.at(o, portOrdererAdmin), admin, true},
		"till at the orderer's admin":           {kindOrderer, n.consortium.at(o, portOrdererAdmin), till, false},
		"administrator at the chaincode server": {kindChaincode, n.consortium.address(o, kindChaincode).Listen, admin, false},
		"till at the chaincode server":          {kindChaincode, n.consortium.address(o, kindChaincode).Listen, till, false},
	} {
		config := c.as.Clone()
		config.ServerName = o.serverName(c.kind)
		config.NextProtos = []string{"h2"}
		if err := knock(config, c.address); (err == nil) != c.accepted {
			t.Errorf("%s: accepted %v, want %v (%v)", name, err == nil, c.accepted, err)
		}
	}
	if err := n.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(n.StateDir(), t.Output()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Purge there is still a network: %v", err)
	}
}

// knock connects; with TLS 1.3 a server says only after the handshake that it
// does not take a client's certificate.
func knock(config *tls.Config, address string) error {
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	if timeout := interface{ Timeout() bool }(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return nil
	}
	return err
}

func TestStateDirectoryBelongsToOneConsortium(t *testing.T) {
	t.Parallel()
	c := Default()
	c.StateDir, c.PortBase = t.TempDir(), 0
	first, err := New(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Purge(context.Background()) })
	again, err := New(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := again.resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first.consortium.PortBase != again.consortium.PortBase || again.consortium.PortBase == 0 {
		t.Errorf("ports from %d, then from %d", first.consortium.PortBase, again.consortium.PortBase)
	}
	c.Channel = "others"
	other, err := New(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := other.resolve(t.Context()); err == nil {
		t.Error("another consortium took over the state directory")
	}
}

func startNetwork(t *testing.T, more ...Organisation) *Network {
	t.Helper()
	c := Default()
	c.Organisations = append(c.Organisations, more...)
	c.StateDir, c.PortBase = filepath.Join(t.TempDir(), "net"), 0
	n, err := New(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Purge(context.Background()); err != nil {
			t.Error(err)
		}
	})
	up(t, n)
	return n
}

func up(t *testing.T, n *Network) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), upLimit)
	defer cancel()
	if err := n.Up(ctx, UpOptions{OnlyFabric: true}); err != nil {
		t.Fatal(err)
	}
}

// crash kills a process as nobody asked for it.
func crash(t *testing.T, n *Network, name string) {
	t.Helper()
	r, err := n.state.readRecord(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Kill(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := n.state.writeRecord(name, r); err != nil {
		t.Fatal(err)
	}
}

func statusOf(t *testing.T, n *Network) Status {
	t.Helper()
	s, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func issuerContract(t *testing.T, n *Network) (*client.Contract, func()) {
	t.Helper()
	conn, err := n.Connect("issuer", Issuer)
	if err != nil {
		t.Fatal(err)
	}
	return conn.GetNetwork(n.consortium.Channel).GetContract("coupon-IssuerMSP"), func() { _ = conn.Close() }
}

func checkParties(t *testing.T, n *Network) {
	t.Helper()
	contract, done := issuerContract(t, n)
	defer done()
	answer, err := contract.Evaluate("GetParties", client.WithEndorsingOrganizations("IssuerMSP"))
	if err != nil {
		t.Fatal(explain(err))
	}
	var parties struct{ Clearing string }
	if err := json.Unmarshal(answer, &parties); err != nil || parties.Clearing != "ClearingMSP" {
		t.Errorf("the clearing house is %q (%v)", parties.Clearing, err)
	}
}

// chainOf returns height and hashes of the issuer's copy of the chain.
func chainOf(t *testing.T, n *Network) *common.BlockchainInfo {
	t.Helper()
	conn, err := n.Connect("issuer", Issuer)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer, err := conn.GetNetwork(n.consortium.Channel).GetContract("qscc").
		EvaluateTransaction("GetChainInfo", n.consortium.Channel)
	if err != nil {
		t.Fatal(explain(err))
	}
	info := new(common.BlockchainInfo)
	if err := proto.Unmarshal(answer, info); err != nil {
		t.Fatal(err)
	}
	return info
}
