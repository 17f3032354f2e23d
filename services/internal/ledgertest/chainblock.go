// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/stubtest"
	"ecoupon/services/internal/config"
)

// maker makes the blocks of a chain.
type maker struct {
	*Chain
	t testing.TB
}

func (m *maker) add(entries [][]byte, codes []byte, private map[uint64]*rwset.TxPvtReadWriteSet) {
	b := &common.Block{
		Header: &common.BlockHeader{}, Data: &common.BlockData{Data: entries},
		Metadata: &common.BlockMetadata{Metadata: make([][]byte, 5)},
	}
	b.Metadata.Metadata[common.BlockMetadataIndex_TRANSACTIONS_FILTER] = codes
	m.Blocks = append(m.Blocks, &ChainBlock{Block: b, Private: private})
}

// issuerAndOther is the policy of an issuer's namespace.
func (m *maker) issuerAndOther(issuer string) *common.SignaturePolicyEnvelope {
	others := slices.DeleteFunc(slices.Clone(m.members), func(mspID string) bool { return mspID == issuer })
	p := m.peers(1, append(others, issuer))
	some := p.Rule.GetNOutOf()
	own := some.Rules[len(others)]
	some.Rules = some.Rules[:len(others)]
	p.Rule = &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{
		NOutOf: &common.SignaturePolicy_NOutOf{N: 2, Rules: []*common.SignaturePolicy{own, p.Rule}},
	}}
	return p
}

// definitions is the block that commits the issuers' definitions.
func (m *maker) definitions(c *Consortium) ([][]byte, []byte, map[uint64]*rwset.TxPvtReadWriteSet) {
	var entries [][]byte
	for _, o := range c.Directory.WithRole(config.RoleIssuer) {
		entries = append(entries, m.definition(config.Namespace(o.MSPID), 1, m.issuerAndOther(o.MSPID)))
	}
	return entries, make([]byte, len(entries)), nil
}

// definition is a transaction that all organisations endorse and that commits a
// chaincode definition.
func (m *maker) definition(namespace string, sequence int64, policy *common.SignaturePolicyEnvelope) []byte {
	application := encode(m.t, &peer.ApplicationPolicy{Type: &peer.ApplicationPolicy_SignaturePolicy{SignaturePolicy: policy}})
	binary := func(message proto.Message) *lifecycle.StateData {
		return &lifecycle.StateData{Type: &lifecycle.StateData_Bytes{Bytes: encode(m.t, message)}}
	}
	set := &kvrwset.KVRWSet{}
	for _, field := range []struct {
		name  string
		value *lifecycle.StateData
	}{
		{"Collections", binary(&peer.CollectionConfigPackage{})},
		{"EndorsementInfo", binary(&lifecycle.ChaincodeEndorsementInfo{Version: "1", EndorsementPlugin: "escc"})},
		{"Sequence", &lifecycle.StateData{Type: &lifecycle.StateData_Int64{Int64: sequence}}},
		{"ValidationInfo", binary(&lifecycle.ChaincodeValidationInfo{ValidationPlugin: "vscc", ValidationParameter: application})},
	} {
		set.Writes = append(set.Writes, &kvrwset.KVWrite{
			Key: fmt.Sprintf("namespaces/fields/%s/%s", namespace, field.name), Value: encode(m.t, field.value),
		})
	}
	creator := m.network.Member(m.members[0], "admin").Serialized
	nonce := []byte(namespace + time.Now().String())
	id := sha256.Sum256(slices.Concat(nonce, creator))
	chaincode := &peer.ChaincodeID{Name: "_lifecycle"}
	header := &common.Header{
		ChannelHeader: encode(m.t, &common.ChannelHeader{
			Type: int32(common.HeaderType_ENDORSER_TRANSACTION), ChannelId: m.channel, TxId: hex.EncodeToString(id[:]),
			Timestamp: timestamppb.Now(), Extension: encode(m.t, &peer.ChaincodeHeaderExtension{ChaincodeId: chaincode}),
		}),
		SignatureHeader: encode(m.t, &common.SignatureHeader{Creator: creator, Nonce: nonce}),
	}
	input := encode(m.t, &peer.ChaincodeInvocationSpec{ChaincodeSpec: &peer.ChaincodeSpec{
		Input: &peer.ChaincodeInput{Args: [][]byte{[]byte("CommitChaincodeDefinition")}},
	}})
	results := &rwset.TxReadWriteSet{NsRwset: []*rwset.NsReadWriteSet{{Namespace: "_lifecycle", Rwset: encode(m.t, set)}}}
	return m.entry(header, encode(m.t, &peer.ChaincodeProposalPayload{Input: input}), &peer.ChaincodeAction{
		Results: encode(m.t, results), ChaincodeId: &peer.ChaincodeID{Name: "_lifecycle", Version: "syscc"},
	}, m.members)
}

