// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"fmt"
	"strings"
)

// EndorseError is a refusal by chaincode: a response with a status of 400 or
// more. Nothing of such a proposal reaches the ledger.
type EndorseError struct {
	MSPID   string // the organisation whose peer refused
	Status  int32
	Message string // the chaincode's own
}

func (e *EndorseError) Error() string {
	return fmt.Sprintf("endorsement by %s: chaincode response %d, %s", e.MSPID, e.Status, e.Message)
}

// MismatchError says that peers came to different results for one proposal,
// so that no transaction can be made of them.
type MismatchError struct {
	MSPIDs []string // the first endorser, and the one that differs from it
	Detail string   // where they differ
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("ProposalResponsePayloads do not match (%s): %s", strings.Join(e.MSPIDs, ", "), e.Detail)
}

// FaultError is what would have killed a real chaincode process, or made it
// misbehave. It stands even if the chaincode went on.
type FaultError struct {
	MSPID   string
	TxID    string
	Problem string // with the stack if it is a panic
}

func (e *FaultError) Error() string {
	return fmt.Sprintf("chaincode process of %s: %s", e.MSPID, e.Problem)
}
