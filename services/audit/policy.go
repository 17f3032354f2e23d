// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// applicationPolicy evaluates the policy of a chaincode definition or a
// collection: a rule over signatures, or the name of a policy of the channel.
func (c *channel) applicationPolicy(policy []byte, signers []member) (bool, error) {
	var p peer.ApplicationPolicy
	if err := proto.Unmarshal(policy, &p); err != nil {
		return false, fmt.Errorf("reading a policy: %w", err)
	}
	switch t := p.GetType().(type) {
	case *peer.ApplicationPolicy_SignaturePolicy:
		return signaturePolicy(t.SignaturePolicy, signers)
	case *peer.ApplicationPolicy_ChannelConfigPolicyReference:
		return c.policy(t.ChannelConfigPolicyReference, signers)
	default:
		return false, fmt.Errorf("a policy of unknown form")
	}
}

// policy evaluates a policy of the channel's configuration by its path, such as
// /Channel/Application/Endorsement.
func (c *channel) policy(path string, signers []member) (bool, error) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(parts) < 2 || parts[0] != "Channel" {
		return false, fmt.Errorf("there is no policy %s", path)
	}
	group := c.root
	for _, name := range parts[1 : len(parts)-1] {
		if group = group.GetGroups()[name]; group == nil {
			return false, fmt.Errorf("there is no policy %s", path)
		}
	}
	return groupPolicy(group, parts[len(parts)-1], signers)
}

// groupPolicy is false where there is no such policy, as peers have it.
func groupPolicy(group *common.ConfigGroup, name string, signers []member) (bool, error) {
	p := group.GetPolicies()[name].GetPolicy()
	if p == nil {
		return false, nil
	}
	switch common.Policy_PolicyType(p.GetType()) {
	case common.Policy_SIGNATURE:
		var envelope common.SignaturePolicyEnvelope
		if err := proto.Unmarshal(p.GetValue(), &envelope); err != nil {
			return false, fmt.Errorf("reading policy %s: %w", name, err)
		}
		return signaturePolicy(&envelope, signers)
	case common.Policy_IMPLICIT_META:
		var meta common.ImplicitMetaPolicy
		if err := proto.Unmarshal(p.GetValue(), &meta); err != nil {
			return false, fmt.Errorf("reading policy %s: %w", name, err)
		}
		return implicitMeta(group, &meta, signers)
	default:
		return false, fmt.Errorf("policy %s is of unknown form", name)
	}
}

func implicitMeta(group *common.ConfigGroup, meta *common.ImplicitMetaPolicy, signers []member) (bool, error) {
	all, satisfied := len(group.GetGroups()), 0
	for _, name := range slices.Sorted(maps.Keys(group.GetGroups())) {
		ok, err := groupPolicy(group.GetGroups()[name], meta.GetSubPolicy(), signers)
		if err != nil {
			return false, err
		}
		if ok {
			satisfied++
		}
	}
	needed := map[common.ImplicitMetaPolicy_Rule]int{
		common.ImplicitMetaPolicy_ANY: min(1, all), common.ImplicitMetaPolicy_ALL: all,
		common.ImplicitMetaPolicy_MAJORITY: min(all, all/2+1),
	}[meta.GetRule()]
	return satisfied >= needed, nil
}

func signaturePolicy(p *common.SignaturePolicyEnvelope, signers []member) (bool, error) {
	if p.GetVersion() != 0 {
		return false, fmt.Errorf("a policy of version %d", p.GetVersion())
	}
	ok, _, err := signedRule(p.GetRule(), p.GetIdentities(), signers, make([]bool, len(signers)))
	return ok, err
}

