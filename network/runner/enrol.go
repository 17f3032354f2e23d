// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// applicationGroup is where a channel's configuration lists its members.
const applicationGroup = "Application"

// errAbsent says that a member is not in the channel's configuration.
var errAbsent = errors.New("is not in the channel's configuration")

// enrol adds the organisations to the channel that are not in it, in one
// change that all others sign.
func (n *Network) enrol(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var application *common.ConfigGroup
	err := until(ctx, func(ctx context.Context) (err error) {
		application, err = n.members(ctx, n.consortium.Organisations[0])
		return err
	})
	if err != nil {
		return err
	}
	var present, missing []Organisation
	for _, o := range n.consortium.Organisations {
		if application.GetGroups()[o.MSPID] == nil {
			missing = append(missing, o)
		} else {
			present = append(present, o)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	groups, err := n.groupsOf(ctx, missing)
	if err != nil {
		return err
	}
	update, err := n.addition(application, groups)
	if err != nil {
		return fmt.Errorf("changing the channel: %w", err)
	}
	envelope, err := n.signedUpdate(update, present)
	if err != nil {
		return fmt.Errorf("signing a change of the channel: %w", err)
	}
	return n.change(ctx, envelope, present, missing)
}

// members reads the channel's members from an organisation's peer.
func (n *Network) members(ctx context.Context, o Organisation) (*common.ConfigGroup, error) {
	admin, err := n.identityOf(o, "admin")
	if err != nil {
		return nil, err
	}
	conn, err := n.dial(o, kindPeer, asAdmin)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	data, err := askPeer(ctx, conn, admin, "cscc", "GetChannelConfig", []byte(n.consortium.Channel))
	if err != nil {
		return nil, err
	}
	var c common.Config
	if err := proto.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("reading the channel's configuration: %w", err)
	}
	return c.GetChannelGroup().GetGroups()[applicationGroup], nil
}

// groupsOf describes organisations as the channel's first block would, had
// they been there from the beginning.
func (n *Network) groupsOf(ctx context.Context, organisations []Organisation) (map[string]*common.ConfigGroup, error) {
	dir := n.state.path("channel", "members")
	name := filepath.Join(dir, "as-if-first.block")
	if err := n.makeBlock(ctx, dir, name); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("describing new members: %w", err)
	}
	var (
		block    common.Block
		envelope common.Envelope
		payload  common.Payload
		config   common.ConfigEnvelope
	)
	err = proto.Unmarshal(data, &block)
	if err == nil && len(block.GetData().GetData()) != 1 {
		err = errors.New("a first block has one entry")
	}
	if err == nil {
		err = errors.Join(
			proto.Unmarshal(block.GetData().GetData()[0], &envelope),
			proto.Unmarshal(envelope.GetPayload(), &payload),
			proto.Unmarshal(payload.GetData(), &config))
	}
	if err != nil {
		return nil, fmt.Errorf("describing new members: %w", err)
	}
	groups := map[string]*common.ConfigGroup{}
	for _, o := range organisations {
		group := config.GetConfig().GetChannelGroup().GetGroups()[applicationGroup].GetGroups()[o.MSPID]
		if group == nil {
			return nil, fmt.Errorf("describing new members: %s %w", o.MSPID, errAbsent)
		}
		groups[o.MSPID] = group
	}
	return groups, nil
}

// addition is the change that adds groups to the channel's members: what is
// read is named by its versions, and the group that gets members is written
// with the next.
func (n *Network) addition(application *common.ConfigGroup, groups map[string]*common.ConfigGroup) ([]byte, error) {
	read, write := versionsOf(application), versionsOf(application)
	write.Version++
	write.ModPolicy = application.GetModPolicy()
	for mspID, group := range groups {
		write.Groups[mspID] = group
	}
	within := func(g *common.ConfigGroup) *common.ConfigGroup {
		return &common.ConfigGroup{Groups: map[string]*common.ConfigGroup{applicationGroup: g}}
	}
	return proto.Marshal(&common.ConfigUpdate{ChannelId: n.consortium.Channel, ReadSet: within(read), WriteSet: within(write)})
}

// versionsOf lists what is in a group without its content.
func versionsOf(g *common.ConfigGroup) *common.ConfigGroup {
	v := &common.ConfigGroup{
		Version: g.GetVersion(), Groups: map[string]*common.ConfigGroup{},
		Values: map[string]*common.ConfigValue{}, Policies: map[string]*common.ConfigPolicy{},
	}
	for name, x := range g.GetGroups() {
		v.Groups[name] = &common.ConfigGroup{Version: x.GetVersion()}
	}
	for name, x := range g.GetValues() {
		v.Values[name] = &common.ConfigValue{Version: x.GetVersion()}
	}
	for name, x := range g.GetPolicies() {
		v.Policies[name] = &common.ConfigPolicy{Version: x.GetVersion()}
	}
	return v
}

