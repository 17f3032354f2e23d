// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/hyperledger/fabric-gateway/pkg/client"

	"ecoupon/chaincode/coupon"
)

// sold is a coupon that was spent, as the till was told.
type sold struct {
	coupon     coupon.Coupon
	redemption string
}

// sampled is one of how many sales are looked up at the end.
const sampled = 16

// sales keeps some of the sales that were acknowledged.
type sales struct {
	mu    sync.Mutex
	count int
	kept  []sold
}

func (s *sales) add(held []holding, redemption string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count++; s.count%sampled != 0 {
		return
	}
	for _, h := range held {
		s.kept = append(s.kept, sold{h.coupon, redemption})
	}
}

// lookUp fails if a sale that was acknowledged is not on the ledger of every peer.
func (b *bench) lookUp(ctx context.Context) error {
	byForm := make(map[form][]sold)
	for _, s := range b.sales.kept {
		for f, id := range b.frameworks {
			if s.coupon.Framework.String() == id {
				byForm[f] = append(byForm[f], s)
			}
		}
	}
	missing := 0
	for f, some := range byForm {
		n, err := b.lost(ctx, f, some)
		if err != nil {
			return err
		}
		missing += n
	}
	fmt.Fprintf(b.out, "%-12s %d coupons of %d sales looked up at every peer; missing: %d\n", "", len(b.sales.kept), b.sales.count/sampled, missing)
	if missing > 0 {
		return fmt.Errorf("%d acknowledged redemptions are lost", missing)
	}
	return nil
}

// lost counts the acknowledged redemptions of one campaign that a peer does not
// have: its marker of the coupon is not spent, or for another redemption. It asks
// the peers of all organisations, past all services.
func (b *bench) lost(ctx context.Context, f form, sales []sold) (int, error) {
	if err := b.network.AwaitPeers(ctx); err != nil {
		return 0, err
	}
	key, err := b.campaignKey(ctx, f)
	if err != nil {
		return 0, err
	}
	key = coupon.DeriveSpentKey(key)
	missing := make(map[string]bool)
	for _, o := range b.network.Consortium().Organisations {
		peer, err := b.network.Connect(o.Name, o.Roles[0])
		if err != nil {
			return 0, err
		}
		contract := peer.GetNetwork(b.network.Consortium().Channel).GetContract(namespace)
		for chunk := range slices.Chunk(sales, coupon.MaxBatchCoupons) {
			if err := compare(ctx, contract, o.MSPID, key, chunk, missing); err != nil {
				_ = peer.Close()
				return 0, err
			}
		}
		if err := peer.Close(); err != nil {
			return 0, err
		}
	}
	return len(missing), nil
}

// campaignKey is the issuer's secret of a campaign, from which all other keys
// derive.
func (b *bench) campaignKey(ctx context.Context, f form) (coupon.Key, error) {
	peer, err := b.network.Connect("issuer", "issuer")
	if err != nil {
		return coupon.Key{}, err
	}
	defer peer.Close()
	var found coupon.KeyResult
	contract := peer.GetNetwork(b.network.Consortium().Channel).GetContract(namespace)
	err = evaluate(ctx, contract, issuer, "CampaignKey", coupon.CampaignRef{Campaign: campaigns[f].ID + b.run, Version: 1}, &found)
	return found.Key, err
}

// compare adds to missing the redemptions that the peer does not have.
func compare(ctx context.Context, contract *client.Contract, mspID string, key coupon.Key, sales []sold, missing map[string]bool) error {
	var query coupon.MarkersQuery
	for _, s := range sales {
		query.Tags = append(query.Tags, s.coupon.SpentTag(key))
	}
	var found coupon.MarkersResult
	if err := evaluate(ctx, contract, mspID, "GetMarkers", query, &found); err != nil {
		return err
	}
	if len(found.Markers) != len(sales) {
		return fmt.Errorf("%d markers were asked for, %d answered", len(sales), len(found.Markers))
	}
	for i, m := range found.Markers {
		if m.State != coupon.MarkerSpent.String() || m.Redemption.String() != sales[i].redemption {
			missing[sales[i].redemption] = true
		}
	}
	return nil
}

func evaluate(ctx context.Context, contract *client.Contract, mspID, function string, query, out any) error {
	argument, err := json.Marshal(query)
	if err != nil {
		return err
	}
	answer, err := contract.EvaluateWithContext(ctx, function,
		client.WithArguments(string(argument)), client.WithEndorsingOrganizations(mspID))
	if err != nil {
		return fmt.Errorf("asking the peer of %s for %s: %w", mspID, function, err)
	}
	return json.Unmarshal(answer, out)
}
