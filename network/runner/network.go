// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package runner makes a consortium's network out of processes on this
// machine: orderers, peers, chaincode servers and services, without containers.
//
// Every step looks at what is there before it acts, so Up may be called on an
// empty directory, after an interrupted start, after Down and on a network
// that runs. It waits on conditions and gives up when its context ends or when
// a process dies.
package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// startLimit bounds the wait for any one condition of a start.
const startLimit = 60 * time.Second

// Network is a consortium's network. Its methods may be called by one
// goroutine at a time; other runners of the same state directory are kept off.
type Network struct {
	consortium Consortium
	state      state
	out        io.Writer
	binaries   binaries
	options    UpOptions
	clocks     map[string]time.Duration // offsets, by process
	settings   map[string]string        // files, by role; see Configure
}

// UpOptions say what Up is to start.
type UpOptions struct {
	// OnlyFabric leaves out the services and the payment institutes.
	OnlyFabric bool
	// Chaincode replaces the chaincode server's program for organisations, by
	// MSP id: tests give some of them altered rules.
	Chaincode map[string]string
}

// New returns the network that the consortium describes. Nothing is read or
// started yet. Progress is written to out.
func New(c Consortium, out io.Writer) (*Network, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(c.StateDir)
	if err != nil {
		return nil, fmt.Errorf("finding the state directory: %w", err)
	}
	c.StateDir = dir
	return &Network{consortium: c, state: state(dir), out: out}, nil
}

// Open returns the network whose state is in a directory; fs.ErrNotExist when
// there is none.
func Open(stateDir string, out io.Writer) (*Network, error) {
	dir, err := filepath.Abs(stateDir)
	if err != nil {
		return nil, fmt.Errorf("finding the state directory: %w", err)
	}
	c, err := state(dir).load()
	if err != nil {
		return nil, err
	}
	c.StateDir = dir
	return New(c, out)
}

// Up builds what is missing and starts what does not run. When it returns
// without error, a transaction endorsed by an issuer and the clearing house
// has been seen, and the services answer. After an error the processes that
// were started still run, for a look at them; Down stops them.
func (n *Network) Up(ctx context.Context, o UpOptions) error {
	if n.consortium.Containers {
		return errContainers
	}
	unlock, err := n.state.lock()
	if err != nil {
		return err
	}
	defer unlock()
	n.options = o
	return n.take("up",
		n.programs(ctx, !o.OnlyFabric),
		step{"identities", func() error { return n.prepare(ctx) }},
		step{"channel", func() error { return n.makeGenesis(ctx) }},
		step{"peers, orderers", func() error { return n.startFabric(ctx) }},
		step{"chaincode", func() error { return n.define(ctx) }},
		step{"endorsement", func() error { return n.awaitEndorsement(ctx) }},
		step{"services", func() error {
			if o.OnlyFabric {
				return nil
			}
			return n.startServices(ctx)
		}},
		step{"institutes", func() error {
			if o.OnlyFabric {
				return nil
			}
			return n.startInstitutes(ctx)
		}},
		step{"proof", func() error { return n.Prove(ctx) }},
	)
}

// step is a part of a start.
type step struct {
	name string
	do   func() error
}

// take goes one step after the other, and tells how long each took.
func (n *Network) take(whole string, steps ...step) error {
	began := time.Now()
	for _, s := range steps {
		start := time.Now()
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(n.out, "%-16s %6.2f s\n", s.name, time.Since(start).Seconds())
	}
	fmt.Fprintf(n.out, "%-16s %6.2f s\n", whole, time.Since(began).Seconds())
	return nil
}

