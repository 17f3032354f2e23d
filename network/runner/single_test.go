// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"io"
	"net"
	"path/filepath"
	"strconv"
	"testing"
)

// A proxy needs to know where its process is going to listen, while others are
// told of the proxy.
func TestAddressesAreKnownBeforeTheStart(t *testing.T) {
	t.Parallel()
	c := Default()
	c.StateDir, c.PortBase = filepath.Join(t.TempDir(), "state"), 0
	c.Organisations[0].Advertise = map[string]string{kindPeer: "127.0.0.1:4321"}
	n, err := New(c, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Purge(t.Context()); err != nil {
			t.Error(err)
		}
	})
	seen := map[string]string{}
	for _, o := range n.Consortium().Organisations {
		for _, name := range o.Names() {
			address, err := n.Listens(name)
			if err != nil {
				t.Fatal(err)
			}
			host, port, err := net.SplitHostPort(address)
			number, _ := strconv.Atoi(port)
			if err != nil || host != "127.0.0.1" || number < firstFree || number > lastFree {
				t.Errorf("%s listens at %s: %v", name, address, err)
			}
			if other := seen[address]; other != "" {
				t.Errorf("%s and %s listen at %s", name, other, address)
			}
			seen[address] = name
		}
	}
	before := n.Consortium().PortBase
	if err := n.Settle(t.Context()); err != nil || n.Consortium().PortBase != before {
		t.Errorf("settled again: ports from %d, then from %d: %v", before, n.Consortium().PortBase, err)
	}
	if _, err := n.Listens("peer.nobody"); err == nil {
		t.Error("nobody has a peer")
	}
}

func TestWhereProcessesKeepTheirData(t *testing.T) {
	t.Parallel()
	c := Default()
	c.StateDir = t.TempDir()
	n, err := New(c, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"peer.issuer":       n.Folder("issuer", "peer", "data"),
		"orderer.clearing":  n.Folder("clearing", "orderer", "data"),
		"retailer.retailer": n.Folder("retailer", "services", "retailer", "data"),
	} {
		if got, err := n.Data(name); err != nil || got != want {
			t.Errorf("%s keeps its data in %s, want %s: %v", name, got, want, err)
		}
	}
	for _, name := range []string{"chaincode.issuer", "peer.nobody"} {
		if got, err := n.Data(name); err == nil {
			t.Errorf("%s keeps its data in %s", name, got)
		}
	}
}
