// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package issuer is a manufacturer's desk: it publishes campaigns, mandates
// emitters, admits retailers, and counts which emitter's coupons are redeemed.
//
// The ledger decides; this service makes the keys, finds the right endorsers,
// and gives a repeated request its first answer. It keeps no key: k_M is made
// here and lives in the issuer's collection on its peer only.
package issuer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
	"ecoupon/services/internal/ticking"
)

// firstEpoch is the key epoch of a new mandate.
const firstEpoch = 1

// Ledger is what the service does with the consortium's ledger.
type Ledger interface {
	Evaluate(ctx context.Context, call ledger.Call, out any) error
	Submit(ctx context.Context, call ledger.Call) (ledger.Receipt, error)
	Follow(ctx context.Context, namespace string, to ledger.Projection) error
	Resume(ctx context.Context) error
}

// Options are what an Issuer is made of; all are required.
type Options struct {
	Ledger Ledger
	// Store is open, with the tables of Migrations.
	Store *sqlstore.Store
	// MSPID is the issuer, Clearing its clearing house, Directory all that it
	// may deal with.
	MSPID     string
	Clearing  string
	Directory *config.Directory
	// Emitters and Customer are what the audit asks emitters with.
	Emitters Emitters
	Customer Customer
	// Audit may be zero.
	Audit    Audit
	Registry prometheus.Registerer
	Now      func() time.Time
	Logger   *slog.Logger
}

// Issuer has the use cases of the service. It is safe for concurrent use.
type Issuer struct {
	ledger    Ledger
	store     store
	self      string
	clearing  string
	directory *config.Directory
	namespace string
	ticks     *ticking.Keeper
	emitters  Emitters
	customer  Customer
	audits    Audit
	metrics   metrics
	now       func() time.Time
	logger    *slog.Logger
	// woken has the audit look for what is to be done.
	woken chan struct{}
}

// New returns the use cases of one issuer.
func New(o Options) (*Issuer, error) {
	if o.Ledger == nil || o.Store == nil || o.MSPID == "" || o.Clearing == "" || o.Directory == nil || o.Now == nil || o.Logger == nil {
		return nil, errors.New("ledger, store, issuer, clearing house, directory, clock and logger are required")
	}
	if o.Emitters == nil || o.Customer == nil || o.Registry == nil {
		return nil, errors.New("emitters, customer and registry of the audit are required")
	}
	counts, err := newMetrics(o.Registry)
	if err != nil {
		return nil, err
	}
	namespace := config.Namespace(o.MSPID)
	ticks, err := ticking.New(ticking.Options{
		Ledger: o.Ledger, Namespaces: []string{namespace}, Second: o.Clearing,
		After: ticking.Due, Now: o.Now, Logger: o.Logger,
	})
	if err != nil {
		return nil, err
	}
	return &Issuer{
		ledger: o.Ledger, store: store{db: o.Store, now: o.Now}, self: o.MSPID, clearing: o.Clearing,
		directory: o.Directory, namespace: namespace, ticks: ticks,
		emitters: o.Emitters, customer: o.Customer, audits: o.Audit.withDefaults(), metrics: counts,
		now: o.Now, logger: o.Logger, woken: make(chan struct{}, 1),
	}, nil
}

// Publish makes a campaign version with a key of its own. One that is on the
// ledger with the same content is returned as it is; with other content it is
// refused with ALREADY_EXISTS.
func (i *Issuer) Publish(ctx context.Context, c coupon.Campaign) (coupon.CampaignEntry, error) {
	ref := coupon.CampaignRef{Campaign: c.ID, Version: c.Version}
	published, err := i.Campaign(ctx, ref)
	if err == nil {
		return same(published, c)
	}
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonUnknownCampaign {
		return coupon.CampaignEntry{}, err
	}
	// The ledger judges all of the campaign, but only after its key is entered.
	if _, err := coupon.ParseTerms([]byte(c.Terms)); err != nil {
		return coupon.CampaignEntry{}, err
	}
	if err := i.enterKey(ctx, ref); err != nil {
		return coupon.CampaignEntry{}, err
	}
	_, err = i.ledger.Submit(ctx, ledger.Call{
		Namespace: i.namespace, Function: "PublishCampaign", Argument: c,
		Endorsers: []string{i.self, i.clearing},
		RetryOn:   []coupon.Reason{coupon.ReasonKeyMissing, coupon.ReasonPartiesMissing},
		Reference: reference(ref),
	})
	reason, _ := coupon.ReasonOf(err)
	if err != nil && reason != coupon.ReasonAlreadyExists {
		return coupon.CampaignEntry{}, err
	}
	if published, err = i.Campaign(ctx, ref); err != nil {
		return coupon.CampaignEntry{}, err
	}
	return same(published, c)
}

// same returns what is published if it is the campaign c.
func same(published coupon.CampaignEntry, c coupon.Campaign) (coupon.CampaignEntry, error) {
	p := published.Campaign
	equal := p.Product == c.Product && p.Offer == c.Offer && p.Terms == c.Terms && p.Holder == c.Holder &&
		p.Begin == c.Begin && p.End == c.End &&
		p.AudienceWaived == c.AudienceWaived && p.InvoiceRequired == c.InvoiceRequired &&
		p.AttestationRequired == c.AttestationRequired && p.MaxFrameAge == c.MaxFrameAge &&
		slices.Equal(p.Kinds, c.Kinds)
	if !equal {
		return coupon.CampaignEntry{}, coupon.Refuse(coupon.ReasonAlreadyExists, "campaign", "this version is published with other content")
	}
	return published, nil
}

