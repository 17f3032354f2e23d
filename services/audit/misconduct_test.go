// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"crypto/sha256"
	"encoding/json"
	"testing"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	. "ecoupon/services/internal/servetest"
)

// docket is an emitter whose frame 1 is open longer than it may, and what its
// issuer does about that.
type docket struct {
	*ledgertest.Consortium
	lane *campaigntest.Lane
	id   coupon.MisconductID
}

func newDocket(t *testing.T) *docket {
	t.Helper()
	c, _ := consortium(t)
	lane := campaigntest.Publish(t, c, campaigntest.Options{ID: "dynamic", Kind: coupon.KindDynamic, MaxFrameAge: time.Minute}).OpenLane(t, 0)
	c.Clock.Advance(2 * time.Minute)
	c.Tick(t, IssuerMSP, ClearingMSP)
	return &docket{c, lane, coupon.NewMisconductID(lane.Frame, coupon.MissingFrame)}
}

func (d *docket) submit(t *testing.T, by string, call ledger.Call) {
	t.Helper()
	call.Namespace = namespace
	if _, err := d.For(t, by).Submit(t.Context(), call); err != nil {
		t.Fatal(err)
	}
}

func (d *docket) report(t *testing.T) {
	t.Helper()
	d.submit(t, IssuerMSP, ledger.Call{
		Function: "ReportMisconduct", Endorsers: []string{IssuerMSP, ClearingMSP},
		Argument: coupon.MisconductRequest{
			FrameRef: d.lane.Frame, Kind: coupon.MissingFrame, Deadline: d.Clock.Now().UnixMilli() + 2*coupon.MinAnswerTime,
		},
		Input: coupon.EvidenceInput{Salt: coupon.Hash{1}, Statement: "late", Exhibits: []coupon.Exhibit{}},
	})
}

func (d *docket) answer(t *testing.T) {
	t.Helper()
	d.submit(t, AdvertiserMSP, ledger.Call{
		Function: "AnswerMisconduct", Endorsers: []string{AdvertiserMSP, ClearingMSP},
		Argument: coupon.MisconductQuery{ID: d.id}, Input: coupon.AnswerInput{Salt: coupon.Hash{2}, Statement: "sorry"},
	})
}

func (d *docket) resolve(t *testing.T, state coupon.MisconductState) {
	t.Helper()
	d.submit(t, IssuerMSP, ledger.Call{
		Function: "ResolveMisconduct", Endorsers: []string{IssuerMSP, ClearingMSP},
		Argument: coupon.ResolveRequest{ID: d.id, State: state},
	})
}

// inEvidence changes the evidence, and makes the public digest that of what is
// kept.
func inEvidence(change func(*coupon.Evidence)) tampering {
	t := inRecord("misconduct/", change)
	var digest [sha256.Size]byte
	inner := t.private
	t.private = func(owner, key string, value []byte) []byte {
		out := inner(owner, key, value)
		digest = sha256.Sum256(out)
		return out
	}
	t.public = func(_ string, value []byte) []byte {
		return edited(func(m *coupon.Misconduct) { m.Evidence = digest })(value)
	}
	return t
}

func inReport(change func(*coupon.Misconduct)) tampering {
	return tampering{public: func(_ string, value []byte) []byte { return edited(change)(value) }}
}

// TestTamperedReportsAreFound: issuer and clearing house, who endorse reports, have
// altered what they say.
func TestTamperedReportsAreFound(t *testing.T) {
	t.Parallel()
	both := []string{ClearingMSP, IssuerMSP}
	for _, test := range []struct {
		name   string
		change tampering
		want   []string // as both see it
		public []string
	}{
		{"as it is", tampering{}, nil, nil},
		{"of another emitter", inReport(func(m *coupon.Misconduct) { m.Emitter = RetailerMSP }), []string{"misconduct"}, []string{"misconduct"}},
		{"of another frame", inReport(func(m *coupon.Misconduct) { m.Frame++ }), []string{"misconduct"}, []string{"misconduct"}},
		{"of another kind", inReport(func(m *coupon.Misconduct) { m.Kind = coupon.LateFrame }), []string{"misconduct"}, []string{"misconduct"}},
		{"upheld from the beginning", inReport(func(m *coupon.Misconduct) { m.State = coupon.MisconductUpheld }), []string{"misconduct"}, []string{"misconduct"}},
		{"reported before", inReport(func(m *coupon.Misconduct) { m.Reported-- }), []string{"misconduct"}, []string{"misconduct"}},
		{"no time to answer", inReport(func(m *coupon.Misconduct) { m.Deadline = m.Reported + 1 }), []string{"misconduct"}, []string{"misconduct"}},
		{"with another digest", inReport(func(m *coupon.Misconduct) { m.Evidence[0] ^= 1 }), []string{"digest", "digest"}, []string{"digest", "digest"}},
		{"other evidence than its digest", inRecord("misconduct/", func(e *coupon.Evidence) { e.Statement = "x" }),
			[]string{"digest", "digest"}, []string{"digest", "digest"}},
		{"evidence of another kind", inEvidence(func(e *coupon.Evidence) { e.Kind = coupon.LateFrame }), []string{"misconduct", "private-record"}, nil},
		{"evidence of a frame that is in time", inEvidence(func(e *coupon.Evidence) { e.Frame++ }), []string{"misconduct", "private-record"}, nil},
		{"evidence of what is not closed", inEvidence(func(e *coupon.Evidence) { e.Content = &coupon.FrameContent{Salt: coupon.Hash{1}} }), []string{"misconduct"}, nil},
		{"no evidence with the clearing house", leftOut(ClearingMSP, "misconduct/"), []string{"private-writes"}, []string{"private-writes"}},
		{"announced as another report", inEvent(func(e *coupon.MisconductEvent) { e.ID[0] ^= 1 }),
			[]string{"private-writes", "private-writes", "private-writes", "private-writes"},
			[]string{"private-writes", "private-writes", "private-writes", "private-writes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDocket(t)
			tamper(t, d.Consortium, test.change, both, func() { d.report(t) })
			assertBreaches(t, d.Consortium, IssuerMSP, both, test.want...)
			assertBreaches(t, d.Consortium, AdvertiserMSP, both, test.public...)
		})
	}
}

