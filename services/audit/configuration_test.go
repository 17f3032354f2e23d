// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"

	"ecoupon/services/audit"
	"ecoupon/services/internal/ledgertest"
	. "ecoupon/services/internal/servetest"
)

var everyone = []string{IssuerMSP, AdvertiserMSP, RetailerMSP, ClearingMSP}

// groupAt finds a group of a configuration.
func groupAt(root *common.ConfigGroup, path ...string) *common.ConfigGroup {
	for _, name := range path {
		root = root.Groups[name]
	}
	return root
}

// value changes a value of a group.
func value(name, to string, path ...string) func(*common.ConfigGroup) {
	return func(root *common.ConfigGroup) {
		groupAt(root, path...).Values[name] = &common.ConfigValue{ModPolicy: "Admins", Value: []byte(to)}
	}
}

// TestChangesOfTheChannelNeedTheirSigners: its own entry is an organisation's own
// matter, all else that of all; who signed too little is named, and what changed.
func TestChangesOfTheChannelNeedTheirSigners(t *testing.T) {
	t.Parallel()
	anchors := value("AnchorPeers", "x", "Application", RetailerMSP)
	endpoints := value("Endpoints", "x", "Orderer", RetailerMSP)
	three := everyone[:3]
	for _, test := range []struct {
		name    string
		change  func(*common.ConfigGroup)
		signers []string
		want    []string
		changed string
	}{
		{"own entry", anchors, []string{RetailerMSP}, nil, "/Application/RetailerMSP/AnchorPeers"},
		{"own entry as an orderer", endpoints, []string{RetailerMSP}, nil, "/Orderer/RetailerMSP/Endpoints"},
		{"another's entry", anchors, []string{ClearingMSP, IssuerMSP}, []string{"configuration-signatures ClearingMSP IssuerMSP"}, ""},
		{"nobody signed", anchors, nil, []string{"configuration-signatures "}, ""},
		{"the members' part", value("ACLs", "x", "Application"), everyone, nil, "/Application/ACLs"},
		{"the members' part, by three", value("ACLs", "x", "Application"), three, []string{"configuration-signatures AdvertiserMSP IssuerMSP RetailerMSP"}, ""},
		{"the orderers' part, by three", value("BatchSize", "x", "Orderer"), three, []string{"configuration-signatures AdvertiserMSP IssuerMSP RetailerMSP"}, ""},
		{"the channel, by three", value("HashingAlgorithm", "x"), three, []string{"configuration-signatures AdvertiserMSP IssuerMSP RetailerMSP"}, "/HashingAlgorithm"},
		{"how the members' part is changed, by three", func(root *common.ConfigGroup) {
			root.Groups["Application"].ModPolicy = "/Channel/Admins"
		}, three, []string{"configuration-signatures AdvertiserMSP IssuerMSP RetailerMSP"}, "/Application/(mod_policy)"},
		{"how the channel is changed, by one", func(root *common.ConfigGroup) { root.ModPolicy = "/Channel/Application/Admins" },
			[]string{IssuerMSP}, []string{"configuration-signatures IssuerMSP"}, "/(mod_policy)"},
		{"how its own entry is changed", func(root *common.ConfigGroup) {
			groupAt(root, "Application", RetailerMSP).ModPolicy = "/Channel/Application/RetailerMSP/Admins"
		}, []string{RetailerMSP}, nil, "/Application/RetailerMSP/(mod_policy)"},
		{"a member leaves, by itself", func(root *common.ConfigGroup) { delete(root.Groups["Orderer"].Groups, RetailerMSP) },
			[]string{RetailerMSP}, []string{"configuration-signatures RetailerMSP"}, "/Orderer/RetailerMSP"},
		{"a member leaves", func(root *common.ConfigGroup) { delete(root.Groups["Orderer"].Groups, RetailerMSP) }, everyone, nil, "/Orderer/RetailerMSP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _ := consortium(t)
			chain := c.Chain(t)
			number := chain.Configure(t, test.change, test.signers...)
			_, found := run(t, chain, "")
			if diff := cmp.Diff(test.want, breaches(found)); diff != "" {
				t.Errorf("breaches (-want +got):\n%s\n%+v", diff, found)
			}
			listed := slices.ContainsFunc(found, func(f audit.Finding) bool {
				return f.Rule == "configuration-changed" && f.Block == number && strings.Contains(f.Text, test.changed)
			})
			if !listed {
				t.Errorf("the change is not listed: %+v", found)
			}
		})
	}
}

