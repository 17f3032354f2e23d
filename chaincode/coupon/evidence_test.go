// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon_test

import (
	"slices"
	"strings"
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/merkletest"
)

const (
	frameOpened = 1_000_000
	frameMaxAge = 10_000
)

// evidence is a report that can be spoilt: of a frame with three entries, the
// numbers 4 to 6.
type evidence struct {
	coupon.Case
	kind     coupon.MisconductKind
	exhibits []coupon.Exhibit
}

// chained is an honest log after the first link.
func chained(first coupon.Hash) []coupon.Entry {
	var log []coupon.Entry
	q := first
	for i := range int64(3) {
		uData := make([]byte, 32)
		uData[0] = byte(i)
		q = coupon.NextLink(q, uData)
		log = append(log, coupon.Entry{Lane: 2, SN: 4 + i, Time: frameOpened + 1000*i, UData: uData, Q: q})
	}
	return log
}

// shown is a report of a log with the entries at these places.
func shown(kind coupon.MisconductKind, alter func(log []coupon.Entry, c *coupon.Case), places ...int) evidence {
	first := coupon.Hash{7}
	log := chained(first)
	e := evidence{kind: kind, Case: coupon.Case{
		Before: coupon.Frame{Time: frameOpened}, MaxAge: frameMaxAge, First: &first,
		Closed: &coupon.Frame{FrameRef: coupon.FrameRef{Lane: 2}, Time: frameOpened + 5000, Last: log[2].Q},
	}}
	if alter != nil {
		alter(log, &e.Case)
	}
	encoded := merkletest.Encoded(log)
	e.Closed.Log = coupon.LogDigest(merkletest.Root(encoded), int64(len(log)))
	for _, i := range places {
		e.exhibits = append(e.exhibits, coupon.ExhibitOf(log[i], coupon.Receipt{
			Size: int64(len(log)), Index: int64(i), Path: merkletest.Path[coupon.Hash](i, encoded),
		}))
	}
	return e
}

type alteration = func(log []coupon.Entry, c *coupon.Case)

