// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/runner"
)

const (
	// sold is how many sales are watched, slowed by how much more than without
	// the foreign transactions a member may be later than others with one.
	sold   = 15
	slowed = 2 * time.Second
)

// What a member puts into blocks without the endorsements it needs, or with
// private data that nobody was ever given, holds up no other member: those
// whose collections it names go on with the blocks as they come, like the shop,
// whose collection is not named.
func TestForeignTransactionsDoNotSlowOthers(t *testing.T) {
	o := launch(t, coupon.HolderBearer, nil)
	alone := lag(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	flood := foreign{from: connect(t, "advertiser", "advertiser"), codes: map[string]int{}}
	var running sync.WaitGroup
	for _, kind := range foreignKinds {
		running.Go(func() { flood.run(ctx, t, kind) })
	}
	eventually(t, "foreign transactions are in blocks", func() bool { return t.Failed() || flood.all() })
	flooded := lag(t, o)
	cancel()
	running.Wait()
	t.Logf("a member had a sale at most %s after the shop, and %s among %v", alone, flooded, flood.codes)
	if flooded > alone+slowed {
		t.Errorf("a member had a sale %s after the shop, %s without the foreign transactions", flooded, alone)
	}
}

// lag sells, and returns how much later than the shop's peer any of the others
// had a sale in its state.
func lag(t *testing.T, o offer) time.Duration {
	t.Helper()
	reference := connect(t, "shop", "auditor")
	victims := []*runner.Connection{
		connect(t, "issuer", "auditor"), connect(t, "retailer", "auditor"), connect(t, "clearing", "auditor"),
	}
	longest := time.Duration(0)
	for range sold {
		sale := request(o.show(t, retailer))
		id := coupon.NewRedemptionID(retailer, sale.GetRequestId())
		var watching sync.WaitGroup
		var first time.Time
		last := make([]time.Time, len(victims))
		watching.Go(func() { first = await(t, reference, id) })
		for i, victim := range victims {
			watching.Go(func() { last[i] = await(t, victim, id) })
		}
		redeem(t, sale)
		watching.Wait()
		for _, at := range last {
			longest = max(longest, at.Sub(first))
		}
	}
	return longest.Round(time.Millisecond)
}

// await returns when the peer has the redemption.
func await(t *testing.T, at *runner.Connection, id coupon.RedemptionID) time.Time {
	t.Helper()
	ask := argument(t, coupon.RedemptionQuery{Redemption: id})
	contract := at.GetNetwork(consortium.Consortium().Channel).GetContract(namespace)
	for began := time.Now(); ; {
		_, err := contract.Evaluate("FindRedemption", client.WithArguments(ask...), client.WithEndorsingOrganizations(at.MSPID))
		if err == nil {
			return time.Now()
		}
		if time.Since(began) > patience {
			t.Errorf("%s has the sale: not within %s: %v", at.MSPID, patience, err)
			return time.Now()
		}
		<-time.After(50 * time.Millisecond)
	}
}

// foreignKind is a sort of transaction that is not as it should be.
type foreignKind struct {
	name       string
	collection string
	endorsers  []string
	// unknown makes the private data some of which there is only a hash.
	unknown bool
}

var foreignKinds = []foreignKind{
	{"unendorsed, into the issuer's collection", issuer, []string{advertiser}, false},
	{"unendorsed, into the retailer's collection, data unknown", retailer, []string{advertiser}, true},
	{"half-endorsed, into the clearing house's collection", clearing, []string{retailer, advertiser}, false},
	{"half-endorsed, into the issuer's collection, data unknown", issuer, []string{retailer, advertiser}, true},
	{"into the own collection, data unknown", advertiser, []string{advertiser}, true},
	{"into the own collection", advertiser, []string{advertiser}, false},
}

// foreign sends such transactions.
type foreign struct {
	from *runner.Connection

	mu    sync.Mutex
	codes map[string]int // how many of each kind are in blocks, with their code
	kinds map[string]bool
}

// all says whether there is a transaction of each kind in a block.
func (f *foreign) all() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.kinds) == len(foreignKinds)
}

