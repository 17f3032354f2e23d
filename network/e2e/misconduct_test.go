// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/merkletest"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

const decays = `{"type":"linear","from":"release","end":3600000,"to":20}`

// frameAudited waits until the audit of the framework's frame 1 is as wanted.
func frameAudited(t *testing.T, framework string, wanted func(*issuerv1.Audit) bool) {
	t.Helper()
	eventually(t, "the frame is audited", func() bool {
		list := must[*issuerv1.ListAuditsResponse](t)(issuerDesk(t).ListAudits(t.Context(), &issuerv1.ListAuditsRequest{FrameworkId: framework}))
		return slices.ContainsFunc(list.GetAudits(), func(a *issuerv1.Audit) bool { return a.GetFrame() == 1 && wanted(a) })
	})
}

// The issuer fetches coupons as anybody does, and finds them and those that were
// redeemed in the log of an honest advertiser.
func TestProbesAreInTheLog(t *testing.T) {
	o := launch(t, coupon.HolderBearer, dynamic(decays))
	redeem(t, request(o.get(t).Coupon))
	probe := must[*issuerv1.ProbeEmitterResponse](t)(issuerDesk(t).ProbeEmitter(t.Context(), &issuerv1.ProbeEmitterRequest{
		FrameworkId: o.Framework.String(),
	}))
	if probe.GetSn() != 2 || len(probe.GetFindings()) != 0 {
		t.Errorf("the probe is %v", probe)
	}
	emitter := must[advertiserv1.AdvertiserServiceClient](t)(sit(t, "advertiser", "operator").Advertiser(advertiser))
	must[*advertiserv1.CloseFramesResponse](t)(emitter.CloseFrames(t.Context(), &advertiserv1.CloseFramesRequest{FrameworkId: o.Framework.String()}))
	frameAudited(t, o.Framework.String(), func(a *issuerv1.Audit) bool {
		return a.GetAuditedTime() != nil && a.GetCoupons() == 2 && a.GetKnown() == 2 && len(a.GetFindings()) == 0
	})
}

// alteredAdvertiser shows a log of its own.
type alteredAdvertiser struct {
	advertiserv1.UnimplementedAdvertiserServiceServer
	log []*advertiserv1.LogEntry
}

func (a *alteredAdvertiser) GetLog(context.Context, *advertiserv1.GetLogRequest) (*advertiserv1.GetLogResponse, error) {
	return &advertiserv1.GetLogResponse{Entries: a.log}, nil
}

// impersonate serves an altered advertiser where the shop's was.
func impersonate(t *testing.T, service *alteredAdvertiser) (stop func()) {
	t.Helper()
	folder := consortium.Folder("shop", "services", "advertiser")
	var directory struct {
		Organisations []struct {
			MSPID    string `json:"msp_id"`
			Services map[string]struct {
				Address string `json:"address"`
			} `json:"services"`
		} `json:"organisations"`
	}
	text := must[[]byte](t)(os.ReadFile(filepath.Join(folder, "consortium.json")))
	if err := json.Unmarshal(text, &directory); err != nil {
		t.Fatal(err)
	}
	address := ""
	for _, o := range directory.Organisations {
		if o.MSPID == shop {
			address = o.Services["advertiser"].Address
		}
	}
	certificate := must[tls.Certificate](t)(tls.LoadX509KeyPair(filepath.Join(folder, "tls.pem"), filepath.Join(folder, "tls.key")))
	listener := must[net.Listener](t)(new(net.ListenConfig).Listen(t.Context(), "tcp", address))
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert,
	})))
	advertiserv1.RegisterAdvertiserServiceServer(server, service)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	stop = func() { server.Stop(); <-ended }
	t.Cleanup(stop)
	return stop
}

// cheater is an emitter whose lane the test leads.
type cheater struct {
	*runner.Connection
	framework coupon.Framework
	key       coupon.EmitterKey
	ref       coupon.FrameRef
	beacon    coupon.BeaconResult
}

