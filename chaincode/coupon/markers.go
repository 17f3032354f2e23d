// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"encoding/binary"
	"fmt"
)

// MarkerState says what a spent marker stands for.
type MarkerState byte

// States of a marker.
const (
	MarkerSpent MarkerState = 1
	MarkerVoid  MarkerState = 2
)

// String returns "spent", "void" or, of an owner's marker, "transferred".
func (s MarkerState) String() string {
	switch s {
	case MarkerVoid:
		return "void"
	case MarkerTransferred:
		return "transferred"
	default:
		return "spent"
	}
}

// markerSize is version, state, redemption id, batch id and time.
const markerSize = 1 + 1 + 16 + 16 + 8

// Marker is what the ledger knows of a coupon that was spent, under its spent
// tag. It is overwritten, never deleted.
type Marker struct {
	State      MarkerState
	Redemption RedemptionID
	Batch      BatchID
	// Time is the latest of the transaction's time and the presentation's,
	// Unix milliseconds.
	Time int64
}

// Bytes returns 0x01 | state (1) | redemption id (16) | batch id (16) | time (8).
func (m Marker) Bytes() []byte {
	b := make([]byte, 0, markerSize)
	b = append(b, recordFormat, byte(m.State))
	b = append(b, m.Redemption[:]...)
	b = append(b, m.Batch[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(m.Time))
}

// ParseMarker is the inverse of Marker.Bytes.
func ParseMarker(b []byte) (Marker, error) {
	if len(b) != markerSize || b[0] != recordFormat || b[1] < 1 || b[1] > 2 {
		return Marker{}, fmt.Errorf("marker of %d bytes is not of format 1", len(b))
	}
	m := Marker{State: MarkerState(b[1]), Time: int64(binary.BigEndian.Uint64(b[34:]))}
	copy(m.Redemption[:], b[2:18])
	copy(m.Batch[:], b[18:34])
	return m, nil
}

// MarkerTransferred is the state of an owner's marker once the coupon has gone on
// to the next.
const MarkerTransferred MarkerState = 3

// ownerMarkerSize is version, state, time and digest.
const ownerMarkerSize = 1 + 1 + 8 + 32

// OwnerMarker is what the ledger knows of what the owner of one step has done
// with a coupon of a campaign that allows transfers, under the coupon's transfer
// tag for that step: redeemed it, had that undone, or given it on. It is absent
// while the owner just has it.
type OwnerMarker struct {
	State MarkerState
	// Time is the transaction's, of a redemption the latest of that and the
	// presentation's, Unix milliseconds.
	Time int64
	// Digest is the SHA-256 of the transfer; zero in other states.
	Digest Hash
}

// Bytes returns 0x01 | state (1) | time (8) | digest (32).
func (m OwnerMarker) Bytes() []byte {
	b := make([]byte, 0, ownerMarkerSize)
	b = append(b, recordFormat, byte(m.State))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Time))
	return append(b, m.Digest[:]...)
}

// ParseOwnerMarker is the inverse of OwnerMarker.Bytes.
func ParseOwnerMarker(b []byte) (OwnerMarker, error) {
	if len(b) != ownerMarkerSize || b[0] != recordFormat || b[1] < 1 || b[1] > byte(MarkerTransferred) {
		return OwnerMarker{}, fmt.Errorf("owner's marker of %d bytes is not of format 1", len(b))
	}
	m := OwnerMarker{State: MarkerState(b[1]), Time: int64(binary.BigEndian.Uint64(b[2:]))}
	copy(m.Digest[:], b[10:])
	return m, nil
}
