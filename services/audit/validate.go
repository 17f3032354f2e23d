// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

const (
	lifecycleName   = "_lifecycle"
	lifecyclePolicy = "/Channel/Application/LifecycleEndorsement"
	implicitPrefix  = "_implicit_org_"
)

// judge decides what a peer must make of a transaction: what is wrong with it
// alone, its id, the endorsements that its writes need, and whether what it
// read was still so.
func (a *auditor) judge(t *transaction) {
	if e := a.state.get(noted("transaction", t.id)); e != nil && t.ours == peer.TxValidationCode_VALID {
		t.refuse(peer.TxValidationCode_DUPLICATE_TXID, "the id is in block %d already", e.block)
	}
	for _, ns := range a.policed(t) {
		a.checkPolicies(t, ns)
	}
	if t.ours != peer.TxValidationCode_VALID {
		return
	}
	for _, set := range t.sets {
		a.checkReads(t, set)
	}
}

// policed lists the namespaces whose policies a transaction must satisfy: the
// one that was invoked, and all that it writes to.
func (a *auditor) policed(t *transaction) []namespaceSet {
	own := namespaceSet{name: t.namespace, public: &kvrwset.KVRWSet{}}
	var others []namespaceSet
	for _, set := range t.sets {
		switch {
		case set.name == t.namespace:
			own = set
		case set.writes():
			others = append(others, set)
		}
	}
	return append([]namespaceSet{own}, others...)
}

// checkPolicies applies the rule by which peers choose policies: public writes need that of the
// namespace; writes to a collection that has a policy need that instead; where neither was
// looked at, as nothing is written, the namespace's is needed again.
func (a *auditor) checkPolicies(t *transaction, set namespaceSet) {
	policy, known := a.namespacePolicy(set.name)
	if !known {
		t.refuse(peer.TxValidationCode_INVALID_CHAINCODE, "there is no definition of %s", set.name)
		return
	}
	needed := len(set.public.GetWrites())+len(set.public.GetMetadataWrites()) > 0
	looked := false
	for _, coll := range set.collections {
		if len(coll.hashed.GetHashedWrites())+len(coll.hashed.GetMetadataWrites()) == 0 {
			continue
		}
		owner, implicit := strings.CutPrefix(coll.name, implicitPrefix)
		if !implicit {
			needed = true
			continue
		}
		looked = true
		ok, err := a.channel.policy("/Channel/Application/"+a.channel.groups[owner]+"/Endorsement", t.endorsers)
		if err != nil || !ok {
			t.refuse(peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE, "a write to the collection of %s without its endorsement", owner)
		}
	}
	if !needed && looked {
		return
	}
	if ok, err := policy(t.endorsers); err != nil || !ok {
		t.refuse(peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE, "the endorsements do not satisfy the policy of %s", set.name)
	}
}

// namespacePolicy is the policy of a chaincode definition as it was before the
// block.
func (a *auditor) namespacePolicy(name string) (func([]member) (bool, error), bool) {
	if name == lifecycleName {
		return func(signers []member) (bool, error) { return a.channel.policy(lifecyclePolicy, signers) }, true
	}
	d, known := a.definitions[name]
	return func(signers []member) (bool, error) { return a.channel.applicationPolicy(d.policy, signers) }, known
}

// checkReads compares what a transaction read with the state before it.
func (a *auditor) checkReads(t *transaction, set namespaceSet) {
	conflict := func(what string) {
		t.refuse(peer.TxValidationCode_MVCC_READ_CONFLICT, "%s in %s was written after it was read", what, set.name)
	}
	for _, r := range set.public.GetReads() {
		if !a.fresh(address{namespace: set.name, key: r.GetKey()}, r.GetVersion()) {
			conflict(r.GetKey())
			return
		}
	}
	for _, q := range set.public.GetRangeQueriesInfo() {
		if err := a.sameRange(set.name, q); err != nil {
			t.refuse(peer.TxValidationCode_PHANTOM_READ_CONFLICT, "%s", err)
			return
		}
	}
	for _, coll := range set.collections {
		for _, r := range coll.hashed.GetHashedReads() {
			if !a.fresh(address{set.name, coll.name, string(r.GetKeyHash())}, r.GetVersion()) {
				conflict("a private key of " + coll.name)
				return
			}
		}
	}
}

// fresh says whether the version is that of the key's last write.
func (a *auditor) fresh(at address, read *kvrwset.Version) bool {
	if a.touched[at] {
		return false
	}
	e := a.state.get(at)
	if e == nil || read == nil {
		return e == nil && read == nil
	}
	return e.version == version{read.GetBlockNum(), read.GetTxNum()}
}

// sameRange compares a range query with the state. Results of which only
// hashes are on the ledger cannot be compared.
func (a *auditor) sameRange(namespace string, q *kvrwset.RangeQueryInfo) error {
	if q.GetReadsMerkleHashes() != nil {
		return nil
	}
	for at := range a.touched {
		if at.namespace == namespace && at.collection == "" && at.key >= q.GetStartKey() &&
			(q.GetEndKey() == "" || at.key < q.GetEndKey() || !q.GetItrExhausted() && at.key == q.GetEndKey()) {
			return fmt.Errorf("%s was written in a range that was read", at.key)
		}
	}
	now := a.state.scan(namespace, q.GetStartKey(), q.GetEndKey(), !q.GetItrExhausted())
	read := q.GetRawReads().GetKvReads()
	if len(now) != len(read) {
		return fmt.Errorf("a range from %s had %d keys and has %d", q.GetStartKey(), len(read), len(now))
	}
	for i, r := range read {
		if now[i].key != r.GetKey() || now[i].version != (version{r.GetVersion().GetBlockNum(), r.GetVersion().GetTxNum()}) {
			return fmt.Errorf("%s in a range was written after it was read", r.GetKey())
		}
	}
	return nil
}

// apply makes what a valid transaction wrote the state.
func (a *auditor) apply(t *transaction) {
	v := version{t.block, uint64(t.index)}
	for _, set := range t.sets {
		for _, w := range set.public.GetWrites() {
			a.write(address{namespace: set.name, key: w.GetKey()}, v, w.GetValue(), w.GetIsDelete())
			if set.name == lifecycleName {
				a.outdate(w.GetKey())
			}
		}
		for _, coll := range set.collections {
			for _, w := range coll.hashed.GetHashedWrites() {
				at := address{set.name, coll.name, string(w.GetKeyHash())}
				a.write(at, v, w.GetValueHash(), w.GetIsDelete() || w.GetIsPurge())
			}
		}
	}
}

func (a *auditor) write(at address, v version, value []byte, remove bool) {
	a.touched[at] = true
	if remove {
		a.state.remove(at)
		return
	}
	a.state.put(at, v, value)
}

// noted is where the audit keeps something about a thing of some kind.
func noted(kind, name string) address { return address{collection: "#" + kind, key: name} }

// note keeps something about a thing of some kind.
func (a *auditor) note(t *transaction, kind, name string, value []byte) {
	a.state.put(noted(kind, name), version{t.block, uint64(t.index)}, value)
}
