// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package stubtest is a Fabric network in memory, for tests of chaincode and
// of what calls it. It does what peers do and what mocks of the stub leave
// out: proposals run on a snapshot of the committed state and never see their
// own writes; every endorsing organisation runs its own chaincode and the
// results are compared byte for byte; read versions and ranges are checked
// again when a block is committed; private values are kept from peers that
// are no members; and a transaction is valid only with the endorsements that
// its writes require.
//
// Rich queries, history, key-level policies and calls from one chaincode to
// another are refused with an error that says so.
package stubtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// Config describes a network. Its zero value is usable.
type Config struct {
	// Channel is the channel's name, "coupons" if empty.
	Channel string
	// Now gives the time of proposals that name none; time.Now if nil.
	Now func() time.Time
	// BlockInterval is how long SubmitAndWait lets a block fill before it is
	// cut. With 0 a transaction is ordered at once, together with those that
	// arrived while the block before was being committed.
	BlockInterval time.Duration
	// QueryLimit is the most results of one range query; the rest is cut off
	// in silence, as peers do. 100,000 if 0.
	QueryLimit int
	// Repeat runs each endorsement that many times more on every peer and
	// refuses results that differ from the first.
	Repeat int
}

// Network is a channel with its organisations, one peer each, and its orderer.
// All methods may be called by many goroutines at once.
type Network struct {
	cfg     Config
	secret  []byte   // signs endorsements, so that tests cannot forge one
	members sync.Map // serialised identities that were checked, and their organisation

	commit sync.Mutex // held while a block is made

	mu            sync.RWMutex // guards all below; maps of organisations and definitions are replaced, not changed
	organisations map[string]*organisation
	definitions   map[string]*definition
	head          *snapshot
	blocks        []*Block
	status        map[string]Result
	transient     map[string]privateValues
	faults        []error
	changed       chan struct{} // closed and replaced with each block
	queue         queue
}

// organisation is a member of the channel with its peer.
type organisation struct {
	mspID   string
	msp     *authority
	outside *authority // an authority of the organisation that is not in its MSP
	peer    Identity

	mu     sync.Mutex // guards issued
	issued map[string]Identity

	// Guarded by Network.mu.
	chaincode shim.Chaincode
	snap      *snapshot
	lagging   bool
	missing   map[privateKey]bool // replaced, not changed
}

// privateKey names one private value.
type privateKey struct {
	namespace, collection, key string
}

// definition is a chaincode definition of the channel.
type definition struct {
	policy      Policy
	collections map[string]collectionDefinition
}

// collectionDefinition is a collection that is not an implicit one.
type collectionDefinition struct {
	members map[string]bool
	policy  Policy // nil: that of the namespace
}

// New returns a network without organisations, whose only block is the empty
// block 0.
func New(cfg Config) *Network {
	if cfg.Channel == "" {
		cfg.Channel = "coupons"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.QueryLimit == 0 {
		cfg.QueryLimit = 100_000
	}
	n := &Network{
		cfg:           cfg,
		secret:        make([]byte, 32),
		organisations: map[string]*organisation{},
		definitions:   map[string]*definition{},
		head:          &snapshot{height: 1, spaces: map[spaceID]*node{}},
		blocks:        []*Block{{}},
		status:        map[string]Result{},
		transient:     map[string]privateValues{},
		changed:       make(chan struct{}),
	}
	_, _ = rand.Read(n.secret) // never fails
	return n
}

// AddOrganisation adds an organisation whose peer runs cc. For an organisation
// that exists it replaces what its peer runs, as one that alters its own
// chaincode would. It panics when certificates cannot be made.
func (n *Network) AddOrganisation(mspID string, cc shim.Chaincode) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if org := n.organisations[mspID]; org != nil {
		org.chaincode = cc
		return
	}
	org := &organisation{mspID: mspID, issued: map[string]Identity{}, chaincode: cc, snap: n.head}
	org.msp = must(newAuthority(mspID, "ca", n.cfg.Now))
	org.outside = must(newAuthority(mspID, "other-ca", n.cfg.Now))
	org.peer = must(org.msp.issue("peer", "peer"))
	n.organisations = maps.Clone(n.organisations)
	n.organisations[mspID] = org
}

// Define adds or replaces the chaincode definition of a namespace. Every
// organisation's implicit collection belongs to it.
func (n *Network) Define(namespace string, policy Policy) {
	n.mu.Lock()
	defer n.mu.Unlock()
	def := &definition{policy: policy, collections: map[string]collectionDefinition{}}
	if old := n.definitions[namespace]; old != nil {
		def.collections = old.collections
	}
	n.definitions = maps.Clone(n.definitions)
	n.definitions[namespace] = def
}

