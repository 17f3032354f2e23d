// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"

	"ecoupon/chaincode/coupon"
)

// call is a valid transaction in an issuer's namespace, while it is compared with the rules.
type call struct {
	*transaction
	auditor *auditor
	issuer  string
	// clearing is the clearing house of the namespace; empty before it is named.
	clearing string
	writes   map[string]*kvrwset.KVWrite
	reads    map[string]bool
	private  map[privateKey]*kvrwset.KVWriteHash
	// told has what was reported, so that it is once.
	told map[string]bool
}

// privateKey names a key of an organisation's collection: by itself where it
// is known, by its hash in what is on the ledger.
type privateKey struct{ owner, key string }

func (k privateKey) hashed() privateKey {
	sum := sha256.Sum256([]byte(k.key))
	return privateKey{k.owner, string(sum[:])}
}

// checkRules compares a valid transaction with the rules of every namespace
// that it touches. It returns the call of an issuer's namespace; nil if it is
// none.
func (a *auditor) checkRules(t *transaction) (own *call) {
	for _, set := range t.sets {
		if len(set.public.GetMetadataWrites()) > 0 {
			a.blame(t, Breach, "key-policy", "a policy of single keys is set in %s", set.name)
		}
		issuer, ok := strings.CutPrefix(set.name, namespacePrefix)
		switch {
		case set.name == lifecycleName && t.namespace == lifecycleName:
			a.checkDefinitions(t, set)
		case set.name != t.namespace && set.writes():
			a.blame(t, Breach, "foreign-write", "%s writes into %s", t.namespace, set.name)
		case ok && set.name == t.namespace:
			own = a.newCall(t, set, issuer)
			own.check()
		}
	}
	return own
}

func (a *auditor) newCall(t *transaction, set namespaceSet, issuer string) *call {
	c := &call{
		transaction: t, auditor: a, issuer: issuer,
		writes: map[string]*kvrwset.KVWrite{}, reads: map[string]bool{}, private: map[privateKey]*kvrwset.KVWriteHash{},
		told: map[string]bool{},
	}
	for _, r := range set.public.GetReads() {
		c.reads[r.GetKey()] = true
	}
	for _, w := range set.public.GetWrites() {
		c.writes[w.GetKey()] = w
	}
	for _, coll := range set.collections {
		owner, implicit := strings.CutPrefix(coll.name, implicitPrefix)
		if len(coll.hashed.GetMetadataWrites()) > 0 {
			c.broke("key-policy", "a policy of single keys is set in %s", coll.name)
		}
		for _, w := range coll.hashed.GetHashedWrites() {
			c.private[privateKey{owner, string(w.GetKeyHash())}] = w
			if !implicit {
				c.broke("unknown-collection", "a write into %s", coll.name)
			}
		}
	}
	var p coupon.Parties
	text := c.old(partiesKey)
	if text == nil {
		text = c.writes[partiesKey].GetValue()
	}
	if json.Unmarshal(text, &p) == nil {
		c.clearing = p.Clearing
	}
	return c
}

// broke reports that the transaction broke a rule.
func (c *call) broke(rule, format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	if !c.told[rule+text] {
		c.told[rule+text] = true
		c.auditor.blame(c.transaction, Breach, rule, "%s", text)
	}
}

// old is a public key's value before the transaction; nil if there is none.
func (c *call) old(key string) []byte {
	return c.auditor.state.value(address{namespace: c.namespace, key: key})
}

// stands says whether a key is in an organisation's collection before the
// transaction.
func (c *call) stands(owner, key string) bool {
	hash := privateKey{owner, key}.hashed()
	return c.auditor.state.get(address{c.namespace, implicitPrefix + owner, hash.key}) != nil
}

// note and noted keep something about a thing of the namespace.
func (c *call) note(kind, name, value string) {
	c.auditor.note(c.transaction, kind+"/"+c.namespace, name, []byte(value))
}

func (c *call) noted(kind, name string) string {
	return string(c.auditor.state.value(noted(kind+"/"+c.namespace, name)))
}

// newest is a public key's value with what the transaction writes; nil if there
// is none.
func (c *call) newest(key string) []byte {
	if w := c.writes[key]; w != nil {
		return w.GetValue()
	}
	return c.old(key)
}

// under lists the keys that the transaction writes under a prefix, without it, in
// their order.
func (c *call) under(prefix string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(c.writes)) {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			out = append(out, rest)
		}
	}
	return out
}

// record decodes a record and reports one that is not just what the contract
// writes.
func (c *call) record(key string, value []byte, into any) bool {
	if err := json.Unmarshal(value, into); err != nil {
		c.broke("record", "%s is no record: %s", key, err)
		return false
	}
	if again, err := json.Marshal(into); err != nil || !bytes.Equal(again, value) {
		c.broke("record", "%s is not in the form of its record", key)
	}
	return true
}

// request decodes the public argument.
func (c *call) request(into any) bool {
	if len(c.args) != 1 || json.Unmarshal(c.args[0], into) != nil {
		c.broke("arguments", "the argument is no request of %s", c.function)
		return false
	}
	return true
}

// announced decodes the event.
func (c *call) announced(into any) bool {
	if c.event == nil || json.Unmarshal(c.event.GetPayload(), into) != nil {
		c.broke("event", "the event is not that of %s", c.function)
		return false
	}
	return true
}

// The forms of parts of keys, and of values that are not JSON.

func hexText(s string) string { return hex.EncodeToString([]byte(s)) }

func campaignPart(campaign string, version int64) string { return hexText(campaign) + slashed(version) }

func slashed(n int64) string { return "/" + strconv.FormatInt(n, 10) }

const valueFormat = 1

func idValue(id [16]byte) []byte { return append([]byte{valueFormat}, id[:]...) }

func digestValue(digest []byte) []byte { return append([]byte{valueFormat}, digest...) }

// id reads an id of a key; false, and reported, if it is none.
func (c *call) id(key, text string) (id [16]byte, ok bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(id) || hex.EncodeToString(raw) != text {
		c.broke("unknown-key", "%s does not end in an id", key)
		return id, false
	}
	return [16]byte(raw), true
}
