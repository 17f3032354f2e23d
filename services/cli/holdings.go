// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/wallet"
)

func (a *app) walletList(w *walletFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the coupons in the wallet", Args: cobra.NoArgs,
		RunE: a.run(func(context.Context, []string) error {
			opened, _, err := w.open(a)
			if err != nil {
				return err
			}
			holdings, err := opened.Coupons()
			if err != nil {
				return err
			}
			return a.showHoldings(holdings)
		}),
	}
}

func (a *app) showHoldings(holdings []wallet.Holding) error {
	if a.json {
		if holdings == nil {
			holdings = []wallet.Holding{}
		}
		return a.printJSON(map[string]any{"coupons": holdings})
	}
	t := newTable("coupon", "state", "campaign", "holder", "ends", "product", "what it is")
	for _, h := range holdings {
		t.add(h.ID[:shortID], a.state(h), h.Offer.Mandate.Campaign, h.Offer.Holder, a.at(time.UnixMilli(h.Offer.End)),
			h.Offer.Mandate.Product, h.Offer.Mandate.Offer)
	}
	return a.printf("%s", t)
}

func (a *app) state(h wallet.Holding) string {
	if h.Offer.OverAt(a.env.Now()) {
		return string(h.State) + ", over"
	}
	return string(h.State)
}

// held opens the wallet and finds the coupon whose id begins so.
func (a *app) held(w *walletFlags, id string) (*wallet.Wallet, wallet.Holding, error) {
	opened, _, err := w.open(a)
	if err != nil {
		return nil, wallet.Holding{}, err
	}
	holdings, err := opened.Coupons()
	if err != nil {
		return nil, wallet.Holding{}, err
	}
	var found []wallet.Holding
	for _, h := range holdings {
		if strings.HasPrefix(h.ID, id) {
			found = append(found, h)
		}
	}
	switch len(found) {
	case 0:
		return nil, wallet.Holding{}, coupon.Refuse(coupon.ReasonNotFound, "", "the wallet has no coupon whose id begins so")
	case 1:
		return opened, found[0], nil
	default:
		return nil, wallet.Holding{}, usagef("the ids of %d coupons begin with %q", len(found), id)
	}
}

func (a *app) walletShow(w *walletFlags) *cobra.Command {
	return &cobra.Command{
		Use: "show COUPON", Short: "Show one coupon", Args: cobra.ExactArgs(1),
		RunE: a.run(func(_ context.Context, args []string) error {
			opened, h, err := a.held(w, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(h)
			}
			facts := a.holdingFacts(h)
			if expected, err := opened.Expected(h.ID); err == nil {
				facts.add("for the till", fmt.Sprintf("%s %s", expected.Framework, expected.UData))
			}
			return a.printf("%s: %s\n%s", h.ID, a.state(h), facts)
		}),
	}
}

func (a *app) holdingFacts(h wallet.Holding) *facts {
	f := newFacts()
	f.add("product", h.Offer.Mandate.Product)
	f.add("offer", h.Offer.Mandate.Offer)
	f.add("gives", inWords(h.Offer.Terms))
	f.add("gives now", a.givesNow(h))
	f.add("articles", articles(h.Offer.Terms))
	f.add("holder", h.Offer.Holder)
	f.add("begins", a.at(time.UnixMilli(h.Offer.Begin)))
	f.add("ends", a.at(time.UnixMilli(h.Offer.End)))
	f.add("issuer", h.Offer.Mandate.Issuer)
	f.add("emitter", h.Offer.Mandate.Emitter)
	f.add("framework", h.Offer.Framework)
	f.add("asked for", a.at(time.UnixMilli(h.AskedAt)))
	if c, err := coupon.ParseCoupon(h.Coupon); err == nil && c.Kind != coupon.KindStatic {
		f.add("released", fmt.Sprintf("%s in frame %d of lane %d", a.at(time.UnixMilli(c.Release.Time)), c.Release.Frame, c.Lane))
	}
	for _, u := range h.Uses {
		to := ""
		if u.Retailer != "" {
			to = " to " + u.Retailer
		}
		if u.Invoice != "" {
			to += " for payment " + u.Invoice
		}
		f.add("presented", a.at(time.UnixMilli(u.At))+to)
	}
	if h.Offer.MaxTransfers > 0 {
		f.add("handed on", fmt.Sprintf("%d of at most %d times", len(h.Transfers), h.Offer.MaxTransfers))
	}
	if h.Leaving != "" {
		f.add("on its way", "to another wallet; repeat the transfer to learn what became of it")
	}
	f.add("coupon", h.Coupon)
	switch {
	case h.Receipt != nil:
		f.add("frame", "closed "+a.at(time.UnixMilli(h.Receipt.ClosedAt))+" with the log "+h.Receipt.Log.String())
		f.add("receipt", h.Receipt.Text)
	case h.NeedsReceipt:
		f.add("receipt", "needed, and not fetched yet")
	}
	return f
}