// signedUpdate has the administrators of all signers sign the change, and the
// first of them send it.
func (n *Network) signedUpdate(update []byte, signers []Organisation) (*common.Envelope, error) {
	signed := &common.ConfigUpdateEnvelope{ConfigUpdate: update}
	for _, o := range signers {
		admin, err := n.identityOf(o, "admin")
		if err != nil {
			return nil, err
		}
		header, err := admin.header()
		if err != nil {
			return nil, err
		}
		signature, err := admin.signed(append(header[:len(header):len(header)], update...))
		if err != nil {
			return nil, err
		}
		signed.Signatures = append(signed.Signatures, &common.ConfigSignature{SignatureHeader: header, Signature: signature})
	}
	sender, err := n.identityOf(signers[0], "admin")
	if err != nil {
		return nil, err
	}
	return sender.envelope(n.consortium.Channel, signed)
}

// header names the signer and makes the signature unique.
func (s signer) header() ([]byte, error) {
	creator, err := proto.Marshal(&msp.SerializedIdentity{Mspid: s.MspID(), IdBytes: s.Credentials()})
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 24)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return proto.Marshal(&common.SignatureHeader{Creator: creator, Nonce: nonce})
}

func (s signer) signed(data []byte) ([]byte, error) {
	digest := sha256.Sum256(data)
	return s.sign(digest[:])
}

func (s signer) envelope(channelName string, update *common.ConfigUpdateEnvelope) (*common.Envelope, error) {
	data, err := proto.Marshal(update)
	if err != nil {
		return nil, err
	}
	channel, err := proto.Marshal(&common.ChannelHeader{
		Type: int32(common.HeaderType_CONFIG_UPDATE), ChannelId: channelName, Timestamp: timestamppb.Now(),
	})
	if err != nil {
		return nil, err
	}
	header, err := s.header()
	if err != nil {
		return nil, err
	}
	payload, err := proto.Marshal(&common.Payload{
		Header: &common.Header{ChannelHeader: channel, SignatureHeader: header}, Data: data,
	})
	if err != nil {
		return nil, err
	}
	signature, err := s.signed(payload)
	if err != nil {
		return nil, err
	}
	return &common.Envelope{Payload: payload, Signature: signature}, nil
}

// change sends the update to one orderer after the other until the peers of
// all members have it. Sent again after it was accepted, it is refused.
func (n *Network) change(ctx context.Context, update *common.Envelope, present, missing []Organisation) error {
	turn := 0
	err := until(ctx, func(ctx context.Context) error {
		o := present[turn%len(present)]
		turn++
		sent := error(nil)
		if o.HasOrderer() {
			sent = n.broadcast(ctx, o, update)
		}
		for _, p := range present {
			if err := n.awaitMembers(ctx, p, missing); err != nil {
				return errors.Join(sent, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("changing the channel: %w", err)
	}
	return nil
}

// awaitMembers gives the orderers a moment to bring the change to a peer.
func (n *Network) awaitMembers(ctx context.Context, at Organisation, missing []Organisation) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return until(ctx, func(ctx context.Context) error {
		application, err := n.members(ctx, at)
		if err != nil {
			return err
		}
		for _, o := range missing {
			if application.GetGroups()[o.MSPID] == nil {
				return fmt.Errorf("%s %w at the peer of %s", o.MSPID, errAbsent, at.MSPID)
			}
		}
		return nil
	})
}

// broadcast hands an envelope to an organisation's orderer.
func (n *Network) broadcast(ctx context.Context, o Organisation, envelope *common.Envelope) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	conn, err := n.dial(o, kindOrderer, asAdmin)
	if err != nil {
		return err
	}
	defer conn.Close()
	stream, err := orderer.NewAtomicBroadcastClient(conn).Broadcast(ctx)
	if err != nil {
		return fmt.Errorf("calling the orderer of %s: %w", o.Name, err)
	}
	if err := stream.Send(envelope); err != nil {
		return fmt.Errorf("calling the orderer of %s: %w", o.Name, err)
	}
	answer, err := stream.Recv()
	if err != nil {
		return fmt.Errorf("calling the orderer of %s: %w", o.Name, err)
	}
	if answer.GetStatus() != common.Status_SUCCESS {
		return fmt.Errorf("the orderer of %s answers %s: %s", o.Name, answer.GetStatus(), answer.GetInfo())
	}
	return nil
}
