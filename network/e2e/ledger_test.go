// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"cmp"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
)

// connect opens a gateway to an organisation's peer as its service, or as
// another of its identities.
func connect(t *testing.T, organisation, as string) *runner.Connection {
	t.Helper()
	c, err := consortium.Connect(organisation, as)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// call is a transaction or evaluation, made past the services.
type call struct {
	namespace string // the issuer's if empty
	function  string
	arguments []string
	input     any
	endorsers []string
}

func (c call) options(t *testing.T) []client.ProposalOption {
	t.Helper()
	return must[[]client.ProposalOption](t)(desk.Call{
		Function: c.function, Arguments: c.arguments, Input: c.input, Endorsers: c.endorsers,
	}.Options())
}

// heightsDiffer is what the gateway says when endorsers at different heights
// have computed different results; such a transaction is proposed anew.
const heightsDiffer = "ProposalResponsePayloads do not match"

// submit returns the validation code that the transaction was committed with;
// an error if it was not endorsed.
func submit(t *testing.T, c *runner.Connection, x call) (peer.TxValidationCode, error) {
	t.Helper()
	var code peer.TxValidationCode
	var refused error
	eventually(t, "the endorsers of "+x.function+" agree", func() bool {
		code, refused = submitOnce(t, c, x)
		return refused == nil || !strings.Contains(details(refused), heightsDiffer)
	})
	return code, refused
}

func submitOnce(t *testing.T, c *runner.Connection, x call) (peer.TxValidationCode, error) {
	t.Helper()
	channel := consortium.Consortium().Channel
	proposal, err := c.GetNetwork(channel).GetContract(cmp.Or(x.namespace, namespace)).NewProposal(x.function, x.options(t)...)
	if err != nil {
		return -1, err
	}
	tx, err := proposal.Endorse()
	if err != nil {
		return -1, err
	}
	status, err := desk.Send(t.Context(), c.Gateway, channel, tx)
	if err != nil {
		return -1, err
	}
	return status.Code, nil
}

// evaluate decodes the answer of an evaluation into out.
func evaluate(t *testing.T, c *runner.Connection, x call, out any) {
	t.Helper()
	contract := c.GetNetwork(consortium.Consortium().Channel).GetContract(cmp.Or(x.namespace, namespace))
	answer, err := contract.Evaluate(x.function, x.options(t)...)
	if err != nil {
		t.Fatalf("%s: %v", x.function, details(err))
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatal(err)
	}
}

// details returns what the endorsers said.
func details(err error) string { return desk.Details(err) }

// argument encodes a public request.
func argument(t *testing.T, request any) []string {
	t.Helper()
	b, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return []string{string(b)}
}

// caughtUp waits until all peers have what was committed: what a test then
// proposes past the services, which would propose it anew, is endorsed by
// others than the one at whose peer the commit was seen.
func caughtUp(t *testing.T) {
	t.Helper()
	if err := consortium.AwaitPeers(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// batchRecord returns the retailer's copy of a redemption's batch.
func batchRecord(t *testing.T, batchID string) (string, coupon.BatchRecord) {
	t.Helper()
	var id coupon.BatchID
	if err := id.UnmarshalText([]byte(batchID)); err != nil {
		t.Fatal(err)
	}
	var result coupon.BatchResult
	evaluate(t, connect(t, "retailer", "retailer"), call{
		function: "GetBatch", arguments: argument(t, coupon.BatchQuery{Batch: id}), endorsers: []string{retailer},
	}, &result)
	var record coupon.BatchRecord
	if err := json.Unmarshal([]byte(result.Record), &record); err != nil {
		t.Fatal(err)
	}
	return result.Record, record
}
