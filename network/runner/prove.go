// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"

	"github.com/hyperledger/fabric-gateway/pkg/client"
)

const (
	// proofPages bounds the search for a framework to prove with.
	proofPages = 20
	// proofLimit is how long a proof waits for the ledger's clock to go on.
	proofLimit = 10 * time.Second
)

// Prove shows on each issuer's peer that a coupon with wrong MACs is refused
// for them. All of the consortium relies on this verdict, and an issuer's
// chaincode server that took itself for another's would not give it. Where no
// framework could be redeemed now there is nothing to prove.
func (n *Network) Prove(ctx context.Context) error {
	for _, issuer := range n.with(Issuer) {
		if err := n.proveIssuer(ctx, issuer); err != nil {
			return fmt.Errorf("proving the rules of %s: %w", issuer.MSPID, err)
		}
	}
	return nil
}

func (n *Network) proveIssuer(ctx context.Context, issuer Organisation) error {
	conn, err := n.Connect(issuer.Name, Issuer)
	if err != nil {
		return err
	}
	defer conn.Close()
	own := conn.GetNetwork(n.consortium.Channel).GetContract(issuer.Namespace())
	for page, next := 0, ""; page < proofPages; page++ {
		var found coupon.CampaignPage
		if err := evaluate(ctx, own, issuer.MSPID, "ListCampaigns", coupon.PageQuery{Size: coupon.MaxPage, After: next}, &found); err != nil {
			return err
		}
		for _, entry := range found.Campaigns {
			if proved, err := n.proveCampaign(ctx, own, issuer, entry); err != nil || proved {
				return err
			}
		}
		if next = found.Next; next == "" {
			return nil
		}
	}
	return nil
}

// proveCampaign reports whether the campaign could serve as a proof.
func (n *Network) proveCampaign(ctx context.Context, own *client.Contract, issuer Organisation, entry coupon.CampaignEntry) (bool, error) {
	c, now := entry.Campaign, time.Now().UnixMilli()
	if entry.State.Status != coupon.StatusActive || now < c.Begin || now >= c.End {
		return false, nil
	}
	retailers, err := admitted(ctx, own, issuer.MSPID, c)
	if err != nil {
		return false, err
	}
	var frameworks coupon.FrameworkPage
	query := coupon.FrameworksQuery{Campaign: c.ID, Version: c.Version, PageQuery: coupon.PageQuery{Size: coupon.MaxPage}}
	if err := evaluate(ctx, own, issuer.MSPID, "ListFrameworks", query, &frameworks); err != nil {
		return false, err
	}
	// A coupon of another kind would be refused for its frame before its MACs
	// are looked at.
	static := slices.IndexFunc(frameworks.Frameworks, func(f coupon.Framework) bool { return f.Kind == coupon.KindStatic })
	for _, retailer := range n.with(Retailer) {
		if slices.Contains(retailers, retailer.MSPID) && static >= 0 {
			return true, n.proveFramework(ctx, issuer, retailer, c, frameworks.Frameworks[static])
		}
	}
	return false, nil
}

// admitted lists the retailers of a campaign version.
func admitted(ctx context.Context, own *client.Contract, mspID string, c coupon.Campaign) ([]string, error) {
	var all []string
	query := coupon.RetailersQuery{Campaign: c.ID, Version: c.Version, PageQuery: coupon.PageQuery{Size: coupon.MaxPage}}
	for {
		var page coupon.RetailerPage
		if err := evaluate(ctx, own, mspID, "ListRetailers", query, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Retailers...)
		if query.After = page.Next; query.After == "" {
			return all, nil
		}
	}
}