// entry makes the signed envelope of an action that peers have endorsed.
func (m *maker) entry(header *common.Header, proposal []byte, action *peer.ChaincodeAction, endorsers []string) []byte {
	hash := sha256.Sum256(slices.Concat(header.ChannelHeader, header.SignatureHeader, proposal))
	endorsed := &peer.ChaincodeEndorsedAction{ProposalResponsePayload: encode(m.t, &peer.ProposalResponsePayload{
		ProposalHash: hash[:], Extension: encode(m.t, action),
	})}
	for _, mspID := range endorsers {
		by := m.network.Member(mspID, "peer")
		endorsed.Endorsements = append(endorsed.Endorsements, &peer.Endorsement{
			Endorser:  by.Serialized,
			Signature: sign(m.t, by.Key, slices.Concat(endorsed.ProposalResponsePayload, by.Serialized)),
		})
	}
	payload := encode(m.t, &common.Payload{Header: header, Data: encode(m.t, &peer.Transaction{
		Actions: []*peer.TransactionAction{{
			Header:  header.SignatureHeader,
			Payload: encode(m.t, &peer.ChaincodeActionPayload{ChaincodeProposalPayload: proposal, Action: endorsed}),
		}},
	})})
	creator := decode(m.t, header.SignatureHeader, &common.SignatureHeader{}).Creator
	key := m.network.Key(creator)
	if key == nil {
		m.t.Fatal("a transaction of somebody whom the network has not made")
	}
	return encode(m.t, &common.Envelope{Payload: payload, Signature: sign(m.t, key, payload)})
}

// translate makes a block of the network one of the chain.
func (m *maker) translate(b *stubtest.Block) ([][]byte, []byte, map[uint64]*rwset.TxPvtReadWriteSet) {
	var entries [][]byte
	var codes []byte
	private := map[uint64]*rwset.TxPvtReadWriteSet{}
	for i, tx := range b.Transactions {
		entries = append(entries, m.transaction(tx))
		codes = append(codes, byte(tx.Code))
		if kept := m.private(tx); tx.Valid() && len(kept.NsPvtRwset) > 0 {
			private[uint64(i)] = kept
		}
	}
	return entries, codes, private
}

func (m *maker) private(tx *stubtest.Committed) *rwset.TxPvtReadWriteSet {
	ns := &rwset.NsPvtReadWriteSet{Namespace: tx.Namespace}
	for _, mspID := range m.members {
		if set := tx.PrivateSet("_implicit_org_" + mspID); set != nil {
			ns.CollectionPvtRwset = append(ns.CollectionPvtRwset, &rwset.CollectionPvtReadWriteSet{
				CollectionName: "_implicit_org_" + mspID, Rwset: set,
			})
		}
	}
	if len(ns.CollectionPvtRwset) == 0 {
		return &rwset.TxPvtReadWriteSet{}
	}
	return &rwset.TxPvtReadWriteSet{NsPvtRwset: []*rwset.NsPvtReadWriteSet{ns}}
}

// transaction signs a transaction of the network as on a real one, and moves
// the versions that it read by the blocks that come before.
func (m *maker) transaction(tx *stubtest.Committed) []byte {
	envelope := decode(m.t, tx.Bytes, &common.Envelope{})
	payload := decode(m.t, envelope.Payload, &common.Payload{})
	body := decode(m.t, payload.Data, &peer.Transaction{})
	outer := decode(m.t, body.Actions[0].Payload, &peer.ChaincodeActionPayload{})
	response := decode(m.t, outer.Action.ProposalResponsePayload, &peer.ProposalResponsePayload{})
	action := decode(m.t, response.Extension, &peer.ChaincodeAction{})
	action.ChaincodeId.Version = "1"
	if len(action.Events) > 0 {
		event := decode(m.t, action.Events, &peer.ChaincodeEvent{})
		event.ChaincodeId, event.TxId = tx.Namespace, tx.ID
		action.Events = encode(m.t, event)
	}
	all := decode(m.t, action.Results, &rwset.TxReadWriteSet{})
	for _, ns := range all.NsRwset {
		public := decode(m.t, ns.Rwset, &kvrwset.KVRWSet{})
		for _, r := range public.Reads {
			move(r.Version)
		}
		ns.Rwset = encode(m.t, public)
		for _, coll := range ns.CollectionHashedRwset {
			hashed := decode(m.t, coll.HashedRwset, &kvrwset.HashedRWSet{})
			for _, r := range hashed.HashedReads {
				move(r.Version)
			}
			coll.HashedRwset = encode(m.t, hashed)
		}
	}
	action.Results = encode(m.t, all)
	return m.entry(payload.Header, outer.ChaincodeProposalPayload, action, tx.Endorsers())
}

func move(v *kvrwset.Version) {
	if v != nil {
		v.BlockNum += before
	}
}
