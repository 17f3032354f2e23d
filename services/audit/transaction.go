// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// transaction is one entry of a block, taken apart, with all that can be said
// of it without the entries before it.
type transaction struct {
	block uint64
	index int
	id    string
	kind  common.HeaderType
	// stored is the code that the peer keeps; ours is what it should be as far as it
	// is known, and why says what is wrong if it is not VALID.
	stored, ours peer.TxValidationCode
	why          string

	at      time.Time
	creator member
	// namespace is the chaincode definition that was invoked.
	namespace string
	function  string
	args      [][]byte
	event     *peer.ChaincodeEvent
	// answer is what the function returned, for everybody to read.
	answer []byte
	// endorsers have signed the results with certificates of their organisations.
	// unfit lists why other endorsements do not count.
	endorsers []member
	unfit     []string
	sets      []namespaceSet

	payload *common.Payload
}

// namespaceSet is what a transaction read and wrote in one namespace.
type namespaceSet struct {
	name        string
	public      *kvrwset.KVRWSet
	collections []collectionSet
}

// collectionSet is the public part of what it did to one collection.
type collectionSet struct {
	name        string
	hashed      *kvrwset.HashedRWSet
	privateHash []byte
}

// writes says whether the transaction changes anything in the namespace.
func (s namespaceSet) writes() bool {
	if len(s.public.GetWrites())+len(s.public.GetMetadataWrites()) > 0 {
		return true
	}
	return slices.ContainsFunc(s.collections, func(c collectionSet) bool {
		return len(c.hashed.GetHashedWrites())+len(c.hashed.GetMetadataWrites()) > 0
	})
}

// now is the transaction's time as the contract reads it.
func (t *transaction) now() int64 { return t.at.UnixMilli() }

// valid says whether the transaction has had its effect, as the peer has it.
func (t *transaction) valid() bool { return t.stored == peer.TxValidationCode_VALID }

// endorsed lists the organisations whose peers have endorsed.
func (t *transaction) endorsed() []string {
	var out []string
	for _, m := range t.endorsers {
		if m.unit == unitPeer && !slices.Contains(out, m.mspID) {
			out = append(out, m.mspID)
		}
	}
	slices.Sort(out)
	return out
}

// concerned lists who made and who endorsed the transaction.
func (t *transaction) concerned() []string {
	out := t.endorsed()
	if t.creator.mspID != "" && !slices.Contains(out, t.creator.mspID) {
		out = append(out, t.creator.mspID)
	}
	slices.Sort(out)
	return out
}

// refuse notes the first thing that is wrong.
func (t *transaction) refuse(code peer.TxValidationCode, format string, values ...any) {
	if t.ours == peer.TxValidationCode_VALID {
		t.ours, t.why = code, fmt.Sprintf(format, values...)
	}
}

