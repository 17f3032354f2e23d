// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"net"
	"slices"
	"strconv"
)

// PortsPerOrganisation is the size of an organisation's range of ports.
const PortsPerOrganisation = 20

// The kinds of process. A service's kind is its role.
const (
	kindPeer      = "peer" // the first; others are counted: peer2, peer3
	kindOrderer   = "orderer"
	kindChaincode = "chaincode"
)

// The ports of an organisation, counted from its first.
const (
	portPeer = iota
	portPeer3Operations
	portPeerOperations
	portOrderer
	portOrdererAdmin
	portOrdererOperations
	portChaincode
	portPublic // of the advertiser
	portChaincodeNext
	portPeer2
	portServices        = 10
	portDebugging       = portServices + 4
	portPeer2Operations = 18
	portPeer3           = 19
)

// peerPorts are where an organisation's peers listen and where they answer
// about their health, by kind.
var peerPorts = map[string]struct{ main, operations int }{
	kindPeer: {portPeer, portPeerOperations},
	"peer2":  {portPeer2, portPeer2Operations},
	"peer3":  {portPeer3, portPeer3Operations},
}

// isPeer holds for the kinds of an organisation's first peer and of others.
func isPeer(kind string) bool {
	_, is := peerPorts[kind]
	return is
}

// Address is where a process listens and how others call it.
type Address struct {
	Listen    string `json:"listen"`
	Advertise string `json:"advertise"`
}

// hosts returns the organisation's hosts, its own or the consortium's.
func (c Consortium) hosts(o Organisation) (listen, advertise string) {
	listen, advertise = c.ListenHost, c.AdvertiseHost
	if o.ListenHost != "" {
		listen = o.ListenHost
	}
	if o.AdvertiseHost != "" {
		advertise = o.AdvertiseHost
	}
	return listen, advertise
}

func (c Consortium) port(o Organisation, offset int) string {
	if o.PortBase != 0 {
		return strconv.Itoa(o.PortBase + offset)
	}
	i := slices.IndexFunc(c.Organisations, func(x Organisation) bool { return x.Name == o.Name })
	return strconv.Itoa(c.PortBase + i*PortsPerOrganisation + offset)
}

// memberPorts is the size of the range of organisations that have none of their
// own.
func (c Consortium) memberPorts() int {
	count := 0
	for i, o := range c.Organisations {
		if o.PortBase == 0 {
			count = (i + 1) * PortsPerOrganisation
		}
	}
	return count
}

// ports is how many ports there are from PortBase on.
func (c Consortium) ports() int {
	if len(c.Institutes) == 0 {
		return c.memberPorts()
	}
	return c.memberPorts() + PortsPerOrganisation
}

// address returns the main address of one of the organisation's processes.
func (c Consortium) address(o Organisation, kind string) Address {
	offset := map[string]int{kindOrderer: portOrderer, kindChaincode: c.Chaincode.port()}
	at, ok := offset[kind]
	switch {
	case isPeer(kind):
		at = peerPorts[kind].main
	case !ok:
		at = portServices + slices.Index(roles, kind)
	}
	listen, advertise := c.hosts(o)
	port := c.port(o, at)
	if c.Containers {
		advertise = kind + "." + o.Name
	}
	a := Address{Listen: net.JoinHostPort(listen, port), Advertise: net.JoinHostPort(advertise, port)}
	if other := o.Advertise[kind]; other != "" {
		a.Advertise = other
	}
	return a
}

// local is an address that only the own machine can reach: operations and
// debugging have no access control of their own.
func (c Consortium) local(o Organisation, offset int) string {
	return net.JoinHostPort("127.0.0.1", c.port(o, offset))
}

// at returns the organisation's listening host with a port of its range.
func (c Consortium) at(o Organisation, offset int) string {
	listen, _ := c.hosts(o)
	return net.JoinHostPort(listen, c.port(o, offset))
}

// operationsAddress is where a peer answers /healthz and /metrics.
func (c Consortium) operationsAddress(o Organisation, kind string) string {
	return c.local(o, peerPorts[kind].operations)
}

// debugAddress is where a service answers /healthz, /metrics and /debug/pprof.
func (c Consortium) debugAddress(o Organisation, role string) string {
	return c.local(o, portDebugging+slices.Index(roles, role))
}

// publicAddress is the advertiser's side towards customers.
func (c Consortium) publicAddress(o Organisation) Address {
	listen, advertise := c.hosts(o)
	port := c.port(o, portPublic)
	return Address{Listen: net.JoinHostPort(listen, port), Advertise: net.JoinHostPort(advertise, port)}
}

func (c Consortium) publicURL(o Organisation) string {
	return "https://" + c.publicAddress(o).Advertise
}

// serverName is the name in a process' TLS certificate.
func (o Organisation) serverName(kind string) string { return kind + "." + o.Name + ".example" }
