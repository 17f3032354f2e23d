// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"regexp"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
)

// ClockSkew is a peer's own refusal of a proposal, before any contract sees it, because its timestamp is too far from
// the peer's clock. It is a *coupon.Error with the same reason that the contract gives.
type ClockSkew struct {
	// Ahead is by how much the proposal was ahead of the peer, to the second; negative if it was behind.
	Ahead time.Duration
	// Peer is the MSP id of the peer's organisation; empty if the gateway's own peer refused.
	Peer string
}

// Error names the clock and the difference.
func (e *ClockSkew) Error() string { return e.refusal().Error() }

// Unwrap lets it be handled as any refusal.
func (e *ClockSkew) Unwrap() error { return e.refusal() }

func (e *ClockSkew) refusal() *coupon.Error {
	whose := "the own peer"
	if e.Peer != "" {
		whose = "the peer of " + e.Peer
	}
	difference, side := e.Ahead, "ahead of"
	if e.Ahead < 0 {
		difference, side = -e.Ahead, "behind"
	}
	return coupon.Refuse(coupon.ReasonClockSkew, "", "the proposer's clock is %s %s the clock of %s", difference, side, whose)
}

// outOfWindow matches what a peer says of a timestamp outside of its time window.
var outOfWindow = regexp.MustCompile(`due to incorrect timestamp (\S+), peer time (\S+),`)

// skewIn returns the refusal of the timestamp by a peer, nil if there is none.
func skewIn(err error, answers []*gateway.ErrorDetail) *ClockSkew {
	for _, answer := range append(answers, &gateway.ErrorDetail{Message: status.Convert(err).Message()}) {
		found := outOfWindow.FindStringSubmatch(answer.GetMessage())
		if found == nil {
			continue
		}
		proposed, bad := time.Parse(time.RFC3339, found[1])
		shown, worse := time.Parse(time.RFC3339, found[2])
		if bad == nil && worse == nil {
			return &ClockSkew{Ahead: proposed.Sub(shown), Peer: answer.GetMspId()}
		}
	}
	return nil
}

// shifted is the proposal with a timestamp as a clock shows it that is wrong by the configured offset.
func (c *Client) shifted(proposal *client.Proposal) (*client.Proposal, error) {
	return c.headed(proposal, func(_ *gateway.ProposedTransaction, channel *common.ChannelHeader, _ *common.SignatureHeader) {
		channel.Timestamp = timestamppb.New(channel.GetTimestamp().AsTime().Add(c.config.ClockOffset))
	})
}