// open takes an entry of a block apart and checks, as peers do, its signatures,
// its id, and that its parts belong together.
func (c *channel) open(raw []byte, block uint64, index int, stored peer.TxValidationCode) *transaction {
	t := &transaction{block: block, index: index, stored: stored, ours: peer.TxValidationCode_VALID}
	var envelope common.Envelope
	if err := proto.Unmarshal(raw, &envelope); err != nil {
		t.refuse(peer.TxValidationCode_INVALID_OTHER_REASON, "not an envelope: %s", err)
		return t
	}
	t.payload = &common.Payload{}
	if err := proto.Unmarshal(envelope.GetPayload(), t.payload); err != nil {
		t.refuse(peer.TxValidationCode_BAD_PAYLOAD, "the payload cannot be read: %s", err)
		return t
	}
	if block == 0 {
		// The first configuration is signed by nobody; everything rests on it.
		t.kind = common.HeaderType_CONFIG
		return t
	}
	var header common.ChannelHeader
	var signature common.SignatureHeader
	if err := errors.Join(
		proto.Unmarshal(t.payload.GetHeader().GetChannelHeader(), &header),
		proto.Unmarshal(t.payload.GetHeader().GetSignatureHeader(), &signature),
	); err != nil || header.GetEpoch() != 0 || len(signature.GetNonce()) == 0 || len(signature.GetCreator()) == 0 {
		t.refuse(peer.TxValidationCode_BAD_COMMON_HEADER, "the headers are not whole")
		return t
	}
	t.id, t.kind, t.at = header.GetTxId(), common.HeaderType(header.GetType()), header.GetTimestamp().AsTime()
	var err error
	if t.creator, err = c.identify(signature.GetCreator()); err != nil {
		t.refuse(peer.TxValidationCode_BAD_CREATOR_SIGNATURE, "the creator: %s", err)
	} else if err := verify(t.creator.cert, envelope.GetPayload(), envelope.GetSignature()); err != nil {
		t.refuse(peer.TxValidationCode_BAD_CREATOR_SIGNATURE, "the creator: %s", err)
	}
	switch t.kind {
	case common.HeaderType_CONFIG:
	case common.HeaderType_ENDORSER_TRANSACTION:
		id := sha256.Sum256(slices.Concat(signature.GetNonce(), signature.GetCreator()))
		if t.id != hex.EncodeToString(id[:]) {
			t.refuse(peer.TxValidationCode_BAD_PROPOSAL_TXID, "the id does not follow from nonce and creator")
		}
		c.openAction(t, &header)
	default:
		t.refuse(peer.TxValidationCode_UNSUPPORTED_TX_PAYLOAD, "an entry of kind %s", t.kind)
	}
	return t
}

// openAction reads what was endorsed.
func (c *channel) openAction(t *transaction, header *common.ChannelHeader) {
	var (
		tx       peer.Transaction
		payload  peer.ChaincodeActionPayload
		response peer.ProposalResponsePayload
		action   peer.ChaincodeAction
	)
	bad := func(format string, values ...any) {
		t.refuse(peer.TxValidationCode_INVALID_ENDORSER_TRANSACTION, format, values...)
	}
	if err := proto.Unmarshal(t.payload.GetData(), &tx); err != nil || len(tx.GetActions()) != 1 {
		bad("not one action")
		return
	}
	act := tx.GetActions()[0]
	if err := proto.Unmarshal(act.GetPayload(), &payload); err != nil {
		bad("the action cannot be read: %s", err)
		return
	}
	if err := proto.Unmarshal(payload.GetAction().GetProposalResponsePayload(), &response); err != nil {
		bad("the results cannot be read: %s", err)
		return
	}
	hash := sha256.Sum256(slices.Concat(t.payload.GetHeader().GetChannelHeader(), act.GetHeader(), payload.GetChaincodeProposalPayload()))
	if !bytes.Equal(hash[:], response.GetProposalHash()) {
		bad("the endorsements are of another proposal")
	}
	if header.GetChannelId() != c.id {
		t.refuse(peer.TxValidationCode_TARGET_CHAIN_NOT_FOUND, "of channel %q", header.GetChannelId())
	}
	if err := proto.Unmarshal(response.GetExtension(), &action); err != nil {
		t.refuse(peer.TxValidationCode_BAD_RESPONSE_PAYLOAD, "the action cannot be read: %s", err)
		return
	}
	c.openResults(t, header, &action)
	t.openCall(payload.GetChaincodeProposalPayload())
	c.checkEndorsements(t, payload.GetAction())
}

