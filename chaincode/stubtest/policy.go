// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import "slices"

// Policy decides whether endorsements suffice. It is given the MSP ids of the
// organisations whose peers endorsed, sorted and each once.
type Policy func(endorsers []string) bool

// IssuerAndOther is the policy of a coupon namespace: the issuer's peer and
// that of any other organisation.
func IssuerAndOther(issuer string) Policy {
	return func(endorsers []string) bool {
		return slices.Contains(endorsers, issuer) && len(endorsers) > 1
	}
}

// AllOf requires every organisation named.
func AllOf(mspIDs ...string) Policy {
	return func(endorsers []string) bool {
		for _, mspID := range mspIDs {
			if !slices.Contains(endorsers, mspID) {
				return false
			}
		}
		return true
	}
}

// AnyOf requires one of the organisations named.
func AnyOf(mspIDs ...string) Policy {
	return func(endorsers []string) bool {
		return slices.ContainsFunc(mspIDs, func(mspID string) bool { return slices.Contains(endorsers, mspID) })
	}
}

// satisfied applies the rules by which a peer chooses the policies that a
// transaction must meet. Public writes, and writes to a collection without a
// policy, need that of the namespace; writes to a collection that has one need
// that instead; a transaction for which neither was looked at, as it writes
// nothing, needs the namespace's again.
func (d *definition) satisfied(set *writeSet, endorsers []string) bool {
	namespaceNeeded := len(set.public.Writes) > 0
	someChecked := false
	for _, coll := range set.collections {
		if len(coll.hashed.HashedWrites) == 0 {
			continue
		}
		policy := d.collectionPolicy(coll.name)
		if policy == nil {
			namespaceNeeded = true
			continue
		}
		if !policy(endorsers) {
			return false
		}
		someChecked = true
	}
	if namespaceNeeded || !someChecked {
		return d.policy(endorsers)
	}
	return true
}

func (d *definition) collectionPolicy(name string) Policy {
	if mspID, implicit := owner(name); implicit {
		return AllOf(mspID)
	}
	return d.collections[name].policy
}
