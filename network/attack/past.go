// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
)

// heightsDiffer is what the gateway says when endorsers at different heights
// have computed different results; such a transaction is proposed anew.
const heightsDiffer = "ProposalResponsePayloads do not match"

// step is a transaction or evaluation that a member makes past its services.
type step struct {
	desk.Call
	// by is the member's MSP id, as one of its identities: its service of a role
	// or another.
	by, as string
	// dated is how far the proposal's time is from the clock.
	dated time.Duration
}

// endorsed is a transaction that is ready to be ordered, at any time, with the link
// through which it is.
type endorsed struct {
	*client.Transaction
	link *runner.Connection
}

func (a *arena) contract(link *runner.Connection) *client.Contract {
	return link.GetNetwork(a.network.Consortium().Channel).GetContract(namespace)
}

// evaluate decodes the answer of an evaluation, which must be given.
func (a *arena) evaluate(ctx context.Context, s step, out any) {
	text, err := a.ask(ctx, s)
	if err != nil {
		err = errors.New(desk.Details(err))
	}
	check(err)
	check(json.Unmarshal(text, out))
}

func (a *arena) ask(ctx context.Context, s step) ([]byte, error) {
	options := must(s.Options())
	return a.contract(a.link(s.by, s.as)).EvaluateWithContext(ctx, s.Function, options...)
}

// spy is an evaluation that must be refused.
func (a *arena) spy(ctx context.Context, s step) outcome {
	began := time.Now()
	_, err := a.ask(ctx, s)
	o := refusedBy(err, time.Since(began))
	if reason := reasonIn(o.with); reason != "" {
		o.with, o.by = reason, nameOf(s.Endorsers[0])+"'s peer"
	}
	return o
}

// submit proposes a transaction and has it ordered.
func (a *arena) submit(ctx context.Context, s step) outcome {
	began := time.Now()
	var tx endorsed
	var err error
	eventually(ctx, "the endorsers of "+s.Function+" agree", patience, func() bool {
		tx, err = a.endorse(ctx, s)
		return err == nil || !strings.Contains(desk.Details(err), heightsDiffer)
	})
	if err != nil {
		return refusedBy(err, time.Since(began))
	}
	return a.order(ctx, tx, began)
}

// done is a submit that must succeed.
func (a *arena) done(ctx context.Context, s step) {
	if o := a.submit(ctx, s); o.with != accepted {
		check(fmt.Errorf("%s: %w", s.Function, unexpected(o)))
	}
}

func (a *arena) endorse(ctx context.Context, s step) (endorsed, error) {
	link := a.link(s.by, s.as)
	proposal, err := a.contract(link).NewProposal(s.Function, must(s.Options())...)
	if err != nil {
		return endorsed{}, err
	}
	if s.dated != 0 {
		proposal = must(link.NewProposal(dated(must(proposal.Bytes()), time.Now().Add(s.dated))))
	}
	tx, err := proposal.EndorseWithContext(ctx)
	return endorsed{tx, link}, err
}

// order has an endorsed transaction committed and tells with which code.
func (a *arena) order(ctx context.Context, tx endorsed, began time.Time) outcome {
	result := a.status(ctx, tx)
	o := outcome{with: result.Code.String(), by: "every peer's validation", took: time.Since(began)}
	if result.Code == peer.TxValidationCode_VALID {
		o.with = accepted
	}
	return o
}

// status has an endorsed transaction ordered, and returns what became of it.
func (a *arena) status(ctx context.Context, tx endorsed) *client.Status {
	return must(desk.Send(ctx, tx.link.Gateway, a.network.Consortium().Channel, tx.Transaction))
}

// dated sets the time of a proposal, which its signature does not cover yet.
func dated(bytes []byte, at time.Time) []byte {
	var (
		proposed gateway.ProposedTransaction
		proposal peer.Proposal
		header   common.Header
		channel  common.ChannelHeader
	)
	check(proto.Unmarshal(bytes, &proposed))
	check(proto.Unmarshal(proposed.GetProposal().GetProposalBytes(), &proposal))
	check(proto.Unmarshal(proposal.GetHeader(), &header))
	check(proto.Unmarshal(header.GetChannelHeader(), &channel))
	channel.Timestamp = timestamppb.New(at)
	header.ChannelHeader = must(proto.Marshal(&channel))
	proposal.Header = must(proto.Marshal(&header))
	proposed.Proposal.ProposalBytes = must(proto.Marshal(&proposal))
	proposed.Proposal.Signature = nil
	return must(proto.Marshal(&proposed))
}

// refusedBy says with which reason peers refused, and which.
func refusedBy(err error, took time.Duration) outcome {
	if err == nil {
		return outcome{with: accepted, took: took}
	}
	o := outcome{took: took}
	var by []string
	for _, said := range desk.SaidBy(err) {
		if said.MSPID != "" {
			by = append(by, nameOf(said.MSPID)+"'s")
		}
		if reason := reasonIn(said.Text); reason != "" {
			o.with = reason
		}
	}
	if o.with == "" {
		o.with = status.Convert(err).Message()
	}
	o.by = strings.Join(by, " and ") + " peer"
	return o
}

// reasonIn finds the reason in what a peer's chaincode answered; of a batch that
// of its first refusal.
func reasonIn(text string) string {
	if _, after, found := strings.Cut(text, "chaincode response 500, "); found {
		text = after
	}
	refused, known := coupon.ParseError(text)
	if !known {
		return ""
	}
	var list []coupon.Refusal
	if refused.Reason == coupon.ReasonBatchRefused && json.Unmarshal([]byte(refused.Detail), &list) == nil && len(list) > 0 {
		return string(list[0].Reason)
	}
	return string(refused.Reason)
}
