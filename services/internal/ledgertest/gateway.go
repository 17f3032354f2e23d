// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	gatewayv1 "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"ecoupon/chaincode/stubtest"
)

// gateway answers as that of the organisation's peer does: with the same messages, codes and details.
type gateway struct {
	gatewayv1.UnimplementedGatewayServer

	consortium *Consortium
	mspID      string
	conn       *grpc.ClientConn
	ctx        context.Context // ends with the test
	running    sync.WaitGroup

	mu          sync.Mutex
	interrupted chan struct{} // closed and replaced by interrupt
}

// Evaluate runs a proposal on the peer of the organisation that is asked for, which must be named: left to itself a
// gateway asks others when the own peer fails, whoever they are.
func (g *gateway) Evaluate(ctx context.Context, request *gatewayv1.EvaluateRequest) (*gatewayv1.EvaluateResponse, error) {
	var payload []byte
	err := g.step(ctx, StepEvaluate, func() error {
		proposal, err := g.consortium.open(request.GetProposedTransaction())
		if err != nil {
			return err
		}
		if err := g.consortium.faults.hold(ctx, g.mspID, proposal.Function, false); err != nil {
			return err
		}
		targets := request.GetTargetOrganizations()
		if len(targets) == 0 {
			return status.Error(codes.FailedPrecondition, "the test's gateway wants the organisation named")
		}
		proposal.Endorsers = targets[:1]
		if proposal.Namespace == systemQueries {
			return g.lookUp(proposal)
		}
		payload, err = g.consortium.Network.Evaluate(proposal)
		var refused *stubtest.EndorseError
		if errors.As(err, &refused) {
			answer := refusal(refused)
			return failed(codes.Unknown, "evaluate call to endorser returned error: "+answer.GetMessage(), answer)
		}
		if err != nil {
			return failed(codes.Aborted, "failed to evaluate transaction, see attached details for more info",
				&gatewayv1.ErrorDetail{MspId: proposal.Endorsers[0], Message: err.Error()})
		}
		return g.consortium.faults.hold(ctx, g.mspID, proposal.Function, true)
	})
	if err != nil {
		return nil, err
	}
	return &gatewayv1.EvaluateResponse{Result: &peer.Response{Status: 200, Payload: payload}}, nil
}

// systemQueries is the peers' own chaincode for questions about blocks.
const systemQueries = "qscc"

// lookUp answers whether a transaction is in a block. What it is stays out: nobody here reads it.
func (g *gateway) lookUp(proposal stubtest.Proposal) error {
	if proposal.Function != "GetTransactionByID" || len(proposal.Args) != 2 {
		return failed(codes.Unknown, "the test's peer answers GetTransactionByID only")
	}
	if _, found := g.consortium.Network.Status(proposal.Args[1]); found {
		return nil
	}
	message := fmt.Sprintf("chaincode response 500, Failed to get transaction with id %s, error no such transaction ID [%s] in index",
		proposal.Args[1], proposal.Args[1])
	return failed(codes.Unknown, "evaluate call to endorser returned error: "+message,
		&gatewayv1.ErrorDetail{MspId: g.mspID, Message: message})
}

// Endorse runs a proposal on the peers of the endorsing organisations, which must be named: left to itself a gateway
// would choose others than the contract needs.
func (g *gateway) Endorse(ctx context.Context, request *gatewayv1.EndorseRequest) (*gatewayv1.EndorseResponse, error) {
	prepared := new(common.Envelope)
	err := g.step(ctx, StepEndorse, func() error {
		proposal, err := g.consortium.open(request.GetProposedTransaction())
		if err != nil {
			return err
		}
		if err := g.consortium.faults.hold(ctx, g.mspID, proposal.Function, false); err != nil {
			return err
		}
		proposal.Endorsers = request.GetEndorsingOrganizations()
		if len(proposal.Endorsers) == 0 {
			return status.Error(codes.FailedPrecondition, "the test's gateway wants the endorsing organisations named")
		}
		transaction, err := g.consortium.Network.Endorse(proposal)
		if err != nil {
			return failed(codes.Aborted, "failed to collect enough transaction endorsements, see attached details for more info",
				g.complaints(proposal, err)...)
		}
		return proto.Unmarshal(transaction.Bytes, prepared)
	})
	if err != nil {
		return nil, err
	}
	return &gatewayv1.EndorseResponse{PreparedTransaction: prepared}, nil
}

// complaints are the details of an endorsement that failed: those of all endorsers that refuse, as gateways ask all
// of them.
func (g *gateway) complaints(proposal stubtest.Proposal, err error) []*gatewayv1.ErrorDetail {
	var refused *stubtest.EndorseError
	var mismatch *stubtest.MismatchError
	switch {
	case errors.As(err, &mismatch):
		last := mismatch.MSPIDs[len(mismatch.MSPIDs)-1]
		return []*gatewayv1.ErrorDetail{{MspId: last, Message: "ProposalResponsePayloads do not match"}}
	case !errors.As(err, &refused):
		return []*gatewayv1.ErrorDetail{{MspId: proposal.Endorsers[0], Message: err.Error()}}
	}
	found := []*gatewayv1.ErrorDetail{refusal(refused)}
	for _, other := range proposal.Endorsers {
		if other == refused.MSPID {
			continue
		}
		proposal.Endorsers = []string{other}
		var also *stubtest.EndorseError
		if _, err := g.consortium.Network.Endorse(proposal); errors.As(err, &also) {
			found = append(found, refusal(also))
		}
	}
	return found
}

