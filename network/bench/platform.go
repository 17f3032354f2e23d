// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/bench/load"
	"ecoupon/network/desk"
)

const (
	// batchSize is how many redemptions a blind write stands for.
	batchSize = 200
	// catchUp is how long a peer may be behind another.
	catchUp = 10 * time.Second
)

// Names of the loads that are compared with.
const (
	onePerTransaction = "one redemption per transaction"
	blindWrite        = "blind batched write"
	emptyTransaction  = "empty transaction"
)

// inFlight are the transactions at a time that are tried: of single redemptions,
// and of whole batches.
var inFlight, batchesInFlight = []int{50, 100, 200}, []int{4, 8, 16}

// single measures the very same redemption, one per transaction: straight to the
// gateway, with the same signatures, tags and records, and without the check and
// the service before it.
func (b *bench) single(ctx context.Context) error {
	key, err := b.campaignKey(ctx, bound)
	if err != nil {
		return err
	}
	spent := coupon.DeriveSpentKey(key)
	for _, n := range inFlight {
		if err := b.fill(ctx, bound, int(b.times.rung.Seconds()*ceiling/4)); err != nil {
			return err
		}
		b.measure(ctx, measurement{
			part: "single", name: onePerTransaction, unit: "coupons", plan: load.Plan{Lasts: b.times.rung, Limit: n},
			work: func(ctx context.Context, _ int) (int, error) {
				held, err := b.purses[bound].take(1)
				if err != nil {
					return 0, err
				}
				call, err := redeemCall(held, spent)
				if err != nil {
					return 0, err
				}
				return 1, b.submit(ctx, call)
			},
		})
	}
	return ctx.Err()
}

// redeemCall is the transaction that redeems coupons, with one invoice for each.
func redeemCall(held []holding, spent coupon.Key) (desk.Call, error) {
	parsed, err := coupon.ParseTerms([]byte(terms))
	if err != nil {
		return desk.Call{}, err
	}
	var in coupon.BatchInput
	rand.Read(in.Salt[:]) // never fails
	for _, h := range held {
		shown, err := h.present(retailer)
		if err != nil {
			return desk.Call{}, err
		}
		request := purchase(shown)
		content, err := proto.Marshal(request)
		if err != nil {
			return desk.Call{}, err
		}
		invoice, basket := request.GetInvoice(), coupon.Basket{Currency: "EUR", Total: request.GetInvoice().GetAmount().GetMinor()}
		for _, l := range request.GetBasket().GetLines() {
			basket.Lines = append(basket.Lines, coupon.Line{GTIN: l.GetGtin(), Quantity: l.GetQuantity(), UnitPrice: l.GetUnitPrice()})
		}
		in.Sales = append(in.Sales, coupon.Sale{
			RequestID: request.GetRequestId(), Request: sha256.Sum256(content), Basket: basket.Strip(parsed),
			Invoice: coupon.Invoice{
				Institute: invoice.GetInstitute(), Number: invoice.GetNumber(), Currency: "EUR",
				Amount: invoice.GetAmount().GetMinor(), PaidAt: invoice.GetPaidTime().AsTime().UnixMilli(),
			},
			Coupons: []coupon.Tendered{{Text: shown, Tag: h.coupon.SpentTag(spent)}},
		})
	}
	return desk.Call{Function: "Redeem", Input: in, Endorsers: []string{issuer, retailer}}, nil
}

// endorse has a transaction endorsed.
func (b *bench) endorse(ctx context.Context, call desk.Call) (*client.Transaction, error) {
	options, err := call.Options()
	if err != nil {
		return nil, err
	}
	proposal, err := b.bare.NewProposal(call.Function, options...)
	if err != nil {
		return nil, err
	}
	return proposal.EndorseWithContext(ctx)
}

// submit takes a transaction from its proposal to its block. Its errors are few.
func (b *bench) submit(ctx context.Context, call desk.Call) error {
	endorsed, err := b.endorse(ctx, call)
	if err != nil {
		if said := desk.SaidBy(err); len(said) > 0 {
			return errors.New("not endorsed: " + said[0].Text)
		}
		return errors.New("not endorsed")
	}
	status, err := desk.Send(ctx, b.gateway.Gateway, b.network.Consortium().Channel, endorsed)
	if err != nil {
		return errors.New("no status")
	}
	if !status.Successful {
		return errors.New("invalid: " + status.Code.String())
	}
	return nil
}

