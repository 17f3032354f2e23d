// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import "testing"

// A lane that a mandate was given after its suspension has no closed frame.
func TestLanesEndWithTheirFrames(t *testing.T) {
	t.Parallel()
	revoked := MandateState{Status: MandateRevoked, LastSNs: []int64{5}}
	for _, tt := range []struct {
		lane uint16
		sn   int64
		want Reason
	}{{0, 5, ""}, {0, 6, ReasonLaneEnded}, {1, 1, ReasonLaneEnded}} {
		got, _ := ReasonOf(revoked.CheckSerial(tt.lane, tt.sn))
		if got != tt.want {
			t.Errorf("lane %d, serial number %d: %q, want %q", tt.lane, tt.sn, got, tt.want)
		}
	}
}

// A frame that is closed is not missing, however late it was.
func TestClosedFramesAreNotMissing(t *testing.T) {
	t.Parallel()
	late := Case{Now: 1 << 40, MaxAge: 1000}
	if err := CheckEvidence(MissingFrame, nil, late); err != nil {
		t.Fatalf("open for ever: %v", err)
	}
	late.Closed = &Frame{Time: 1 << 39}
	if got, _ := ReasonOf(CheckEvidence(MissingFrame, nil, late)); got != ReasonNoMisconduct {
		t.Errorf("closed late: %q, want %s", got, ReasonNoMisconduct)
	}
}