// DefineCollection adds an explicit collection to a namespace that is defined.
// A nil policy leaves writes to the namespace's policy.
func (n *Network) DefineCollection(namespace, collection string, policy Policy, members ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	old := n.definitions[namespace]
	if old == nil {
		panic(fmt.Sprintf("stubtest: namespace %s is not defined", namespace))
	}
	coll := collectionDefinition{members: map[string]bool{}, policy: policy}
	for _, m := range members {
		coll.members[m] = true
	}
	def := &definition{policy: old.policy, collections: maps.Clone(old.collections)}
	def.collections[collection] = coll
	n.definitions = maps.Clone(n.definitions)
	n.definitions[namespace] = def
}

// Identity returns the identity of a role in an organisation, the same one
// each time. Its certificate carries the attribute "role" and the unit
// "admin" or "client". It panics when there is no such organisation.
func (n *Network) Identity(mspID, role string) Identity {
	org := must(n.organisation(mspID))
	unit := "client"
	if role == "admin" {
		unit = "admin"
	}
	return org.identity(org.msp, role, unit)
}

// Member returns an organisation's identity of an organisational unit, such as
// "orderer"; of "peer" the one with which its peer endorses.
func (n *Network) Member(mspID, unit string) Identity {
	org := must(n.organisation(mspID))
	if unit == "peer" {
		return org.peer
	}
	return org.identity(org.msp, "", unit)
}

// Authority returns the certificate of the authority that is an organisation's
// MSP.
func (n *Network) Authority(mspID string) *x509.Certificate {
	return must(n.organisation(mspID)).msp.cert
}

// RevocationList returns the PEM form of a list with which an organisation's
// authority takes certificates back. The network itself does not know of it.
func (n *Network) RevocationList(mspID string, revoked ...Identity) []byte {
	return must(must(n.organisation(mspID)).msp.revoke(revoked))
}

// Key returns the key of an identity that the network has made; nil for any
// other.
func (n *Network) Key(serialized []byte) *ecdsa.PrivateKey {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for _, org := range n.organisations {
		if key := org.key(serialized); key != nil {
			return key
		}
	}
	return nil
}

func (o *organisation) key(serialized []byte) *ecdsa.PrivateKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	if bytes.Equal(o.peer.Serialized, serialized) {
		return o.peer.Key
	}
	for _, id := range o.issued {
		if bytes.Equal(id.Serialized, serialized) {
			return id.Key
		}
	}
	return nil
}

// Outsider is like Identity, but the certificate is of an authority that is
// not in the organisation's MSP: peers refuse its proposals.
func (n *Network) Outsider(mspID, role string) Identity {
	org := must(n.organisation(mspID))
	return org.identity(org.outside, role, "client")
}

func (o *organisation) identity(by *authority, role, unit string) Identity {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := by.cert.Subject.CommonName + "/" + role + "/" + unit
	id, ok := o.issued[name]
	if !ok {
		id = must(by.issue(role, unit))
		o.issued[name] = id
	}
	return id
}

func (n *Network) organisation(mspID string) (*organisation, error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	org := n.organisations[mspID]
	if org == nil {
		return nil, fmt.Errorf("organisation %q is not of channel %s", mspID, n.cfg.Channel)
	}
	return org, nil
}

// Faults returns everything for which a real chaincode process would have
// died or misbehaved: panics, keys that are not UTF-8, use of the stub by two
// goroutines. Tests do well to end by asking for it.
func (n *Network) Faults() []error {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return append([]error(nil), n.faults...)
}

// Lag makes an organisation's peer apply no more blocks until CatchUp.
func (n *Network) Lag(mspID string) { n.setLag(mspID, true) }

// CatchUp lets a peer that lags apply the blocks that it missed.
func (n *Network) CatchUp(mspID string) { n.setLag(mspID, false) }

func (n *Network) setLag(mspID string, lagging bool) {
	org := must(n.organisation(mspID))
	n.mu.Lock()
	defer n.mu.Unlock()
	org.lagging = lagging
	if !lagging {
		org.snap = n.head
	}
}

// Lose makes an organisation's peer lack one private value that it should
// have, as after a failed dissemination; the hash stays.
func (n *Network) Lose(mspID, namespace, collection, key string) {
	org := must(n.organisation(mspID))
	n.mu.Lock()
	defer n.mu.Unlock()
	missing := maps.Clone(org.missing)
	if missing == nil {
		missing = map[privateKey]bool{}
	}
	missing[privateKey{namespace, collection, key}] = true
	org.missing = missing
}

// must is for what fails only when a test is wrong.
func must[T any](v T, err error) T {
	if err != nil {
		panic("stubtest: " + err.Error())
	}
	return v
}
