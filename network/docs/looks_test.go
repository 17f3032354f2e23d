// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/network/internal/doc"
	"ecoupon/network/runner"
)

// afterCommands is what is looked at after commands, by the last line of each.
func (b *business) afterCommands() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"bin/network till --organisation retailer --name till-3": func(t *testing.T) {
			retailer, err := b.sit(t, "retailer", "till-3").Retailer("RetailerMSP")
			if err != nil {
				t.Fatal(err)
			}
			b.stolen = retailer
			if code := b.asStolen(t); code != codes.OK {
				t.Errorf("a new till is told %s", code)
			}
		},
		"bin/network till --organisation retailer --name till-3 --withdraw": func(t *testing.T) {
			eventually(t, func() error {
				if code := b.asStolen(t); code != codes.PermissionDenied {
					return status.Errorf(code, "a withdrawn till is told %s", code)
				}
				return nil
			})
		},
		"bin/network renew operator.retailer auditor.retailer": b.areNew,
		// Copies are older than what is restored from them.
		"bin/network backup peer.retailer peer-retailer.backup": func(t *testing.T) { b.trade(t); b.settle(t); b.trade(t) },
		"bin/network restore clearing.clearing clearing.backup": b.booksAreBack,
		"bin/network restore retailer.retailer --lost":          b.booksAreBack,
		"bin/network restore advertiser.advertiser advertiser.backup --lanes-from 1": func(t *testing.T) {
			if b.trade(t); b.lane != 1 {
				t.Errorf("a coupon of lane %d was given out", b.lane)
			}
			b.die(t, "retailer.retailer", "chaincode.issuer", "orderer.clearing", "peer2.retailer")
			for _, folder := range []string{"clearing/orderer/data", "retailer/peer2/data"} {
				if err := os.RemoveAll(filepath.Join(b.state, "organisations", folder)); err != nil {
					t.Fatal(err)
				}
			}
		},
	}
}

// certificates are those of a peer, its chaincode server, its service and an
// operator.
var certificates = []string{
	"peer/tls/server.crt", "peer/msp/signcerts/cert.pem", "chaincode/tls/server.crt",
	"services/retailer/tls.pem", "services/retailer/identity.pem", "operator/cert.pem", "auditor/cert.pem",
}

func (b *business) readCertificates(t *testing.T) (texts []string) {
	t.Helper()
	for _, name := range certificates {
		text, err := os.ReadFile(filepath.Join(b.state, "organisations", "retailer", name))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// areNew compares with the certificates of before.
func (b *business) areNew(t *testing.T) {
	t.Helper()
	for i, text := range b.readCertificates(t) {
		if text == b.certificates[i] {
			t.Errorf("%s is not renewed", certificates[i])
		}
	}
}

// allCatchUp waits until every peer and orderer has the same blocks.
func (b *business) allCatchUp(t *testing.T) {
	t.Helper()
	n, err := runner.Open(b.state, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.AwaitPeers(t.Context()); err != nil {
		t.Error(err)
	}
}

// after looks at what a command was for.
func (b *business) after(t *testing.T, c doc.Command) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(c.Text), "\n")
	last := lines[len(lines)-1]
	if look := b.looks[last]; look != nil {
		look(t)
		delete(b.looks, last)
	}
}

// asStolen asks as the till that is withdrawn in the end.
func (b *business) asStolen(t *testing.T) codes.Code {
	t.Helper()
	s := b.sales[0]
	_, err := b.stolen.Redeem(t.Context(), s.request)
	return status.Code(err)
}

// die ends processes without warning.
func (b *business) die(t *testing.T, names ...string) {
	t.Helper()
	n, err := runner.Open(b.state, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := n.Kill(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
}

// loseSerialNumbers has the advertiser begin with nothing, which the docs only
// tell of.
func (b *business) loseSerialNumbers(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	if _, err := (doc.Command{Text: "bin/network restore advertiser.advertiser --lost"}).Run(ctx, dir); err != nil {
		t.Fatal(err)
	}
	if reason := b.ask(t); reason != "SOLD_OUT" {
		t.Errorf("an advertiser without its store answers %q", reason)
	}
	b.launch(t)
	b.trade(t)
}

// close settles what is left: all sales are paid, once.
func (b *business) close(t *testing.T) {
	t.Helper()
	b.allCatchUp(t)
	b.settle(t)
	paid := int64(0)
	for _, s := range b.settled {
		paid += total(s)
	}
	if want := int64(len(b.sales)) * discount; paid != want {
		t.Errorf("%d are paid for %d sales, want %d", paid, len(b.sales), want)
	}
	t.Logf("%d sales", len(b.sales))
	for command := range b.looks {
		t.Errorf("the docs do not have the command %q", command)
	}
}
