// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"unicode/utf8"
)

const labelMisconduct = "ecoupon/v1/misconduct"

// FrameTolerance is how long after the campaign's greatest frame age a frame
// with coupons may still be closed, and how far a time of release may be ahead
// of the frame's closing, in milliseconds: what clocks may differ by.
const FrameTolerance = 5_000

// Bounds of the time that an emitter is given to answer, in milliseconds.
const (
	MinAnswerTime = 3_600_000
	MaxAnswerTime = 90 * 24 * 3_600_000
)

// MaxStatementBytes bounds what the parties say of misconduct in words.
const MaxStatementBytes = 4000

// MisconductKind is what an emitter is said to have done. Each rests on what the
// emitter itself put on the ledger, or did not: never on a MAC, which the issuer
// could have made as well.
type MisconductKind string

// Kinds of misconduct.
const (
	// LogNotServed: the emitter shows its issuer no log that is the closed
	// frame's.
	LogNotServed MisconductKind = "log_not_served"
	// WrongSerials: an entry of the frame's log has another serial number than
	// its place.
	WrongSerials MisconductKind = "wrong_serials"
	// WrongChain: an entry's link does not follow from the one before it.
	WrongChain MisconductKind = "wrong_chain"
	// WrongTimes: a time of release is before the one before it, or not in the
	// frame.
	WrongTimes MisconductKind = "wrong_times"
	// LateFrame: a frame with coupons was closed later than the campaign's
	// greatest frame age and FrameTolerance allow.
	LateFrame MisconductKind = "late_frame"
	// MissingFrame: a frame is open longer than that.
	MissingFrame MisconductKind = "missing_frame"
)

// MisconductKinds returns all kinds.
func MisconductKinds() []MisconductKind {
	return []MisconductKind{LogNotServed, WrongSerials, WrongChain, WrongTimes, LateFrame, MissingFrame}
}

// Check refuses what is no kind with INVALID_REQUEST.
func (k MisconductKind) Check(field string) error {
	if !slices.Contains(MisconductKinds(), k) {
		return Refuse(ReasonInvalidRequest, field, "not a kind of misconduct")
	}
	return nil
}

// MisconductID names one kind of misconduct in one frame: it is reported once.
type MisconductID [16]byte

// NewMisconductID returns the id, SHA-256[:16] of frame and kind.
func NewMisconductID(ref FrameRef, kind MisconductKind) MisconductID {
	return newEnc(labelMisconduct).bytes(ref.Framework[:]).int(int64(ref.Lane)).int(int64(ref.Frame)).text(string(kind)).hash16()
}

// String returns lower-case hexadecimal.
func (id MisconductID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns lower-case hexadecimal.
func (id MisconductID) MarshalText() ([]byte, error) { return hexText(id[:]) }

// UnmarshalText accepts exactly 32 lower-case hexadecimal digits.
func (id *MisconductID) UnmarshalText(text []byte) error {
	return parseHex(id[:], text, "a misconduct id")
}

// MisconductState is where a report stands.
type MisconductState string

// States of a report.
const (
	MisconductOpen      MisconductState = "open"
	MisconductUpheld    MisconductState = "upheld"
	MisconductWithdrawn MisconductState = "withdrawn"
)

// Misconduct is the public record of a report.
type Misconduct struct {
	Format int          `json:"format"`
	ID     MisconductID `json:"misconduct_id"`
	FrameRef
	Emitter string         `json:"emitter"`
	Kind    MisconductKind `json:"kind"`
	// Evidence is the SHA-256 of the Evidence record.
	Evidence Hash `json:"evidence_sha256"`
	// Reported and Resolved are ledger times, Unix milliseconds; Resolved is 0
	// while the report is open. The emitter can answer before Deadline.
	Reported int64           `json:"reported"`
	Deadline int64           `json:"deadline"`
	State    MisconductState `json:"state"`
	Resolved int64           `json:"resolved"`
}

// Exhibit is an entry of a frame's log with the proof that it is in it.
type Exhibit struct {
	SN   int64 `json:"sn"`
	Time int64 `json:"time"`
	// UData is absent for a static bearer coupon.
	UData   *Hash  `json:"u_data,omitempty"`
	Q       Hash   `json:"q"`
	Receipt string `json:"receipt"`
}

// Entry returns the log's entry.
func (x Exhibit) Entry(lane uint16) Entry {
	e := Entry{Lane: lane, SN: x.SN, Time: x.Time, Q: x.Q}
	if x.UData != nil {
		e.UData = x.UData[:]
	}
	return e
}

// ExhibitOf makes an exhibit of an entry.
func ExhibitOf(e Entry, receipt Receipt) Exhibit {
	x := Exhibit{SN: e.SN, Time: e.Time, Q: e.Q, Receipt: receipt.Text()}
	if len(e.UData) > 0 {
		h := Hash(e.UData)
		x.UData = &h
	}
	return x
}

// Evidence is what issuer and clearing house keep of a report in their
// collections; the emitter is shown it.
type Evidence struct {
	Format int `json:"format"`
	FrameRef
	Kind MisconductKind `json:"kind"`
	EvidenceInput
}

// Record returns the evidence as it is kept: its SHA-256 is on the ledger.
func (e Evidence) Record() ([]byte, error) {
	e.Format = recordFormat
	return json.Marshal(e)
}

// EvidenceInput is the private input of ReportMisconduct.
type EvidenceInput struct {
	// Salt is random, so that the digest tells nothing.
	Salt Hash `json:"salt"`
	// Statement says in words what was found.
	Statement string `json:"statement"`
	// Exhibits are the entries that show it; see CheckEvidence.
	Exhibits []Exhibit `json:"exhibits"`
	// Content is what the frame was closed with, where serial numbers are wrong.
	Content *FrameContent `json:"content,omitempty"`
}

// MisconductRequest is the argument of ReportMisconduct.
type MisconductRequest struct {
	FrameRef
	Kind MisconductKind `json:"kind"`
	// Deadline of the answer, Unix milliseconds.
	Deadline int64 `json:"deadline"`
}

// MisconductQuery names a report.
type MisconductQuery struct {
	ID MisconductID `json:"misconduct_id"`
}

// ResolveRequest is the argument of ResolveMisconduct.
type ResolveRequest struct {
	ID MisconductID `json:"misconduct_id"`
	// State is MisconductUpheld or MisconductWithdrawn.
	State MisconductState `json:"state"`
}

// AnswerInput is the private input of AnswerMisconduct.
type AnswerInput struct {
	Salt      Hash   `json:"salt"`
	Statement string `json:"statement"`
}

// Answer is what emitter and clearing house keep of an answer in their
// collections; the issuer is shown it.
type Answer struct {
	Format int          `json:"format"`
	ID     MisconductID `json:"misconduct_id"`
	// Time is the ledger's, Unix milliseconds.
	Time int64 `json:"time"`
	AnswerInput
}

// MisconductPage is a page of reports; Next is empty on the last.
type MisconductPage struct {
	Misconduct []Misconduct `json:"misconduct"`
	Next       string       `json:"next"`
}

// CheckStatement refuses with INVALID_REQUEST what is not 1 to MaxStatementBytes
// bytes of UTF-8.
func CheckStatement(field, s string) error {
	if s == "" || len(s) > MaxStatementBytes || !utf8.ValidString(s) {
		return Refuse(ReasonInvalidRequest, field, "a statement has 1 to %d bytes of UTF-8", MaxStatementBytes)
	}
	return nil
}