// TestMadeUpEvidenceIsFound: the emitter's frame is in time, and issuer and
// clearing house report it all the same.
func TestMadeUpEvidenceIsFound(t *testing.T) {
	t.Parallel()
	both := []string{ClearingMSP, IssuerMSP}
	d := newDocket(t)
	d.lane.Close(t)
	d.Clock.Advance(time.Second)
	m := coupon.Misconduct{
		Format: 1, FrameRef: d.lane.Frame, Emitter: AdvertiserMSP, Kind: coupon.MissingFrame, State: coupon.MisconductOpen,
	}
	m.ID = coupon.NewMisconductID(m.FrameRef, m.Kind)
	evidence, err := coupon.Evidence{FrameRef: m.FrameRef, Kind: m.Kind, EvidenceInput: coupon.EvidenceInput{
		Salt: coupon.Hash{1}, Statement: "late", Exhibits: []coupon.Exhibit{},
	}}.Record()
	if err != nil {
		t.Fatal(err)
	}
	m.Evidence = sha256.Sum256(evidence)
	event, argument := text(t, coupon.MisconductEvent{ID: m.ID}), text(t, coupon.MisconductRequest{})
	fraud{
		creator: IssuerMSP, function: "ReportMisconduct", endorsers: both, args: []string{argument},
		do: func(stub shim.ChaincodeStubInterface) error {
			for _, key := range []string{"tick", "misconduct/" + m.ID.String()} {
				if _, err := stub.GetState(key); err != nil {
					return err
				}
			}
			for _, owner := range both {
				if err := stub.PutPrivateData("_implicit_org_"+owner, "misconduct/"+m.ID.String(), evidence); err != nil {
					return err
				}
			}
			if err := stub.SetEvent("MisconductReported", []byte(event)); err != nil {
				return err
			}
			at, err := stub.GetTxTimestamp()
			if err != nil {
				return err
			}
			report := m
			report.Reported = at.AsTime().UnixMilli()
			report.Deadline = report.Reported + coupon.MinAnswerTime
			return stub.PutState("misconduct/"+m.ID.String(), []byte(text(t, report)))
		},
	}.commit(t, d.Consortium, peer.TxValidationCode_VALID)
	assertBreaches(t, d.Consortium, IssuerMSP, both, "misconduct")
	assertBreaches(t, d.Consortium, AdvertiserMSP, both)
}

