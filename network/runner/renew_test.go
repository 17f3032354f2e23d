// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// withOrganisation is a network of which one organisation has its folder.
func withOrganisation(t *testing.T) (*Network, Organisation) {
	t.Helper()
	c := Default()
	c.StateDir, c.PortBase = t.TempDir(), 20000
	n, err := New(c, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range n.consortium.Organisations {
		if err := makeOrganisation(n.state.organisation(o.Name), o, nil); err != nil {
			t.Fatal(err)
		}
	}
	return n, c.Organisations[2]
}

// withdrawn lists the serial numbers that the service reads.
func withdrawn(t *testing.T, n *Network, o Organisation) []string {
	t.Helper()
	list, err := readList(n.Folder(o.Name, "services", Retailer, tillsList))
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(readCert(t, n.Folder(o.Name, "ca", "tills.pem"))); err != nil {
		t.Error(err)
	}
	var serials []string
	for _, e := range list.RevokedCertificateEntries {
		serials = append(serials, e.SerialNumber.String())
	}
	return serials
}

func TestTillsComeAndGo(t *testing.T) {
	t.Parallel()
	n, o := withOrganisation(t)
	if got := withdrawn(t, n, o); len(got) > 0 {
		t.Errorf("at first %v are withdrawn", got)
	}
	folder, err := n.Till(o.Name, "till-3")
	if err != nil {
		t.Fatal(err)
	}
	first := readCert(t, filepath.Join(folder, "cert.pem"))
	if roleOf(first) != "till" || !chains(t, first, n.Folder(o.Name, "ca", "tills.pem")) {
		t.Errorf("a certificate of role %q", roleOf(first))
	}
	if _, err := os.Stat(filepath.Join(folder, "consortium.json")); err != nil {
		t.Error(err)
	}
	if _, err := n.Till(o.Name, "till-3"); err != nil {
		t.Fatal(err)
	}
	second := readCert(t, filepath.Join(folder, "cert.pem"))
	if err := n.WithdrawTill(o.Name, "till-3"); err != nil {
		t.Fatal(err)
	}
	want := first.SerialNumber.String() + " " + second.SerialNumber.String()
	if got := strings.Join(withdrawn(t, n, o), " "); got != want {
		t.Errorf("withdrawn are %s, want %s", got, want)
	}
	if err := n.WithdrawTill(o.Name, "till-3"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("withdrawn twice: %v", err)
	}
	for _, name := range []string{"operator", "till-", "till-1/../operator"} {
		if _, err := n.Till(o.Name, name); err == nil {
			t.Errorf("%q is a till's name", name)
		}
	}
	if _, err := n.Till("nobody", "till-1"); err == nil {
		t.Error("nobody got a till")
	}
}

func TestPeopleGetNewCertificatesAndOrderersDoNot(t *testing.T) {
	t.Parallel()
	n, o := withOrganisation(t)
	file := n.Folder(o.Name, "operator", "cert.pem")
	before := readCert(t, file)
	if err := n.Renew(t.Context(), "operator."+o.Name); err != nil {
		t.Fatal(err)
	}
	after := readCert(t, file)
	if after.SerialNumber.Cmp(before.SerialNumber) == 0 || !chains(t, after, n.Folder(o.Name, "ca", "identity.pem")) || roleOf(after) != "operator" {
		t.Errorf("got %v of role %s", after.SerialNumber, roleOf(after))
	}
	for _, name := range []string{"orderer." + o.Name, "admin." + o.Name} {
		if err := n.Renew(t.Context(), name); !errors.Is(err, errFixed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCertificatesThatEndSoonAreListed(t *testing.T) {
	t.Parallel()
	n, o := withOrganisation(t)
	if ending, err := n.Ending(); err != nil || len(ending) > 0 {
		t.Errorf("new certificates end soon: %v %v", ending, err)
	}
	for name, life := range map[string]time.Duration{"till-1": 29 * 24 * time.Hour, "till-2": 31 * 24 * time.Hour, "operator": time.Minute} {
		err := n.issue(o, func(i *issuance) {
			i.pair(name, "cert.pem", "key.pem", i.leaf(i.tills, subject{unit: "till", name: name, role: "till", life: life}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, c := range s.Ending {
		files = append(files, c.File)
	}
	if got, want := strings.Join(files, " "), "retailer/operator/cert.pem retailer/till-1/cert.pem"; got != want {
		t.Errorf("listed are %s, want %s", got, want)
	}
}

func TestOrderersAreNotBackedUp(t *testing.T) {
	t.Parallel()
	n, o := withOrganisation(t)
	to := filepath.Join(t.TempDir(), "copy")
	for _, name := range []string{"orderer." + o.Name, "chaincode." + o.Name} {
		if err := n.Backup(t.Context(), name, to); !errors.Is(err, errNoBackup) {
			t.Errorf("backup of %s: %v", name, err)
		}
		if err := n.Restore(t.Context(), name, RestoreOptions{From: to}); !errors.Is(err, errNoBackup) {
			t.Errorf("restoring %s: %v", name, err)
		}
	}
	if err := n.Backup(t.Context(), "peer."+o.Name, t.TempDir()); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("backup over something: %v", err)
	}
	if err := n.Restore(t.Context(), "peer."+o.Name, RestoreOptions{From: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no backup of a peer") {
		t.Errorf("restoring nothing: %v", err)
	}
}
