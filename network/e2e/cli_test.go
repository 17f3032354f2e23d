// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// commandLine is a person at a shell.
type commandLine struct {
	t      *testing.T
	wallet string
}

// run executes bin/coupon and returns what it prints and its exit code.
func (c commandLine) run(stdin string, args ...string) (stdout, stderr string, code int) {
	c.t.Helper()
	var out, errs bytes.Buffer
	command := exec.CommandContext(c.t.Context(), filepath.Join("..", "..", "bin", "coupon"), args...)
	command.Env = append(os.Environ(), "COUPON_WALLET="+c.wallet)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &out, &errs
	_ = command.Run() // the exit code says it
	return out.String(), errs.String(), command.ProcessState.ExitCode()
}

// do runs a command that must succeed.
func (c commandLine) do(args ...string) string {
	c.t.Helper()
	out, errs, code := c.run("", args...)
	if code != 0 {
		c.t.Fatalf("coupon %s: exit code %d: %s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// field finds a field, at any depth, in what a command prints with --json.
func (c commandLine) field(out, name string) string {
	c.t.Helper()
	var message any
	if err := json.Unmarshal([]byte(out), &message); err != nil {
		c.t.Fatalf("%v in %s", err, out)
	}
	value, found := lookUp(message, name)
	if !found {
		c.t.Fatalf("there is no %q in %s", name, out)
	}
	return value
}

func lookUp(message any, name string) (string, bool) {
	switch m := message.(type) {
	case map[string]any:
		if text, ok := m[name].(string); ok {
			return text, true
		}
		for _, v := range m {
			if text, ok := lookUp(v, name); ok {
				return text, true
			}
		}
	case []any:
		for _, v := range m {
			if text, ok := lookUp(v, name); ok {
				return text, true
			}
		}
	}
	return "", false
}

// Everything that a person does, done by the command line on the real network.
func TestTheCommandLineGoesAllTheWay(t *testing.T) {
	c := commandLine{t: t, wallet: filepath.Join(t.TempDir(), "wallet.json")}
	manufacturer := consortium.Folder("issuer", "operator")
	till, desk := consortium.Folder("retailer", "till-2"), consortium.Folder("retailer", "operator")
	house := consortium.Folder("clearing", "operator")

	campaign := "cli-" + uuid.NewString()[:8]
	file := filepath.Join(t.TempDir(), "campaign.yaml")
	example, err := os.ReadFile(filepath.Join("..", "..", "examples", "campaign-cocoa.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(example), "nordlicht-cocoa-50", campaign, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.do("--as", manufacturer, "issuer", "campaign", "publish", file)
	c.do("--as", manufacturer, "issuer", "emitter", "authorise", campaign, "--emitter", advertiser, "--quota", "10")
	c.do("--as", manufacturer, "issuer", "retailer", "admit", campaign, "--retailer", retailer)
	if list := c.do("--as", manufacturer, "issuer", "campaign", "list"); !strings.Contains(list, campaign) {
		t.Errorf("the list of campaigns lacks %s: %s", campaign, list)
	}

	eventually(t, "the advertiser offers the campaign", func() bool {
		return strings.Contains(c.do("--as", till, "--organisation", advertiser, "wallet", "offers"), campaign)
	})
	got := c.do("--json", "--as", till, "--organisation", advertiser, "wallet", "get", campaign)
	shown := strings.TrimSpace(c.do("wallet", "present", c.field(got, "id"), "--retailer", retailer))
	basket := []string{"--line", gtin + ":1:2.49"}
	verify := append([]string{"--as", till, "till", "verify", shown}, basket...)
	if out := c.do(verify...); !strings.Contains(out, "0.50") {
		t.Errorf("verify: %s", out)
	}
	redeem := func(invoice string) []string {
		return append([]string{"--json", "--as", till, "till", "redeem", shown, "--invoice", invoice, "--institute", "Girohaus"}, basket...)
	}
	redeemed := c.do(redeem("CLI-" + campaign)...)
	out, errs, code := c.run("", redeem("CLI-again-"+campaign)...)
	if code != 1 || !strings.Contains(out+errs, "ALREADY_USED") {
		t.Errorf("the coupon once more: exit code %d: %s%s", code, out, errs)
	}
	c.do("--as", desk, "till", "void", c.field(redeemed, "redemption_id"))
	c.do(redeem("CLI-later-" + campaign)...)
	claimed := c.field(c.do("--json", "--as", desk, "retailer", "claim", "--issuer", issuer), "claim_id")
	if out := c.do("--as", desk, "retailer", "claims"); !strings.Contains(out, claimed) || !strings.Contains(out, "EUR") {
		t.Errorf("the retailer's claims: %s", out)
	}
	eventually(t, "the clearing house knows the claim", func() bool {
		return strings.Contains(c.do("--as", house, "clearing", "claims"), claimed)
	})
	c.do("--as", house, "clearing", "reconcile")
	settled := c.do("--json", "--as", house, "clearing", "settle")
	if out := c.do("--as", house, "clearing", "settlement", c.field(settled, "settlement_id")); !strings.Contains(out, retailer) {
		t.Errorf("settlement: %s", out)
	}
	eventually(t, "the statistics count the redemption", func() bool {
		return strings.Contains(c.do("--as", manufacturer, "issuer", "statistics", campaign), "0.50")
	})
}
