// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"golang.org/x/sync/errgroup"
)

// errNoKey says that an institute has nothing to register.
var errNoKey = errors.New("the institute names no key")

// registerInstitutes has the clearing houses register the institutes' keys with
// each issuer. What was registered before stays as it is, if only that an
// institute was withdrawn: it is for the clearing house to change it.
func (n *Network) registerInstitutes(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for _, issuer := range n.with(Issuer) {
		g.Go(func() error {
			for _, x := range n.consortium.Institutes {
				err := until(ctx, func(ctx context.Context) error { return n.register(ctx, x, issuer, n.partner(issuer)) })
				if err != nil {
					return fmt.Errorf("registering the institute %s with %s: %w", x.Name, issuer.MSPID, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// register asks the institute for its key and registers it, unless the ledger
// knows the institute.
func (n *Network) register(ctx context.Context, x Institute, issuer, house Organisation) error {
	known, err := n.isRegistered(ctx, x, issuer, house)
	if err != nil || known {
		return err
	}
	out, err := n.run(ctx, kindInstitute, "keys", "--as", n.CustomerFolder(house.Name, x.Name, Enquirer))
	if err != nil {
		return err
	}
	var list struct{ Keys []string }
	if err := json.Unmarshal(out, &list); err != nil || len(list.Keys) == 0 {
		return errors.Join(errNoKey, err)
	}
	_, err = n.run(ctx, "coupon", "--as", n.Folder(house.Name, "operator"), "clearing", "register-institute", x.InvoiceName,
		"--issuer", issuer.MSPID, "--key", list.Keys[0])
	return err
}

func (n *Network) isRegistered(ctx context.Context, x Institute, issuer, house Organisation) (bool, error) {
	conn, err := n.connect(house, kindPeer, Clearing)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	query, err := json.Marshal(coupon.InstituteQuery{Institute: x.InvoiceName})
	if err != nil {
		return false, err
	}
	_, err = conn.GetNetwork(n.consortium.Channel).GetContract(issuer.Namespace()).EvaluateWithContext(ctx, "GetInstitute",
		client.WithArguments(string(query)), client.WithEndorsingOrganizations(house.MSPID))
	if refused, ok := refusal(err); ok && refused.Reason == coupon.ReasonNotFound {
		return false, nil
	}
	return err == nil, err
}