// platform measures what the ledger can do at best: blind writes of as many keys
// and bytes as a batch of redemptions writes, and transactions without any.
func (b *bench) platform(ctx context.Context) error {
	call, err := b.blind(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%-12s a batch of %d redemptions writes %s\n", "", batchSize, call.Arguments[0])
	for _, n := range batchesInFlight {
		b.measure(ctx, measurement{
			part: "blind", name: blindWrite, unit: "coupons", plan: load.Plan{Lasts: b.times.rung, Limit: n},
			work: func(ctx context.Context, _ int) (int, error) { return batchSize, b.submit(ctx, call) },
		})
	}
	for _, n := range inFlight {
		b.measure(ctx, measurement{
			part: "empty", name: emptyTransaction, unit: "transactions", plan: load.Plan{Lasts: b.times.rung, Limit: n},
			work: func(ctx context.Context, _ int) (int, error) {
				return 1, b.submit(ctx, desk.Call{Function: "Empty", Endorsers: call.Endorsers})
			},
		})
	}
	return ctx.Err()
}

// blind is the transaction that writes as much as a batch of redemptions.
func (b *bench) blind(ctx context.Context) (desk.Call, error) {
	shapes, err := b.shapes(ctx)
	if err != nil {
		return desk.Call{}, err
	}
	argument, err := json.Marshal(shapes)
	if err != nil {
		return desk.Call{}, err
	}
	return desk.Call{Function: "Blind", Arguments: []string{string(argument)}, Endorsers: []string{issuer, retailer}}, nil
}

// shape is public keys of one length with values of one length, and how many.
type shape struct {
	Count int `json:"count"`
	Key   int `json:"key"`
	Value int `json:"value"`
}

// shapes has a batch of redemptions endorsed and returns what it would write.
func (b *bench) shapes(ctx context.Context) ([]shape, error) {
	key, err := b.campaignKey(ctx, bound)
	if err != nil {
		return nil, err
	}
	if err := b.fill(ctx, bound, batchSize); err != nil {
		return nil, err
	}
	held, err := b.purses[bound].take(batchSize)
	if err != nil {
		return nil, err
	}
	call, err := redeemCall(held, coupon.DeriveSpentKey(key))
	if err != nil {
		return nil, err
	}
	endorsed, err := b.endorse(ctx, call)
	for began := time.Now(); status.Code(err) == codes.Aborted && time.Since(began) < catchUp; {
		// Both peers read the tick: while one has yet to see that it was rolled, they differ.
		endorsed, err = b.endorse(ctx, call)
	}
	if err != nil {
		return nil, errors.New(desk.Details(err))
	}
	bytes, err := endorsed.Bytes()
	if err != nil {
		return nil, err
	}
	return written(bytes)
}

// written returns what an endorsed transaction writes into public state.
func written(prepared []byte) ([]shape, error) {
	var (
		transaction gateway.PreparedTransaction
		payload     common.Payload
		actions     peer.Transaction
		action      peer.ChaincodeActionPayload
		response    peer.ProposalResponsePayload
		result      peer.ChaincodeAction
		sets        rwset.TxReadWriteSet
	)
	if err := proto.Unmarshal(prepared, &transaction); err != nil {
		return nil, err
	}
	for _, step := range []struct {
		bytes func() []byte
		into  proto.Message
	}{
		{func() []byte { return transaction.GetEnvelope().GetPayload() }, &payload},
		{payload.GetData, &actions},
		{func() []byte { return actions.GetActions()[0].GetPayload() }, &action},
		{func() []byte { return action.GetAction().GetProposalResponsePayload() }, &response},
		{response.GetExtension, &result},
		{result.GetResults, &sets},
	} {
		if err := proto.Unmarshal(step.bytes(), step.into); err != nil {
			return nil, fmt.Errorf("reading a transaction: %w", err)
		}
	}
	counted := make(map[[2]int]int)
	for _, set := range sets.GetNsRwset() {
		var public kvrwset.KVRWSet
		if err := proto.Unmarshal(set.GetRwset(), &public); err != nil {
			return nil, fmt.Errorf("reading a transaction's writes: %w", err)
		}
		for _, w := range public.GetWrites() {
			counted[[2]int{len(w.GetKey()), len(w.GetValue())}]++
		}
	}
	var shapes []shape
	for size, count := range counted {
		shapes = append(shapes, shape{Count: count, Key: size[0], Value: size[1]})
	}
	slices.SortFunc(shapes, func(x, y shape) int { return cmp.Or(y.Count-x.Count, x.Key-y.Key, x.Value-y.Value) })
	if len(shapes) == 0 {
		return nil, errors.New("a batch of redemptions writes nothing")
	}
	return shapes, nil
}
