// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"ecoupon/chaincode/coupon"

	"golang.org/x/sync/errgroup"
)

// LoadOrganisation reads the file of an organisation that joins: an entry as
// in a consortium file.
func LoadOrganisation(path string) (Organisation, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Organisation{}, fmt.Errorf("reading the organisation: %w", err)
	}
	var o Organisation
	if err := coupon.DecodeStrict(data, &o); err != nil {
		return o, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

// Join takes an organisation into the consortium of a running network, with
// the signatures of all others. It brings no orderer. When Join returns
// without error its peer has the ledger, all definitions name it, and its
// services answer; the others' services have been started anew, one after the
// other, to know it. Called again for the same organisation, it completes what
// was interrupted.
func (n *Network) Join(ctx context.Context, o Organisation) error {
	if n.consortium.Containers {
		return errContainers
	}
	unlock, err := n.state.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return n.take("joined",
		n.programs(ctx, true),
		step{"identities", func() (err error) {
			if o, err = n.adopt(ctx, o); err != nil {
				return err
			}
			return n.prepare(ctx)
		}},
		step{"channel", func() error { return n.enrol(ctx) }},
		step{"peer", func() error { return n.startMember(ctx, o) }},
		step{"definitions", func() error { return n.define(ctx) }},
		step{"endorsement", func() error { return n.awaitEndorsement(ctx) }},
		step{"services", func() error { return n.renewServices(ctx, o) }},
		step{"institutes", func() error { return n.introduce(ctx) }},
		step{"proof", func() error { return n.Prove(ctx) }},
	)
}

// adopt notes the newcomer, with ports of its own, before anything changes.
func (n *Network) adopt(ctx context.Context, o Organisation) (Organisation, error) {
	if o.Orderer != nil && *o.Orderer {
		return o, errors.New("orderer: who joins brings none; the group of consenters stays as it is")
	}
	none := false
	o.Orderer = &none
	c := n.consortium
	if i := slices.IndexFunc(c.Organisations, func(x Organisation) bool { return x.Name == o.Name }); i >= 0 {
		there := c.Organisations[i]
		if there.MSPID == o.MSPID && slices.Equal(there.Roles, o.Roles) && len(there.peers()) == len(o.peers()) && !there.HasOrderer() {
			return there, nil
		}
		return o, fmt.Errorf("there is another organisation %q", o.Name)
	}
	c.Organisations = append(slices.Clone(c.Organisations), o)
	if err := c.Check(); err != nil {
		return o, err
	}
	if err := n.runsFabric(); err != nil {
		return o, err
	}
	if o.PortBase == 0 {
		var err error
		if o.PortBase, err = pickPorts(ctx, PortsPerOrganisation, c.ListenHost, string(n.state)); err != nil {
			return o, err
		}
	}
	c.Organisations[len(c.Organisations)-1] = o
	if err := n.state.save(c); err != nil {
		return o, err
	}
	n.consortium = c
	return o, nil
}

// introduce makes a newcomer known to the institutes that run, and these to it;
// the next Up does so with the others.
func (n *Network) introduce(ctx context.Context) error {
	rest := slices.ContainsFunc(n.consortium.Institutes, func(x Institute) bool {
		r, err := n.state.readRecord(n.institute(x).name)
		return err != nil || !r.alive()
	})
	if rest {
		return nil
	}
	return n.startInstitutes(ctx)
}

// startMember starts what a newcomer needs to endorse.
func (n *Network) startMember(ctx context.Context, o Organisation) error {
	pkg, err := n.chaincodePackage()
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.startChaincode(ctx, o, pkg.id) })
	for _, kind := range o.peers() {
		g.Go(func() error { return n.startPeer(ctx, o, kind, pkg) })
	}
	return g.Wait()
}

// renewServices starts the newcomer's services, and those of the others anew:
// they read the directory of members when they start. Never are two away.
func (n *Network) renewServices(ctx context.Context, newcomer Organisation) error {
	for _, o := range n.consortium.Organisations {
		for _, role := range o.Roles {
			p := n.service(o, role)
			if o.Name != newcomer.Name {
				if r, err := n.state.readRecord(p.name); err != nil || !r.alive() {
					continue // it was not running, and reads the directory when it does
				}
				if err := n.state.stop(ctx, p.name); err != nil {
					return err
				}
			}
			if err := n.ensure(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}
