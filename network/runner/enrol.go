// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/protobuf/proto"
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
	update, err := addition(n.consortium.Channel, application, groups)
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
