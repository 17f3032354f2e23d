// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/wallet"
)

const (
	// shortID is how much of a coupon's id is printed; that much is enough to
	// name it.
	shortID = 8
	// maxGet bounds the coupons of one command.
	maxGet = 100
)

// walletFlags say which wallet, and which advertiser it gets coupons from.
type walletFlags struct {
	file       string
	advertiser string
	roots      string
	consortium string
}

func (a *app) wallet() *cobra.Command {
	w := new(walletFlags)
	cmd := group("wallet", "Keep coupons, and present them; nobody needs an account for it",
		a.walletOffers(w), a.walletGet(w), a.walletList(w), a.walletShow(w), a.walletReceipt(w), a.walletPresent(w), a.walletForget(w),
		a.walletExpect(w), a.walletAccept(w), a.walletKey(w), a.walletTransfer(w), a.walletTake(w))
	flags := cmd.PersistentFlags()
	flags.StringVar(&w.file, "wallet", "", "the wallet's file (default $COUPON_WALLET, or coupon/wallet.json among your settings)")
	flags.StringVar(&w.advertiser, "advertiser", "", "address of the advertiser, as in https://host:port (default: that of --organisation, or the consortium's only one)")
	flags.StringVar(&w.roots, "roots", "", "PEM file of the authorities trusted for that address (default: the consortium's, or the system's)")
	flags.StringVar(&w.consortium, "consortium", "", "directory of the consortium (default: consortium.json in the folder --as, if given)")
	return cmd
}

// open returns the wallet and the advertiser's address, which is empty where
// none is known.
func (w *walletFlags) open(a *app) (*wallet.Wallet, string, error) {
	path, err := w.path(a)
	if err != nil {
		return nil, "", err
	}
	address, roots, err := w.trusted(a)
	if err != nil {
		return nil, "", usage(err)
	}
	opened, err := wallet.New(wallet.Config{Path: path, Roots: roots, Now: a.env.Now})
	return opened, address, err
}

func (w *walletFlags) path(a *app) (string, error) {
	if w.file != "" {
		return w.file, nil
	}
	if path := a.env.Getenv("COUPON_WALLET"); path != "" {
		return path, nil
	}
	settings, err := os.UserConfigDir()
	if err != nil {
		return "", usagef("name the wallet's file with --wallet: %w", err)
	}
	folder := filepath.Join(settings, "coupon")
	return filepath.Join(folder, "wallet.json"), os.MkdirAll(folder, 0o700)
}

// trusted returns the advertiser's address and whom to trust for it.
func (w *walletFlags) trusted(a *app) (string, *x509.CertPool, error) {
	address, roots, err := w.fromDirectory(a)
	if err != nil {
		return "", nil, err
	}
	if w.advertiser != "" {
		address = w.advertiser
	}
	if w.roots == "" {
		return address, roots, nil
	}
	text, err := os.ReadFile(w.roots)
	if err != nil {
		return "", nil, err
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return "", nil, fmt.Errorf("%s has no certificates", w.roots)
	}
	return address, roots, nil
}

// fromDirectory reads the public directory; no key is touched.
func (w *walletFlags) fromDirectory(a *app) (string, *x509.CertPool, error) {
	path := w.consortium
	if folder := a.credentials(); path == "" && folder != "" {
		path = filepath.Join(folder, "consortium.json")
	}
	if path == "" {
		return "", nil, nil
	}
	directory, err := config.LoadDirectory(path)
	if err != nil {
		return "", nil, err
	}
	roots := x509.NewCertPool()
	var addresses []string
	for _, advertiser := range directory.WithRole(roleAdvertiser) {
		if a.organisation == "" || a.organisation == advertiser.MSPID {
			roots.AppendCertsFromPEM([]byte(advertiser.TLSCA))
			addresses = append(addresses, advertiser.Services[roleAdvertiser].PublicURL)
		}
	}
	if len(addresses) != 1 {
		return "", roots, nil
	}
	return addresses[0], roots, nil
}

