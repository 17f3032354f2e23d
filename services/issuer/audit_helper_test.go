// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
	"ecoupon/services/issuer"
)

// frameAge is the greatest of the audited campaign.
const frameAge = time.Minute

// altered is an advertiser's service that shows the logs that it wants to.
type altered struct {
	advertiserv1.UnimplementedAdvertiserServiceServer

	mu   sync.Mutex
	logs map[coupon.FrameRef][]coupon.Entry
	// opened has the sales of frames of purchase proofs.
	opened map[coupon.FrameRef][]coupon.Opening
}

func (a *altered) show(ref coupon.FrameRef, log []coupon.Entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.logs[ref] = slices.Clone(log)
}

// GetLog has two entries on a page.
func (a *altered) GetLog(_ context.Context, r *advertiserv1.GetLogRequest) (*advertiserv1.GetLogResponse, error) {
	ref := coupon.FrameRef{Lane: uint16(r.GetLane()), Frame: uint32(r.GetFrame())}
	if err := ref.Framework.UnmarshalText([]byte(r.GetFrameworkId())); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	log, found := a.logs[ref]
	if !found {
		return nil, status.Error(codes.Internal, "there is none")
	}
	begin, _ := strconv.Atoi(r.GetPageToken())
	response := new(advertiserv1.GetLogResponse)
	for _, e := range log[begin:min(begin+2, len(log))] {
		response.Entries = append(response.Entries, &advertiserv1.LogEntry{
			Sn: e.SN, ReleaseTime: timestamppb.New(time.UnixMilli(e.Time)), UData: e.UData, Q: e.Q[:],
		})
	}
	if begin+2 < len(log) {
		response.NextPageToken = strconv.Itoa(begin + 2)
	}
	return response, nil
}

// customer gives the audit coupons in a customer's place.
type customer struct {
	mu    sync.Mutex
	given []coupon.Coupon
	err   error
}

// Fetch gives the next coupon.
func (c *customer) Fetch(context.Context, string, coupon.FrameworkID) (coupon.Coupon, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return coupon.Coupon{}, c.err
	}
	if len(c.given) == 0 {
		return coupon.Coupon{}, coupon.Refuse(coupon.ReasonSoldOut, "", "there are none")
	}
	next := c.given[0]
	c.given = c.given[1:]
	return next, nil
}

// audited is an issuer that audits an advertiser played by the test.
type audited struct {
	desk
	*campaigntest.Lane
	service  *altered
	customer *customer
	u        byte
}

func newAudited(t *testing.T) *audited {
	t.Helper()
	return newAuditedBy(t, func(*issuer.Options) {})
}

func newAuditedBy(t *testing.T, change func(*issuer.Options)) *audited {
	t.Helper()
	return newAuditedOf(t, change, campaigntest.Options{
		ID: "audited", Kind: coupon.KindDynamic, Terms: decaying, MaxFrameAge: frameAge,
	})
}

func newAuditedOf(t *testing.T, change func(*issuer.Options), campaign campaigntest.Options) *audited {
	t.Helper()
	c := ledgertest.New(t, ledgertest.Options{})
	a := &audited{service: &altered{logs: make(map[coupon.FrameRef][]coupon.Entry), opened: make(map[coupon.FrameRef][]coupon.Opening)}, customer: new(customer)}
	service := c.Serve(t, servetest.AdvertiserMSP, serve.Options{
		Config: serve.Config{Allow: map[string][]string{"GetLog": {"service@any"}, "GetOpenings": {"service@any"}}},
		Register: func(to grpc.ServiceRegistrar) {
			advertiserv1.RegisterAdvertiserServiceServer(to, a.service)
		},
	})
	for _, o := range c.Directory.Organisations {
		if o.MSPID == servetest.AdvertiserMSP {
			o.Services[config.RoleAdvertiser] = config.Service{Address: service.Address, ServerName: "localhost", PublicURL: "https://localhost"}
		}
	}
	a.desk = startChanged(t, c, filepath.Join(t.TempDir(), "issuer.db"), func(o *issuer.Options) {
		o.Customer, o.Audit.Interval = a.customer, 10*time.Millisecond
		change(o)
	})
	eventually(t, func() error { return ready(t, c) })
	a.Lane = campaigntest.Publish(t, c, campaign).OpenLane(t, 0)
	return a
}

// release releases a coupon a second later.
func (a *audited) release() coupon.Coupon {
	a.consortium.Clock.Advance(time.Second)
	a.u++
	return a.Release(coupon.PublicKey{a.u})
}

// close closes the frame, and shows its log.
func (a *audited) close(t *testing.T) coupon.FrameRef {
	t.Helper()
	ref := a.Frame
	a.service.show(ref, a.Log)
	a.roll(t)
	a.Close(t)
	return ref
}

// pass lets time pass.
func (a *audited) pass(t *testing.T, d time.Duration) {
	t.Helper()
	a.consortium.Clock.Advance(d)
	a.roll(t)
}

