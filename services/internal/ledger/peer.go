// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"fmt"
	"net/http"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// height asks one peer how many blocks it has: a small question that is answered only by a peer that works.
func (c *Client) height(ctx context.Context, conn grpc.ClientConnInterface) (uint64, error) {
	proposal, err := c.network.GetContract("qscc").NewProposal("GetChainInfo", client.WithArguments(c.channel))
	if err == nil && c.config.ClockOffset != 0 {
		proposal, err = c.shifted(proposal)
	}
	if err != nil {
		return 0, err
	}
	bytes, err := proposal.Bytes()
	if err != nil {
		return 0, err
	}
	var proposed gateway.ProposedTransaction
	if err := proto.Unmarshal(bytes, &proposed); err != nil {
		return 0, err
	}
	if proposed.Proposal.Signature, err = c.sign(proposal.Digest()); err != nil {
		return 0, err
	}
	answer, err := peer.NewEndorserClient(conn).ProcessProposal(ctx, proposed.GetProposal())
	if err != nil {
		return 0, err
	}
	if answer.GetResponse().GetStatus() != http.StatusOK {
		return 0, fmt.Errorf("asking for the height: %s", answer.GetResponse().GetMessage())
	}
	var info common.BlockchainInfo
	if err := proto.Unmarshal(answer.GetResponse().GetPayload(), &info); err != nil {
		return 0, fmt.Errorf("reading the height: %w", err)
	}
	return info.GetHeight(), nil
}

// evaluateAt has one peer evaluate, past its gateway, and answers as the gateway would.
func evaluateAt(ctx context.Context, conn grpc.ClientConnInterface, mspID string, request *gateway.EvaluateRequest, response *gateway.EvaluateResponse, options []grpc.CallOption) error {
	answer, err := peer.NewEndorserClient(conn).ProcessProposal(ctx, request.GetProposedTransaction(), options...)
	if err != nil {
		return err
	}
	said := answer.GetResponse()
	switch {
	case said.GetStatus() >= http.StatusOK && said.GetStatus() < http.StatusBadRequest:
		response.Result = said
		return nil
	case answer.GetPayload() == nil && said.GetStatus() == http.StatusInternalServerError:
		return withDetail(codes.Aborted, mspID, said.GetMessage()) // the peer itself
	default:
		return withDetail(codes.Unknown, mspID, fmt.Sprintf("%s%d, %s", chaincodeAnswer, said.GetStatus(), said.GetMessage()))
	}
}

func withDetail(code codes.Code, mspID, message string) error {
	detailed, err := status.New(code, message).WithDetails(&gateway.ErrorDetail{MspId: mspID, Message: message})
	if err != nil {
		return status.Error(code, message)
	}
	return detailed.Err()
}