func (c *cheater) do(t *testing.T, function string, argument, input any) {
	t.Helper()
	code, err := submit(t, c.Connection, call{
		function: function, arguments: []string{text(t, argument)}, input: input, endorsers: []string{issuer, c.framework.Emitter},
	})
	if err != nil || code != 0 {
		t.Fatalf("%s: %v, %v", function, code, err)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	return string(must[[]byte](t)(json.Marshal(v)))
}

// newCheater opens a lane of a new campaign.
func newCheater(t *testing.T, id string) *cheater {
	t.Helper()
	c := &cheater{Connection: connect(t, "shop", "advertiser")}
	if err := c.ref.Framework.UnmarshalText([]byte(id)); err != nil {
		t.Fatal(err)
	}
	query := text(t, coupon.FrameworkQuery{Framework: c.ref.Framework})
	evaluate(t, c.Connection, call{function: "GetFramework", arguments: []string{query}, endorsers: []string{shop}}, &c.framework)
	evaluate(t, c.Connection, call{function: "EmitterKey", arguments: []string{query}, endorsers: []string{shop}}, &c.key)
	c.do(t, "OpenLane", coupon.LaneRequest{Framework: c.ref.Framework}, nil)
	c.ref.Frame = 1
	// The issuer's peer may have yet to see the lane.
	lane := coupon.FrameRef{Framework: c.ref.Framework}
	eventually(t, "the lane is open on the issuer's peer", func() bool {
		asked := call{function: "GetFrame", arguments: []string{text(t, lane)}, endorsers: []string{issuer}}
		_, err := c.GetNetwork(consortium.Consortium().Channel).GetContract(namespace).Evaluate(asked.function, asked.options(t)...)
		return err == nil
	})
	evaluate(t, c.Connection, call{function: "Beacon", arguments: []string{text(t, c.ref)}, endorsers: []string{issuer}}, &c.beacon)
	return c
}

// make makes a coupon for the customer's bytes.
func (c *cheater) make(sn int64, q coupon.Hash, uData byte) coupon.Coupon {
	made := coupon.Coupon{
		Kind: coupon.KindDynamic, Framework: c.ref.Framework, SN: sn, Owner: coupon.PublicKey{uData}, MandateMAC: c.key.MAC,
	}
	made.Release = coupon.Release{Frame: 1, Time: max(time.Now().UnixMilli(), c.beacon.Before.Time), Q: coupon.NextLink(q, made.Owner[:])}
	made.EmitterMAC = made.MAC(c.key.Key, c.framework.Mandate().Data(), c.beacon.Beacon)
	return made
}

// close closes frame 1 with the log, and returns it as it is shown.
func (c *cheater) close(t *testing.T, last coupon.Hash, log ...coupon.Entry) []*advertiserv1.LogEntry {
	t.Helper()
	var shown []*advertiserv1.LogEntry
	for _, e := range log {
		shown = append(shown, &advertiserv1.LogEntry{Sn: e.SN, ReleaseTime: timestamppb.New(time.UnixMilli(e.Time)), UData: e.UData, Q: e.Q[:]})
	}
	content := coupon.FrameContent{Last: last, LastSN: int64(len(log)), Count: int64(len(log)), Root: merkletest.Root(merkletest.Encoded(log))}
	_, _ = rand.Read(content.Salt[:])
	c.do(t, "CloseFrame", c.ref, content)
	return shown
}

// An advertiser that leads its lane with programs of its own breaks the chain,
// and gives one serial number to two customers. Both is found; the broken chain,
// which it has put on the ledger itself, is reported, answered, upheld, and ends
// in its suspension.
func TestMisconductIsFoundReportedAndPunished(t *testing.T) {
	if err := consortium.Kill(t.Context(), "advertiser.shop"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = consortium.Start(context.Background(), "advertiser.shop") })
	l := newLaunch(coupon.HolderBearer)
	dynamic(decays)(&l)
	l.Advertiser = shop
	framework := must[*typev1.Framework](t)(l.Do(t.Context(), issuerDesk(t)))
	service := new(alteredAdvertiser)
	c := newCheater(t, framework.GetFrameworkId())

	first := coupon.FirstLink(c.beacon.Before.Last, c.beacon.Beacon)
	one := c.make(1, first, 1)
	redeem(t, request(c.make(1, first, 2).Text())) // for another customer
	two := c.make(2, coupon.Hash{}, 3)             // of no chain
	service.log = []*advertiserv1.LogEntry{
		{Sn: 1, ReleaseTime: timestamppb.New(time.UnixMilli(one.Release.Time)), UData: one.Owner[:], Q: one.Release.Q[:]},
		{Sn: 2, ReleaseTime: timestamppb.New(time.UnixMilli(two.Release.Time)), UData: two.Owner[:], Q: two.Release.Q[:]},
	}
	stop := impersonate(t, service)
	c.close(t, two.Release.Q, one.Entry(), two.Entry())
	frameAudited(t, framework.GetFrameworkId(), func(a *issuerv1.Audit) bool {
		var kinds []string
		for _, f := range a.GetFindings() {
			kinds = append(kinds, f.GetKind())
		}
		return slices.Equal(kinds, []string{"serial_twice", "wrong_chain"})
	})

	stop()
	if err := consortium.Start(t.Context(), "advertiser.shop"); err != nil {
		t.Fatal(err)
	}
	c.answered(t)
	c.upheld(t)
}

