// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/audit"
)

// audited has `coupon audit` re-check the ledger as an organisation's auditor.
func audited(ctx context.Context, organisation string, args ...string) (found []audit.Finding, report audit.Report, code int, err error) {
	args = append([]string{"--json", "--as", consortium.Folder(organisation, "auditor"), "audit"}, args...)
	command := exec.CommandContext(ctx, filepath.Join("..", "..", "bin", "coupon"), args...)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return nil, report, 0, err
	}
	code = command.ProcessState.ExitCode()
	if code > 1 {
		return nil, report, code, fmt.Errorf("exit code %d: %s", code, said.Bytes())
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, len(out)+1)
	for lines.Scan() {
		if bytes.HasPrefix(lines.Bytes(), []byte(`{"level"`)) {
			var f audit.Finding
			if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
				return nil, report, code, err
			}
			found = append(found, f)
		} else if err := json.Unmarshal(lines.Bytes(), &report); err != nil {
			return nil, report, code, err
		}
	}
	return found, report, code, lines.Err()
}

// cheating are the functions of the altered chaincode.
var cheating = []string{"Write", "Announce", "Panic"}

// auditEverything re-checks the ledger that all tests have made: nothing on it
// is against the rules but what altered chaincode has written.
func auditEverything() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for _, organisation := range []string{"clearing", "issuer"} {
		found, report, _, err := audited(ctx, organisation)
		if err != nil {
			return fmt.Errorf("audited by the %s: %w", organisation, err)
		}
		fmt.Printf("audited by %s: %d blocks, %v, findings %v, %d blocks/s\n",
			organisation, report.Blocks, report.Transactions, report.Found, report.BlocksPerSecond)
		for _, f := range found {
			if f.Level == audit.Breach && !slices.Contains(cheating, f.Function) {
				err = errors.Join(err, fmt.Errorf("audited by the %s: %+v", organisation, f))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Residual: the issuer and one other organisation, both with altered chaincode, can
// un-spend a coupon. The blocks keep the evidence, and any member finds who it was.
func TestAuditNamesWhoUnspentACoupon(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	redemption := redeem(t, request(o.show(t, retailer)))
	caughtUp(t)
	text, record := batchRecord(t, redemption.GetBatchId())
	// It is claimed here, so that no other test claims what is not spent any more.
	if code, err := submit(t, connect(t, "retailer", "retailer"), claimOf(text)); err != nil || code != peer.TxValidationCode_VALID {
		t.Fatalf("%s %v", code, err)
	}
	key := "spent/" + record.Redemptions[0].Coupons[0].Tag.String()
	code, err := submit(t, connect(t, "retailer", "retailer"), call{
		function: "Write", arguments: []string{key, ""}, endorsers: []string{issuer, advertiser},
	})
	if err != nil || code != peer.TxValidationCode_VALID {
		t.Fatalf("%s %v: nothing is shown", code, err)
	}
	caughtUp(t)
	for _, organisation := range members {
		found, report, code, err := audited(t.Context(), organisation, "--breaches-only")
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(found, func(f audit.Finding) bool { return f.Rule == "deleted" && f.Text == key+" is deleted" })
		if i < 0 || code != 1 || report.Breaches == 0 {
			t.Fatalf("%s: exit code %d, %+v", organisation, code, found)
		}
		f := found[i]
		if !slices.Equal(f.Endorsers, []string{advertiser, issuer}) || f.Creator != retailer ||
			!slices.Equal(f.Organisations, []string{advertiser, issuer, retailer}) || f.Transaction == "" || f.Namespace != namespace {
			t.Errorf("%s: %+v", organisation, f)
		}
	}
}
