// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/protobuf/proto"
)

const (
	applicationGroup = "Application"
	ordererGroup     = "Orderer"
)

// channel is the channel's configuration as it was at some block.
type channel struct {
	id            string
	sequence      uint64
	root          *common.ConfigGroup
	organisations map[string]*organisation
	// groups has the name of each organisation's entry in the application's
	// part of the configuration, orderers in that of the orderers.
	groups, orderers map[string]string
	// doubles says of which organisations there are two entries in one part.
	doubles    []string
	consenters map[uint32]*common.Consenter
	bft        bool

	known sync.Map // serialised identities that were judged, and how
}

// judged is what is known of a serialised identity.
type judged struct {
	member
	err error
}

func newChannel(id string, config *common.Config) (*channel, error) {
	c := &channel{
		id: id, sequence: config.GetSequence(), root: config.GetChannelGroup(),
		organisations: map[string]*organisation{}, groups: map[string]string{}, orderers: map[string]string{}, consenters: map[uint32]*common.Consenter{},
	}
	for _, part := range []string{applicationGroup, ordererGroup} {
		entries := c.root.GetGroups()[part].GetGroups()
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			o, err := newOrganisation(entries[name].GetValues()["MSP"].GetValue())
			if err != nil {
				return nil, err
			}
			if other, twice := c.groupsOf(part)[o.mspID]; twice {
				c.doubles = append(c.doubles, fmt.Sprintf("/Channel/%s/%s and %s are both of %s", part, other, name, o.mspID))
			}
			c.organisations[o.mspID] = o
			c.groupsOf(part)[o.mspID] = name
		}
	}
	return c, c.readOrderers()
}

func (c *channel) readOrderers() error {
	group := c.root.GetGroups()[ordererGroup]
	var (
		consensus orderer.ConsensusType
		orderers  common.Orderers
	)
	if err := errors.Join(
		proto.Unmarshal(group.GetValues()["ConsensusType"].GetValue(), &consensus),
		proto.Unmarshal(group.GetValues()["Orderers"].GetValue(), &orderers),
	); err != nil {
		return fmt.Errorf("reading the orderers: %w", err)
	}
	c.bft = consensus.GetType() == "BFT"
	for _, consenter := range orderers.GetConsenterMapping() {
		c.consenters[consenter.GetId()] = consenter
	}
	return nil
}

// quorum is how many consenters must have signed a block: with n of them, f of
// which may lie, more than (n+f)/2.
func (c *channel) quorum() int {
	n := len(c.consenters)
	if !c.bft || n == 0 {
		return 1
	}
	f := (n - 1) / 3
	return (n + f + 2) / 2
}

// identify judges a serialised identity. Judgements are kept: few identities
// sign everything.
func (c *channel) identify(raw []byte) (member, error) {
	if found, ok := c.known.Load(string(raw)); ok {
		j := found.(judged)
		return j.member, j.err
	}
	m, err := c.judge(raw)
	c.known.Store(string(raw), judged{m, err})
	return m, err
}

func (c *channel) judge(raw []byte) (member, error) {
	m := member{raw: bytes.Clone(raw)}
	var id msp.SerializedIdentity
	if err := proto.Unmarshal(raw, &id); err != nil {
		return m, fmt.Errorf("reading an identity: %w", err)
	}
	m.mspID = id.GetMspid()
	o := c.organisations[m.mspID]
	if o == nil {
		return m, fmt.Errorf("%q is no organisation of the channel", m.mspID)
	}
	var err error
	if m.cert, err = parseCertificate(id.GetIdBytes()); err != nil {
		return m, fmt.Errorf("the certificate of a member of %s: %w", m.mspID, err)
	}
	m.role = roleOf(m.cert)
	m.unit, err = o.judge(m.cert)
	return m, err
}

// modPolicy stands, in a list of changes, for the policy under which a group may
// be changed.
const modPolicy = "(mod_policy)"

// changes lists what differs between two configurations: paths of groups,
// values and policies, and of groups that come or go.
func (c *channel) changes(next *channel) []string {
	var out []string
	compareGroups("", c.root, next.root, &out)
	return out
}

func compareGroups(path string, before, after *common.ConfigGroup, out *[]string) {
	if (before == nil) != (after == nil) {
		*out = append(*out, path)
	} else if before.GetModPolicy() != after.GetModPolicy() {
		*out = append(*out, path+"/"+modPolicy)
	}
	compareParts(path, before.GetValues(), after.GetValues(), out)
	compareParts(path, before.GetPolicies(), after.GetPolicies(), out)
	names := maps.Clone(before.GetGroups())
	if names == nil {
		names = map[string]*common.ConfigGroup{}
	}
	maps.Copy(names, after.GetGroups())
	for _, name := range slices.Sorted(maps.Keys(names)) {
		compareGroups(path+"/"+name, before.GetGroups()[name], after.GetGroups()[name], out)
	}
}

func compareParts[M proto.Message](path string, before, after map[string]M, out *[]string) {
	names := maps.Clone(before)
	if names == nil {
		names = map[string]M{}
	}
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, there := before[name]
		is, stays := after[name]
		if !there || !stays || !proto.Equal(was, is) {
			*out = append(*out, path+"/"+name)
		}
	}
}
