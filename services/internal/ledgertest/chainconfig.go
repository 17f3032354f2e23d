// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"encoding/pem"
	"slices"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// modPolicy is under which everything of the channel is changed.
const modPolicy = "Admins"

// genesis is the channel's first configuration, with the policies of a real one.
func (m *maker) genesis() ([][]byte, []byte, map[uint64]*rwset.TxPvtReadWriteSet) {
	all := func(sub string) *common.ConfigPolicy {
		return &common.ConfigPolicy{Policy: &common.Policy{
			Type:  int32(common.Policy_IMPLICIT_META),
			Value: encode(m.t, &common.ImplicitMetaPolicy{SubPolicy: sub, Rule: common.ImplicitMetaPolicy_ALL}),
		}}
	}
	part := func() *common.ConfigGroup {
		g := &common.ConfigGroup{
			Groups: map[string]*common.ConfigGroup{}, Values: map[string]*common.ConfigValue{"Capabilities": {}},
			Policies: map[string]*common.ConfigPolicy{"Admins": all("Admins")},
		}
		for _, mspID := range m.members {
			g.Groups[mspID] = m.organisation(mspID)
		}
		return g
	}
	application, ordering := part(), part()
	application.Policies["Endorsement"], application.Policies["LifecycleEndorsement"] = all("Endorsement"), all("Endorsement")
	m.order(ordering)
	root := &common.ConfigGroup{
		Groups: map[string]*common.ConfigGroup{"Application": application, "Orderer": ordering},
		Values: map[string]*common.ConfigValue{"Capabilities": {}}, Policies: map[string]*common.ConfigPolicy{"Admins": all("Admins")},
	}
	changedByAdmins(root)
	return [][]byte{m.firstConfiguration(root)}, []byte{0}, nil
}

func (m *maker) firstConfiguration(root *common.ConfigGroup) []byte {
	return encode(m.t, &common.Envelope{Payload: encode(m.t, &common.Payload{
		Header: &common.Header{
			ChannelHeader:   encode(m.t, &common.ChannelHeader{Type: int32(common.HeaderType_CONFIG), ChannelId: m.channel}),
			SignatureHeader: encode(m.t, &common.SignatureHeader{}),
		},
		Data: encode(m.t, &common.ConfigEnvelope{Config: &common.Config{ChannelGroup: root}}),
	})})
}

// order names the consenters, one of each organisation.
func (m *maker) order(ordering *common.ConfigGroup) {
	orderers := &common.Orderers{}
	quorum := &common.SignaturePolicy_NOutOf{N: int32((len(m.members) + (len(m.members)-1)/3 + 2) / 2)}
	validation := &common.SignaturePolicyEnvelope{Rule: &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{NOutOf: quorum}}}
	for i, mspID := range m.members {
		serialized := m.network.Member(mspID, "orderer").Serialized
		orderers.ConsenterMapping = append(orderers.ConsenterMapping, &common.Consenter{
			Id: uint32(i + 1), MspId: mspID, Identity: decode(m.t, serialized, &msp.SerializedIdentity{}).IdBytes,
		})
		quorum.Rules = append(quorum.Rules, &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: int32(i)}})
		validation.Identities = append(validation.Identities, &msp.MSPPrincipal{
			PrincipalClassification: msp.MSPPrincipal_IDENTITY, Principal: serialized,
		})
	}
	ordering.Values["ConsensusType"] = &common.ConfigValue{Value: encode(m.t, &orderer.ConsensusType{Type: "BFT"})}
	ordering.Values["Orderers"] = &common.ConfigValue{Value: encode(m.t, orderers)}
	ordering.Policies["BlockValidation"] = signatures(m.t, validation)
}

func signatures(t testing.TB, p *common.SignaturePolicyEnvelope) *common.ConfigPolicy {
	return &common.ConfigPolicy{Policy: &common.Policy{Type: int32(common.Policy_SIGNATURE), Value: encode(t, p)}}
}

func changedByAdmins(g *common.ConfigGroup) {
	g.ModPolicy = modPolicy
	for _, v := range g.Values {
		v.ModPolicy = modPolicy
	}
	for _, p := range g.Policies {
		p.ModPolicy = modPolicy
	}
	for _, below := range g.Groups {
		changedByAdmins(below)
	}
}

// organisation is an organisation's entry in the configuration.
func (m *maker) organisation(mspID string) *common.ConfigGroup {
	unit := func(name string) *msp.FabricOUIdentifier {
		return &msp.FabricOUIdentifier{OrganizationalUnitIdentifier: name}
	}
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.network.Authority(mspID).Raw})
	provider := encode(m.t, &msp.MSPConfig{Config: encode(m.t, &msp.FabricMSPConfig{
		Name: mspID, RootCerts: [][]byte{root},
		FabricNodeOus: &msp.FabricNodeOUs{
			Enable: true, ClientOuIdentifier: unit("client"), PeerOuIdentifier: unit("peer"),
			AdminOuIdentifier: unit("admin"), OrdererOuIdentifier: unit("orderer"),
		},
	})})
	return &common.ConfigGroup{
		Values: map[string]*common.ConfigValue{"MSP": {Value: provider}},
		Policies: map[string]*common.ConfigPolicy{
			"Admins":      signatures(m.t, Signed(m.t, msp.MSPRole_ADMIN, 1, mspID)),
			"Endorsement": signatures(m.t, Signed(m.t, msp.MSPRole_PEER, 1, mspID)),
		},
	}
}

