// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/config"
)

// The roles an organisation may hold. Each role it holds is a service it runs.
const (
	Issuer     = "issuer"
	Advertiser = "advertiser"
	Retailer   = "retailer"
	Clearing   = "clearing"
)

// maxPeers is how many peers an organisation may have: its range has ports for
// no more.
const maxPeers = 3

// minOrderers is the smallest group in which one member may fail or lie.
const minOrderers = 4

var (
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	// Namespaces are named after MSP ids, so these have the form of chaincode names.
	mspForm     = regexp.MustCompile(`^[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$`)
	channelForm = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,200}$`)
	hostForm    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$`)

	roles     = []string{Issuer, Advertiser, Retailer, Clearing}
	logLevels = []string{"debug", "info", "warn", "error"}
)

// Consortium describes a network: who takes part and where it runs.
type Consortium struct {
	Channel string `json:"channel"`
	// StateDir holds everything the network writes. A relative one is taken
	// from the working directory.
	StateDir string `json:"state_dir"`
	// PortBase is the first of the ports used, PortsPerOrganisation for each
	// organisation in the order of the list, and as many for the institutes. 0
	// picks a free range.
	PortBase int `json:"port_base"`
	// ListenHost is where processes listen, AdvertiseHost how others call
	// them. An organisation may have its own.
	ListenHost    string `json:"listen_host"`
	AdvertiseHost string `json:"advertise_host"`
	// BlockInterval is how long an orderer gathers transactions for a block,
	// such as "20ms".
	BlockInterval string `json:"block_interval"`
	LogLevel      string `json:"log_level"`
	// Raft has the orderers agree by Raft, to compare: with it each of them can
	// make up blocks, so no file can ask for it.
	Raft bool `json:"-"`
	// Containers says that something else runs the processes, each in a
	// container of its own that is called like the process: see Prepare.
	Containers    bool           `json:"containers,omitempty"`
	Organisations []Organisation `json:"organisations"`
	// Institutes run beside the consortium, for trying things out.
	Institutes []Institute `json:"institutes,omitempty"`
	// SamplePerMille is how many of a thousand payments that are not attested
	// clearing houses ask about, as the network is made.
	SamplePerMille int `json:"sample_per_mille,omitempty"`
	// Chaincode is what runs since the last upgrade.
	Chaincode Deployment `json:"chaincode,omitzero"`
}

// Organisation is one member of the consortium.
type Organisation struct {
	Name  string   `json:"name"`
	MSPID string   `json:"msp_id"`
	Roles []string `json:"roles"`
	// Orderer says whether it runs an orderer; left out means yes.
	Orderer *bool `json:"orderer,omitempty"`
	// Peers is how many it runs, 1 to 3; left out means one. With another, one
	// of them can be away while the organisation goes on.
	Peers         int    `json:"peers,omitempty"`
	ListenHost    string `json:"listen_host,omitempty"`
	AdvertiseHost string `json:"advertise_host,omitempty"`
	// Advertise replaces the advertised address of single processes, so that
	// a proxy can stand before them: "peer", "peer2", "orderer", "chaincode" or
	// a role.
	Advertise map[string]string `json:"advertise,omitempty"`
	// PortBase is the first of its ports where they are not in a row with the
	// others': that of a member that joined.
	PortBase int `json:"port_base,omitempty"`
}

// HasOrderer reports whether the organisation runs an orderer.
func (o Organisation) HasOrderer() bool { return o.Orderer == nil || *o.Orderer }

// peers lists its peers by kind; the first is "peer".
func (o Organisation) peers() []string {
	kinds := []string{kindPeer}
	for i := 2; i <= o.Peers; i++ {
		kinds = append(kinds, kindPeer+strconv.Itoa(i))
	}
	return kinds
}

// PeerNames lists the processes of its peers.
func (o Organisation) PeerNames() []string {
	names := o.peers()
	for i, kind := range names {
		names[i] = kind + "." + o.Name
	}
	return names
}

// HasRole reports whether the organisation holds the role.
func (o Organisation) HasRole(role string) bool { return slices.Contains(o.Roles, role) }

// Namespace is the chaincode definition that holds this issuer's coupons.
func (o Organisation) Namespace() string { return "coupon-" + o.MSPID }

// Default is the consortium of a manufacturer with a shop of its own, an
// advertiser, a retailer with purchase proofs and coupons of its own, and a
// clearing house.
func Default() Consortium {
	c, err := parse(config.Consortium())
	if err != nil {
		panic(err) // a test reads the embedded file
	}
	return c
}

