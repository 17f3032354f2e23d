// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-gateway/pkg/client"
)

// TestUpgradeOutlivesInterruptionsAndRests leaves an upgrade half done for Up
// to complete, makes another to a program of its own, and starts anew.
func TestUpgradeOutlivesInterruptionsAndRests(t *testing.T) {
	t.Parallel()
	n := startNetwork(t)
	contract, done := issuerContract(t, n)
	if _, err := contract.Submit("SetParties", client.WithArguments(`{"clearing":"ClearingMSP"}`),
		client.WithEndorsingOrganizations("IssuerMSP", "ClearingMSP")); err != nil {
		t.Fatal(explain(err))
	}
	done()

	if err := errors.Join(n.beginUpgrade(""), n.startNext(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := n.state.readRecord("chaincode-old.issuer"); err != nil {
		t.Errorf("no server of the version before runs: %v", err)
	}
	up(t, n)
	checkUpgraded(t, n, 2, n.binaries.own(kindChaincode))

	program := filepath.Join(t.TempDir(), "rules")
	data, err := os.ReadFile(n.binaries.own(kindChaincode))
	if err == nil {
		err = os.WriteFile(program, data, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Upgrade(t.Context(), "/bin/false"); err == nil || !strings.Contains(err.Error(), "has died") {
		t.Errorf("an upgrade to what does not serve: %v", err)
	}
	checkParties(t, n) // as before
	if err := n.Upgrade(t.Context(), program); err != nil {
		t.Fatal(err)
	}
	checkUpgraded(t, n, 3, program)

	if err := n.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.Upgrade(t.Context(), ""); err == nil {
		t.Error("a network that was down was upgraded")
	}
	again, err := Open(n.StateDir(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	up(t, again)
	checkUpgraded(t, again, 3, program)
}

// checkUpgraded looks at the definition, the process and the ledger.
func checkUpgraded(t *testing.T, n *Network, version int, program string) {
	t.Helper()
	admin, err := n.Connect("issuer", "admin")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	d := definition{name: "coupon-IssuerMSP"}
	now, err := d.committed(t.Context(), admin.GetNetwork(n.consortium.Channel).GetContract(lifecycleName))
	if err != nil || now.GetSequence() != int64(version) {
		t.Errorf("the sequence is %d (%v), want %d", now.GetSequence(), err, version)
	}
	if got := n.Consortium().Chaincode; got.Version != version || got.Unfinished {
		t.Errorf("the network says %+v, want version %d", got, version)
	}
	r, err := n.state.readRecord("chaincode.issuer")
	if err != nil || !r.alive() || r.Command[0] != program {
		t.Errorf("the server is %+v (%v), want %s", r, err, program)
	}
	if _, err := n.state.readRecord("chaincode-old.issuer"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a server of the version before is left: %v", err)
	}
	checkParties(t, n)
}