// run sends one kind, one after the other, until ctx ends.
func (f *foreign) run(ctx context.Context, t *testing.T, kind foreignKind) {
	for i := 0; ctx.Err() == nil; i++ {
		code, err := f.send(context.WithoutCancel(ctx), kind, i)
		var unsure *client.SubmitError
		if errors.As(err, &unsure) {
			// Orderers refuse transactions that they have already: nothing is known of it.
			continue
		}
		if err != nil {
			t.Errorf("%s: %s", kind.name, details(err))
			return
		}
		valid := kind.collection == advertiser && !kind.unknown
		if valid != (code == peer.TxValidationCode_VALID) {
			t.Errorf("%s: committed with %s", kind.name, code)
		}
		f.mu.Lock()
		if f.kinds == nil {
			f.kinds = map[string]bool{}
		}
		f.kinds[kind.name] = true
		f.codes[code.String()]++
		f.mu.Unlock()
		// It is the others' waiting that is measured, not the machine's load.
		<-time.After(pace)
	}
}

func (f *foreign) send(ctx context.Context, kind foreignKind, i int) (peer.TxValidationCode, error) {
	contract := f.from.GetNetwork(consortium.Consortium().Channel).GetContract(namespace)
	proposal, err := contract.NewProposal("Write",
		client.WithArguments("_implicit_org_"+kind.collection, fmt.Sprintf("foreign/%s/%d", kind.name, i), "01"),
		client.WithEndorsingOrganizations(kind.endorsers...))
	if err != nil {
		return -1, err
	}
	transaction, err := proposal.EndorseWithContext(ctx)
	if err != nil {
		return -1, err
	}
	if kind.unknown {
		bytes, err := transaction.Bytes()
		if err != nil {
			return -1, err
		}
		if bytes, err = withUnknownData(bytes); err != nil {
			return -1, err
		}
		if transaction, err = f.from.NewTransaction(bytes); err != nil {
			return -1, err
		}
	}
	commit, err := transaction.SubmitWithContext(ctx)
	if err != nil {
		return -1, err
	}
	status, err := commit.StatusWithContext(ctx)
	if err != nil {
		return -1, err
	}
	return status.Code, nil
}

// withUnknownData replaces the hashes of a transaction's private data by others
// that no data has. Its endorsements do not fit any more.
func withUnknownData(bytes []byte) ([]byte, error) {
	var (
		prepared gateway.PreparedTransaction
		payload  common.Payload
		tx       peer.Transaction
		action   peer.ChaincodeActionPayload
		response peer.ProposalResponsePayload
		result   peer.ChaincodeAction
		sets     rwset.TxReadWriteSet
	)
	for _, step := range []struct {
		bytes   func() []byte
		message proto.Message
	}{
		{func() []byte { return bytes }, &prepared},
		{func() []byte { return prepared.GetEnvelope().GetPayload() }, &payload},
		{payload.GetData, &tx},
		{func() []byte { return tx.GetActions()[0].GetPayload() }, &action},
		{func() []byte { return action.GetAction().GetProposalResponsePayload() }, &response},
		{response.GetExtension, &result},
		{result.GetResults, &sets},
	} {
		if err := proto.Unmarshal(step.bytes(), step.message); err != nil {
			return nil, err
		}
	}
	for _, set := range sets.GetNsRwset() {
		for _, collection := range set.GetCollectionHashedRwset() {
			collection.PvtRwsetHash = make([]byte, sha256.Size)
			_, _ = rand.Read(collection.PvtRwsetHash)
		}
	}
	prepared.Envelope.Signature = nil
	for _, step := range []struct {
		message proto.Message
		into    *[]byte
	}{
		{&sets, &result.Results}, {&result, &response.Extension}, {&response, &action.Action.ProposalResponsePayload},
		{&action, &tx.Actions[0].Payload}, {&tx, &payload.Data}, {&payload, &prepared.Envelope.Payload},
	} {
		made, err := proto.Marshal(step.message)
		if err != nil {
			return nil, err
		}
		*step.into = made
	}
	return proto.Marshal(&prepared)
}