// peers is the policy that so many of these organisations' peers have signed.
func (m *maker) peers(n int32, mspIDs []string) *common.SignaturePolicyEnvelope {
	return Signed(m.t, msp.MSPRole_PEER, n, mspIDs...)
}

// Signed is the policy that members of the kind of so many of these organisations
// have signed.
func Signed(t testing.TB, kind msp.MSPRole_MSPRoleType, n int32, mspIDs ...string) *common.SignaturePolicyEnvelope {
	t.Helper()
	p := &common.SignaturePolicyEnvelope{}
	some := &common.SignaturePolicy_NOutOf{N: n}
	for i, mspID := range mspIDs {
		p.Identities = append(p.Identities, &msp.MSPPrincipal{
			Principal: encode(t, &msp.MSPRole{MspIdentifier: mspID, Role: kind}),
		})
		some.Rules = append(some.Rules, &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: int32(i)}})
	}
	p.Rule = &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{NOutOf: some}}
	return p
}

// configuration finds the last one up to a block, and the block that it is in.
func (c *Chain) configuration(t testing.TB, number int) (int, *common.Config) {
	t.Helper()
	for ; ; number-- {
		payload := decode(t, decode(t, c.Blocks[number].Data.Data[0], &common.Envelope{}).Payload, &common.Payload{})
		header := decode(t, payload.Header.ChannelHeader, &common.ChannelHeader{})
		if common.HeaderType(header.Type) == common.HeaderType_CONFIG {
			return number, decode(t, payload.Data, &common.ConfigEnvelope{}).Config
		}
	}
}

// Begin changes the channel's first configuration, on which everything rests.
func (c *Chain) Begin(t testing.TB, change func(*common.ConfigGroup)) {
	t.Helper()
	_, config := c.configuration(t, 0)
	change(config.ChannelGroup)
	m := &maker{t: t, Chain: c}
	c.Blocks[0].Data.Data[0] = m.firstConfiguration(config.ChannelGroup)
	c.Seal(t, 0)
}

// Configure appends a block with a changed configuration, whether or not the
// administrators who sign the change suffice. It returns the block's number.
func (c *Chain) Configure(t testing.TB, change func(*common.ConfigGroup), signers ...string) uint64 {
	t.Helper()
	number := len(c.Blocks)
	_, before := c.configuration(t, number-1)
	config := proto.Clone(before).(*common.Config)
	config.Sequence++
	change(config.ChannelGroup)
	signed := &common.ConfigUpdateEnvelope{
		ConfigUpdate: encode(t, &common.ConfigUpdate{ChannelId: c.channel, WriteSet: config.ChannelGroup}),
	}
	for i, mspID := range signers {
		admin := c.network.Member(mspID, "admin")
		header := encode(t, &common.SignatureHeader{Creator: admin.Serialized, Nonce: []byte{byte(i), 1}})
		signed.Signatures = append(signed.Signatures, &common.ConfigSignature{
			SignatureHeader: header, Signature: sign(t, admin.Key, slices.Concat(header, signed.ConfigUpdate)),
		})
	}
	by := c.network.Member(c.members[0], "orderer")
	payload := encode(t, &common.Payload{
		Header: &common.Header{
			ChannelHeader: encode(t, &common.ChannelHeader{
				Type: int32(common.HeaderType_CONFIG), ChannelId: c.channel, Timestamp: timestamppb.New(time.Now()),
			}),
			SignatureHeader: encode(t, &common.SignatureHeader{Creator: by.Serialized, Nonce: []byte("configuration")}),
		},
		Data: encode(t, &common.ConfigEnvelope{
			Config: config, LastUpdate: &common.Envelope{Payload: encode(t, &common.Payload{Data: encode(t, signed)})},
		}),
	})
	m := &maker{t: t, Chain: c}
	m.add([][]byte{encode(t, &common.Envelope{Payload: payload, Signature: sign(t, by.Key, payload)})}, []byte{0}, nil)
	c.Seal(t, number)
	return uint64(number)
}

// Revoke is a change of an organisation's entries: a list of its authority, or of
// another's, says that the certificates of its members of a kind are not good any
// more.
func (c *Chain) Revoke(t testing.TB, mspID, kind, authority string) func(*common.ConfigGroup) {
	t.Helper()
	list := c.network.RevocationList(authority, c.network.Member(mspID, kind))
	return func(root *common.ConfigGroup) {
		for _, part := range root.Groups {
			changeMSP(t, part.Groups[mspID], func(own *msp.FabricMSPConfig) { own.RevocationList = [][]byte{list} })
		}
	}
}

// Rename is a change of an organisation's entry among the members: it says that it
// is another's.
func (c *Chain) Rename(t testing.TB, mspID, to string) func(*common.ConfigGroup) {
	t.Helper()
	return func(root *common.ConfigGroup) {
		changeMSP(t, root.Groups["Application"].Groups[mspID], func(own *msp.FabricMSPConfig) { own.Name = to })
	}
}

func changeMSP(t testing.TB, entry *common.ConfigGroup, change func(*msp.FabricMSPConfig)) {
	outer := decode(t, entry.Values["MSP"].Value, &msp.MSPConfig{})
	inner := decode(t, outer.Config, &msp.FabricMSPConfig{})
	change(inner)
	outer.Config = encode(t, inner)
	entry.Values["MSP"].Value = encode(t, outer)
}
