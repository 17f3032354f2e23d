// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import "slices"

const labelFrameContent = "ecoupon/v1/frame-content"

// MandateStatus says whether a mandate's emitter may go on.
type MandateStatus string

// States of a mandate.
const (
	MandateActive    MandateStatus = "active"
	MandateSuspended MandateStatus = "suspended"
	MandateRevoked   MandateStatus = "revoked"
)

// MandateState is the public changing part of a mandate beside its quotas. A
// mandate without a record is active.
type MandateState struct {
	Format    int           `json:"format"`
	Framework FrameworkID   `json:"framework_id"`
	Status    MandateStatus `json:"status"`
	// Since is the ledger's time of the last change of the status, Unix
	// milliseconds; 0 if there was none.
	Since int64 `json:"since"`
	// LastSNs has the last serial number that is redeemed of each lane, lane 0
	// first: of a revoked mandate, and of a suspended one whose coupons are
	// redeemed up to its last closed frames. Where it is nil on a suspended
	// mandate, none of its coupons is.
	LastSNs []int64 `json:"last_sns,omitempty"`
	// Next is the mandate with the emitter's next key, and Rotated when it was
	// given, Unix milliseconds; nil and 0 before.
	Next    *FrameworkID `json:"next,omitempty"`
	Rotated int64        `json:"rotated,omitempty"`
}

// CheckIssuing refuses to have more coupons given out under the mandate, with
// EMITTER_REVOKED, EMITTER_SUSPENDED or SUPERSEDED.
func (s MandateState) CheckIssuing(field string) error {
	if err := s.CheckStatus(field); err != nil {
		return err
	}
	if s.Next != nil {
		return Refuse(ReasonSuperseded, field, "the mandate's key was rotated; %s goes on", s.Next)
	}
	return nil
}

// CheckStatus is CheckIssuing for what may still be done when the key was
// rotated.
func (s MandateState) CheckStatus(field string) error {
	switch s.Status {
	case MandateRevoked:
		return Refuse(ReasonEmitterRevoked, field, "the mandate is revoked")
	case MandateSuspended:
		return Refuse(ReasonEmitterSuspended, field, "the mandate is suspended")
	default:
		return nil
	}
}

// Ended says that coupons are redeemed up to the last closed frames only.
func (s MandateState) Ended() bool { return s.LastSNs != nil }

// CheckSerial refuses a coupon of a mandate that does not go on: with
// EMITTER_SUSPENDED, or with LANE_ENDED above the last serial number.
func (s MandateState) CheckSerial(lane uint16, sn int64) error {
	switch {
	case s.Status != MandateRevoked && s.Status != MandateSuspended:
		return nil
	case s.Status == MandateSuspended && s.LastSNs == nil:
		return s.CheckStatus("")
	case int(lane) >= len(s.LastSNs):
		return Refuse(ReasonLaneEnded, "", "the lane ended without a closed frame")
	case sn > s.LastSNs[lane]:
		return Refuse(ReasonLaneEnded, "", "the lane ended with serial number %d", s.LastSNs[lane])
	default:
		return nil
	}
}

// Digest is what the ledger publicly knows of a closed frame's content: a hash
// over all of it, the salt included, so that it tells nothing. With it either
// party can show the content to anyone.
func (f FrameContent) Digest() Hash {
	return newEnc(labelFrameContent).bytes(f.Salt[:]).bytes(f.Last[:]).int(f.LastSN).int(f.Count).bytes(f.Root[:]).hash()
}

// LogSize is the number of coupons in the frame's log. Static coupons have no
// entry in it.
func (f FrameContent) LogSize(kind Kind) int64 {
	if kind == KindStatic {
		return 0
	}
	return f.Count
}

// MandateRequest is the argument of RevokeEmitter and ReinstateEmitter.
type MandateRequest struct {
	Framework FrameworkID `json:"framework_id"`
}

// RaiseRequest is the argument of RaiseQuota.
type RaiseRequest struct {
	Framework FrameworkID `json:"framework_id"`
	// Quotas has the new quota of each lane, lane 0 first; lanes may be added.
	Quotas []int64 `json:"quotas"`
}

// Raises says that no quota is below what it was, and one above, or new.
func (r RaiseRequest) Raises(before []int64) bool {
	if len(r.Quotas) < len(before) {
		return false
	}
	for lane, quota := range before {
		if r.Quotas[lane] < quota {
			return false
		}
	}
	return !slices.Equal(r.Quotas, before)
}

// SuspendRequest is the argument of SuspendEmitter.
type SuspendRequest struct {
	Framework FrameworkID `json:"framework_id"`
	// Redeem has coupons of closed frames redeemed all the same.
	Redeem bool `json:"redeem"`
}

// RotateRequest is the argument of RotateKey.
type RotateRequest struct {
	// Framework is the mandate whose key is rotated.
	Framework FrameworkID `json:"framework_id"`
	// Quotas are those of the mandate that follows.
	Quotas []int64 `json:"quotas"`
}

// LaneEnd is where a lane stands on the ledger.
type LaneEnd struct {
	// Open says that the lane was opened; the rest is zero if not.
	Open bool `json:"open"`
	// Frame is the last one that is closed, Content what it was closed with.
	Frame   uint32       `json:"frame"`
	Content FrameContent `json:"content"`
}

// EndsInput is the private input of RevokeEmitter, and of SuspendEmitter where
// coupons are redeemed: the end of each lane, lane 0 first.
type EndsInput struct {
	Ends []LaneEnd `json:"ends"`
}
