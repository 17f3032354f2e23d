// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package desk

import (
	"context"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// doubtLimit is how long a transaction is waited for that the orderers have
// answered with an error.
const doubtLimit = 10 * time.Second

// Send has an endorsed transaction ordered, and returns its status. What orderers
// answer decides nothing: they refuse transactions that then commit, so the
// status is asked for in any case.
func Send(ctx context.Context, g *client.Gateway, channel string, tx *client.Transaction) (*client.Status, error) {
	commit, refused := tx.SubmitWithContext(ctx)
	if refused == nil {
		return commit.StatusWithContext(ctx)
	}
	id := g.Identity()
	creator, err := proto.Marshal(&msp.SerializedIdentity{Mspid: id.MspID(), IdBytes: id.Credentials()})
	if err != nil {
		return nil, fmt.Errorf("encoding an identity: %w", err)
	}
	request, err := proto.Marshal(&gateway.CommitStatusRequest{ChannelId: channel, TransactionId: tx.TransactionID(), Identity: creator})
	if err != nil {
		return nil, fmt.Errorf("encoding a question: %w", err)
	}
	signed, err := proto.Marshal(&gateway.SignedCommitStatusRequest{Request: request})
	if err != nil {
		return nil, fmt.Errorf("encoding a question: %w", err)
	}
	if commit, err = g.NewCommit(signed); err != nil {
		return nil, fmt.Errorf("asking for a status: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, doubtLimit)
	defer cancel()
	if status, err := commit.StatusWithContext(ctx); err == nil {
		return status, nil
	}
	return nil, refused
}
