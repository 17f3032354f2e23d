// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// askPeer calls a system chaincode of one peer outside of any channel, which
// the gateway does not do.
func askPeer(ctx context.Context, conn *grpc.ClientConn, as signer, chaincode, function string, args ...[]byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	proposal, err := as.propose(chaincode, append([][]byte{[]byte(function)}, args...))
	if err != nil {
		return nil, fmt.Errorf("proposing %s %s: %w", chaincode, function, err)
	}
	answer, err := peer.NewEndorserClient(conn).ProcessProposal(ctx, proposal)
	if err != nil {
		return nil, fmt.Errorf("calling %s %s: %w", chaincode, function, err)
	}
	if r := answer.GetResponse(); r.GetStatus() < 200 || r.GetStatus() >= 400 {
		return nil, fmt.Errorf("%s %s: status %d: %s", chaincode, function, r.GetStatus(), r.GetMessage())
	}
	return answer.GetResponse().GetPayload(), nil
}

func (s signer) propose(chaincode string, args [][]byte) (*peer.SignedProposal, error) {
	signer, err := s.header()
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(slices.Concat(signer.GetNonce(), signer.GetCreator()))
	cc := &peer.ChaincodeID{Name: chaincode}
	extension, err := proto.Marshal(&peer.ChaincodeHeaderExtension{ChaincodeId: cc})
	if err != nil {
		return nil, err
	}
	channel, err := proto.Marshal(&common.ChannelHeader{
		Type:      int32(common.HeaderType_ENDORSER_TRANSACTION),
		TxId:      hex.EncodeToString(id[:]),
		Timestamp: timestamppb.Now(),
		Extension: extension,
	})
	if err != nil {
		return nil, err
	}
	signature, err := proto.Marshal(signer)
	if err != nil {
		return nil, err
	}
	header, err := proto.Marshal(&common.Header{ChannelHeader: channel, SignatureHeader: signature})
	if err != nil {
		return nil, err
	}
	return s.signProposal(header, cc, args)
}

func (s signer) signProposal(header []byte, cc *peer.ChaincodeID, args [][]byte) (*peer.SignedProposal, error) {
	input, err := proto.Marshal(&peer.ChaincodeInvocationSpec{
		ChaincodeSpec: &peer.ChaincodeSpec{ChaincodeId: cc, Input: &peer.ChaincodeInput{Args: args}},
	})
	if err != nil {
		return nil, err
	}
	payload, err := proto.Marshal(&peer.ChaincodeProposalPayload{Input: input})
	if err != nil {
		return nil, err
	}
	proposal, err := proto.Marshal(&peer.Proposal{Header: header, Payload: payload})
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(proposal)
	signature, err := s.sign(digest[:])
	if err != nil {
		return nil, err
	}
	return &peer.SignedProposal{ProposalBytes: proposal, Signature: signature}, nil
}