// text is a record as JSON.
func text(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestTamperedAnswersAreFound: emitter and clearing house, who keep an answer, have
// altered it; or answer what is not asked any more.
func TestTamperedAnswersAreFound(t *testing.T) {
	t.Parallel()
	both := []string{AdvertiserMSP, ClearingMSP}
	in := func(change func(*coupon.Answer)) tampering { return inRecord("misconduct-answer/", change) }
	for _, test := range []struct {
		name   string
		change tampering
		want   []string // as both see it
		public []string
	}{
		{"as it is", tampering{}, nil, nil},
		{"at another time", in(func(a *coupon.Answer) { a.Time++ }), []string{"private-record"}, nil},
		{"to another report", in(func(a *coupon.Answer) { a.ID[0] ^= 1 }), []string{"private-record"}, nil},
		{"no copy with the clearing house", leftOut(ClearingMSP, "misconduct-answer/"), []string{"private-writes"}, []string{"private-writes"}},
		{"announced to a report that is not there", inEvent(func(e *coupon.MisconductEvent) { e.ID[0] ^= 1 }),
			[]string{"misconduct", "private-writes", "private-writes", "private-writes", "private-writes"},
			[]string{"misconduct", "private-writes", "private-writes", "private-writes", "private-writes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDocket(t)
			d.report(t)
			tamper(t, d.Consortium, test.change, both, func() { d.answer(t) })
			assertBreaches(t, d.Consortium, ClearingMSP, both, test.want...)
			assertBreaches(t, d.Consortium, RetailerMSP, both, test.public...)
		})
	}
}

// forgedAnswer is one that the contract would not take.
func (d *docket) forgedAnswer(t *testing.T) {
	t.Helper()
	event, argument := text(t, coupon.MisconductEvent{ID: d.id}), text(t, coupon.MisconductQuery{ID: d.id})
	fraud{
		creator: AdvertiserMSP, function: "AnswerMisconduct", endorsers: []string{AdvertiserMSP, ClearingMSP}, args: []string{argument},
		do: func(stub shim.ChaincodeStubInterface) error {
			for _, owner := range []string{AdvertiserMSP, ClearingMSP} {
				if err := stub.PutPrivateData("_implicit_org_"+owner, "misconduct-answer/"+d.id.String(), []byte("x")); err != nil {
					return err
				}
			}
			return stub.SetEvent("MisconductAnswered", []byte(event))
		},
	}.commit(t, d.Consortium, peer.TxValidationCode_VALID)
}

// TestAnswersComeInTime: not after the deadline, nor after the end.
func TestAnswersComeInTime(t *testing.T) {
	t.Parallel()
	both := []string{AdvertiserMSP, ClearingMSP}
	late := newDocket(t)
	late.report(t)
	late.Clock.Advance(3 * time.Hour)
	late.forgedAnswer(t)
	assertBreaches(t, late.Consortium, IssuerMSP, both, "misconduct")
	over := newDocket(t)
	over.report(t)
	over.resolve(t, coupon.MisconductWithdrawn)
	over.forgedAnswer(t)
	assertBreaches(t, over.Consortium, IssuerMSP, both, "misconduct")
}

// TestTamperedEndsOfReportsAreFound: issuer and clearing house have altered how a
// report ends.
func TestTamperedEndsOfReportsAreFound(t *testing.T) {
	t.Parallel()
	both := []string{ClearingMSP, IssuerMSP}
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, d *docket)
		change  tampering
		want    []string
	}{
		{"withdrawn", func(*testing.T, *docket) {}, tampering{}, nil},
		{"upheld before it is answered", func(*testing.T, *docket) {}, inReport(func(m *coupon.Misconduct) { m.State = coupon.MisconductUpheld }), []string{"misconduct"}},
		{"upheld once it is answered", func(t *testing.T, d *docket) { d.answer(t) }, inReport(func(m *coupon.Misconduct) { m.State = coupon.MisconductUpheld }), nil},
		{"upheld though the frame is closed by then", func(t *testing.T, d *docket) {
			d.answer(t)
			d.lane.Close(t)
		}, inReport(func(m *coupon.Misconduct) { m.State = coupon.MisconductUpheld }), []string{"misconduct"}},
		{"still open", func(*testing.T, *docket) {}, inReport(func(m *coupon.Misconduct) { m.State = coupon.MisconductOpen }), []string{"misconduct"}},
		{"at another time", func(*testing.T, *docket) {}, inReport(func(m *coupon.Misconduct) { m.Resolved++ }), []string{"misconduct"}},
		{"of another emitter", func(*testing.T, *docket) {}, inReport(func(m *coupon.Misconduct) { m.Emitter = RetailerMSP }), []string{"misconduct"}},
		{"with other evidence", func(*testing.T, *docket) {}, inReport(func(m *coupon.Misconduct) { m.Evidence[0] ^= 1 }), []string{"misconduct"}},
		{"without the clearing house's vote", func(*testing.T, *docket) {}, leftOut(ClearingMSP, "misconduct-resolved/"), []string{"private-writes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDocket(t)
			d.report(t)
			test.prepare(t, d)
			tamper(t, d.Consortium, test.change, both, func() { d.resolve(t, coupon.MisconductWithdrawn) })
			assertBreaches(t, d.Consortium, RetailerMSP, both, test.want...)
		})
	}
	d := newDocket(t)
	d.report(t)
	vote := tampering{private: func(_, _ string, _ []byte) []byte { return []byte("another transaction") }}
	tamper(t, d.Consortium, vote, both, func() { d.resolve(t, coupon.MisconductWithdrawn) })
	assertBreaches(t, d.Consortium, ClearingMSP, both, "private-record")
}
