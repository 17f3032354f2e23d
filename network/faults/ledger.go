// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/runner"
)

// witness asks one peer, past all services.
type witness struct {
	name     string // of its process
	mspID    string
	contract *client.Contract
	*runner.Connection
}

// witnesses connects to all peers, by their names.
func (s *stage) witnesses() (map[string]witness, error) {
	all := map[string]witness{}
	for _, o := range s.network.Consortium().Organisations {
		for _, name := range o.PeerNames() {
			c, err := s.network.ConnectPeer(name, o.Roles[0])
			if err != nil {
				return all, err
			}
			contract := c.GetNetwork(s.network.Consortium().Channel).GetContract(namespace)
			all[name] = witness{name, o.MSPID, contract, c}
		}
	}
	return all, nil
}

var errNotFound = errors.New("the ledger has no such record")

// ask evaluates a function at the witness' own peer.
func (w witness) ask(ctx context.Context, function string, query, out any) error {
	argument, err := json.Marshal(query)
	if err != nil {
		return err
	}
	answer, err := w.contract.EvaluateWithContext(ctx, function,
		client.WithArguments(string(argument)), client.WithEndorsingOrganizations(w.mspID))
	if err != nil {
		for _, d := range status.Convert(err).Details() {
			if d, ok := d.(*gateway.ErrorDetail); ok {
				if strings.Contains(d.GetMessage(), string(coupon.ReasonNotFound)) {
					return errNotFound
				}
				err = fmt.Errorf("%w: %s", err, d.GetMessage())
			}
		}
		return fmt.Errorf("%s at %s: %w", function, w.name, err)
	}
	return json.Unmarshal(answer, out)
}

// tags computes under which tag the ledger knows each coupon; only with the
// issuer's keys can one.
func (w witness) tags(ctx context.Context, s *stage, issued map[serial]bool) (map[serial]coupon.Tag, error) {
	keys := map[coupon.FrameworkID]coupon.Key{}
	for _, o := range s.offers {
		var result coupon.KeyResult
		err := w.ask(ctx, "CampaignKey", coupon.CampaignRef{Campaign: o.Mandate.Campaign, Version: o.Mandate.Version}, &result)
		if err != nil {
			return nil, err
		}
		keys[o.Framework] = coupon.DeriveSpentKey(result.Key)
	}
	tags := make(map[serial]coupon.Tag, len(issued))
	for s := range issued {
		c := coupon.Coupon{Framework: s.framework, Lane: s.lane, SN: s.sn}
		tags[s] = c.SpentTag(keys[s.framework])
	}
	return tags, nil
}

// markers reads what the ledger knows of the tags.
func (w witness) markers(ctx context.Context, tags map[serial]coupon.Tag) (map[serial]coupon.MarkerEntry, error) {
	var order []serial
	for s := range tags {
		order = append(order, s)
	}
	found := make(map[serial]coupon.MarkerEntry, len(tags))
	for chunk := range slices.Chunk(order, coupon.MaxBatchCoupons) {
		var query coupon.MarkersQuery
		for _, s := range chunk {
			query.Tags = append(query.Tags, tags[s])
		}
		var result coupon.MarkersResult
		if err := w.ask(ctx, "GetMarkers", query, &result); err != nil {
			return nil, err
		}
		if len(result.Markers) != len(chunk) {
			return nil, fmt.Errorf("%d markers were asked for, %d answered", len(chunk), len(result.Markers))
		}
		for i, m := range result.Markers {
			found[chunk[i]] = m
		}
	}
	return found, nil
}
