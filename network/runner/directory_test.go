// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDirectoryListsAllPeers(t *testing.T) {
	t.Parallel()
	c := Default()
	c.StateDir = t.TempDir()
	c.Organisations[2].Peers = 3
	n, err := New(c, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(n.Folder("issuer", "services", "issuer", "consortium.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d directory
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int][]endpoint{
		0: {{Address: "127.0.0.1:17000", ServerName: "peer.issuer.example"}},
		2: {
			{Address: "127.0.0.1:17040", ServerName: "peer.retailer.example"},
			{Address: "127.0.0.1:17049", ServerName: "peer2.retailer.example"},
			{Address: "127.0.0.1:17059", ServerName: "peer3.retailer.example"},
		},
	} {
		if diff := cmp.Diff(want, d.Organisations[i].Peers); diff != "" {
			t.Errorf("peers of %s: %s", d.Organisations[i].Name, diff)
		}
	}
}
