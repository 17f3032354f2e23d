// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command demo plays a day of the consortium on a fresh local network:
// campaigns, customers with wallets, a day's sales at the tills, frauds that
// are refused, a void, shops that redeem coupons of their own, a dynamic coupon,
// a purchase proof, a coupon that is handed on, an attested payment, changes of a
// mandate, audits, a claim, a settlement, and a claim for sales that there never
// were. It reads examples/ and leaves the network up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"ecoupon/network/runner"
)

// marker is a file in the state directory of a network that the demo made, and
// so may replace.
const marker = "demo"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	state := flag.String("state", ".ecoupon", "state `directory` of the network")
	examples := flag.String("examples", "examples", "`directory` of campaigns and sales")
	consortium := flag.String("consortium", "", "consortium `file`; the default has four organisations")
	running := flag.Bool("running", false, "play on the network that runs in the state directory already, whose ledger must be empty")
	flag.Parse()
	if err := run(ctx, *state, *consortium, *examples, *running); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, state, consortium, examples string, running bool) error {
	s := newStory(os.Stdout)
	s.chapter("The consortium")
	n, err := findNetwork(ctx, s, state, consortium, running)
	if err != nil {
		return err
	}
	p := &play{story: s, network: n, wallets: filepath.Join(n.StateDir(), "wallets"), examples: examples, sales: map[string]*soldSale{}}
	defer p.close()
	steps := []struct {
		title string
		do    func(context.Context) error
	}{
		{"", p.open},
		{"", func(context.Context) error { return p.read(examples) }},
		{"Campaigns", p.launch},
		{"Customers fetch coupons", p.fetchCoupons},
		{"A day at the tills", p.playDay},
		{"Frauds", p.tryFrauds},
		{"A sale undone", p.undoSale},
		{"Shops of their own", p.ownShops},
		{"Other kinds of coupons", p.otherKinds},
		{"Attested payments", p.attestedPayment},
		{"Mandates and audits", p.mandatesAndAudits},
		{"Claim, reconciliation, settlement", p.settle},
		{"Payments that were never made", p.inventPayments},
		{"Timings", func(context.Context) error { s.timings(); return nil }},
		{"Go on by hand", p.farewell},
	}
	for _, step := range steps {
		if step.title != "" {
			s.chapter(step.title)
		}
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// findNetwork opens the network that runs, or starts a fresh one.
func findNetwork(ctx context.Context, s *story, state, consortium string, running bool) (*runner.Network, error) {
	if running {
		s.tell("it runs already, in %s", state)
		return runner.Open(state, os.Stderr)
	}
	c := runner.Default()
	if consortium != "" {
		var err error
		if c, err = runner.Load(consortium); err != nil {
			return nil, err
		}
	}
	c.StateDir = state
	return freshNetwork(ctx, s, c)
}

// freshNetwork starts a network with an empty ledger. One that the demo made is
// replaced; any other is stopped and set aside.
func freshNetwork(ctx context.Context, s *story, consortium runner.Consortium) (*runner.Network, error) {
	old, err := runner.Open(consortium.StateDir, os.Stderr)
	if err == nil {
		err = setAside(ctx, s, old)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	n, err := runner.New(consortium, os.Stderr)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(n.StateDir(), 0o750); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(n.StateDir(), marker), nil, 0o600); err != nil {
		return nil, err
	}
	if err := s.time("network from nothing", func() error { return n.Up(ctx, runner.UpOptions{}) }); err != nil {
		return nil, err
	}
	s.tell("%d organisations run a peer, an orderer, a chaincode server and their services;", len(n.Consortium().Organisations))
	s.tell("the ledger is empty.")
	return n, nil
}

func setAside(ctx context.Context, s *story, old *runner.Network) error {
	if _, err := os.Stat(filepath.Join(old.StateDir(), marker)); err == nil {
		return old.Purge(ctx)
	}
	if err := old.Down(ctx); err != nil {
		return err
	}
	aside := old.StateDir() + "-" + time.Now().Format("20060102-150405")
	s.tell("the network in %s is not the demo's: stopped, and set aside as %s", old.StateDir(), aside)
	return os.Rename(old.StateDir(), aside)
}