// roll has the tick rolled if it is due.
func (a *audited) roll(t *testing.T) {
	t.Helper()
	eventually(t, func() error {
		var tick coupon.Tick
		err := a.consortium.For(t, servetest.IssuerMSP).Evaluate(t.Context(), ledger.Call{Namespace: namespace, Function: "GetTick"}, &tick)
		if err != nil || a.consortium.Clock.Now().UnixMilli()-tick.At < 3*time.Minute.Milliseconds() {
			return err
		}
		_, err = a.consortium.For(t, servetest.IssuerMSP).Submit(t.Context(), ledger.Call{
			Namespace: namespace, Function: "Tick", Endorsers: []string{servetest.IssuerMSP, servetest.ClearingMSP},
		})
		return errors.Join(err, errors.New("rolled"))
	})
}

// spend redeems a coupon.
func (a *audited) spend(t *testing.T, c coupon.Coupon) {
	t.Helper()
	a.spendAt(t, servetest.RetailerMSP, uuid.NewString(), c)
}

// spendAt redeems a coupon at a retailer, with an invoice that is paid now, and
// returns the transaction.
func (a *audited) spendAt(t *testing.T, retailer, invoice string, c coupon.Coupon) ledger.Receipt {
	t.Helper()
	sale := coupon.Sale{
		RequestID: uuid.NewString(), Request: coupon.Hash{1},
		Invoice: coupon.Invoice{
			Institute: "Girobank", Number: invoice, Currency: "EUR", Amount: 300, PaidAt: a.consortium.Clock.Now().UnixMilli(),
		},
		Basket: coupon.Basket{
			Currency: "EUR", Total: 300, Lines: []coupon.Line{{GTIN: campaigntest.GTIN, Quantity: 1, UnitPrice: 300}},
		},
		Coupons: []coupon.Tendered{{Text: c.Text(), Tag: c.SpentTag(coupon.DeriveSpentKey(a.Key))}},
	}
	a.roll(t)
	receipt, err := a.consortium.For(t, retailer).Submit(t.Context(), ledger.Call{
		Namespace: namespace, Function: "Redeem",
		Input:     coupon.BatchInput{Salt: coupon.Hash(campaigntest.RandomKey()), Sales: []coupon.Sale{sale}},
		Endorsers: []string{servetest.IssuerMSP, retailer},
	})
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// examined waits until the frame's log is examined.
func (a *audited) examined(t *testing.T, ref coupon.FrameRef, known int64) *issuerv1.Audit {
	t.Helper()
	return a.await(t, ref, func(shown *issuerv1.Audit) bool { return shown.GetAuditedTime() != nil && shown.GetKnown() == known })
}

// await waits until a frame's audit is as wanted.
func (a *audited) await(t *testing.T, ref coupon.FrameRef, wanted func(*issuerv1.Audit) bool) (found *issuerv1.Audit) {
	t.Helper()
	eventually(t, func() error {
		list, err := a.client.ListAudits(t.Context(), &issuerv1.ListAuditsRequest{FrameworkId: ref.Framework.String()})
		for _, shown := range list.GetAudits() {
			if shown.GetFrame() == int64(ref.Frame) && shown.GetLane() == int32(ref.Lane) && wanted(shown) {
				found = shown
				return nil
			}
		}
		return errors.Join(err, fmt.Errorf("frame %d is not so: %v", ref.Frame, list.GetAudits()))
	})
	return found
}

// noticed waits until the audit knows that a frame is closed.
func (a *audited) noticed(t *testing.T, ref coupon.FrameRef) {
	t.Helper()
	a.await(t, ref, func(*issuerv1.Audit) bool { return true })
}

func kindsOf(a *issuerv1.Audit) []string {
	kinds := []string{}
	for _, f := range a.GetFindings() {
		kinds = append(kinds, f.GetKind())
	}
	return kinds
}

// found waits until just these kinds are found in a frame.
func (a *audited) found(t *testing.T, ref coupon.FrameRef, kinds ...string) {
	t.Helper()
	slices.Sort(kinds)
	a.await(t, ref, func(shown *issuerv1.Audit) bool { return slices.Equal(kindsOf(shown), kinds) })
}

// reported waits until just these kinds are on the ledger.
func (a *audited) reported(t *testing.T, kinds ...string) (reports []*typev1.Misconduct) {
	t.Helper()
	slices.Sort(kinds)
	eventually(t, func() error {
		list, err := a.client.ListMisconduct(t.Context(), new(issuerv1.ListMisconductRequest))
		reports = list.GetMisconduct()
		got := []string{}
		for _, m := range reports {
			got = append(got, m.GetKind())
		}
		slices.Sort(got)
		if !slices.Equal(got, kinds) {
			err = errors.Join(err, fmt.Errorf("reported are %v, not %v", got, kinds))
		}
		return err
	})
	return reports
}
