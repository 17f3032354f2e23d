// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
)

// ErrUnavailable says that the ledger could not be asked, or not in time, and that nothing was sent to it.
var ErrUnavailable = errors.New("the ledger is not available")

// ErrConflict says that other transactions were faster, as often as the call was proposed. It has no effect; the same
// call may succeed later.
var ErrConflict = errors.New("other transactions were faster")

// errMismatch is a conflict before submission: the endorsers saw different states.
var errMismatch = fmt.Errorf("the endorsers' results differ: %w", ErrConflict)

// errIncomplete says that a peer knows of private data that it has not yet got: it was away, and its organisation's
// other peers have them. Without such it stays so.
var errIncomplete = fmt.Errorf("a peer has not all of its private data: %w", ErrUnavailable)

// Parts of texts by which the gateway's answers are recognised.
const (
	chaincodeAnswer = "chaincode response "
	payloadMismatch = "ProposalResponsePayloads do not match"
	privateMissing  = "private data matching public hash version is not available"
	duplicate       = "duplicate transaction found"
)

// BatchRefusal is the contract's complete list of what is wrong with a batch. Nothing of the batch has an effect.
type BatchRefusal struct {
	Refusals []coupon.Refusal
}

// Error names the first refusal and counts them.
func (e *BatchRefusal) Error() string {
	if len(e.Refusals) == 0 {
		return string(coupon.ReasonBatchRefused)
	}
	first := e.Refusals[0]
	return fmt.Sprintf("%s: %d refusals, the first: redemption %d, coupon %d: %s",
		coupon.ReasonBatchRefused, len(e.Refusals), first.Redemption, first.Coupon, first.Reason)
}

// Unwrap lets a batch's refusal be handled as any refusal.
func (e *BatchRefusal) Unwrap() error {
	return coupon.Refuse(coupon.ReasonBatchRefused, "", "%d refusals", len(e.Refusals))
}

// Invalid is a transaction that the ledger holds and that has no effect. It is an ErrConflict if other transactions
// were the cause, and may be outdated; with any other code, proposing anew leads to the same end.
type Invalid struct {
	TransactionID string
	// Code is the name of the peers' validation code.
	Code string
}

// Error names transaction and code.
func (e *Invalid) Error() string {
	return fmt.Sprintf("transaction %s is invalid: %s", e.TransactionID, e.Code)
}

// Is makes read conflicts match ErrConflict.
func (e *Invalid) Is(target error) bool {
	return target == ErrConflict && slices.Contains(conflictCodes, e.Code)
}

// Outdated says that the peers may have changed since the endorsement: by an upgrade, what was agreed before it may count
// no longer. Proposed anew it may be valid, or is invalid again.
func (e *Invalid) Outdated() bool {
	return slices.Contains(outdatedCodes, e.Code)
}

var outdatedCodes = []string{
	peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE.String(),
	peer.TxValidationCode_EXPIRED_CHAINCODE.String(),
	peer.TxValidationCode_CHAINCODE_VERSION_CONFLICT.String(),
}

var conflictCodes = []string{
	peer.TxValidationCode_MVCC_READ_CONFLICT.String(),
	peer.TxValidationCode_PHANTOM_READ_CONFLICT.String(),
}

// UnknownOutcome says that the transaction was sent, or may have been, and that its status could not be read. It may
// be valid by now. Sending the same transaction again, or asking for its status, gets the truth.
type UnknownOutcome struct {
	TransactionID string
	// Err is what stood in the way.
	Err error
}

// Error names the transaction.
func (e *UnknownOutcome) Error() string {
	return fmt.Sprintf("the outcome of transaction %s is unknown: %v", e.TransactionID, e.Err)
}

// Unwrap returns what stood in the way.
func (e *UnknownOutcome) Unwrap() error {
	return e.Err
}

