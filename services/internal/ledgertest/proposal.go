// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/stubtest"
)

// open reads a signed proposal. Its time becomes that of the clock, as the gateway's client takes the machine's, and
// is as wrong as the client's configuration says.
func (c *Consortium) open(signed *peer.SignedProposal) (stubtest.Proposal, error) {
	var (
		proposal   peer.Proposal
		header     common.Header
		channel    common.ChannelHeader
		signature  common.SignatureHeader
		extension  peer.ChaincodeHeaderExtension
		payload    peer.ChaincodeProposalPayload
		invocation peer.ChaincodeInvocationSpec
	)
	if err := errors.Join(
		proto.Unmarshal(signed.GetProposalBytes(), &proposal),
		proto.Unmarshal(proposal.GetHeader(), &header),
		proto.Unmarshal(header.GetChannelHeader(), &channel),
		proto.Unmarshal(header.GetSignatureHeader(), &signature),
		proto.Unmarshal(channel.GetExtension(), &extension),
		proto.Unmarshal(proposal.GetPayload(), &payload),
		proto.Unmarshal(payload.GetInput(), &invocation),
	); err != nil {
		return stubtest.Proposal{}, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := c.verify(signature.GetCreator(), signed.GetProposalBytes(), signed.GetSignature()); err != nil {
		return stubtest.Proposal{}, err
	}
	arguments := invocation.GetChaincodeSpec().GetInput().GetArgs()
	if len(arguments) == 0 {
		return stubtest.Proposal{}, status.Error(codes.InvalidArgument, "no function")
	}
	opened := stubtest.Proposal{
		Namespace: extension.GetChaincodeId().GetName(), Function: string(arguments[0]),
		Transient: payload.GetTransientMap(), Creator: c.identity(signature.GetCreator()),
		Time: c.Clock.Now().Add(c.limits.ClockOffset), Nonce: signature.GetNonce(),
	}
	for _, argument := range arguments[1:] {
		opened.Args = append(opened.Args, string(argument))
	}
	return opened, nil
}

// verify checks that the creator signed the message.
func (c *Consortium) verify(creator, message, signature []byte) error {
	id := c.identity(creator)
	digest := sha256.Sum256(message)
	if id.Key == nil || !ecdsa.VerifyASN1(&id.Key.PublicKey, digest[:], signature) {
		return status.Error(codes.PermissionDenied, "the creator is unknown or has not signed")
	}
	return nil
}

func (c *Consortium) identity(creator []byte) stubtest.Identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.identities[string(creator)]
}
