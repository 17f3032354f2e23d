// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"

	"ecoupon/chaincode/coupon"
)

// now is the time of the transaction of all rows, in milliseconds.
const now = 1_800_000_000_000

// world is the public state that rows begin with: a campaign with a mandate of two lanes, one of which is open.
type world struct {
	campaign coupon.Campaign
	mandate  coupon.Framework
	opened   coupon.Frame
}

func newWorld() world {
	w := world{campaign: coupon.Campaign{
		Format: 1, Issuer: "IssuerMSP", ID: "c", Version: 1, Product: "p", Offer: "o", Kinds: []coupon.Kind{coupon.KindDynamic},
		Terms: `{"format":1,"currency":"EUR","gtins":["09521234543213"],"quantity":1,"benefit":{"type":"amount_off","amount":100}}`,
		Begin: 1, End: 2 * now, MaxFrameAge: 1000,
	}}
	w.mandate = coupon.Framework{
		Format: 1, Issuer: "IssuerMSP", Emitter: "AdvertiserMSP", Product: "p", Offer: "o", Campaign: "c", Version: 1,
		Kind: coupon.KindDynamic, Epoch: 1, Terms: coupon.Hash(sum([]byte(w.campaign.Terms))), Quotas: []int64{10, 10},
	}
	w.mandate.ID = w.mandate.Mandate().ID()
	w.opened = coupon.Frame{
		Format: 1, FrameRef: coupon.FrameRef{Framework: w.mandate.ID}, Time: now - 5000,
		Content: coupon.FrameContent{Root: coupon.EmptyRoot}.Digest(), Log: coupon.LogDigest(coupon.EmptyRoot, 0),
	}
	return w
}

