// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command bench measures coupons by themselves, and redemptions through
// RetailerService.Redeem on a network of its own.
//
// Without a flag it prints how large coupons and their QR codes are, and what
// it takes to make and check them beside signatures; -coupons stops there. Then it
// measures a lone customer at the till: redemptions one after the other on the
// idle network, and between them, in the same run, a transaction that writes one
// key and reads nothing, with the same two endorsers.
//
// With -leader it kills the leader of the orderers while customers come at a
// steady rate, starts it again, and then serves as many as the machine can. It
// fails if an acknowledged redemption is not on the ledger.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/hyperledger/fabric-gateway/pkg/client"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/internal/timing"
	"ecoupon/network/runner"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

const (
	gtin     = "09521234543213"
	terms    = `{"format":1,"currency":"EUR","gtins":["` + gtin + `"],"quantity":1,"benefit":{"type":"amount_off","amount":50}}`
	campaign = "bench"
	// warmUp rounds are made and not counted.
	warmUp = 20
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	rounds := flag.Int("rounds", 200, "redemptions, and bare writes, to measure")
	interval := flag.String("interval", "", "block interval of the network, such as 20ms (default: the runner's)")
	coupons := flag.Bool("coupons", false, "measure coupons only, without a network")
	leader := flag.Bool("leader", false, "kill the leader of the orderers under load, then measure full load")
	logs := flag.String("logs", "", "a new directory to keep the logs of all processes in")
	var l load
	flag.IntVar(&l.rate, "rate", 100, "customers a second while the leader is killed")
	flag.DurationVar(&l.full, "full", 2*time.Minute, "how long full load lasts; 0 for none")
	flag.IntVar(&l.tills, "tills", 400, "tills that serve one customer after the other at full load")
	flag.Parse()
	measure := func(ctx context.Context, b *bench) error { return b.lone(ctx, *rounds) }
	if *leader {
		measure = func(ctx context.Context, b *bench) error { return l.run(ctx, b) }
	}
	work := func() error { return run(ctx, options{*interval, *logs}, measure, os.Stdout) }
	if *coupons {
		work = func() error { return measureCoupons(os.Stdout) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are those of the network.
type options struct{ interval, logs string }

func run(ctx context.Context, o options, measure func(context.Context, *bench) error, out io.Writer) error {
	dir, err := os.MkdirTemp("", "ecoupon-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	n, err := start(ctx, dir, o.interval)
	if n != nil {
		defer func() { _ = n.Purge(context.WithoutCancel(ctx)) }()
		if o.logs != "" {
			defer func() { _ = os.CopyFS(o.logs, os.DirFS(filepath.Join(n.StateDir(), "logs"))) }()
		}
	}
	if err != nil {
		return err
	}
	b := &bench{network: n, out: out}
	defer b.close()
	if err := b.open(ctx); err != nil {
		return err
	}
	return measure(ctx, b)
}

// lone measures one redemption after the other, and the bare writes.
func (b *bench) lone(ctx context.Context, rounds int) error {
	if err := measureCoupons(b.out); err != nil {
		return err
	}
	fmt.Fprintln(b.out)
	for i := range warmUp + rounds {
		if err := b.round(ctx, i >= warmUp); err != nil {
			return err
		}
	}
	b.report(b.out)
	return nil
}

// start brings up a network whose chaincode has the bare write, too.
func start(ctx context.Context, dir, interval string) (*runner.Network, error) {
	c := runner.Default()
	if interval != "" {
		c.BlockInterval = interval
	}
	c.StateDir, c.PortBase = filepath.Join(dir, "state"), 0
	c.SamplePerMille = 0 // payments are made up here
	n, err := runner.New(c, os.Stderr)
	if err != nil {
		return nil, err
	}
	program := filepath.Join(dir, "bare")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "ecoupon/network/bench/bare")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the bare chaincode: %w: %s", err, text)
	}
	programs := map[string]string{}
	for _, o := range c.Organisations {
		programs[o.MSPID] = program
	}
	return n, n.Up(ctx, runner.UpOptions{Chaincode: programs})
}

// bench holds the two things measured and how long they took.
type bench struct {
	network    *runner.Network
	out        io.Writer
	desks      []*desk.Desk
	retailer   retailerv1.RetailerServiceClient
	advertiser advertiserv1.AdvertiserServiceClient
	framework  string
	bare       *client.Contract
	gateway    *runner.Connection

	redemptions, writes []time.Duration
}

// sit opens the desk of somebody of an organisation; close closes it.
func (b *bench) sit(organisation, as string) (*desk.Desk, error) {
	d, err := desk.Open(b.network.Folder(organisation, as))
	if err == nil {
		b.desks = append(b.desks, d)
	}
	return d, err
}

func (b *bench) open(ctx context.Context) error {
	issuerDesk, err := b.sit("issuer", "operator")
	if err != nil {
		return err
	}
	issuer, err := issuerDesk.Issuer("")
	if err != nil {
		return err
	}
	till, err := b.sit("retailer", "till-1")
	if err != nil {
		return err
	}
	if b.retailer, err = till.Retailer(""); err != nil {
		return err
	}
	page, err := b.sit("advertiser", "operator")
	if err != nil {
		return err
	}
	if b.advertiser, err = page.Advertiser(""); err != nil {
		return err
	}
	framework, err := desk.Launch{
		Campaign: coupon.Campaign{
			ID: campaign, Version: 1, Product: "Product", Offer: "50 cents off", Terms: terms,
			Kinds: []coupon.Kind{coupon.KindStatic}, Holder: coupon.HolderBearer,
			Begin: time.Now().Add(-time.Minute).UnixMilli(), End: time.Now().Add(24 * time.Hour).UnixMilli(),
		},
		Advertiser: "AdvertiserMSP", Quotas: []int64{1_000_000}, Retailers: []string{"RetailerMSP"},
	}.Do(ctx, issuer)
	if err != nil {
		return err
	}
	b.framework = framework.GetFrameworkId()
	if b.gateway, err = b.network.Connect("retailer", "retailer"); err != nil {
		return err
	}
	b.bare = b.gateway.GetNetwork(b.network.Consortium().Channel).GetContract("coupon-IssuerMSP")
	return b.awaitOffer(ctx)
}

func (b *bench) close() {
	if b.gateway != nil {
		_ = b.gateway.Close()
	}
	for _, d := range b.desks {
		_ = d.Close()
	}
}

// awaitOffer waits until the advertiser has learnt of its mandate.
func (b *bench) awaitOffer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		offers, err := b.advertiser.ListOffers(ctx, &advertiserv1.ListOffersRequest{})
		if err != nil {
			return err
		}
		if len(offers.GetOffers()) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the offer: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// round makes one redemption and one bare write.
func (b *bench) round(ctx context.Context, count bool) error {
	issued, err := b.issue(ctx)
	if err != nil {
		return err
	}
	request := desk.Purchase(gtin, issued)
	start := time.Now()
	if _, err := b.retailer.Redeem(ctx, request); err != nil {
		return fmt.Errorf("redeeming: %w %v", err, desk.Reasons(err))
	}
	redeemed := time.Since(start)

	start = time.Now()
	_, err = b.bare.SubmitWithContext(ctx, "Bare", client.WithArguments(strconv.FormatInt(start.UnixNano(), 10)),
		client.WithEndorsingOrganizations("IssuerMSP", "RetailerMSP"))
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	wrote := time.Since(start)
	if count {
		b.redemptions, b.writes = append(b.redemptions, redeemed), append(b.writes, wrote)
	}
	return nil
}

// issue gets one coupon.
func (b *bench) issue(ctx context.Context) (string, error) {
	issued, err := b.advertiser.IssueCoupon(ctx, &advertiserv1.IssueCouponRequest{RequestId: uuid.NewString(), FrameworkId: b.framework})
	if err != nil {
		return "", fmt.Errorf("issuing: %w %v", err, desk.Reasons(err))
	}
	return issued.GetCoupon(), nil
}

// report prints both side by side, and their ratio.
func (b *bench) report(out io.Writer) {
	slices.Sort(b.redemptions)
	slices.Sort(b.writes)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "one at a time, %d of each, in turn\n", len(b.writes))
	fmt.Fprintln(w, "milliseconds\tmedian\t90 %\t99 %\tmax\t")
	for _, row := range []struct {
		name string
		took []time.Duration
	}{{"redemption through the service", b.redemptions}, {"bare write of one key", b.writes}} {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t\n", row.name,
			timing.Percentile(row.took, 50), timing.Percentile(row.took, 90), timing.Percentile(row.took, 99), timing.Percentile(row.took, 100))
	}
	_ = w.Flush()
	fmt.Fprintf(out, "ratio of the medians: %.2f\n", timing.Percentile(b.redemptions, 50)/timing.Percentile(b.writes, 50))
}
