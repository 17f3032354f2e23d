// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

const (
	// firstPause and longestPause bound the waits between attempts. A block takes some 30 ms.
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
	// sends bounds how often one transaction is handed to the orderers within one Send.
	sends = 3
	// resendAfter is how long the status is waited for before a transaction that the orderers did not accept is
	// handed to them again: several blocks.
	resendAfter = 2 * time.Second
	// statusPause is between two questions for a status that could not be asked.
	statusPause = 100 * time.Millisecond
	// journalTime bounds noting an outcome, which is done even if the caller has gone.
	journalTime = 5 * time.Second
)

// Submit proposes the call, stores the transaction in the journal, sends it, and returns once it is valid on the own
// peer. It proposes anew, with a new transaction and a bounded number of times, what conflicts with other
// transactions and what endorsers at different heights see differently, and once what is outdated; a refusal never,
// unless the call's RetryOn names it. A call with an Once that has had its effect before has none, and the receipt is that of the first time.
//
// Errors: *coupon.Error or *BatchRefusal (refused), ErrConflict (still conflicting after the last attempt), *Invalid
// (invalid for another cause), ErrUnavailable (nothing was sent): the call has had no effect. *UnknownOutcome: it may
// have had its effect.
func (c *Client) Submit(ctx context.Context, call Call) (Receipt, error) {
	renewed := false
	for attempt := 1; ; attempt++ {
		receipt, err := c.submitOnce(ctx, call)
		var invalid *Invalid
		renew := errors.As(err, &invalid) && invalid.Outdated() && !renewed
		if err == nil || !errors.Is(err, ErrConflict) && !renew || attempt >= c.attempts() {
			return receipt, err
		}
		renewed = renewed || renew
		c.logger.DebugContext(ctx, "conflict", "function", call.Function, "attempt", attempt, "error", err)
		if !pause(ctx, attempt) {
			return Receipt{}, err
		}
	}
}

func (c *Client) submitOnce(ctx context.Context, call Call) (Receipt, error) {
	if call.Once != "" {
		if receipt, made, err := c.once(ctx, &call); made || err != nil {
			return receipt, err
		}
	}
	transaction, err := c.Prepare(ctx, call)
	if err != nil {
		return Receipt{}, err
	}
	submission := Submission{
		Transaction: transaction, Namespace: call.Namespace, Function: call.Function, Reference: call.Reference,
	}
	if err := c.journal.Sending(ctx, submission); err != nil {
		return Receipt{}, fmt.Errorf("storing transaction %s: %w", transaction.ID, err)
	}
	receipt, err := c.Send(ctx, transaction)
	if err != nil {
		return Receipt{}, fmt.Errorf("submitting %s in %s: %w", call.Function, call.Namespace, err)
	}
	return receipt, nil
}

// Prepare has the call endorsed and returns the signed transaction without sending it. Whoever calls it must make the
// transaction durable before Send. Its errors are those of Submit that say that nothing was sent.
func (c *Client) Prepare(ctx context.Context, call Call) (Transaction, error) {
	transaction, err := retry(ctx, c.attempts(), call, func() (Transaction, error) { return c.endorse(ctx, call) })
	if call.Certain && lagging(call, err) {
		err = fmt.Errorf("%w: a peer is behind: %v", ErrUnavailable, err) //nolint:errorlint // it is no refusal
	}
	if err != nil {
		return Transaction{}, fmt.Errorf("proposing %s in %s: %w", call.Function, call.Namespace, err)
	}
	return transaction, nil
}

func (c *Client) endorse(ctx context.Context, call Call) (Transaction, error) {
	proposal, err := c.proposal(call)
	if err != nil {
		return Transaction{}, err
	}
	if proposal, err = c.named(proposal, call); err != nil {
		return Transaction{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, call.limit(c.config.EndorseTimeout.Or(defaultEndorse)))
	defer cancel()
	endorsed, err := proposal.EndorseWithContext(ctx)
	if err != nil {
		return Transaction{}, classify(issuerOf(call.Namespace), err)
	}
	return c.signed(endorsed)
}

// signed signs now rather than when sending, so that a transaction that is sent twice is the same bytes twice.
func (c *Client) signed(endorsed *client.Transaction) (Transaction, error) {
	signature, err := c.sign(endorsed.Digest())
	if err != nil {
		return Transaction{}, fmt.Errorf("signing transaction %s: %w", endorsed.TransactionID(), err)
	}
	unsigned, err := endorsed.Bytes()
	if err != nil {
		return Transaction{}, err
	}
	signed, err := c.gateway.NewSignedTransaction(unsigned, signature)
	if err != nil {
		return Transaction{}, err
	}
	bytes, err := signed.Bytes()
	if err != nil {
		return Transaction{}, err
	}
	return Transaction{ID: signed.TransactionID(), Bytes: bytes}, nil
}

// Send hands the transaction to the orderers and waits for its status. What the orderers answer decides nothing: they
// refuse transactions that then commit, so it is always the status that is asked for. Sending the same transaction
// again is safe and returns the same outcome. The outcome is noted in the journal.
//
// Errors: *Invalid (which may be an ErrConflict) or *UnknownOutcome.
func (c *Client) Send(ctx context.Context, transaction Transaction) (Receipt, error) {
	receipt, err := c.send(ctx, transaction)
	outcome := Outcome{Receipt: receipt}
	var invalid *Invalid
	switch {
	case err == nil:
	case errors.As(err, &invalid):
		outcome = Outcome{Receipt: Receipt{TransactionID: transaction.ID}, Invalid: invalid.Code}
	default:
		return Receipt{}, err
	}
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalTime)
	defer cancel()
	if failed := c.journal.Decided(noting, outcome); failed != nil {
		// The outcome is on the ledger: it is learnt again when what is pending is resumed.
		c.logger.ErrorContext(ctx, "noting an outcome", "transaction", transaction.ID, "error", failed)
	}
	c.logger.InfoContext(ctx, "ledger write", "transaction", transaction.ID, "block", receipt.Block, "invalid", outcome.Invalid)
	return receipt, err
}