// report returns the only report about the framework, as one side sees it.
func (c *cheater) report(t *testing.T, list func() ([]*typev1.Misconduct, error)) (found *typev1.Misconduct) {
	t.Helper()
	eventually(t, "the misconduct is reported", func() bool {
		for _, m := range must[[]*typev1.Misconduct](t)(list()) {
			if m.GetFrameworkId() == c.ref.Framework.String() {
				found = m
			}
		}
		return found != nil
	})
	return found
}

// answered has the shop's operator see the report and answer it.
func (c *cheater) answered(t *testing.T) {
	t.Helper()
	service := must[advertiserv1.AdvertiserServiceClient](t)(sit(t, "shop", "operator").Advertiser(shop))
	m := c.report(t, func() ([]*typev1.Misconduct, error) {
		list, err := service.ListMisconduct(t.Context(), new(advertiserv1.ListMisconductRequest))
		return list.GetMisconduct(), err
	})
	if m.GetKind() != "wrong_chain" || m.GetStatement() == "" {
		t.Errorf("the shop sees %v", m)
	}
	must[*advertiserv1.AnswerMisconductResponse](t)(service.AnswerMisconduct(t.Context(), &advertiserv1.AnswerMisconductRequest{
		Issuer: issuer, MisconductId: m.GetMisconductId(), Statement: "our disk was broken",
	}))
}

// upheld has the issuer's operator uphold the report, which suspends.
func (c *cheater) upheld(t *testing.T) {
	t.Helper()
	service := issuerDesk(t)
	m := c.report(t, func() ([]*typev1.Misconduct, error) {
		list, err := service.ListMisconduct(t.Context(), &issuerv1.ListMisconductRequest{PageSize: 200})
		return list.GetMisconduct(), err
	})
	if m.GetAnswer() != "our disk was broken" {
		t.Errorf("the issuer sees %v", m)
	}
	resolved, err := service.ResolveMisconduct(t.Context(), &issuerv1.ResolveMisconductRequest{
		RequestId: uuid.NewString(), MisconductId: m.GetMisconductId(), State: typev1.MisconductState_MISCONDUCT_STATE_UPHELD,
	})
	if err != nil {
		t.Fatalf("%v %v", err, desk.Reasons(err))
	}
	if resolved.GetMisconduct().GetState() != typev1.MisconductState_MISCONDUCT_STATE_UPHELD {
		t.Errorf("resolved is %v", resolved)
	}
	eventually(t, "the mandate is suspended", func() bool {
		var state coupon.MandateState
		evaluate(t, c.Connection, call{
			function: "GetMandate", arguments: []string{text(t, coupon.FrameworkQuery{Framework: c.ref.Framework})}, endorsers: []string{shop},
		}, &state)
		return state.Status == coupon.MandateSuspended
	})
}
