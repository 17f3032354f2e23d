// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"fmt"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// startServices starts a service for each role of each organisation.
func (n *Network) startServices(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, o := range n.consortium.Organisations {
		for _, role := range o.Roles {
			if !n.binaries.hasService(role) {
				fmt.Fprintf(n.out, "there is no service for the role %s\n", role)
				continue
			}
			g.Go(func() error { return n.ensure(ctx, n.service(o, role)) })
		}
	}
	return g.Wait()
}

// service describes the process. Its working directory holds all it may read;
// its settings are the same for every network, unless Configure has changed them.
func (n *Network) service(o Organisation, role string) process {
	address := n.consortium.address(o, role)
	debug := n.consortium.debugAddress(o, role)
	command := []string{
		n.binaries.own(role),
		"--config", n.configuration(role),
		"--organisation", o.MSPID,
		"--listen", address.Listen,
		"--debug-listen", debug,
	}
	if role == Advertiser {
		command = append(command, "--public-listen", n.consortium.publicAddress(o).Listen)
	}
	if offset := n.clocks[role+"."+o.Name]; offset != 0 {
		command = append(command, "--clock-offset", offset.String())
	}
	return process{
		name: role + "." + o.Name, address: address, command: command,
		dir:   filepath.Join(n.state.organisation(o.Name), "services", role),
		ready: healthy(debug),
	}
}

// configuration is the settings file of all services of a role.
func (n *Network) configuration(role string) string {
	if changed, found := n.settings[role]; found {
		return changed
	}
	return configurationOf(n.binaries.root, role)
}

func configurationOf(root, role string) string {
	return filepath.Join(root, "services", "config", role+".json")
}