// signedRule evaluates one node of a rule; each signer counts once.
func signedRule(rule *common.SignaturePolicy, ids []*msp.MSPPrincipal, signers []member, used []bool) (bool, []bool, error) {
	switch t := rule.GetType().(type) {
	case *common.SignaturePolicy_SignedBy:
		if t.SignedBy < 0 || int(t.SignedBy) >= len(ids) {
			return false, used, fmt.Errorf("a policy names signer %d of %d", t.SignedBy, len(ids))
		}
		for i, s := range signers {
			if !used[i] && s.is(ids[t.SignedBy]) {
				used[i] = true
				return true, used, nil
			}
		}
		return false, used, nil
	case *common.SignaturePolicy_NOutOf_:
		satisfied := int32(0)
		for _, below := range t.NOutOf.GetRules() {
			ok, now, err := signedRule(below, ids, signers, slices.Clone(used))
			if err != nil {
				return false, used, err
			}
			if ok {
				satisfied++
				used = now
			}
		}
		return satisfied >= t.NOutOf.GetN(), used, nil
	default:
		return false, used, fmt.Errorf("a policy of unknown form")
	}
}

// is says whether the member is one that a policy means. Principals of other
// kinds than a role, a unit or one identity mean nobody.
func (m member) is(p *msp.MSPPrincipal) bool {
	switch p.GetPrincipalClassification() {
	case msp.MSPPrincipal_ROLE:
		var role msp.MSPRole
		if proto.Unmarshal(p.GetPrincipal(), &role) != nil || role.GetMspIdentifier() != m.mspID {
			return false
		}
		return role.GetRole() == msp.MSPRole_MEMBER || m.unit == roleUnits[role.GetRole()]
	case msp.MSPPrincipal_ORGANIZATION_UNIT:
		var ou msp.OrganizationUnit
		return proto.Unmarshal(p.GetPrincipal(), &ou) == nil && ou.GetMspIdentifier() == m.mspID && m.cert != nil &&
			slices.Contains(m.cert.Subject.OrganizationalUnit, ou.GetOrganizationalUnitIdentifier())
	case msp.MSPPrincipal_IDENTITY:
		return len(m.raw) > 0 && bytes.Equal(p.GetPrincipal(), m.raw)
	default:
		return false
	}
}

var roleUnits = map[msp.MSPRole_MSPRoleType]unit{
	msp.MSPRole_ADMIN: unitAdmin, msp.MSPRole_CLIENT: unitClient, msp.MSPRole_PEER: unitPeer, msp.MSPRole_ORDERER: unitOrderer,
}

// weakness says how a definition's policy lets the public state of an issuer's
// namespace change without a peer of the issuer, or without one of another
// organisation; empty if it does not. Policies have no "not", so it is enough
// to look at the two largest sets of signers that must not do.
func (c *channel) weakness(policy []byte, issuer string) (string, error) {
	var p peer.ApplicationPolicy
	if err := proto.Unmarshal(policy, &p); err != nil {
		return "", fmt.Errorf("reading a policy: %w", err)
	}
	for _, id := range p.GetSignaturePolicy().GetIdentities() {
		if id.GetPrincipalClassification() != msp.MSPPrincipal_ROLE {
			return "it names signers other than by organisation and role", nil
		}
	}
	for _, set := range []struct {
		text  string
		peers func(mspID string) bool
	}{
		{"without a peer of " + issuer, func(mspID string) bool { return mspID != issuer }},
		{"with peers of " + issuer + " alone", func(mspID string) bool { return mspID == issuer }},
	} {
		ok, err := c.applicationPolicy(policy, c.everybody(func(mspID string, u unit) bool {
			return u != unitPeer || set.peers(mspID)
		}))
		if err != nil {
			return "", err
		}
		if ok {
			return "it is satisfied " + set.text, nil
		}
	}
	return "", nil
}

// everybody is all kinds of members of all organisations, several of each, as
// far as they are asked for.
func (c *channel) everybody(asked func(mspID string, u unit) bool) []member {
	var all []member
	for _, mspID := range slices.Sorted(maps.Keys(c.organisations)) {
		for _, u := range []unit{unitClient, unitAdmin, unitOrderer, unitPeer} {
			for range 3 {
				if asked(mspID, u) {
					all = append(all, member{mspID: mspID, unit: u})
				}
			}
		}
	}
	return all
}