// proveFramework has a retailer show the issuer's peer a forged coupon.
func (n *Network) proveFramework(ctx context.Context, issuer, retailer Organisation, c coupon.Campaign, f coupon.Framework) error {
	forged, err := forge(c, f)
	if err != nil {
		return err
	}
	input, err := json.Marshal(coupon.CheckInput{Sales: []coupon.CheckedSale{{Coupons: coupon.Untagged(forged.Text())}}})
	if err != nil {
		return fmt.Errorf("writing a forged coupon: %w", err)
	}
	conn, err := n.Connect(retailer.Name, Retailer)
	if err != nil {
		return err
	}
	defer conn.Close()
	contract := conn.GetNetwork(n.consortium.Channel).GetContract(issuer.Namespace())
	answer, err := n.judged(ctx, contract, issuer, input)
	if refused, ok := refusal(err); ok && isClock(refused.Reason) {
		fmt.Fprintf(n.out, "nothing proved of %s: %s\n", issuer.MSPID, refused)
		return nil
	}
	if err != nil {
		return explain(err)
	}
	if err := refusedForMAC(answer); err != nil {
		return err
	}
	fmt.Fprintf(n.out, "%s refuses a forged coupon of %s for its MAC\n", issuer.MSPID, c.ID)
	return nil
}

// judged has the issuer's peer check coupons. Where services run it waits for
// the issuer's to set the ledger's clock going again.
func (n *Network) judged(ctx context.Context, contract *client.Contract, issuer Organisation, input []byte) (answer []byte, err error) {
	check := func(ctx context.Context) error {
		answer, err = contract.EvaluateWithContext(ctx, "Check",
			client.WithTransient(map[string][]byte{coupon.TransientKey: input}), client.WithEndorsingOrganizations(issuer.MSPID))
		if refused, ok := refusal(err); ok && isClock(refused.Reason) && !n.options.OnlyFabric {
			return refused
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, proofLimit)
	defer cancel()
	_ = until(ctx, check) // the last answer says all
	return answer, err
}

// isClock holds for refusals that say only that the ledger's clock stands:
// then nothing at all can be redeemed.
func isClock(r coupon.Reason) bool {
	return r == coupon.ReasonTickMissing || r == coupon.ReasonTickStale
}

// forge makes a coupon that is right but for its MACs.
func forge(c coupon.Campaign, f coupon.Framework) (coupon.Coupon, error) {
	forged := coupon.Coupon{Kind: coupon.KindStatic, Framework: f.ID, SN: 1, Bound: c.Holder == coupon.HolderBound}
	if forged.Bound {
		owner, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return forged, fmt.Errorf("forging a coupon: %w", err)
		}
		forged.Owner = coupon.PublicKey(owner)
	}
	for _, mac := range []*coupon.MAC{&forged.MandateMAC, &forged.EmitterMAC} {
		if _, err := rand.Read(mac[:]); err != nil {
			return forged, fmt.Errorf("forging a coupon: %w", err)
		}
	}
	return forged, nil
}

// refusedForMAC accepts one answer only: the forged coupon is refused for its
// MACs, and no tag is given.
func refusedForMAC(answer []byte) error {
	var result coupon.CheckResult
	if err := json.Unmarshal(answer, &result); err != nil {
		return fmt.Errorf("reading the verdict on a forged coupon: %w", err)
	}
	if len(result.Sales) != 1 || len(result.Sales[0].Coupons) != 1 {
		return fmt.Errorf("the verdict on a forged coupon has %d sales", len(result.Sales))
	}
	sale := result.Sales[0]
	if sale.Coupons[0].Tag != nil {
		return fmt.Errorf("a forged coupon was given a spent tag")
	}
	for _, r := range sale.Refused {
		if r.Coupon == 0 && r.Reason == coupon.ReasonWrongMAC {
			return nil
		}
	}
	return fmt.Errorf("a forged coupon is not refused for its MAC: %+v", sale.Refused)
}

// evaluate asks one organisation's peer.
func evaluate(ctx context.Context, contract *client.Contract, mspID, function string, request, result any) error {
	argument, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("asking %s: %w", function, err)
	}
	answer, err := contract.EvaluateWithContext(ctx, function,
		client.WithArguments(string(argument)), client.WithEndorsingOrganizations(mspID))
	if err != nil {
		return fmt.Errorf("asking %s: %w", function, explain(err))
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", function, err)
	}
	return nil
}