// TestConfigurationsFollowEachOther: one was left out.
func TestConfigurationsFollowEachOther(t *testing.T) {
	t.Parallel()
	c, _ := consortium(t)
	chain := c.Chain(t)
	left := chain.Configure(t, value("AnchorPeers", "x", "Application", RetailerMSP), RetailerMSP)
	chain.Configure(t, value("AnchorPeers", "y", "Application", RetailerMSP), RetailerMSP)
	chain.Blocks = slices.Delete(chain.Blocks, int(left), int(left)+1)
	chain.Seal(t, int(left))
	_, found := run(t, chain, "")
	if diff := cmp.Diff([]string{"configuration-sequence"}, rules(found)); diff != "" {
		t.Errorf("breaches (-want +got):\n%s\n%+v", diff, found)
	}
}

// item is one thing of a configuration that is changed under a policy.
type item struct {
	path []string
	name string
	get  func(*common.ConfigGroup) *string
}

// items are all groups, values and policies of a configuration.
func items(root *common.ConfigGroup, path ...string) []item {
	g := groupAt(root, path...)
	all := []item{{path, "the group", func(g *common.ConfigGroup) *string { return &g.ModPolicy }}}
	for _, name := range slices.Sorted(maps.Keys(g.Values)) {
		all = append(all, item{path, name, func(g *common.ConfigGroup) *string { return &g.Values[name].ModPolicy }})
	}
	for _, name := range slices.Sorted(maps.Keys(g.Policies)) {
		all = append(all, item{path, name, func(g *common.ConfigGroup) *string { return &g.Policies[name].ModPolicy }})
	}
	for _, name := range slices.Sorted(maps.Keys(g.Groups)) {
		all = append(all, items(root, append(slices.Clone(path), name)...)...)
	}
	return all
}

// weak audits a chain whose first configuration is changed, and one that gets this
// change from all later, and returns what is found weak in it.
func weak(t *testing.T, c *ledgertest.Consortium, change func(*common.ConfigGroup)) []string {
	t.Helper()
	var texts [2][]string
	begun, changed := c.Chain(t), c.Chain(t)
	begun.Begin(t, change)
	changed.Configure(t, change, everyone...)
	for i, chain := range []*ledgertest.Chain{begun, changed} {
		_, found := run(t, chain, "")
		for _, f := range found {
			if f.Rule != "weak-configuration" {
				continue
			}
			if f.Level != audit.Breach || i == 1 && !slices.Equal(f.Organisations, slices.Sorted(slices.Values(everyone))) {
				t.Errorf("%+v", f)
			}
			texts[i] = append(texts[i], f.Text)
		}
	}
	if diff := cmp.Diff(texts[0], texts[1]); diff != "" {
		t.Errorf("found in the beginning and later (-first +later):\n%s", diff)
	}
	return texts[0]
}

// TestEverythingIsChangedByAdministrators weakens, one by one, how each group, each
// value and each policy of the channel may be changed.
func TestEverythingIsChangedByAdministrators(t *testing.T) {
	t.Parallel()
	c, _ := consortium(t)
	var all []item
	c.Chain(t).Begin(t, func(root *common.ConfigGroup) { all = items(root) })
	if len(all) < 40 {
		t.Fatalf("%d things to change", len(all))
	}
	for _, it := range all {
		path := "/" + strings.Join(append([]string{"Channel"}, it.path...), "/")
		texts := weak(t, c, func(root *common.ConfigGroup) {
			g := groupAt(root, it.path...)
			g.Policies["Anybody"] = signed(t, msp.MSPRole_CLIENT, RetailerMSP)
			g.Policies["Anybody"].ModPolicy = "Admins"
			*it.get(g) = "Anybody"
		})
		if len(texts) != 1 || !strings.HasPrefix(texts[0], path+": "+it.name+" may be changed under \"Anybody\"") {
			t.Errorf("%s %s: %q", path, it.name, texts)
		}
	}
}

func signed(t *testing.T, kind msp.MSPRole_MSPRoleType, mspIDs ...string) *common.ConfigPolicy {
	return &common.ConfigPolicy{ModPolicy: "Admins", Policy: &common.Policy{
		Type: int32(common.Policy_SIGNATURE), Value: marshal(t, ledgertest.Signed(t, kind, 1, mspIDs...)),
	}}
}

func meta(t *testing.T, rule common.ImplicitMetaPolicy_Rule, sub string) *common.ConfigPolicy {
	return &common.ConfigPolicy{ModPolicy: "Admins", Policy: &common.Policy{
		Type: int32(common.Policy_IMPLICIT_META), Value: marshal(t, &common.ImplicitMetaPolicy{Rule: rule, SubPolicy: sub}),
	}}
}