func TestEvidence(t *testing.T) {
	t.Parallel()
	closedWith := func(last int64) alteration {
		return func(_ []coupon.Entry, c *coupon.Case) { c.Content = &coupon.FrameContent{LastSN: last, Count: 3} }
	}
	link := func(i int) alteration { return func(log []coupon.Entry, _ *coupon.Case) { log[i].Q[0] ^= 1 } }
	released := func(i int, at int64) alteration { return func(log []coupon.Entry, _ *coupon.Case) { log[i].Time = at } }
	closed := func(at int64) alteration { return func(_ []coupon.Entry, c *coupon.Case) { c.Closed.Time = at } }
	ageless := func(_ []coupon.Entry, c *coupon.Case) { c.MaxAge, c.Closed.Time = 0, 2*frameOpened }
	later := func(_ []coupon.Entry, c *coupon.Case) { c.Now = 2 * frameOpened }
	keyless := func(_ []coupon.Entry, c *coupon.Case) { c.First = nil }
	const refused, accepted = coupon.ReasonNoMisconduct, coupon.Reason("")
	for name, test := range map[string]struct {
		evidence
		want coupon.Reason
	}{
		"log":                            {shown(coupon.LogNotServed, nil), accepted},
		"log, with an entry":             {shown(coupon.LogNotServed, nil, 0), refused},
		"serial":                         {shown(coupon.WrongSerials, closedWith(7), 1), accepted},
		"right serial":                   {shown(coupon.WrongSerials, closedWith(6), 1), refused},
		"serial without content":         {shown(coupon.WrongSerials, nil, 1), refused},
		"two serials":                    {shown(coupon.WrongSerials, closedWith(7), 0, 1), refused},
		"chain":                          {shown(coupon.WrongChain, link(1), 0, 1), accepted},
		"right chain":                    {shown(coupon.WrongChain, nil, 0, 1), refused},
		"chain, the other way round":     {shown(coupon.WrongChain, link(1), 1, 0), refused},
		"chain, apart":                   {shown(coupon.WrongChain, link(1), 0, 2), refused},
		"first link":                     {shown(coupon.WrongChain, link(0), 0), accepted},
		"right first link":               {shown(coupon.WrongChain, nil, 0), refused},
		"first link, without the key":    {shown(coupon.WrongChain, keyless, 0), accepted},
		"second link, without the key":   {shown(coupon.WrongChain, keyless, 1), refused},
		"last link":                      {shown(coupon.WrongChain, link(2), 2), accepted},
		"right last link":                {shown(coupon.WrongChain, nil, 2), refused},
		"time before":                    {shown(coupon.WrongTimes, released(0, frameOpened-1), 0), accepted},
		"time at the opening":            {shown(coupon.WrongTimes, released(0, frameOpened), 0), refused},
		"time after":                     {shown(coupon.WrongTimes, released(2, frameOpened+frameMaxAge+1), 2), accepted},
		"time at the end":                {shown(coupon.WrongTimes, released(2, frameOpened+frameMaxAge), 2), refused},
		"time after the closing":         {shown(coupon.WrongTimes, released(2, frameOpened+5000+coupon.FrameTolerance+1), 2), accepted},
		"times back":                     {shown(coupon.WrongTimes, released(1, frameOpened-1), 0, 1), accepted},
		"times equal":                    {shown(coupon.WrongTimes, released(1, frameOpened), 0, 1), refused},
		"late":                           {shown(coupon.LateFrame, closed(frameOpened+frameMaxAge+coupon.FrameTolerance+1), 0), accepted},
		"not late":                       {shown(coupon.LateFrame, closed(frameOpened+frameMaxAge+coupon.FrameTolerance), 0), refused},
		"late without a coupon":          {shown(coupon.LateFrame, closed(2*frameOpened)), refused},
		"late without a limit":           {shown(coupon.LateFrame, ageless, 0), refused},
		"a kind that there is not":       {shown("rudeness", nil), refused},
		"three entries":                  {shown(coupon.WrongTimes, nil, 0, 1, 2), coupon.ReasonTooMany},
		"missing, and closed":            {shown(coupon.MissingFrame, later), refused},
		"missing":                        {missing(frameOpened + frameMaxAge + coupon.FrameTolerance + 1), accepted},
		"not missing yet":                {missing(frameOpened + frameMaxAge + coupon.FrameTolerance), refused},
		"missing, with an entry":         {withEntry(missing(2 * frameOpened)), refused},
		"log of a frame that is open":    {open(shown(coupon.LogNotServed, nil)), coupon.ReasonFrameNotClosed},
		"an entry that is not in it":     {alteredEntry(shown(coupon.WrongTimes, nil, 0)), coupon.ReasonWrongReceipt},
		"an entry with no receipt":       {withoutReceipt(shown(coupon.WrongTimes, nil, 0)), coupon.ReasonMalformedReceipt},
		"an entry of another lane's log": {otherLane(shown(coupon.WrongTimes, nil, 0)), coupon.ReasonWrongReceipt},
	} {
		err := coupon.CheckEvidence(test.kind, test.exhibits, test.Case)
		if reason, _ := coupon.ReasonOf(err); reason != test.want || (err == nil) != (test.want == accepted) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// missing is a report of a frame that is open at this time.
func missing(now int64) evidence {
	e := open(shown(coupon.MissingFrame, nil))
	e.Now = now
	return e
}

func open(e evidence) evidence { e.Closed = nil; return e }

func withEntry(e evidence) evidence {
	e.exhibits = shown(coupon.WrongTimes, nil, 0).exhibits
	return e
}

func alteredEntry(e evidence) evidence { e.exhibits[0].SN++; return e }

func withoutReceipt(e evidence) evidence { e.exhibits[0].Receipt = ""; return e }

func otherLane(e evidence) evidence { e.Closed.Lane++; return e }

// An empty frame's log is known without being shown.
func TestEmptyFramesNeedNoLog(t *testing.T) {
	t.Parallel()
	e := shown(coupon.LogNotServed, nil)
	e.Closed.Log = coupon.LogDigest(coupon.EmptyRoot, 0)
	if err := coupon.CheckEvidence(e.kind, nil, e.Case); err == nil {
		t.Error("an empty frame's log is missed")
	}
}

func TestExhibitsAreEntries(t *testing.T) {
	t.Parallel()
	for _, e := range append(chained(coupon.Hash{}), coupon.Entry{Lane: 2, SN: 1, Time: 1, Q: coupon.Hash{1}}) {
		x := coupon.ExhibitOf(e, coupon.Receipt{Size: 1})
		if got := x.Entry(2); got.Leaf() != e.Leaf() {
			t.Errorf("%+v becomes %+v", e, got)
		}
	}
}

func TestWordsOfReports(t *testing.T) {
	t.Parallel()
	for _, kind := range coupon.MisconductKinds() {
		if err := kind.Check("kind"); err != nil {
			t.Error(err)
		}
	}
	long := strings.Repeat("a", coupon.MaxStatementBytes)
	if err := coupon.CheckStatement("statement", long); err != nil {
		t.Error(err)
	}
	var id coupon.MisconductID
	for name, err := range map[string]error{
		"kind":            coupon.MisconductKind("rudeness").Check("kind"),
		"empty statement": coupon.CheckStatement("statement", ""),
		"long statement":  coupon.CheckStatement("statement", long+"a"),
		"no UTF-8":        coupon.CheckStatement("statement", "\xff"),
		"id":              id.UnmarshalText([]byte("x")),
	} {
		if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each kind in each frame has an id of its own, which its text gives back.
func TestMisconductIDs(t *testing.T) {
	t.Parallel()
	var seen []coupon.MisconductID
	for _, ref := range []coupon.FrameRef{{}, {Framework: coupon.FrameworkID{1}}, {Lane: 1}, {Frame: 1}} {
		for _, kind := range coupon.MisconductKinds() {
			id := coupon.NewMisconductID(ref, kind)
			if slices.Contains(seen, id) {
				t.Errorf("%v, %s: the id was seen", ref, kind)
			}
			seen = append(seen, id)
			text, _ := id.MarshalText()
			var back coupon.MisconductID
			if err := back.UnmarshalText(text); err != nil || back != id || string(text) != id.String() {
				t.Errorf("%s becomes %s, %v", id, back, err)
			}
		}
	}
}
