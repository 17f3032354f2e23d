// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Proposal is what a client asks peers to run.
type Proposal struct {
	Namespace string
	Function  string
	Args      []string
	Transient map[string][]byte
	Creator   Identity
	// Time is the proposal's timestamp; the network's Now if zero.
	Time time.Time
	// Endorsers are the organisations whose peers run it, in that order.
	Endorsers []string
	// Nonce makes the transaction's id, with the creator; random if nil. A
	// proposal that was made elsewhere keeps its id by it.
	Nonce []byte
}

// proposal is a signed proposal with its parts at hand.
type proposal struct {
	txID      string
	namespace string
	args      [][]byte
	transient map[string][]byte
	creator   []byte
	timestamp time.Time
	binding   []byte
	signed    *peer.SignedProposal
	header    *common.Header
	payload   []byte // what the transaction will carry: without the transient data
	hash      []byte
}

// propose makes the signed proposal, in the form that clients send to peers.
func (n *Network) propose(p Proposal) (*proposal, error) {
	if p.Namespace == "" || p.Function == "" || p.Creator.Serialized == nil {
		return nil, errors.New("a proposal needs a namespace, a function and a creator")
	}
	at := p.Time
	if at.IsZero() {
		at = n.cfg.Now()
	}
	nonce := p.Nonce
	if nonce == nil {
		nonce = make([]byte, 24)
		_, _ = rand.Read(nonce) // never fails
	}
	id := sha256.Sum256(slices.Concat(nonce, p.Creator.Serialized))
	binding := sha256.Sum256(slices.Concat(nonce, p.Creator.Serialized, make([]byte, 8)))
	out := &proposal{
		txID:      hex.EncodeToString(id[:]),
		namespace: p.Namespace,
		args:      [][]byte{[]byte(p.Function)},
		transient: p.Transient,
		creator:   p.Creator.Serialized,
		timestamp: at,
		binding:   binding[:],
	}
	for _, arg := range p.Args {
		out.args = append(out.args, []byte(arg))
	}
	if err := out.encode(n.cfg.Channel, nonce); err != nil {
		return nil, fmt.Errorf("encoding a proposal: %w", err)
	}
	digest := sha256.Sum256(out.signed.ProposalBytes)
	signature, err := ecdsa.SignASN1(rand.Reader, p.Creator.Key, digest[:])
	if err != nil {
		return nil, fmt.Errorf("signing a proposal: %w", err)
	}
	out.signed.Signature = signature
	return out, nil
}

func (p *proposal) encode(channel string, nonce []byte) error {
	chaincode := &peer.ChaincodeID{Name: p.namespace}
	extension, err := marshal(&peer.ChaincodeHeaderExtension{ChaincodeId: chaincode})
	if err != nil {
		return err
	}
	channelHeader, err := marshal(&common.ChannelHeader{
		Type:      int32(common.HeaderType_ENDORSER_TRANSACTION),
		TxId:      p.txID,
		Timestamp: timestamppb.New(p.timestamp),
		ChannelId: channel,
		Extension: extension,
	})
	if err != nil {
		return err
	}
	signatureHeader, err := marshal(&common.SignatureHeader{Creator: p.creator, Nonce: nonce})
	if err != nil {
		return err
	}
	input, err := marshal(&peer.ChaincodeInvocationSpec{ChaincodeSpec: &peer.ChaincodeSpec{
		Type: peer.ChaincodeSpec_GOLANG, ChaincodeId: chaincode, Input: &peer.ChaincodeInput{Args: p.args},
	}})
	if err != nil {
		return err
	}
	if p.payload, err = marshal(&peer.ChaincodeProposalPayload{Input: input}); err != nil {
		return err
	}
	full, err := marshal(&peer.ChaincodeProposalPayload{Input: input, TransientMap: p.transient})
	if err != nil {
		return err
	}
	p.header = &common.Header{ChannelHeader: channelHeader, SignatureHeader: signatureHeader}
	header, err := marshal(p.header)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(slices.Concat(channelHeader, signatureHeader, p.payload))
	p.hash = hash[:]
	p.signed = &peer.SignedProposal{}
	p.signed.ProposalBytes, err = marshal(&peer.Proposal{Header: header, Payload: full})
	return err
}

// copyTransient gives each peer a transient map of its own to do with as it
// likes.
func (p *proposal) copyTransient() map[string][]byte {
	out := maps.Clone(p.transient)
	for name, value := range out {
		out[name] = slices.Clone(value)
	}
	return out
}