func (a *app) walletOffers(w *walletFlags) *cobra.Command {
	return &cobra.Command{
		Use: "offers", Short: "List what the advertiser offers", Args: cobra.NoArgs,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			_, _, offers, err := a.offers(ctx, w)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"offers": offersWithVerdict(offers)})
			}
			t := newTable("offer", "campaign", "holder", "ends", "product", "what it is", "gives")
			for _, o := range offers {
				gives := inWords(o.Terms)
				if r, refused := coupon.ReasonOf(o.Check()); refused {
					gives = string(r) + ": not what the issuer has authorised"
				}
				t.add(o.Framework, o.Mandate.Campaign, o.Holder, a.at(time.UnixMilli(o.End)), o.Mandate.Product, o.Mandate.Offer, gives)
			}
			return a.printf("%s", t)
		}),
	}
}

// offerVerdict is an offer with the reason for which the wallet refuses it.
type offerVerdict struct {
	wallet.Offer
	Refused coupon.Reason `json:"refused,omitempty"`
}

func offersWithVerdict(offers []wallet.Offer) []offerVerdict {
	list := make([]offerVerdict, len(offers))
	for i, o := range offers {
		refused, _ := coupon.ReasonOf(o.Check())
		list[i] = offerVerdict{o, refused}
	}
	return list
}

func (a *app) offers(ctx context.Context, w *walletFlags) (*wallet.Wallet, string, []wallet.Offer, error) {
	opened, address, err := w.open(a)
	if err != nil {
		return nil, "", nil, err
	}
	if address == "" {
		return nil, "", nil, usagef("name the advertiser with --advertiser, or with --organisation one in the consortium's directory, which --consortium or --as names")
	}
	offers, err := opened.Offers(ctx, address)
	return opened, address, offers, unreachable(err)
}

// unreachable lets an advertiser that does not answer be told from a fault.
func unreachable(err error) error {
	var refused *coupon.Error
	if err == nil || errors.As(err, &refused) {
		return err
	}
	return &noAnswer{err}
}

// noAnswer is a question that may simply be asked again.
type noAnswer struct{ err error }

func (n *noAnswer) Error() string { return "the advertiser does not answer: " + n.err.Error() }
func (n *noAnswer) Unwrap() error { return n.err }

func (a *app) walletGet(w *walletFlags) *cobra.Command {
	var count int
	var again bool
	cmd := &cobra.Command{
		Use: "get OFFER", Short: "Get coupons of an offer", Args: cobra.MaximumNArgs(1),
		Long: "Get coupons of an offer: its framework id, the beginning of it, or its campaign.\n" +
			"With --again, get those for which no answer came before.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			if again != (len(args) == 0) || count < 1 || count > maxGet {
				return usagef("name an offer and get 1 to %d coupons, or ask --again", maxGet)
			}
			if again {
				return a.getAgain(ctx, w)
			}
			opened, address, offers, err := a.offers(ctx, w)
			if err != nil {
				return err
			}
			offer, err := choose(offers, args[0])
			if err != nil {
				return err
			}
			var got []wallet.Holding
			for range count {
				holding, err := opened.Get(ctx, address, offer)
				if err != nil {
					return errors.Join(err, a.showHoldings(got))
				}
				got = append(got, holding)
			}
			return a.showHoldings(got)
		}),
	}
	cmd.Flags().IntVar(&count, "count", 1, "how many coupons")
	cmd.Flags().BoolVar(&again, "again", false, "ask again where no answer came")
	return cmd
}

func (a *app) getAgain(ctx context.Context, w *walletFlags) error {
	opened, _, err := w.open(a)
	if err != nil {
		return err
	}
	got, err := opened.Resume(ctx)
	return errors.Join(err, a.showHoldings(got))
}

func choose(offers []wallet.Offer, name string) (wallet.Offer, error) {
	var found []wallet.Offer
	for _, o := range offers {
		if o.Mandate.Campaign == name || strings.HasPrefix(o.Framework.String(), name) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		return wallet.Offer{}, coupon.Refuse(coupon.ReasonNotFound, "", "the advertiser has no offer %q", name)
	case 1:
		return found[0], nil
	default:
		return wallet.Offer{}, usagef("%d offers go by %q; name one by its framework id", len(found), name)
	}
}
