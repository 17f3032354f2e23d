// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

const (
	// onceLabel begins what the nonces of a call with an Once are made of.
	onceLabel = "ecoupon/once/v1"
	// nonceSize is that of the gateway's client.
	nonceSize = 24
	// maxOnce bounds the transactions of one Once: each but the last is invalid.
	maxOnce = 64
	// systemQueries is the peers' own chaincode that answers about transactions, unknownTransaction what it says of one
	// that is in no block.
	systemQueries      = "qscc"
	unknownTransaction = "no such transaction ID"
)

// errCommitted is an endorser's refusal of a transaction whose id is in a block: the own peer will know it, too.
var errCommitted = fmt.Errorf("the transaction is in a block: %w", ErrConflict)

// once finds the first transaction of the call that is not known to be invalid. If it is valid, so that the call has had
// its effect, made is true; else it notes in the call which one is to be proposed.
func (c *Client) once(ctx context.Context, call *Call) (receipt Receipt, made bool, err error) {
	for ; call.number < maxOnce; call.number++ {
		id := c.transactionID(*call)
		committed, err := c.committed(ctx, id)
		if err != nil {
			return Receipt{}, false, fmt.Errorf("looking for transaction %s: %w", id, err)
		}
		if !committed {
			return Receipt{}, false, nil
		}
		receipt, err := c.Status(ctx, id)
		var invalid *Invalid
		switch {
		case err == nil:
			return receipt, true, nil
		case !errors.As(err, &invalid):
			return Receipt{}, false, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return Receipt{}, false, fmt.Errorf("%w: %d transactions of %s are invalid", ErrConflict, maxOnce, call.Function)
}

// committed reports whether the own peer has a transaction in a block, valid or not.
func (c *Client) committed(ctx context.Context, id string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.EvaluateTimeout.Or(defaultEvaluate))
	defer cancel()
	_, err := c.network.GetContract(systemQueries).EvaluateWithContext(ctx, "GetTransactionByID",
		client.WithArguments(c.channel, id), client.WithEndorsingOrganizations(c.mspID))
	if err == nil {
		return true, nil
	}
	for _, answer := range details(err) {
		if strings.Contains(answer.GetMessage(), unknownTransaction) {
			return false, nil
		}
	}
	return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func (c *Client) transactionID(call Call) string {
	sum := sha256.Sum256(slices.Concat(call.nonce(), c.creator))
	return hex.EncodeToString(sum[:])
}

// nonce follows from what the call is for, so that whoever is asked for the same thing makes the same transaction id.
func (c Call) nonce() []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%d", onceLabel, c.Namespace, c.Function, c.Once, c.number))
	return sum[:nonceSize]
}

// named is the proposal with the transaction id that follows from the call's Once.
func (c *Client) named(proposal *client.Proposal, call Call) (*client.Proposal, error) {
	if call.Once == "" {
		return proposal, nil
	}
	return c.headed(proposal, func(proposed *gateway.ProposedTransaction, channel *common.ChannelHeader, signature *common.SignatureHeader) {
		signature.Nonce, channel.TxId = call.nonce(), c.transactionID(call)
		proposed.TransactionId = channel.GetTxId()
	})
}

// headed is the proposal with other headers.
func (c *Client) headed(
	proposal *client.Proposal, change func(*gateway.ProposedTransaction, *common.ChannelHeader, *common.SignatureHeader),
) (*client.Proposal, error) {
	bytes, err := proposal.Bytes()
	if err != nil {
		return nil, err
	}
	var (
		proposed  gateway.ProposedTransaction
		inner     peer.Proposal
		header    common.Header
		channel   common.ChannelHeader
		signature common.SignatureHeader
	)
	if err := proto.Unmarshal(bytes, &proposed); err != nil {
		return nil, err
	}
	if err := errors.Join(
		proto.Unmarshal(proposed.GetProposal().GetProposalBytes(), &inner),
		proto.Unmarshal(inner.GetHeader(), &header),
		proto.Unmarshal(header.GetChannelHeader(), &channel),
		proto.Unmarshal(header.GetSignatureHeader(), &signature),
	); err != nil {
		return nil, fmt.Errorf("reading an own proposal: %w", err)
	}
	change(&proposed, &channel, &signature)
	for _, step := range []struct {
		message proto.Message
		into    *[]byte
	}{
		{&channel, &header.ChannelHeader}, {&signature, &header.SignatureHeader}, {&header, &inner.Header},
		{&inner, &proposed.Proposal.ProposalBytes}, {&proposed, &bytes},
	} {
		if *step.into, err = proto.Marshal(step.message); err != nil {
			return nil, err
		}
	}
	return c.gateway.NewProposal(bytes)
}