func (c *Client) send(ctx context.Context, transaction Transaction) (Receipt, error) {
	signed, err := c.gateway.NewTransaction(transaction.Bytes)
	if err != nil {
		return Receipt{}, fmt.Errorf("reading transaction %s: %w", transaction.ID, err)
	}
	for attempt := 1; ; attempt++ {
		refused := c.broadcast(ctx, signed)
		limit := c.config.CommitTimeout.Or(defaultCommit)
		if refused != nil && attempt < sends {
			limit = min(limit, resendAfter)
		}
		receipt, err := c.await(ctx, transaction.ID, limit)
		var unknown *UnknownOutcome
		if !errors.As(err, &unknown) || refused == nil || attempt >= sends || ctx.Err() != nil {
			return receipt, err
		}
		c.logger.WarnContext(ctx, "sending again", "transaction", transaction.ID, "error", refused)
	}
}

func (c *Client) broadcast(ctx context.Context, signed *client.Transaction) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.SubmitTimeout.Or(defaultSubmit))
	defer cancel()
	_, err := signed.SubmitWithContext(ctx)
	return err
}

// Status waits for the status of a transaction, at most as long as the configuration says. Its errors are those of
// Send; a transaction that was never sent has an unknown outcome.
func (c *Client) Status(ctx context.Context, transactionID string) (Receipt, error) {
	return c.await(ctx, transactionID, c.config.CommitTimeout.Or(defaultCommit))
}

func (c *Client) await(ctx context.Context, id string, limit time.Duration) (Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		status, err := c.commitStatus(ctx, id)
		switch {
		case err == nil && status.Successful:
			c.saw(status.BlockNumber)
			return Receipt{TransactionID: id, Block: status.BlockNumber}, nil
		case err == nil && status.Code != peer.TxValidationCode_DUPLICATE_TXID:
			return Receipt{}, &Invalid{TransactionID: id, Code: status.Code.String()}
		case err == nil:
			// The peer has told of a second copy; asked again it looks up the first, which is the one that counts.
			err = errors.New("a copy of the transaction was invalid")
		}
		if !wait(ctx, statusPause) {
			return Receipt{}, &UnknownOutcome{TransactionID: id, Err: err}
		}
	}
}

func (c *Client) commitStatus(ctx context.Context, id string) (*client.Status, error) {
	request, err := proto.Marshal(&gateway.CommitStatusRequest{ChannelId: c.channel, TransactionId: id, Identity: c.creator})
	if err != nil {
		return nil, err
	}
	signed, err := proto.Marshal(&gateway.SignedCommitStatusRequest{Request: request})
	if err != nil {
		return nil, err
	}
	commit, err := c.gateway.NewCommit(signed)
	if err != nil {
		return nil, err
	}
	return commit.StatusWithContext(ctx)
}

// Resume finds out, after a start, what became of the transactions that the journal still has pending, by sending
// each again. Sent late, a transaction is invalid rather than harmful: the ledger checks again all that it has read.
// What remains unknown stays pending and is no error.
func (c *Client) Resume(ctx context.Context) error {
	pending, err := c.journal.Pending(ctx)
	if err != nil {
		return fmt.Errorf("reading the pending transactions: %w", err)
	}
	for _, submission := range pending {
		_, err := c.Send(ctx, submission.Transaction)
		var unknown *UnknownOutcome
		if errors.As(err, &unknown) {
			c.logger.WarnContext(ctx, "still unknown", "transaction", submission.ID, "function", submission.Function, "error", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// creatorOf is the identity in the form in which peers know it.
func creatorOf(id *identity.X509Identity) ([]byte, error) {
	return proto.Marshal(&msp.SerializedIdentity{Mspid: id.MspID(), IdBytes: id.Credentials()})
}

// retry repeats what endorsers see differently only because some are behind.
func retry[T any](ctx context.Context, attempts int, call Call, propose func() (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		result, err := propose()
		if err == nil || attempt >= attempts || !errors.Is(err, errMismatch) && !errors.Is(err, errIncomplete) && !lagging(call, err) {
			return result, err
		}
		if !pause(ctx, attempt) {
			return result, err
		}
	}
}

// pause waits before the attempt after this one: longer each time, and never as long as others that also wait.
func pause(ctx context.Context, attempt int) bool {
	longest := min(longestPause, firstPause<<min(attempt-1, 10))
	return wait(ctx, longest/2+rand.N(longest/2)) //nolint:gosec // nobody gains from knowing the wait
}

// wait returns false if ctx ends first.
func wait(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