// enterKey makes k_M unless the campaign version has one.
func (i *Issuer) enterKey(ctx context.Context, ref coupon.CampaignRef) error {
	_, err := i.ledger.Submit(ctx, ledger.Call{
		Namespace: i.namespace, Function: "EnterCampaignKey",
		Input:     coupon.CampaignKeyInput{Campaign: ref.Campaign, Version: ref.Version, Key: newKey()},
		Endorsers: []string{i.self},
		Reference: reference(ref),
	})
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonAlreadyExists {
		return nil
	}
	return err
}

// Pause refuses issuing and redemption until Resume. A request that has had its
// effect has none again, whatever others have done since.
func (i *Issuer) Pause(ctx context.Context, requestID string, ref coupon.CampaignRef) (coupon.CampaignEntry, error) {
	return i.change(ctx, requestID, "PauseCampaign", ref, coupon.StatusPaused, ref)
}

// Resume ends a pause; as for the request, see Pause.
func (i *Issuer) Resume(ctx context.Context, requestID string, ref coupon.CampaignRef) (coupon.CampaignEntry, error) {
	return i.change(ctx, requestID, "ResumeCampaign", ref, coupon.StatusActive, ref)
}

// Close ends issuing at once, and redemption from the given time, Unix
// milliseconds; 0 is now.
func (i *Issuer) Close(ctx context.Context, requestID string, ref coupon.CampaignRef, redeemUntil int64) (coupon.CampaignEntry, error) {
	return i.change(ctx, requestID, "CloseCampaign", ref, coupon.StatusClosed,
		coupon.CloseRequest{Campaign: ref.Campaign, Version: ref.Version, RedeemUntil: redeemUntil})
}

// change brings a campaign to a status, unless the request has done so before.
// One that has it is returned as it is: a closed campaign's last moment is not
// moved.
func (i *Issuer) change(
	ctx context.Context, requestID, function string, ref coupon.CampaignRef, to coupon.Status, argument any,
) (coupon.CampaignEntry, error) {
	entry, err := i.Campaign(ctx, ref)
	if err != nil || entry.State.Status == to {
		return entry, err
	}
	refused := i.submitTimely(ctx, ledger.Call{
		Namespace: i.namespace, Function: function, Argument: argument,
		Endorsers: []string{i.self, i.clearing},
		// The own peer allows the change, so the other one may be behind.
		RetryOn:   []coupon.Reason{coupon.ReasonUnknownCampaign, coupon.ReasonAlreadyExists},
		Reference: reference(ref),
		Once:      requestID + "/" + reference(ref),
	})
	if _, ok := coupon.ReasonOf(refused); refused != nil && !ok {
		return coupon.CampaignEntry{}, refused
	}
	// Whoever else changed it may have meant the same.
	if entry, err = i.Campaign(ctx, ref); err != nil || refused == nil || entry.State.Status == to {
		return entry, err
	}
	return coupon.CampaignEntry{}, refused
}

// submitTimely submits what the ledger judges by its tick, and once more after
// rolling a tick that has stopped while no service ran.
func (i *Issuer) submitTimely(ctx context.Context, call ledger.Call) error {
	_, err := i.ledger.Submit(ctx, call)
	reason, _ := coupon.ReasonOf(err)
	if reason != coupon.ReasonTickMissing && reason != coupon.ReasonTickStale {
		return err
	}
	if err := i.ticks.Roll(ctx, i.namespace); err != nil {
		return err
	}
	_, err = i.ledger.Submit(ctx, call)
	return err
}

// Campaign returns a campaign version, or refuses with UNKNOWN_CAMPAIGN.
func (i *Issuer) Campaign(ctx context.Context, ref coupon.CampaignRef) (entry coupon.CampaignEntry, err error) {
	err = i.ledger.Evaluate(ctx, ledger.Call{Namespace: i.namespace, Function: "GetCampaign", Argument: ref}, &entry)
	return entry, err
}

// Campaigns returns a page of the issuer's campaigns.
func (i *Issuer) Campaigns(ctx context.Context, page coupon.PageQuery) (found coupon.CampaignPage, err error) {
	err = i.ledger.Evaluate(ctx, ledger.Call{Namespace: i.namespace, Function: "ListCampaigns", Argument: page}, &found)
	return found, err
}

// Emitters returns a page of a campaign's frameworks.
func (i *Issuer) Emitters(ctx context.Context, query coupon.FrameworksQuery) (found coupon.FrameworkPage, err error) {
	err = i.ledger.Evaluate(ctx, ledger.Call{Namespace: i.namespace, Function: "ListFrameworks", Argument: query}, &found)
	return found, err
}

func newKey() (key coupon.Key) {
	// It never returns an error: a system without randomness ends the process.
	_, _ = rand.Read(key[:])
	return key
}

func reference(ref coupon.CampaignRef) string {
	return fmt.Sprintf("%s/%d", ref.Campaign, ref.Version)
}
