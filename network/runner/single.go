// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Processes are named after what they are and whose: "peer.issuer",
// "peer2.issuer" if it has another, "orderer.clearing", "chaincode.retailer", "retailer.retailer"; "institute.girohaus".

// StateDir is where the network keeps everything.
func (n *Network) StateDir() string { return string(n.state) }

// Consortium is the network's description; ports are settled once Up returned.
func (n *Network) Consortium() Consortium { return n.consortium }

// Folder returns a path in an organisation's folder: Folder("retailer",
// "till-1") holds the credentials of its first till.
func (n *Network) Folder(organisation string, parts ...string) string {
	return filepath.Join(append([]string{n.state.organisation(organisation)}, parts...)...)
}

// find returns the organisation and the kind of a named process. An institute is
// the only process of an organisation of its name that is no member.
func (n *Network) find(name string) (Organisation, string, error) {
	kind, owner, _ := strings.Cut(name, ".")
	for _, o := range n.consortium.Organisations {
		if o.Name == owner && slices.Contains(o.kinds(), kind) {
			return o, kind, nil
		}
	}
	for _, x := range n.consortium.Institutes {
		if name == n.institute(x).name {
			return Organisation{Name: x.Name}, kindInstitute, nil
		}
	}
	var names []string
	for _, o := range n.consortium.Organisations {
		for _, k := range o.kinds() {
			names = append(names, k+"."+o.Name)
		}
	}
	for _, x := range n.consortium.Institutes {
		names = append(names, n.institute(x).name)
	}
	return Organisation{}, "", fmt.Errorf("there is no process %q; there are %s", name, strings.Join(names, ", "))
}

// Stop ends one process of the network and keeps its data.
func (n *Network) Stop(ctx context.Context, name string) error {
	return n.locked(name, func(Organisation, string) error { return n.state.stop(ctx, name) })
}

// Kill ends one process without warning, as a crash would.
func (n *Network) Kill(ctx context.Context, name string) error {
	return n.locked(name, func(Organisation, string) error { return n.state.kill(ctx, name) })
}

// SetClock puts the clock of a service or a chaincode server wrong, or right
// again with 0, from its next start on.
func (n *Network) SetClock(name string, offset time.Duration) {
	if n.clocks == nil {
		n.clocks = make(map[string]time.Duration)
	}
	n.clocks[name] = offset
}

// Start starts one process of a network that has been up, and waits until it
// serves.
func (n *Network) Start(ctx context.Context, name string) error {
	return n.locked(name, func(o Organisation, kind string) error { return n.launch(ctx, o, kind) })
}

// launch starts one process; the network is locked.
func (n *Network) launch(ctx context.Context, o Organisation, kind string) error {
	if err := n.haveBinaries(ctx, kind); err != nil {
		return err
	}
	if kind == kindInstitute {
		i := slices.IndexFunc(n.consortium.Institutes, func(x Institute) bool { return x.Name == o.Name })
		return n.ensure(ctx, n.institute(n.consortium.Institutes[i]))
	}
	pkg, err := n.chaincodePackage()
	if err != nil {
		return err
	}
	switch {
	case kind == kindOrderer:
		return n.startOrderer(ctx, o)
	case isPeer(kind):
		return n.startPeer(ctx, o, kind, pkg)
	case kind == kindChaincode:
		return n.startChaincode(ctx, o, pkg.id)
	}
	return n.ensure(ctx, n.service(o, kind))
}

// haveBinaries builds what a process of this kind needs, unless that is done.
func (n *Network) haveBinaries(ctx context.Context, kind string) (err error) {
	if n.binaries.root == "" {
		n.binaries, err = build(ctx, n.out, kind == kindInstitute || slices.Contains(roles, kind))
	}
	return err
}

func (n *Network) locked(name string, do func(o Organisation, kind string) error) error {
	if n.consortium.Containers {
		return errContainers
	}
	o, kind, err := n.find(name)
	if err != nil {
		return err
	}
	unlock, err := n.state.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return do(o, kind)
}

// Settle takes the ports of a new network before it is up, so that a proxy can
// be told where a process is going to listen: see Organisation.Advertise.
func (n *Network) Settle(ctx context.Context) error {
	unlock, err := n.state.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return n.resolve(ctx)
}

// Listens returns where a process listens, whatever address is advertised for
// it; known once the network was settled or up.
func (n *Network) Listens(name string) (string, error) {
	o, kind, err := n.find(name)
	if err != nil {
		return "", err
	}
	return reachable(n.consortium.address(o, kind).Listen), nil
}

// Data is the folder in which a process keeps what it must not forget. A
// chaincode server has none.
func (n *Network) Data(name string) (string, error) {
	o, kind, err := n.find(name)
	switch {
	case err != nil:
		return "", err
	case kind == kindChaincode:
		return "", fmt.Errorf("%s keeps nothing", name)
	case slices.Contains(roles, kind):
		return n.Folder(o.Name, "services", kind, "data"), nil
	default:
		return n.Folder(o.Name, kind, "data"), nil
	}
}

// Names lists the organisation's processes.
func (o Organisation) Names() []string {
	names := o.kinds()
	for i, kind := range names {
		names[i] = kind + "." + o.Name
	}
	return names
}