func (c *channel) openResults(t *transaction, header *common.ChannelHeader, action *peer.ChaincodeAction) {
	var extension peer.ChaincodeHeaderExtension
	if err := proto.Unmarshal(header.GetExtension(), &extension); err != nil {
		t.refuse(peer.TxValidationCode_BAD_HEADER_EXTENSION, "the header cannot be read: %s", err)
		return
	}
	t.namespace, t.answer = extension.GetChaincodeId().GetName(), action.GetResponse().GetPayload()
	if err := t.openSets(action.GetResults()); err != nil {
		t.refuse(peer.TxValidationCode_BAD_RWSET, "%s", err)
		return
	}
	if extension.GetChaincodeId() == nil || action.GetChaincodeId() == nil {
		t.refuse(peer.TxValidationCode_INVALID_OTHER_REASON, "no chaincode is named")
		return
	}
	if t.namespace == "" || t.namespace != action.GetChaincodeId().GetName() || action.GetChaincodeId().GetVersion() == "" {
		t.refuse(peer.TxValidationCode_INVALID_CHAINCODE, "chaincode %q is said to be %q", t.namespace, action.GetChaincodeId().GetName())
	}
	if len(action.GetEvents()) > 0 {
		t.event = &peer.ChaincodeEvent{}
		if err := proto.Unmarshal(action.GetEvents(), t.event); err != nil || t.event.GetChaincodeId() != t.namespace {
			t.refuse(peer.TxValidationCode_INVALID_OTHER_REASON, "the event is not of the chaincode")
		}
	}
	seen := map[string]bool{}
	for _, set := range t.sets {
		if seen[set.name] {
			t.refuse(peer.TxValidationCode_ILLEGAL_WRITESET, "namespace %s stands twice", set.name)
		}
		seen[set.name] = true
	}
}

func (t *transaction) openSets(results []byte) error {
	var all rwset.TxReadWriteSet
	if err := proto.Unmarshal(results, &all); err != nil {
		return fmt.Errorf("the read-write set cannot be read: %w", err)
	}
	for _, ns := range all.GetNsRwset() {
		set := namespaceSet{name: ns.GetNamespace(), public: &kvrwset.KVRWSet{}}
		if err := proto.Unmarshal(ns.GetRwset(), set.public); err != nil {
			return fmt.Errorf("the read-write set of %s cannot be read: %w", ns.GetNamespace(), err)
		}
		for _, coll := range ns.GetCollectionHashedRwset() {
			c := collectionSet{name: coll.GetCollectionName(), hashed: &kvrwset.HashedRWSet{}, privateHash: coll.GetPvtRwsetHash()}
			if err := proto.Unmarshal(coll.GetHashedRwset(), c.hashed); err != nil {
				return fmt.Errorf("the read-write set of %s cannot be read: %w", c.name, err)
			}
			set.collections = append(set.collections, c)
		}
		t.sets = append(t.sets, set)
	}
	return nil
}

// openCall reads function and arguments, which nobody endorses but through the
// hash of the proposal.
func (t *transaction) openCall(proposal []byte) {
	var (
		payload    peer.ChaincodeProposalPayload
		invocation peer.ChaincodeInvocationSpec
	)
	if errors.Join(proto.Unmarshal(proposal, &payload), proto.Unmarshal(payload.GetInput(), &invocation)) != nil {
		return
	}
	args := invocation.GetChaincodeSpec().GetInput().GetArgs()
	if len(args) > 0 {
		t.function, t.args = string(args[0]), args[1:]
	}
}

// checkEndorsements keeps the endorsers whose signatures are right, each once.
func (c *channel) checkEndorsements(t *transaction, action *peer.ChaincodeEndorsedAction) {
	seen := map[string]bool{}
	for _, e := range action.GetEndorsements() {
		m, err := c.identify(e.GetEndorser())
		if err == nil {
			err = verify(m.cert, slices.Concat(action.GetProposalResponsePayload(), e.GetEndorser()), e.GetSignature())
		}
		switch {
		case err != nil:
			t.unfit = append(t.unfit, fmt.Sprintf("an endorsement in the name of %q: %s", m.mspID, err))
		case !seen[string(m.raw)]:
			seen[string(m.raw)] = true
			t.endorsers = append(t.endorsers, m)
		}
	}
}
