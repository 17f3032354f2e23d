// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// governing is what the rules want of policies with these names: a member of
// this kind of every organisation of the group. Others, such as Readers and
// Writers, decide who may ask and send, and nothing about what is on the ledger.
var governing = map[string]unit{
	"Admins": unitAdmin, "Endorsement": unitPeer, "LifecycleEndorsement": unitPeer,
}

const blockValidation = "BlockValidation"

// weaknesses lists where a configuration lets the channel, or the collections and
// definitions in it, be changed without an organisation that the rules ask for:
// an administrator of each for what is common to all, and for its own entry an
// organisation's own. Policies have no "not", so it is enough to ask whether all
// others together would do.
func (c *channel) weaknesses() []string {
	out := slices.Clone(c.doubles)
	c.weigh("/Channel", c.root, c.members("", ""), &out)
	for _, part := range slices.Sorted(maps.Keys(c.root.GetGroups())) {
		group := c.root.GetGroups()[part]
		c.weigh("/Channel/"+part, group, c.members(part, ""), &out)
		for _, name := range slices.Sorted(maps.Keys(group.GetGroups())) {
			c.weighAll("/Channel/"+part+"/"+name, group.GetGroups()[name], c.members(part, name), &out)
		}
	}
	return append(out, c.weakOrdering()...)
}

// members are the organisations whose consent a change of a group needs.
func (c *channel) members(part, name string) []string {
	if owner, owned := c.owner(part, name); owned {
		return []string{owner}
	}
	if all := c.groupsOf(part); all != nil {
		return slices.Sorted(maps.Keys(all))
	}
	return slices.Sorted(maps.Keys(c.organisations))
}

// weighAll weighs a group and all that is in it.
func (c *channel) weighAll(path string, group *common.ConfigGroup, owners []string, out *[]string) {
	c.weigh(path, group, owners, out)
	for _, name := range slices.Sorted(maps.Keys(group.GetGroups())) {
		c.weighAll(path+"/"+name, group.GetGroups()[name], owners, out)
	}
}

// weigh looks at the policies of a group and at those under which the group,
// its values and its policies may be changed.
func (c *channel) weigh(path string, group *common.ConfigGroup, owners []string, out *[]string) {
	under := map[string][]string{group.GetModPolicy(): {"the group"}}
	for name, v := range group.GetValues() {
		under[v.GetModPolicy()] = append(under[v.GetModPolicy()], name)
	}
	for name, p := range group.GetPolicies() {
		under[p.GetModPolicy()] = append(under[p.GetModPolicy()], name)
		if kind, known := governing[name]; known {
			c.weighPolicy(path+"/"+name, group, name, kind, owners, out)
		}
	}
	for _, policy := range slices.Sorted(maps.Keys(under)) {
		if policy == "" {
			continue // what has none cannot be changed
		}
		slices.Sort(under[policy])
		what := fmt.Sprintf("%s: %s may be changed under %q, which", path, strings.Join(under[policy], ", "), policy)
		c.weighPolicy(what, group, policy, unitAdmin, owners, out)
	}
	slices.Sort(*out)
}

// weighPolicy reports a policy that is satisfied without a member of the kind of
// one of the organisations.
func (c *channel) weighPolicy(what string, group *common.ConfigGroup, policy string, kind unit, owners []string, out *[]string) {
	if otherThanRoles(group.GetPolicies()[policy].GetPolicy()) {
		*out = append(*out, what+" names signers other than by organisation and role")
	}
	var without []string
	for _, owner := range owners {
		others := c.everybody(func(mspID string, u unit) bool { return mspID != owner || u != kind })
		ok, err := c.named(group, policy, others)
		if err != nil {
			*out = append(*out, what+": "+err.Error())
			return
		}
		if ok {
			without = append(without, owner)
		}
	}
	if len(without) > 0 {
		who := map[unit]string{unitAdmin: "an administrator", unitPeer: "a peer"}[kind]
		*out = append(*out, fmt.Sprintf("%s is satisfied without %s of %s", what, who, strings.Join(without, ", ")))
	}
}

// named evaluates a policy by its name in the group, or by its path in the
// channel.
func (c *channel) named(group *common.ConfigGroup, policy string, signers []member) (bool, error) {
	if strings.HasPrefix(policy, "/") {
		return c.policy(policy, signers)
	}
	return groupPolicy(group, policy, signers)
}

// otherThanRoles says that a policy over signatures means somebody by a
// certificate or an organisational unit.
func otherThanRoles(p *common.Policy) bool {
	var envelope common.SignaturePolicyEnvelope
	if common.Policy_PolicyType(p.GetType()) != common.Policy_SIGNATURE || proto.Unmarshal(p.GetValue(), &envelope) != nil {
		return false
	}
	return slices.ContainsFunc(envelope.GetIdentities(), func(id *msp.MSPPrincipal) bool {
		return id.GetPrincipalClassification() != msp.MSPPrincipal_ROLE
	})
}

// weakOrdering says whether peers would take a block that fewer consenters than
// a quorum have signed. Where one orderer decides, that is as it must be.
func (c *channel) weakOrdering() []string {
	p := c.root.GetGroups()[ordererGroup].GetPolicies()[blockValidation].GetPolicy()
	if !c.bft || p == nil {
		return nil
	}
	weak := []string{"/Channel/Orderer/" + blockValidation + " is not a quorum of the consenters"}
	var envelope common.SignaturePolicyEnvelope
	if common.Policy_PolicyType(p.GetType()) != common.Policy_SIGNATURE || proto.Unmarshal(p.GetValue(), &envelope) != nil {
		return weak
	}
	some := envelope.GetRule().GetNOutOf()
	if int(some.GetN()) < c.quorum() {
		return weak
	}
	counted := map[string]bool{}
	for _, rule := range some.GetRules() {
		by, single := rule.GetType().(*common.SignaturePolicy_SignedBy)
		if !single || by.SignedBy < 0 || int(by.SignedBy) >= len(envelope.GetIdentities()) {
			return weak
		}
		id := envelope.GetIdentities()[by.SignedBy]
		if id.GetPrincipalClassification() != msp.MSPPrincipal_IDENTITY || counted[string(id.GetPrincipal())] || !c.consents(id.GetPrincipal()) {
			return weak
		}
		counted[string(id.GetPrincipal())] = true
	}
	return nil
}

// consents says whether a serialised identity is a consenter's.
func (c *channel) consents(raw []byte) bool {
	for _, consenter := range c.consenters {
		own, err := proto.Marshal(&msp.SerializedIdentity{Mspid: consenter.GetMspId(), IdBytes: consenter.GetIdentity()})
		if err == nil && string(own) == string(raw) {
			return true
		}
	}
	return false
}

// renamed lists entries that were one organisation's and become another's.
func (c *channel) renamed(next *channel) []string {
	var out []string
	for _, part := range []string{applicationGroup, ordererGroup} {
		for _, mspID := range slices.Sorted(maps.Keys(c.groupsOf(part))) {
			name := c.groupsOf(part)[mspID]
			if owner, stays := next.owner(part, name); stays && owner != mspID {
				out = append(out, fmt.Sprintf("/Channel/%s/%s becomes the entry of %s", part, name, owner))
			}
		}
	}
	return out
}