// givesNow says what is left of a benefit with a schedule, by the program's
// clock; nothing where there is none, or where only the ledger can tell.
func (a *app) givesNow(h wallet.Holding) string {
	terms, err := h.Offer.ParsedTerms()
	if err != nil || terms.Benefit.Schedule == nil || terms.NeedsDraw() {
		return ""
	}
	c, err := coupon.ParseCoupon(h.Coupon)
	if err != nil {
		return ""
	}
	words := benefitInWords(terms.At(coupon.Moment{
		Now: a.env.Now().UnixMilli(), Begin: h.Offer.Begin, Released: c.Release.Time, Lane: c.Lane, SN: c.SN,
	}))
	return strings.TrimSuffix(words, ",")
}

func (a *app) walletReceipt(w *walletFlags) *cobra.Command {
	var log string
	cmd := &cobra.Command{
		Use: "receipt COUPON", Short: "Get the proof that a dynamic coupon is in its closed frame", Args: cobra.ExactArgs(1),
		Long: "Get the receipt of a dynamic coupon from the advertiser that it came from, check it\n" +
			"and keep it. Tills ask for it where earlier coupons are worth more, or the value\n" +
			"is a random one. The advertiser shows the ledger's record of the frame with it;\n" +
			"with --log-sha256 it must be the one that you have learnt from somebody else.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			var ledger *coupon.Hash
			if log != "" {
				ledger = new(coupon.Hash)
				if err := ledger.UnmarshalText([]byte(log)); err != nil {
					return usagef("--log-sha256: %w", err)
				}
			}
			opened, h, err := a.held(w, args[0])
			if err != nil {
				return err
			}
			h, err = opened.FetchReceipt(ctx, h.ID, ledger)
			if err != nil {
				return unreachable(err)
			}
			if a.json {
				return a.printJSON(h.Receipt)
			}
			return a.printf("%s\n", h.Receipt.Text)
		}),
	}
	cmd.Flags().StringVar(&log, "log-sha256", "", "digest of the frame's log on the ledger, 64 hexadecimal digits")
	return cmd
}

func (a *app) walletPresent(w *walletFlags) *cobra.Command {
	var to wallet.Audience
	cmd := &cobra.Command{
		Use: "present COUPON", Short: "Print what is shown at the till; a presentation is good for two minutes", Args: cobra.ExactArgs(1),
		Long: "Print what is shown at the till: the coupon or, of a bound one, a presentation that\n" +
			"is good for two minutes; and on a second line the coupon's receipt, if it has one.",
		RunE: a.run(func(_ context.Context, args []string) error {
			opened, h, err := a.held(w, args[0])
			if err != nil {
				return err
			}
			text, err := opened.Present(h.ID, to)
			if err != nil {
				return err
			}
			shown := map[string]string{"text": text}
			if h.Receipt != nil {
				shown["receipt"] = h.Receipt.Text
				text += "\n" + h.Receipt.Text
			}
			if a.json {
				return a.printJSON(shown)
			}
			return a.printf("%s\n", text)
		}),
	}
	cmd.Flags().StringVar(&to.Retailer, "retailer", "", "MSP id of the retailer at whose till you are")
	cmd.Flags().StringVar(&to.Invoice, "invoice", "", "number of the payment, where the campaign asks for it")
	return cmd
}

func (a *app) walletForget(w *walletFlags) *cobra.Command {
	return &cobra.Command{
		Use: "forget COUPON", Short: "Remove a coupon and its key, for ever", Args: cobra.ExactArgs(1),
		RunE: a.run(func(_ context.Context, args []string) error {
			opened, h, err := a.held(w, args[0])
			if err != nil {
				return err
			}
			return opened.Forget(h.ID)
		}),
	}
}