// prepare settles the consortium and makes its identities.
func (n *Network) prepare(ctx context.Context) error {
	if err := n.resolve(ctx); err != nil {
		return err
	}
	var g errgroup.Group
	for _, o := range n.consortium.Organisations {
		g.Go(func() error { return makeOrganisation(n.state.organisation(o.Name), o, n.consortium.namesOf(o)) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, o := range n.consortium.Organisations {
		if err := n.issue(o, (*issuance).ensureList); err != nil {
			return err
		}
	}
	return n.writeDirectory()
}

// resolve takes ports for a new network, or those it had before. A state
// directory belongs to one consortium.
func (n *Network) resolve(ctx context.Context) error {
	c := n.consortium
	old, err := n.state.load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if c.PortBase == 0 {
			c.PortBase, err = pickPorts(ctx, c.ports(), c.ListenHost, string(n.state))
			if err != nil {
				return err
			}
		}
		n.consortium = c
		return n.state.save(c)
	case err != nil:
		return err
	}
	if c.PortBase == 0 {
		c.PortBase = old.PortBase
	}
	c.StateDir, c.LogLevel, c.Chaincode = old.StateDir, old.LogLevel, old.Chaincode
	if !reflect.DeepEqual(c, old) {
		return fmt.Errorf("%s holds the network of another consortium file; purge it or choose another state_dir", n.state)
	}
	n.consortium.PortBase, n.consortium.Chaincode = old.PortBase, old.Chaincode
	return nil
}

// namesOf lists the hosts under which others call the organisation.
func (c Consortium) namesOf(o Organisation) []string {
	_, advertise := c.hosts(o)
	names := []string{advertise}
	if c.Containers {
		for _, kind := range o.kinds() {
			names = append(names, kind+"."+o.Name)
		}
	}
	for _, address := range o.Advertise {
		if host, _, err := net.SplitHostPort(address); err == nil {
			names = append(names, host)
		}
	}
	return names
}

// startFabric starts orderers, chaincode servers and peers, and joins them to
// the channel. All at once: none needs another to start.
func (n *Network) startFabric(ctx context.Context) error {
	pkg, err := n.chaincodePackage()
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, org := range n.consortium.Organisations {
		if org.HasOrderer() {
			g.Go(func() error { return n.startOrderer(ctx, org) })
		}
		g.Go(func() error { return n.startChaincode(ctx, org, pkg.id) })
		for _, kind := range org.peers() {
			g.Go(func() error { return n.startPeer(ctx, org, kind, pkg) })
		}
	}
	return g.Wait()
}

// ensure starts a process unless it runs, and waits until it serves. One that
// runs an older program is started anew.
func (n *Network) ensure(ctx context.Context, p process) error {
	r, err := n.state.readRecord(p.name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil || !r.runs(p) {
		if err := n.state.stop(ctx, p.name); err != nil {
			return err
		}
		if _, err := n.state.start(ctx, p); err != nil {
			return err
		}
	}
	return n.await(ctx, p.name, p.ready)
}

// await waits for a condition that the named process is to bring about.
func (n *Network) await(ctx context.Context, name string, condition func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	dead := false
	err := until(ctx, func(ctx context.Context) error {
		if n.consortium.Containers {
			return condition(ctx)
		}
		r, err := n.state.readRecord(name)
		if err != nil {
			return err
		}
		if dead = !r.alive(); dead {
			return nil
		}
		return condition(ctx)
	})
	if dead {
		return n.state.died(name)
	}
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", name, err)
	}
	return nil
}

// Down stops every process that was started here, and keeps the ledger.
func (n *Network) Down(ctx context.Context) error {
	if _, err := os.Stat(string(n.state)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := n.state.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return n.stopAll(ctx)
}

// stopAll stops the services first, so that none sees its peer go away.
func (n *Network) stopAll(ctx context.Context) error {
	names, err := n.state.noted()
	if err != nil {
		return err
	}
	isFabric := func(name string) bool {
		kind, _, _ := strings.Cut(name, ".")
		return isPeer(kind) || slices.Contains([]string{kindOrderer, kindChaincode, kindRetiring}, kind)
	}
	var failed []error
	for _, fabric := range []bool{false, true} {
		var g errgroup.Group
		for _, name := range names {
			if isFabric(name) == fabric {
				g.Go(func() error { return n.state.stop(ctx, name) })
			}
		}
		failed = append(failed, g.Wait())
	}
	return errors.Join(failed...)
}

// Purge stops the network and removes its state directory with the ledger and
// every key. A directory that holds no network is left alone.
func (n *Network) Purge(ctx context.Context) error {
	c, err := n.state.load()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	unlock, err := n.state.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := n.stopAll(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(string(n.state)); err != nil {
		return fmt.Errorf("removing the network: %w", err)
	}
	release(c.PortBase, c.ports(), string(n.state))
	for _, o := range c.Organisations {
		release(o.PortBase, PortsPerOrganisation, string(n.state))
	}
	return nil
}
