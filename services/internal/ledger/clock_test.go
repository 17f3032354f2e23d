// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
)

// What a peer of Fabric 3.1.1 answers in a place where details may be.
//
//nolint:misspell // Fabric's words.
const (
	peerSaysAhead = "request unauthorized due to incorrect timestamp 2026-03-01T12:02:00Z, peer time 2026-03-01T12:00:30Z, " +
		"peer.authentication.timewindow 1m0s"
	peerSaysBehind = "rpc error: code = Unknown desc = request unauthorized due to incorrect timestamp 2026-03-01T11:00:00Z, " +
		"peer time 2026-03-01T12:00:00Z, peer.authentication.timewindow 1m0s"
)

func TestPeersThatRefuseATimestampNameTheClock(t *testing.T) {
	t.Parallel()
	const issuer, retailer = "IssuerMSP", "RetailerMSP"
	for name, c := range map[string]struct {
		err  error
		want *ClockSkew
		text string
	}{
		"in the details": {
			answered(t, codes.Aborted, retailer, peerSaysAhead), &ClockSkew{Ahead: 90 * time.Second, Peer: retailer},
			"CLOCK_SKEW: the proposer's clock is 1m30s ahead of the clock of the peer of RetailerMSP",
		},
		"in the message": {
			status.Error(codes.Unknown, "evaluate call to endorser returned error: "+peerSaysBehind), &ClockSkew{Ahead: -time.Hour},
			"CLOCK_SKEW: the proposer's clock is 1h0m0s behind the clock of the own peer",
		},
		"a contract's refusal counts more": {
			answered(t, codes.Aborted, retailer, peerSaysAhead, issuer, "chaincode response 500, TICK_STALE"), nil, "TICK_STALE",
		},
		"with a time that is none": {
			status.Error(codes.Unknown, "due to incorrect timestamp now, peer time then, window"), nil,
			"the ledger is not available: rpc error: code = Unknown desc = " +
				"due to incorrect timestamp now, peer time then, window",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := classify(issuer, c.err)
			if err.Error() != c.text {
				t.Errorf("got %q, want %q", err, c.text)
			}
			var skew *ClockSkew
			switch found := errors.As(err, &skew); {
			case found != (c.want != nil), found && *skew != *c.want:
				t.Errorf("got %+v, want %+v", skew, c.want)
			}
			if reason, _ := coupon.ReasonOf(err); c.want != nil && reason != coupon.ReasonClockSkew {
				t.Errorf("the reason is %s", reason)
			}
		})
	}
}