// Submit hands the transaction to the orderer and does not wait for its block.
func (g *gateway) Submit(ctx context.Context, request *gatewayv1.SubmitRequest) (*gatewayv1.SubmitResponse, error) {
	err := g.step(ctx, StepSubmit, func() error {
		bytes, err := proto.Marshal(request.GetPreparedTransaction())
		if err != nil {
			return err
		}
		transaction, err := g.consortium.Network.Open(bytes)
		if err != nil {
			return status.Error(codes.InvalidArgument, err.Error())
		}
		envelope := request.GetPreparedTransaction()
		if err := g.consortium.verify(transaction.Creator, envelope.GetPayload(), envelope.GetSignature()); err != nil {
			return err
		}
		g.running.Go(func() { _, _ = g.consortium.Network.SubmitAndWait(g.ctx, transaction) })
		return nil
	})
	return &gatewayv1.SubmitResponse{}, err
}

// CommitStatus waits until the transaction is in a block.
func (g *gateway) CommitStatus(ctx context.Context, signed *gatewayv1.SignedCommitStatusRequest) (*gatewayv1.CommitStatusResponse, error) {
	response := new(gatewayv1.CommitStatusResponse)
	err := g.step(ctx, StepStatus, func() error {
		request := new(gatewayv1.CommitStatusRequest)
		if err := proto.Unmarshal(signed.GetRequest(), request); err != nil {
			return status.Error(codes.InvalidArgument, err.Error())
		}
		if err := g.consortium.verify(request.GetIdentity(), signed.GetRequest(), signed.GetSignature()); err != nil {
			return err
		}
		result, err := g.consortium.Network.Await(ctx, request.GetTransactionId())
		if err != nil {
			return status.FromContextError(ctx.Err()).Err()
		}
		response.Result, response.BlockNumber = g.consortium.faults.judge(g.mspID, result.Code), result.Block
		return nil
	})
	return response, err
}

// ChaincodeEvents streams the blocks that have events of the chaincode.
func (g *gateway) ChaincodeEvents(signed *gatewayv1.SignedChaincodeEventsRequest, stream gatewayv1.Gateway_ChaincodeEventsServer) error {
	request := new(gatewayv1.ChaincodeEventsRequest)
	if err := proto.Unmarshal(signed.GetRequest(), request); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if err := g.consortium.verify(request.GetIdentity(), signed.GetRequest(), signed.GetSignature()); err != nil {
		return err
	}
	ctx, cancel := g.interruptible(stream.Context())
	defer cancel()
	return g.step(ctx, StepEvents, func() error {
		for number := g.startBlock(request.GetStartPosition()); ; number++ {
			block, err := g.consortium.Network.WaitBlock(ctx, number)
			if err != nil {
				return status.Error(codes.Aborted, "the stream has ended")
			}
			response := &gatewayv1.ChaincodeEventsResponse{BlockNumber: number}
			for _, event := range block.Events(request.GetChaincodeId()) {
				response.Events = append(response.Events, &peer.ChaincodeEvent{
					ChaincodeId: event.Namespace, TxId: event.TxID, EventName: event.Name, Payload: event.Payload,
				})
			}
			if len(response.GetEvents()) == 0 {
				continue
			}
			if err := stream.Send(response); err != nil {
				return err
			}
		}
	})
}

func (g *gateway) startBlock(position *orderer.SeekPosition) uint64 {
	if position.GetSpecified() == nil {
		return g.consortium.Network.Height()
	}
	return position.GetSpecified().GetNumber()
}

// step does the work unless a test has it fail.
func (g *gateway) step(ctx context.Context, step Step, work func() error) error {
	if err := g.consortium.faults.meet(ctx, g.mspID, step, false); err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	return g.consortium.faults.meet(ctx, g.mspID, step, true)
}

// interruptible ends with ctx and with interrupt.
func (g *gateway) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	g.mu.Lock()
	interrupted := g.interrupted
	g.mu.Unlock()
	g.running.Go(func() {
		select {
		case <-interrupted:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, cancel
}

func (g *gateway) interrupt() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.interrupted)
	g.interrupted = make(chan struct{})
}

func refusal(refused *stubtest.EndorseError) *gatewayv1.ErrorDetail {
	return &gatewayv1.ErrorDetail{
		Address: "peer." + refused.MSPID, MspId: refused.MSPID,
		Message: fmt.Sprintf("chaincode response %d, %s", refused.Status, refused.Message),
	}
}

func failed(code codes.Code, text string, details ...*gatewayv1.ErrorDetail) error {
	plain := status.New(code, text)
	list := make([]protoadapt.MessageV1, len(details))
	for i, detail := range details {
		list[i] = protoadapt.MessageV1Of(detail)
	}
	detailed, err := plain.WithDetails(list...)
	if err != nil {
		return plain.Err()
	}
	return detailed.Err()
}
