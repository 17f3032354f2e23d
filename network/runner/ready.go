// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"ecoupon/chaincode/coupon"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/status"
)

// awaitEndorsement waits until every peer's gateway gets an answer from every
// organisation's chaincode in every namespace, and until each issuer and the
// clearing house have endorsed a transaction together. It is not submitted.
func (n *Network) awaitEndorsement(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for _, from := range n.consortium.Organisations {
		for _, kind := range from.peers() {
			conn, err := n.connect(from, kind, from.Roles[0])
			if err != nil {
				return err
			}
			defer conn.Close()
			network := conn.GetNetwork(n.consortium.Channel)
			for _, issuer := range n.with(Issuer) {
				contract := network.GetContract(issuer.Namespace())
				for _, to := range n.consortium.Organisations {
					g.Go(func() error { return reaches(ctx, contract, kind+" of "+from.MSPID, to.MSPID) })
				}
				if from.MSPID == issuer.MSPID {
					g.Go(func() error { return n.endorses(ctx, contract, issuer) })
				}
			}
		}
	}
	return g.Wait()
}

// with lists the organisations that hold a role.
func (n *Network) with(role string) []Organisation {
	var found []Organisation
	for _, o := range n.consortium.Organisations {
		if o.HasRole(role) {
			found = append(found, o)
		}
	}
	return found
}

// reaches waits for an answer of the rules at an organisation's peer.
func reaches(ctx context.Context, contract *client.Contract, from, to string) error {
	err := until(ctx, func(ctx context.Context) error {
		_, err := contract.EvaluateWithContext(ctx, "GetParties", client.WithEndorsingOrganizations(to))
		return unlessRefused(err)
	})
	if err != nil {
		return fmt.Errorf("asking %s from the gateway of %s in %s: %w", to, from, contract.ChaincodeName(), explain(err))
	}
	return nil
}

// endorses has the issuer and another organisation, a clearing house, endorse
// the first transaction of a namespace. Later it is refused: the rules judge.
func (n *Network) endorses(ctx context.Context, contract *client.Contract, issuer Organisation) error {
	other := n.partner(issuer)
	argument, err := json.Marshal(map[string]string{"clearing": other.MSPID})
	if err != nil {
		return fmt.Errorf("endorsing in %s: %w", contract.ChaincodeName(), err)
	}
	err = until(ctx, func(ctx context.Context) error {
		proposal, err := contract.NewProposal("SetParties", client.WithArguments(string(argument)),
			client.WithEndorsingOrganizations(issuer.MSPID, other.MSPID))
		if err != nil {
			return err
		}
		_, err = proposal.EndorseWithContext(ctx)
		return unlessRefused(err)
	})
	if err != nil {
		return fmt.Errorf("endorsing in %s: %w", contract.ChaincodeName(), explain(err))
	}
	return nil
}

// partner is a clearing house, another than the issuer where there is one.
func (n *Network) partner(issuer Organisation) Organisation {
	houses := n.with(Clearing)
	for _, o := range houses {
		if o.MSPID != issuer.MSPID {
			return o
		}
	}
	return houses[0]
}

// chaincodeSays stands before what the rules answered, in the gateway's details.
const chaincodeSays = "chaincode response 500, "

// refusal finds the rules' own answer in a gateway's error.
func refusal(err error) (*coupon.Error, bool) {
	for _, detail := range status.Convert(err).Details() {
		d, ok := detail.(*gateway.ErrorDetail)
		if !ok {
			continue
		}
		if text, ok := strings.CutPrefix(d.GetMessage(), chaincodeSays); ok {
			return coupon.ParseError(text)
		}
	}
	return nil, false
}

// unlessRefused keeps an error unless it is a refusal, which proves that the
// rules run.
func unlessRefused(err error) error {
	if _, ok := refusal(err); ok {
		return nil
	}
	return err
}