// TestWeakPoliciesAreFound replaces policies of each kind of group.
func TestWeakPoliciesAreFound(t *testing.T) {
	t.Parallel()
	c, _ := consortium(t)
	named := func(id *msp.MSPPrincipal) *common.ConfigPolicy {
		p := ledgertest.Signed(t, msp.MSPRole_ADMIN, 1, RetailerMSP)
		p.Identities[0] = id
		return &common.ConfigPolicy{ModPolicy: "Admins", Policy: &common.Policy{Type: int32(common.Policy_SIGNATURE), Value: marshal(t, p)}}
	}
	unit := named(&msp.MSPPrincipal{
		PrincipalClassification: msp.MSPPrincipal_ORGANIZATION_UNIT,
		Principal:               marshal(t, &msp.OrganizationUnit{MspIdentifier: RetailerMSP, OrganizationalUnitIdentifier: "admin"}),
	})
	majority, any := common.ImplicitMetaPolicy_MAJORITY, common.ImplicitMetaPolicy_ANY
	for _, test := range []struct {
		name string
		path []string
		rule string
		by   *common.ConfigPolicy
		want string // what is found of the policy itself
	}{
		{"channel by two", nil, "Admins", signed(t, msp.MSPRole_ADMIN, IssuerMSP, RetailerMSP), "without an administrator of"},
		{"members by any", []string{"Application"}, "Admins", meta(t, any, "Admins"), "without an administrator of"},
		{"orderers by any two", []string{"Orderer"}, "Admins", signed(t, msp.MSPRole_ADMIN, IssuerMSP, RetailerMSP), "without an administrator of"},
		{"members by their peers", []string{"Application"}, "Admins", meta(t, common.ImplicitMetaPolicy_ALL, "Endorsement"), "without an administrator of"},
		{"definitions by the majority", []string{"Application"}, "LifecycleEndorsement", meta(t, majority, "Endorsement"), "without a peer of"},
		{"endorsement by any", []string{"Application"}, "Endorsement", meta(t, any, "Endorsement"), "without a peer of"},
		{"one's entry by its clients", []string{"Application", RetailerMSP}, "Admins", signed(t, msp.MSPRole_MEMBER, RetailerMSP), "without an administrator of RetailerMSP"},
		{"one's entry by another", []string{"Orderer", RetailerMSP}, "Admins", signed(t, msp.MSPRole_ADMIN, RetailerMSP, IssuerMSP), "without an administrator of RetailerMSP"},
		{"one's entry by a unit", []string{"Application", RetailerMSP}, "Admins", unit, "names signers other than by organisation and role"},
		{"one's collections by another's peer", []string{"Application", RetailerMSP}, "Endorsement", signed(t, msp.MSPRole_PEER, RetailerMSP, IssuerMSP), "without a peer of RetailerMSP"},
		{"one's collections by its clients", []string{"Application", RetailerMSP}, "Endorsement", signed(t, msp.MSPRole_CLIENT, RetailerMSP), "without a peer of RetailerMSP"},
	} {
		path := "/" + strings.Join(append([]string{"Channel"}, test.path...), "/")
		texts := weak(t, c, func(root *common.ConfigGroup) {
			groupAt(root, test.path...).Policies[test.rule] = proto.Clone(test.by).(*common.ConfigPolicy)
		})
		if !slices.ContainsFunc(texts, func(text string) bool {
			return strings.HasPrefix(text, path+"/"+test.rule+" ") && strings.Contains(text, test.want)
		}) {
			t.Errorf("%s: %q", test.name, texts)
		}
	}
	if texts := weak(t, c, func(*common.ConfigGroup) {}); texts != nil {
		t.Errorf("as it is: %q", texts)
	}
}

