// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// envelopeParts is a transaction's envelope taken apart.
type envelopeParts struct {
	header          *common.Header
	channelHeader   common.ChannelHeader
	signatureHeader common.SignatureHeader
	proposalPayload []byte
	args            [][]byte
	endorsed        *peer.ChaincodeEndorsedAction
	action          peer.ChaincodeAction
}

// openEnvelope takes an envelope apart and checks that its parts belong
// together.
func openEnvelope(data []byte) (*envelopeParts, error) {
	var (
		env     common.Envelope
		payload common.Payload
		tx      peer.Transaction
		action  peer.ChaincodeActionPayload
		out     = &envelopeParts{}
	)
	if err := errors.Join(proto.Unmarshal(data, &env), proto.Unmarshal(env.Payload, &payload)); err != nil {
		return nil, err
	}
	if payload.Header == nil {
		return nil, errors.New("no header")
	}
	out.header = payload.Header
	if err := errors.Join(
		proto.Unmarshal(payload.Header.ChannelHeader, &out.channelHeader),
		proto.Unmarshal(payload.Header.SignatureHeader, &out.signatureHeader),
		proto.Unmarshal(payload.Data, &tx),
	); err != nil {
		return nil, err
	}
	if len(tx.Actions) != 1 {
		return nil, fmt.Errorf("%d actions, want 1", len(tx.Actions))
	}
	if err := proto.Unmarshal(tx.Actions[0].Payload, &action); err != nil {
		return nil, err
	}
	if action.Action == nil {
		return nil, errors.New("no endorsed action")
	}
	out.proposalPayload, out.endorsed = action.ChaincodeProposalPayload, action.Action
	if err := out.openProposal(); err != nil {
		return nil, err
	}
	return out, out.openResponse()
}

func (p *envelopeParts) openProposal() error {
	var (
		payload    peer.ChaincodeProposalPayload
		invocation peer.ChaincodeInvocationSpec
	)
	if err := errors.Join(
		proto.Unmarshal(p.proposalPayload, &payload), proto.Unmarshal(payload.Input, &invocation),
	); err != nil {
		return err
	}
	p.args = invocation.GetChaincodeSpec().GetInput().GetArgs()
	return nil
}

func (p *envelopeParts) openResponse() error {
	var response peer.ProposalResponsePayload
	if err := errors.Join(
		proto.Unmarshal(p.endorsed.ProposalResponsePayload, &response),
		proto.Unmarshal(response.Extension, &p.action),
	); err != nil {
		return err
	}
	hash := sha256.Sum256(slices.Concat(p.header.ChannelHeader, p.header.SignatureHeader, p.proposalPayload))
	if !slices.Equal(hash[:], response.ProposalHash) {
		return errors.New("the endorsements are of another proposal")
	}
	return nil
}