// classify makes one of this package's errors of an evaluation's or an endorsement's error. A refusal by any endorser
// outranks all else that may be wrong with the others. The code of err is not looked at where details say more: for a
// refusal it is Unknown or Aborted, whatever the reason.
func classify(issuer string, err error) error {
	answers := details(err)
	if refusal := refusalIn(issuer, answers); refusal != nil {
		return refusal
	}
	if skew := skewIn(err, answers); skew != nil {
		return skew
	}
	for _, answer := range answers {
		switch message := answer.GetMessage(); {
		case strings.Contains(message, payloadMismatch):
			return errMismatch
		case strings.Contains(message, duplicate):
			return errCommitted
		}
	}
	for _, answer := range answers {
		if strings.Contains(answer.GetMessage(), privateMissing) {
			return fmt.Errorf("%w: %s", errIncomplete, answer.GetMspId())
		}
	}
	for _, answer := range answers {
		if strings.HasPrefix(answer.GetMessage(), chaincodeAnswer) {
			return fmt.Errorf("the contract at %s failed: %w", answer.GetMspId(), err)
		}
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
		return err
	default:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
}

func details(err error) []*gateway.ErrorDetail {
	var found []*gateway.ErrorDetail
	for _, detail := range status.Convert(err).Details() {
		if detail, ok := detail.(*gateway.ErrorDetail); ok {
			found = append(found, detail)
		}
	}
	return found
}

// refusalIn returns the refusal among the endorsers' answers. Where several refuse, the issuer's peer is heard first,
// as only it can read the keys; the order of the others is fixed too. Lists of refused coupons are joined.
func refusalIn(issuer string, answers []*gateway.ErrorDetail) error {
	slices.SortStableFunc(answers, func(a, b *gateway.ErrorDetail) int {
		if (a.GetMspId() == issuer) != (b.GetMspId() == issuer) {
			if a.GetMspId() == issuer {
				return -1
			}
			return 1
		}
		return strings.Compare(a.GetMspId(), b.GetMspId())
	})
	var first *coupon.Error
	var batch *BatchRefusal
	for _, answer := range answers {
		refusal := parseRefusal(answer.GetMessage())
		if refusal == nil {
			continue
		}
		if first == nil {
			first = refusal
		}
		if list := parseBatch(refusal); list != nil {
			batch = batch.join(list)
		}
	}
	switch {
	case first == nil:
		return nil
	case first.Reason == coupon.ReasonBatchRefused && batch != nil:
		return batch
	default:
		return first
	}
}

// parseRefusal reads "chaincode response 500, REASON: field: detail". It is nil for any other text, and for reasons
// that this release does not know.
func parseRefusal(message string) *coupon.Error {
	answer, found := strings.CutPrefix(message, chaincodeAnswer)
	if !found {
		return nil
	}
	_, text, found := strings.Cut(answer, ", ")
	if !found {
		return nil
	}
	refusal, known := coupon.ParseError(text)
	if !known {
		return nil
	}
	return refusal
}

// parseBatch reads the list in a batch's refusal. It is nil for other refusals, and for a list that cannot be read.
func parseBatch(refusal *coupon.Error) *BatchRefusal {
	var list []coupon.Refusal
	if refusal.Reason != coupon.ReasonBatchRefused {
		return nil
	}
	if json.Unmarshal([]byte(refusal.Detail), &list) == nil && len(list) > 0 {
		return &BatchRefusal{Refusals: list}
	}
	return nil
}

// join returns the refusals of both; where both judge the same coupon, the first is kept.
func (e *BatchRefusal) join(other *BatchRefusal) *BatchRefusal {
	if e == nil {
		return other
	}
	type place struct{ redemption, coupon int }
	known := make(map[place]bool)
	for _, refusal := range e.Refusals {
		known[place{refusal.Redemption, refusal.Coupon}] = true
	}
	joined := &BatchRefusal{Refusals: slices.Clone(e.Refusals)}
	for _, refusal := range other.Refusals {
		if !known[place{refusal.Redemption, refusal.Coupon}] {
			joined.Refusals = append(joined.Refusals, refusal)
		}
	}
	slices.SortStableFunc(joined.Refusals, func(a, b coupon.Refusal) int {
		if a.Redemption != b.Redemption {
			return a.Redemption - b.Redemption
		}
		return a.Coupon - b.Coupon
	})
	return joined
}

// lagging reports whether the refusal is one that the call expects of a peer that is a block behind. What is refused of
// the entries of a batch is for the caller.
func lagging(call Call, err error) bool {
	reason, refused := coupon.ReasonOf(err)
	return refused && slices.Contains(call.RetryOn, reason)
}
