// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Deployment is the chaincode that all definitions are to have. The zero value
// is the first version, of the project's own program.
type Deployment struct {
	Version int `json:"version"`
	// Program replaces the project's chaincode server.
	Program string `json:"program,omitempty"`
	// Unfinished says that an upgrade to this version has begun.
	Unfinished bool `json:"unfinished,omitempty"`
}

func (d Deployment) number() int { return max(1, d.Version) }

// port is where the servers of this version listen. Those of the version
// before run beside them during an upgrade.
func (d Deployment) port() int {
	if d.number()%2 == 0 {
		return portChaincodeNext
	}
	return portChaincode
}

// chaincodePackage is the package of the version that is deployed.
func (n *Network) chaincodePackage() (installable, error) {
	return chaincodePackage(strconv.Itoa(n.consortium.Chaincode.number()))
}

// kindRetiring is a chaincode server of the version before.
const kindRetiring = kindChaincode + "-old"

// Upgrade replaces the chaincode of a running network by the program that is
// built now, or by the one that is named, in all definitions at once. Servers
// of the new package run beside the old ones until every peer uses them, so
// services go on. An upgrade that was interrupted is completed, by Up too, and
// no other begins before; it may be given another program then.
func (n *Network) Upgrade(ctx context.Context, program string) error {
	if n.consortium.Containers {
		return errContainers
	}
	unlock, err := n.state.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return n.take("upgraded",
		n.programs(ctx, false),
		step{"new version", func() error { return n.beginUpgrade(program) }},
		step{"servers", func() error { return n.startNext(ctx) }},
		step{"definitions", func() error { return n.define(ctx) }},
		step{"endorsement", func() error { return n.awaitEndorsement(ctx) }},
		step{"proof", func() error { return n.Prove(ctx) }},
	)
}

// beginUpgrade notes the next version before anything changes.
func (n *Network) beginUpgrade(program string) error {
	if err := n.runsFabric(); err != nil {
		return err
	}
	for _, o := range n.consortium.Organisations {
		if to := o.Advertise[kindChaincode]; to != "" {
			return fmt.Errorf("the chaincode of %s is advertised at %s, which cannot lead to two servers", o.Name, to)
		}
	}
	next := n.consortium.Chaincode
	if next.Unfinished {
		fmt.Fprintf(n.out, "completing the upgrade to version %d\n", next.Version)
	} else {
		next = Deployment{Version: next.number() + 1, Unfinished: true}
	}
	if program != "" {
		var err error
		if next.Program, err = filepath.Abs(program); err != nil {
			return fmt.Errorf("finding the chaincode server: %w", err)
		}
		if _, err := os.Stat(next.Program); err != nil {
			return fmt.Errorf("finding the chaincode server: %w", err)
		}
	}
	n.consortium.Chaincode = next
	return n.state.save(n.consortium)
}

// runsFabric names a peer or orderer that does not run.
func (n *Network) runsFabric() error {
	s, err := n.Status()
	if err != nil {
		return err
	}
	for _, p := range s.Processes {
		kind, _, _ := strings.Cut(p.Name, ".")
		if (isPeer(kind) || kind == kindOrderer) && p.State != Running {
			return fmt.Errorf("%s is %s: the network must be up", p.Name, p.State)
		}
	}
	return nil
}

// startNext starts the servers of the version to come and gives the peers its
// package. A peer's builder notes the server's address when it gets a package,
// so each version has its own.
func (n *Network) startNext(ctx context.Context) error {
	pkg, err := n.chaincodePackage()
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, o := range n.consortium.Organisations {
		g.Go(func() error {
			if err := n.setAside(o); err != nil {
				return err
			}
			if err := n.startChaincode(ctx, o, pkg.id); err != nil {
				return err
			}
			for _, kind := range o.peers() {
				if err := n.writeConnection(o, n.Folder(o.Name, kind)); err != nil {
					return err
				}
				if err := n.enlist(ctx, o, kind, pkg); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// setAside makes the running server one of the version before.
func (n *Network) setAside(o Organisation) error {
	name := kindChaincode + "." + o.Name
	r, err := n.state.readRecord(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || r.Address == n.consortium.address(o, kindChaincode) {
		return err
	}
	if err := n.state.writeRecord(kindRetiring+"."+o.Name, r); err != nil {
		return err
	}
	return n.state.removeRecord(name)
}

// retire ends an upgrade: no peer asks the servers of the version before any
// more.
func (n *Network) retire(ctx context.Context) error {
	if !n.consortium.Chaincode.Unfinished {
		return nil
	}
	var g errgroup.Group
	for _, o := range n.consortium.Organisations {
		g.Go(func() error { return n.state.stop(ctx, kindRetiring+"."+o.Name) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	n.consortium.Chaincode.Unfinished = false
	return n.state.save(n.consortium)
}
