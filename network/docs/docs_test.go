// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package docs runs the commands of the docs word for word, in their order, on
// a network that does business between any two of them.
package docs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ecoupon/network/internal/doc"
	"ecoupon/network/runner"
)

const (
	root = "../.."
	// limit bounds everything.
	limit = 8 * time.Minute
	// patience bounds the wait for what must come soon.
	patience = time.Minute
)

// start puts a network into dir where the commands of the docs look for it: on
// free ports, so that it is in nobody's way.
func start(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join("bin", "network"), "./network")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := doc.Workplace(dir, must(t)(filepath.Abs(root))); err != nil {
		t.Fatal(err)
	}
	c := runner.Default()
	c.StateDir, c.PortBase = filepath.Join(dir, c.StateDir), 0
	c.SamplePerMille = 0 // payments are made up here
	for i, o := range c.Organisations {
		if o.Name == "retailer" {
			// Who restores a peer and what its service had needs another peer.
			c.Organisations[i].Peers = 2
		}
	}
	n, err := runner.New(c, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if grown, err := runner.Open(c.StateDir, os.Stderr); err == nil {
			n = grown
		}
		if err := n.Purge(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := n.Up(ctx, runner.UpOptions{}); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T) func(string, error) string {
	t.Helper()
	return func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// Every command of operating.md that is not about containers.
func TestOperating(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	commands, err := doc.Commands(filepath.Join(root, "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	start(ctx, t, dir)
	b := newBusiness(t, filepath.Join(dir, runner.Default().StateDir))
	b.trade(t)
	sections := map[string]bool{}
	for _, c := range commands {
		if c.Section == doc.InContainers {
			continue
		}
		sections[c.Section] = true
		began := time.Now()
		if out, err := c.Run(ctx, dir); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("line %d, %s: %s", c.Line, time.Since(began).Round(10*time.Millisecond), strings.TrimSpace(c.Text))
		b.after(t, c)
		if b.resting(t) {
			continue
		}
		b.trade(t)
	}
	for _, section := range []string{"Start, stop, look", "Certificates", "Upgrading the chaincode", "A member joins", "Backup and restore", "When a part is gone"} {
		if !sections[section] {
			t.Errorf("no command in the section %q was run", section)
		}
	}
	b.loseSerialNumbers(ctx, t, dir)
	b.close(t)
}
