// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"crypto/rand"
	"crypto/sha256"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// addition is the change that adds groups to the channel's members: what is
// read is named by its versions, and the group that gets members is written
// with the next.
func addition(channel string, application *common.ConfigGroup, groups map[string]*common.ConfigGroup) ([]byte, error) {
	read, write := versionsOf(application), versionsOf(application)
	write.Version++
	write.ModPolicy = application.GetModPolicy()
	for mspID, group := range groups {
		write.Groups[mspID] = group
	}
	within := func(g *common.ConfigGroup) *common.ConfigGroup {
		return &common.ConfigGroup{Groups: map[string]*common.ConfigGroup{applicationGroup: g}}
	}
	return proto.Marshal(&common.ConfigUpdate{ChannelId: channel, ReadSet: within(read), WriteSet: within(write)})
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
		header, err := admin.headerBytes()
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
func (s signer) header() (*common.SignatureHeader, error) {
	creator, err := proto.Marshal(&msp.SerializedIdentity{Mspid: s.MspID(), IdBytes: s.Credentials()})
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 24)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return &common.SignatureHeader{Creator: creator, Nonce: nonce}, nil
}

func (s signer) headerBytes() ([]byte, error) {
	header, err := s.header()
	if err != nil {
		return nil, err
	}
	return proto.Marshal(header)
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
	header, err := s.headerBytes()
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
