// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
)

// checkPrivate compares what the own organisation keeps of a transaction's
// private writes with what the ledger says of them, and its content with the
// public state. c is nil outside of issuers' namespaces.
func (a *auditor) checkPrivate(t *transaction, c *call, kept *rwset.TxPvtReadWriteSet) {
	if a.options.MSPID == "" {
		return
	}
	own := implicitPrefix + a.options.MSPID
	for _, set := range t.sets {
		for _, coll := range set.collections {
			if coll.name != own || len(coll.hashed.GetHashedWrites()) == 0 {
				continue
			}
			text, found := privateSet(kept, set.name, own)
			if !found {
				a.blame(t, Notice, "private-missing", "the peer has not the private data of %s that belong to it", a.options.MSPID)
				continue
			}
			writes := a.comparePrivate(t, coll, text)
			if c != nil && set.name == c.namespace {
				c.checkRecords(writes)
			}
		}
	}
}

func privateSet(kept *rwset.TxPvtReadWriteSet, namespace, collection string) ([]byte, bool) {
	for _, ns := range kept.GetNsPvtRwset() {
		if ns.GetNamespace() != namespace {
			continue
		}
		for _, coll := range ns.GetCollectionPvtRwset() {
			if coll.GetCollectionName() == collection {
				return coll.GetRwset(), true
			}
		}
	}
	return nil, false
}

// comparePrivate compares private writes with their hashes, and returns those
// that agree.
func (a *auditor) comparePrivate(t *transaction, coll collectionSet, text []byte) []*kvrwset.KVWrite {
	var set kvrwset.KVRWSet
	if !bytes.Equal(sum(text), coll.privateHash) || proto.Unmarshal(text, &set) != nil {
		a.blame(t, Breach, "private-mismatch", "what the peer keeps for %s is not what the ledger has the hash of", coll.name)
		return nil
	}
	hashes := map[string]*kvrwset.KVWriteHash{}
	for _, w := range coll.hashed.GetHashedWrites() {
		hashes[string(w.GetKeyHash())] = w
	}
	var same []*kvrwset.KVWrite
	for _, w := range set.GetWrites() {
		h := hashes[string(sum([]byte(w.GetKey())))]
		switch {
		case h == nil, h.GetIsDelete() != w.GetIsDelete(), !w.GetIsDelete() && !bytes.Equal(h.GetValueHash(), sum(w.GetValue())):
			a.blame(t, Breach, "private-mismatch", "a record of %s is not what the ledger has the hash of", coll.name)
		case !w.GetIsDelete():
			same = append(same, w)
		}
	}
	if len(set.GetWrites()) != len(hashes) {
		a.blame(t, Breach, "private-mismatch", "%s has %d records, the ledger %d hashes", coll.name, len(set.GetWrites()), len(hashes))
	}
	return same
}

// privateRules has every private key, as keyRules has the public ones, with
// what its record must agree with.
var privateRules = map[string]func(c *call, rest string, value []byte){
	"parties":       checkPrivateParties,
	"admission":     checkVote,
	"mandate":       checkVote,
	"institute":     checkVote,
	"campaign-key/": checkPrivateKey,
	"retailer-key/": checkPrivateKey,
	"emitter-key/":  checkEmitterKey,
	"batch/":        checkBatchRecord,
	"void/":         checkVoidNote,
	"claim/":        checkClaimRecord,
	"claimed/":      checkClaimMark,
	"settlement/":   checkSettlementRecord,
	"frame/":        checkFrameSummary,
	"transfer/":     checkTransferRecord,

	"misconduct/":          checkEvidence,
	"misconduct-answer/":   checkAnswer,
	"misconduct-resolved/": checkVote,
}

// checkVote looks at the note that an organisation took part.
func checkVote(c *call, _ string, value []byte) {
	if string(value) != c.transaction.id {
		c.broke("private-record", "the vote of %s is on another transaction", c.auditor.options.MSPID)
	}
}

func (c *call) checkRecords(writes []*kvrwset.KVWrite) {
	byKey := map[string][]byte{}
	for _, w := range writes {
		byKey[w.GetKey()] = w.GetValue()
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		c.auditor.report.Private++
		if rule, known := privateRules[key]; known && !strings.HasSuffix(key, "/") {
			rule(c, key, byKey[key])
			continue
		}
		prefix, rest, _ := strings.Cut(key, "/")
		rule, known := privateRules[prefix+"/"]
		if !known {
			c.broke("unknown-private-key", "the rules have no private key %s", key)
			continue
		}
		rule(c, rest, byKey[key])
	}
}

func checkPrivateParties(c *call, _ string, value []byte) {
	if !bytes.Equal(value, c.newest(partiesKey)) {
		c.broke("private-record", "the private copy of the parties is not the public one")
	}
}

func checkPrivateKey(c *call, rest string, value []byte) {
	if len(value) != len(coupon.Key{}) || coupon.Key(value) == (coupon.Key{}) {
		c.broke("private-record", "what is kept under %s is no key", rest)
	}
}

func checkEmitterKey(c *call, rest string, value []byte) {
	var k coupon.EmitterKey
	if c.record("emitter-key/"+rest, value, &k) && k.Framework.String() != rest {
		c.broke("private-record", "the emitter's key of %s is of %s", rest, k.Framework)
	}
}

func checkVoidNote(c *call, rest string, value []byte) {
	var note, announced coupon.VoidedEvent
	if c.record("void/"+rest, value, &note) && c.announced(&announced) && note != announced {
		c.broke("private-record", "the note of the void of %s is not what was announced", rest)
	}
}

func checkClaimMark(c *call, rest string, value []byte) {
	var mark coupon.ClaimMark
	if c.record("claimed/"+rest, value, &mark) && mark.Retailer != c.noted("batch", rest) {
		c.broke("private-record", "batch %s is of %q and claimed by %s", rest, c.noted("batch", rest), mark.Retailer)
	}
}