func text(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// judged has a transaction of the function write one key, which it has read, and returns the rules that it breaks.
func (w world) judged(t *testing.T, function, key string, old, value []byte) []string {
	t.Helper()
	s, err := newState(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var found []string
	a := &auditor{
		state: s, report: &Report{Found: map[string]int64{}},
		options: Options{Found: func(f Finding) { found = append(found, f.Rule) }},
	}
	tx := &transaction{id: "00", namespace: "coupon-IssuerMSP", function: function, at: time.UnixMilli(now), creator: member{mspID: "IssuerMSP"}}
	put := func(key string, value []byte) {
		s.put(address{namespace: tx.namespace, key: key}, version{1, 0}, value)
	}
	put("parties", text(t, coupon.Parties{Format: 1, Issuer: "IssuerMSP", Clearing: "ClearingMSP"}))
	put("campaign/63/1", text(t, w.campaign))
	put("campaign-state/63/1", text(t, coupon.CampaignState{Format: 1, Status: coupon.StatusActive}))
	put("framework/"+w.mandate.ID.String(), text(t, w.mandate))
	put(frameKey(w.opened.FrameRef), text(t, w.opened))
	if old != nil {
		put(key, old)
	}
	set := namespaceSet{name: tx.namespace, public: &kvrwset.KVRWSet{
		Reads: []*kvrwset.KVRead{{Key: key}}, Writes: []*kvrwset.KVWrite{{Key: key, Value: value}},
	}}
	a.newCall(tx, set, "IssuerMSP").checkKeys()
	if s.err != nil {
		t.Fatal(s.err)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// change is one of a public record, and the rules that it breaks.
type change struct {
	name, function, key string
	old, value          []byte
	want                []string
}

func (w world) test(t *testing.T, changes []change) {
	t.Helper()
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, w.judged(t, c.function, c.key, c.old, c.value)); diff != "" {
				t.Errorf("rules broken (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMandatesChangeByTheirRulesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld()
	id := w.mandate.ID.String()
	state := func(change func(*coupon.MandateState)) []byte {
		s := coupon.MandateState{Format: 1, Framework: w.mandate.ID, Status: coupon.MandateActive, Since: now}
		change(&s)
		return text(t, s)
	}
	suspended := state(func(s *coupon.MandateState) { s.Status, s.Since = coupon.MandateSuspended, 1 })
	revoked := state(func(s *coupon.MandateState) {
		s.Status, s.Since, s.LastSNs = coupon.MandateRevoked, now, []int64{0, 0}
	})
	quotas := func(n ...int64) []byte {
		f := w.mandate
		f.Quotas = n
		return text(t, f)
	}
	w.test(t, []change{
		{"quotas raised", "RaiseQuota", "framework/" + id, nil, quotas(20, 10), nil},
		{"a lane added", "RaiseQuota", "framework/" + id, nil, quotas(10, 10, 5), nil},
		{"quotas lowered", "RaiseQuota", "framework/" + id, nil, quotas(20, 9), []string{"framework"}},
		{"a mandate made anew", "AuthoriseEmitter", "framework/" + id, nil, quotas(20, 20), []string{"framework"}},
		{"suspended", "SuspendEmitter", "mandate-state/" + id, nil, state(func(s *coupon.MandateState) { s.Status = coupon.MandateSuspended }), nil},
		{"suspended at another time", "SuspendEmitter", "mandate-state/" + id, nil, suspended, []string{"mandate-state"}},
		{"reinstated", "ReinstateEmitter", "mandate-state/" + id, suspended, state(func(*coupon.MandateState) {}), nil},
		{"revoked", "RevokeEmitter", "mandate-state/" + id, suspended, revoked, nil},
		{"revoked without ends", "RevokeEmitter", "mandate-state/" + id, nil, state(func(s *coupon.MandateState) { s.Status = coupon.MandateRevoked }), []string{"mandate-state"}},
		{"reinstated after the end", "ReinstateEmitter", "mandate-state/" + id, revoked, state(func(*coupon.MandateState) {}), []string{"mandate-state"}},
		{"a lane's end beyond its quota", "RevokeEmitter", "mandate-state/" + id, nil, state(func(s *coupon.MandateState) {
			s.Status, s.LastSNs = coupon.MandateRevoked, []int64{11, 0}
		}), []string{"mandate-state"}},
		{"rotated to nothing", "RotateKey", "mandate-state/" + id, nil, state(func(s *coupon.MandateState) {
			s.Since, s.Next, s.Rotated = 0, &coupon.FrameworkID{9}, now
		}), []string{"mandate-state", "record"}},
	})
}

func TestFramesAreClosedByTheirRulesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld()
	frame := func(change func(*coupon.Frame)) []byte {
		f := w.opened
		f.Frame, f.Time = 1, now
		change(&f)
		return text(t, f)
	}
	next := frameKey(w.opened.Next())
	w.test(t, []change{
		{"a frame closed", "CloseFrame", next, nil, frame(func(*coupon.Frame) {}), nil},
		{"a frame closed at another time", "CloseFrame", next, nil, frame(func(f *coupon.Frame) { f.Time = now - 1 }), []string{"frame-time"}},
		{"a frame closed before the one before", "CloseFrame", next, nil, frame(func(f *coupon.Frame) { f.Time = now - 5000 }), []string{"frame-order", "frame-time"}},
		{"a frame too far", "CloseFrame", frameKey(w.opened.Next().Next()), nil, frame(func(f *coupon.Frame) { f.Frame = 2 }), []string{"frame-order"}},
		{"a frame under another's key", "CloseFrame", next, nil, frame(func(f *coupon.Frame) { f.Lane = 1 }), []string{"frame", "frame-order"}},
		{"a frame closed again", "CloseFrame", next, frame(func(*coupon.Frame) {}), frame(func(*coupon.Frame) {}), []string{"overwritten"}},
	})
}

func TestMarkersChangeByTheirRulesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld()
	spent := "spent/" + coupon.Tag{1}.String()
	marker := func(s coupon.MarkerState, at int64) []byte {
		return coupon.Marker{State: s, Time: at, Batch: coupon.BatchID{1}, Redemption: coupon.RedemptionID{1}}.Bytes()
	}
	w.test(t, []change{
		{"a void of what is not spent", "Void", spent, nil, marker(coupon.MarkerVoid, now), []string{"coupon-state"}},
		{"a void", "Void", spent, marker(coupon.MarkerSpent, 1), marker(coupon.MarkerVoid, now), nil},
		{"a void at another time", "Void", spent, marker(coupon.MarkerSpent, 1), marker(coupon.MarkerVoid, 2), []string{"marker-time"}},
		{"spent twice", "Redeem", spent, marker(coupon.MarkerSpent, 1), marker(coupon.MarkerSpent, now), []string{"double-spent", "marker-batch"}},
		{"spent too early", "Redeem", spent, nil, marker(coupon.MarkerSpent, now-1), []string{"marker-batch", "marker-time"}},
		{"a product's void of what is not spent", "Void", "product/" + coupon.Tag{1}.String(), nil, marker(coupon.MarkerVoid, now), []string{"coupon-state"}},
	})
}

func TestOwnersChangeByTheirRulesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld()
	owner := func(s coupon.MarkerState, at int64, digest coupon.Hash) []byte {
		return coupon.OwnerMarker{State: s, Time: at, Digest: digest}.Bytes()
	}
	transfer := "transfer/" + coupon.Tag{1}.String()
	w.test(t, []change{
		{"a transfer", "Transfer", transfer, nil, owner(coupon.MarkerTransferred, now, coupon.Hash{1}), nil},
		{"a transfer after a void", "Transfer", transfer, owner(coupon.MarkerVoid, 1, coupon.Hash{}), owner(coupon.MarkerTransferred, now, coupon.Hash{1}), nil},
		{"a transfer of what is spent", "Transfer", transfer, owner(coupon.MarkerSpent, 1, coupon.Hash{}), owner(coupon.MarkerTransferred, now, coupon.Hash{1}), []string{"owner-state"}},
		{"a transfer twice", "Transfer", transfer, owner(coupon.MarkerTransferred, 1, coupon.Hash{1}), owner(coupon.MarkerTransferred, now, coupon.Hash{2}), []string{"owner-state"}},
		{"a transfer without a digest", "Transfer", transfer, nil, owner(coupon.MarkerTransferred, now, coupon.Hash{}), []string{"owner-state"}},
		{"a transfer at another time", "Transfer", transfer, nil, owner(coupon.MarkerTransferred, 1, coupon.Hash{1}), []string{"marker-time"}},
		{"a former owner's void", "Void", transfer, owner(coupon.MarkerTransferred, 1, coupon.Hash{1}), owner(coupon.MarkerVoid, now, coupon.Hash{}), []string{"owner-state"}},
	})
}

func TestReportsChangeByTheirRulesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld()
	report := coupon.Misconduct{
		Format: 1, FrameRef: w.opened.Next(), Emitter: "AdvertiserMSP", Kind: coupon.MissingFrame, State: coupon.MisconductOpen,
		Reported: now, Deadline: now + coupon.MinAnswerTime,
	}
	report.ID = coupon.NewMisconductID(report.FrameRef, report.Kind)
	misconduct := func(change func(*coupon.Misconduct)) []byte {
		m := report
		change(&m)
		return text(t, m)
	}
	open := misconduct(func(m *coupon.Misconduct) { m.Reported = 1 })
	same := func(*coupon.Misconduct) {}
	misconductKey := "misconduct/" + report.ID.String()
	w.test(t, []change{
		{"a report", "ReportMisconduct", misconductKey, nil, misconduct(same), nil},
		{"a report of another time", "ReportMisconduct", misconductKey, nil, open, []string{"misconduct"}},
		{"a report that is upheld at once", "ReportMisconduct", misconductKey, nil, misconduct(func(m *coupon.Misconduct) { m.State = coupon.MisconductUpheld }), []string{"misconduct"}},
		{"a report of another", "ReportMisconduct", misconductKey, nil, misconduct(func(m *coupon.Misconduct) { m.Emitter = "RetailerMSP" }), []string{"misconduct"}},
		{"upheld before the deadline", "ResolveMisconduct", misconductKey, open, misconduct(func(m *coupon.Misconduct) {
			m.Reported, m.State, m.Resolved = 1, coupon.MisconductUpheld, now
		}), []string{"misconduct"}},
		{"withdrawn", "ResolveMisconduct", misconductKey, open, misconduct(func(m *coupon.Misconduct) {
			m.Reported, m.State, m.Resolved = 1, coupon.MisconductWithdrawn, now
		}), nil},
		{"withdrawn and changed", "ResolveMisconduct", misconductKey, open, misconduct(func(m *coupon.Misconduct) {
			m.Reported, m.State, m.Resolved, m.Deadline = 1, coupon.MisconductWithdrawn, now, 1
		}), []string{"misconduct"}},
	})
}

func TestOtherRecordsChangeByTheirRulesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld()
	institute := text(t, coupon.Institute{Format: 1, Institute: "Bank", Keys: []coupon.InstituteKey{}})
	w.test(t, []change{
		{"an institute withdrawn", "RegisterInstitute", "institute/42616e6b", nil, institute, nil},
		{"an institute under another name", "RegisterInstitute", "institute/42", nil, institute, []string{"institute"}},
		{"settled without a batch", "Settle", "settled/" + coupon.BatchID{1}.String(), nil, make([]byte, 33), []string{"record", "settled"}},
		{"by another function", "Tick", "institute/42616e6b", nil, institute, []string{"function-writes"}},
		{"a record with more in it", "RegisterInstitute", "institute/42616e6b", nil, append([]byte(`{"x":1,`), institute[1:]...), []string{"record"}},
	})
}