// Load reads and checks a consortium file.
func Load(path string) (Consortium, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Consortium{}, fmt.Errorf("reading the consortium: %w", err)
	}
	c, err := parse(data)
	if err != nil {
		return Consortium{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parse(data []byte) (Consortium, error) {
	var c Consortium
	if err := coupon.DecodeStrict(data, &c); err != nil {
		return Consortium{}, err
	}
	return c, c.Check()
}

// Check names every field that cannot be.
func (c Consortium) Check() error {
	var errs []error
	fail := func(field, format string, a ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, a...)))
	}
	if !channelForm.MatchString(c.Channel) {
		fail("channel", "%q is not lower-case letters, digits, dots and hyphens", c.Channel)
	}
	if c.StateDir == "" {
		fail("state_dir", "is missing")
	}
	if last := c.PortBase + c.ports(); c.PortBase != 0 && (c.PortBase < 1024 || last > 65536) {
		fail("port_base", "%d to %d is not within 1024 to 65535; 0 picks a free range", c.PortBase, last-1)
	}
	checkHost(fail, "listen_host", c.ListenHost)
	checkHost(fail, "advertise_host", c.AdvertiseHost)
	if i, err := time.ParseDuration(c.BlockInterval); err != nil || i < time.Millisecond || i > time.Minute {
		fail("block_interval", "%q is not a duration from \"1ms\" to \"1m\"", c.BlockInterval)
	}
	if !slices.Contains(logLevels, c.LogLevel) {
		fail("log_level", "%q is none of %q", c.LogLevel, logLevels)
	}
	for i, o := range c.Organisations {
		o.check(func(field, format string, a ...any) {
			fail(fmt.Sprintf("organisations[%d].%s", i, field), format, a...)
		})
	}
	c.checkTogether(fail)
	c.checkInstitutes(fail)
	return errors.Join(errs...)
}

// checkTogether checks what concerns several organisations.
func (c Consortium) checkTogether(fail func(field, format string, a ...any)) {
	orderers, names, msps := 0, map[string]int{}, map[string]int{}
	for i, o := range c.Organisations {
		if j, ok := names[o.Name]; ok {
			fail(fmt.Sprintf("organisations[%d].name", i), "%q is also the name of organisations[%d]", o.Name, j)
		}
		if j, ok := msps[o.MSPID]; ok {
			fail(fmt.Sprintf("organisations[%d].msp_id", i), "%q is also the MSP id of organisations[%d]", o.MSPID, j)
		}
		if c.Containers && len(o.peers()) > 1 {
			fail(fmt.Sprintf("organisations[%d].peers", i), "%d are too many in containers: docker-compose.yaml has one for each organisation", o.Peers)
		}
		names[o.Name], msps[o.MSPID] = i, i
		if o.HasOrderer() {
			orderers++
		}
	}
	if orderers < minOrderers {
		fail("organisations", "%d have an orderer; one of them can fail only among %d", orderers, minOrderers)
	}
	for _, role := range []string{Issuer, Clearing} {
		if !slices.ContainsFunc(c.Organisations, func(o Organisation) bool { return o.HasRole(role) }) {
			fail("organisations", "none has the role %s", role)
		}
	}
}

func (o Organisation) check(fail func(field, format string, a ...any)) {
	if !nameForm.MatchString(o.Name) {
		fail("name", "%q is not lower-case letters, digits and hyphens, at most 31", o.Name)
	}
	if !mspForm.MatchString(o.MSPID) || len(o.MSPID) > 50 {
		fail("msp_id", "%q is not letters and digits with single - or _ between, at most 50", o.MSPID)
	}
	if len(o.Roles) == 0 {
		fail("roles", "is empty")
	}
	for i, r := range o.Roles {
		if !slices.Contains(roles, r) || slices.Index(o.Roles, r) != i {
			fail("roles", "%q is given twice or is none of %q", r, roles)
		}
	}
	if o.Peers < 0 || o.Peers > maxPeers {
		fail("peers", "%d is not 1 to %d", o.Peers, maxPeers)
	}
	if last := o.PortBase + PortsPerOrganisation; o.PortBase != 0 && (o.PortBase < 1024 || last > 65536) {
		fail("port_base", "%d to %d is not within 1024 to 65535", o.PortBase, last-1)
	}
	if o.ListenHost != "" {
		checkHost(fail, "listen_host", o.ListenHost)
	}
	if o.AdvertiseHost != "" {
		checkHost(fail, "advertise_host", o.AdvertiseHost)
	}
	for process, address := range o.Advertise {
		if !isPeer(process) && !slices.Contains(append([]string{kindOrderer, kindChaincode}, roles...), process) {
			fail("advertise", "%q is no process", process)
		}
		if host, port, err := net.SplitHostPort(address); err != nil || !hostForm.MatchString(host) || !isPort(port) {
			fail("advertise", "%q is not host:port", address)
		}
	}
}

func checkHost(fail func(field, format string, a ...any), field, host string) {
	if !hostForm.MatchString(host) {
		fail(field, "%q is not a host name or an address", host)
	}
}

func isPort(s string) bool {
	p, err := strconv.ParseUint(s, 10, 16)
	return err == nil && p > 0
}