// TestBlocksNeedAQuorum weakens the policy by which peers take blocks.
func TestBlocksNeedAQuorum(t *testing.T) {
	t.Parallel()
	c, _ := consortium(t)
	for name, change := range map[string]func(*common.SignaturePolicyEnvelope){
		"two of four":       func(p *common.SignaturePolicyEnvelope) { p.Rule.GetNOutOf().N = 2 },
		"one of them twice": func(p *common.SignaturePolicyEnvelope) { p.Identities[1] = p.Identities[0] },
		"one index twice":   func(p *common.SignaturePolicyEnvelope) { p.Rule.GetNOutOf().Rules[1] = p.Rule.GetNOutOf().Rules[0] },
		"by who is none":    func(p *common.SignaturePolicyEnvelope) { p.Identities[1].Principal = []byte("x") },
		"by any of a member": func(p *common.SignaturePolicyEnvelope) {
			p.Identities = ledgertest.Signed(t, msp.MSPRole_MEMBER, 1, everyone...).Identities
		},
		"by nobody": func(p *common.SignaturePolicyEnvelope) {
			p.Rule.GetNOutOf().Rules[0] = &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: 9}}
		},
	} {
		texts := weak(t, c, func(root *common.ConfigGroup) {
			policy := root.Groups["Orderer"].Policies["BlockValidation"].Policy
			var p common.SignaturePolicyEnvelope
			if err := proto.Unmarshal(policy.Value, &p); err != nil {
				t.Fatal(err)
			}
			change(&p)
			policy.Value = marshal(t, &p)
		})
		if !slices.Equal(texts, []string{"/Channel/Orderer/BlockValidation is not a quorum of the consenters"}) {
			t.Errorf("%s: %q", name, texts)
		}
	}
	texts := weak(t, c, func(root *common.ConfigGroup) {
		root.Groups["Orderer"].Policies["BlockValidation"] = meta(t, common.ImplicitMetaPolicy_ANY, "Writers")
	})
	if len(texts) != 1 {
		t.Errorf("any writer: %q", texts)
	}
}

// TestEntriesStayTheirOwners: an organisation makes its entry another's.
func TestEntriesStayTheirOwners(t *testing.T) {
	t.Parallel()
	c, _ := consortium(t)
	chain := c.Chain(t)
	chain.Configure(t, chain.Rename(t, RetailerMSP, IssuerMSP), RetailerMSP)
	_, found := run(t, chain, "")
	for _, want := range []string{
		"/Channel/Application/IssuerMSP and RetailerMSP are both of IssuerMSP", "/Channel/Application/RetailerMSP becomes the entry of IssuerMSP",
	} {
		if !slices.ContainsFunc(found, func(f audit.Finding) bool {
			return f.Rule == "weak-configuration" && f.Text == want && slices.Equal(f.Organisations, []string{RetailerMSP})
		}) {
			t.Errorf("%q is not found: %+v", want, found)
		}
	}
}

// TestRevokedMembersSignNothing: after its organisation has taken a certificate
// back, what it signs is no endorsement and no call, whatever the peer says. A list
// that another authority has made takes nothing back.
func TestRevokedMembersSignNothing(t *testing.T) {
	t.Parallel()
	c, _ := consortium(t)
	for _, test := range []struct {
		name, member, kind, authority string
		want                          []string
	}{
		{"an endorsing peer", RetailerMSP, "peer", RetailerMSP, []string{"validation-code AdvertiserMSP ClearingMSP IssuerMSP"}},
		{"the creator", IssuerMSP, "admin", IssuerMSP, []string{"validation-code AdvertiserMSP ClearingMSP IssuerMSP RetailerMSP"}},
		{"somebody else", RetailerMSP, "client", RetailerMSP, nil},
		{"by another's authority", RetailerMSP, "peer", IssuerMSP, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			chain := c.Chain(t)
			chain.Define(t, namespace, 2, 4, everyone)
			chain.Configure(t, chain.Revoke(t, test.member, test.kind, test.authority), test.member)
			chain.Define(t, namespace, 3, 4, everyone)
			_, found := run(t, chain, "")
			if diff := cmp.Diff(test.want, breaches(found)); diff != "" {
				t.Errorf("breaches (-want +got):\n%s\n%+v", diff, found)
			}
			for _, f := range found {
				if f.Level == audit.Breach && (f.Transaction == "" || f.Block != uint64(len(chain.Blocks)-1)) {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// TestRevocationListsAreTheirOwners: a list is put in, or taken out, by others.
func TestRevocationListsAreTheirOwners(t *testing.T) {
	t.Parallel()
	c, _ := consortium(t)
	chain := c.Chain(t)
	chain.Configure(t, chain.Revoke(t, RetailerMSP, "peer", RetailerMSP), IssuerMSP, ClearingMSP)
	_, found := run(t, chain, "")
	if diff := cmp.Diff([]string{"configuration-signatures ClearingMSP IssuerMSP"}, breaches(found)); diff != "" {
		t.Errorf("put in (-want +got):\n%s\n%+v", diff, found)
	}
	chain = c.Chain(t)
	chain.Configure(t, chain.Revoke(t, RetailerMSP, "peer", RetailerMSP), RetailerMSP)
	chain.Configure(t, chain.Revoke(t, RetailerMSP, "client", RetailerMSP), IssuerMSP)
	_, found = run(t, chain, "")
	if diff := cmp.Diff([]string{"configuration-signatures IssuerMSP"}, breaches(found)); diff != "" {
		t.Errorf("taken out (-want +got):\n%s\n%+v", diff, found)
	}
}
