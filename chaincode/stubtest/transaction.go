// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// Transaction is an endorsed proposal, ready to be ordered. Private values are
// no part of it: the network keeps them for the members until it is committed.
// Its fields are for reading; validation goes by what Bytes said when the
// transaction was made or opened.
type Transaction struct {
	ID        string
	Namespace string
	Creator   []byte // serialised identity
	Time      time.Time
	Args      [][]byte // the function first
	Response  *peer.Response
	// Bytes is the envelope that goes into a block: everything about the
	// transaction that the whole channel can read, for ever.
	Bytes []byte

	event     *peer.ChaincodeEvent
	set       *writeSet
	endorsers []string // sorted
}

// Endorsers returns the organisations whose endorsement the transaction has.
func (t *Transaction) Endorsers() []string { return slices.Clone(t.endorsers) }

// responsePayload is what an endorser signs: the proposal's hash and all of
// the outcome that is public.
func (p *proposal) responsePayload(out *outcome) ([]byte, error) {
	results, err := out.set.encode()
	if err != nil {
		return nil, err
	}
	action := &peer.ChaincodeAction{
		Results: results, Response: out.response, ChaincodeId: &peer.ChaincodeID{Name: p.namespace},
	}
	if out.event != nil {
		if action.Events, err = marshal(out.event); err != nil {
			return nil, fmt.Errorf("encoding the event: %w", err)
		}
	}
	extension, err := marshal(action)
	if err != nil {
		return nil, fmt.Errorf("encoding the response: %w", err)
	}
	return marshal(&peer.ProposalResponsePayload{ProposalHash: p.hash, Extension: extension})
}

// assemble makes the transaction of an outcome on which all endorsers agree.
func (n *Network) assemble(prop *proposal, out *outcome, views []view) (*Transaction, error) {
	tx := &Transaction{
		ID: prop.txID, Namespace: prop.namespace, Creator: prop.creator, Time: prop.timestamp, Args: prop.args,
		Response: out.response, event: out.event, set: out.set,
	}
	endorsed := &peer.ChaincodeEndorsedAction{ProposalResponsePayload: out.payload}
	for _, v := range views {
		tx.endorsers = append(tx.endorsers, v.peer.mspID)
		endorsed.Endorsements = append(endorsed.Endorsements, &peer.Endorsement{
			Endorser: v.peer.peer.Serialized, Signature: n.endorsement(v.peer.peer.Serialized, out.payload),
		})
	}
	slices.Sort(tx.endorsers)
	var err error
	if tx.Bytes, err = envelope(prop, endorsed); err != nil {
		return nil, fmt.Errorf("encoding a transaction: %w", err)
	}
	if len(out.private) > 0 {
		n.mu.Lock()
		if n.transient[tx.ID] == nil {
			n.transient[tx.ID] = privateValues{}
		}
		maps.Copy(n.transient[tx.ID], out.private)
		n.mu.Unlock()
	}
	return tx, nil
}

func envelope(prop *proposal, endorsed *peer.ChaincodeEndorsedAction) ([]byte, error) {
	action, err := marshal(&peer.ChaincodeActionPayload{ChaincodeProposalPayload: prop.payload, Action: endorsed})
	if err != nil {
		return nil, err
	}
	data, err := marshal(&peer.Transaction{Actions: []*peer.TransactionAction{
		{Header: prop.header.SignatureHeader, Payload: action},
	}})
	if err != nil {
		return nil, err
	}
	payload, err := marshal(&common.Payload{Header: prop.header, Data: data})
	if err != nil {
		return nil, err
	}
	return marshal(&common.Envelope{Payload: payload})
}

// endorsement stands for a peer's signature: only the network can make it.
func (n *Network) endorsement(endorser, payload []byte) []byte {
	mac := hmac.New(sha256.New, n.secret)
	mac.Write(endorser)
	mac.Write(payload)
	return mac.Sum(nil)
}

// Open reads a transaction from its Bytes, as the orderer and peers do with
// what a client sends. Endorsements that are not of this network's peers, or
// of something else than the results, do not count.
func (n *Network) Open(data []byte) (*Transaction, error) {
	parts, err := openEnvelope(data)
	if err != nil {
		return nil, fmt.Errorf("opening a transaction: %w", err)
	}
	tx := &Transaction{
		ID: parts.channelHeader.TxId, Namespace: parts.action.ChaincodeId.GetName(),
		Creator: parts.signatureHeader.Creator, Time: parts.channelHeader.Timestamp.AsTime(),
		Args: parts.args, Response: parts.action.Response, Bytes: bytes.Clone(data),
	}
	if len(parts.action.Events) > 0 {
		tx.event = &peer.ChaincodeEvent{}
		if err := proto.Unmarshal(parts.action.Events, tx.event); err != nil {
			return nil, fmt.Errorf("opening a transaction: %w", err)
		}
	}
	if tx.set, err = decodeWriteSet(parts.action.Results); err != nil {
		return nil, fmt.Errorf("opening a transaction: %w", err)
	}
	for _, e := range parts.endorsed.Endorsements {
		want := n.endorsement(e.Endorser, parts.endorsed.ProposalResponsePayload)
		if !hmac.Equal(want, e.Signature) {
			continue
		}
		if mspID, err := n.member(e.Endorser); err == nil && !slices.Contains(tx.endorsers, mspID) {
			tx.endorsers = append(tx.endorsers, mspID)
		}
	}
	slices.Sort(tx.endorsers)
	return tx, nil
}

// Without returns the transaction as a client would send it that leaves out
// the endorsements of some organisations.
func (n *Network) Without(tx *Transaction, mspIDs ...string) (*Transaction, error) {
	parts, err := openEnvelope(tx.Bytes)
	if err != nil {
		return nil, fmt.Errorf("opening a transaction: %w", err)
	}
	parts.endorsed.Endorsements = slices.DeleteFunc(parts.endorsed.Endorsements, func(e *peer.Endorsement) bool {
		mspID, err := n.member(e.Endorser)
		return err == nil && slices.Contains(mspIDs, mspID)
	})
	prop := &proposal{header: parts.header, payload: parts.proposalPayload}
	data, err := envelope(prop, parts.endorsed)
	if err != nil {
		return nil, fmt.Errorf("encoding a transaction: %w", err)
	}
	return n.Open(data)
}
