// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type strictPage struct {
	Size int `json:"size"`
}

type strictThing struct {
	Name    string           `json:"name"`
	Count   int64            `json:"count,omitempty"`
	Tag     *Tag             `json:"tag"`
	Parts   []strictThing    `json:"parts"`
	ByName  map[string]int64 `json:"by_name"`
	Raw     json.RawMessage  `json:"raw"`
	Any     any              `json:"any"`
	Untold  bool
	Hidden  string `json:"-"`
	private string
	strictPage
}

func TestDecodeStrict(t *testing.T) {
	t.Parallel()
	var got strictThing
	err := DecodeStrict([]byte(` { "name" : "a\"\\\u00e9\ud83d\ude00b" , "count":-3, "tag":"000102030405060708090a0b0c0d0e0f",
		"parts":[ {"name":"1"}, {} , {"parts":[ ]} ], "by_name":{"A":1,"b":2}, "raw":{"x":[1,{"y":true}]}, "any":[false], "Untold":true, "size":7 } `), &got)
	if err != nil {
		t.Fatal(err)
	}
	want := strictThing{
		Name: `a"\é😀b`, Count: -3, Tag: &Tag{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Parts: []strictThing{{Name: "1"}, {}, {Parts: []strictThing{}}}, ByName: map[string]int64{"A": 1, "b": 2},
		Raw: json.RawMessage(`{"x":[1,{"y":true}]}`), Any: []any{false}, Untold: true, private: "", strictPage: strictPage{7},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(strictThing{})); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeStrictTakesAnyValue(t *testing.T) {
	t.Parallel()
	var number int64
	wantReason(t, "a number", DecodeStrict([]byte("-17"), &number), "")
	var text string
	wantReason(t, "a text", DecodeStrict([]byte(`"}"`), &text), "")
	var list []string
	wantReason(t, "a list", DecodeStrict([]byte(`[ "]" , "[" ]`), &list), "")
	var empty struct{}
	wantReason(t, "an object", DecodeStrict([]byte("{ }"), &empty), "")
	if number != -17 || text != "}" || len(list) != 2 {
		t.Errorf("got %d, %q, %q", number, text, list)
	}
}

func TestDecodeStrictRefuses(t *testing.T) {
	t.Parallel()
	t.Logf("must be refused with %s", ReasonInvalidRequest)
	deep := strings.Repeat(`{"parts":[`, 17) + strings.Repeat(`]}`, 17)
	for _, bad := range []struct{ doc, field string }{
		{``, ""}, {` `, ""}, {`{`, ""}, {`{}{}`, ""}, {`{} x`, ""}, {`{"name":"a",}`, ""}, {`{'name':"a"}`, ""}, {"\ufeff{}", ""},
		{"{\"name\":\"\xff\"}", ""}, {"{\"na\xffme\":\"\"}", ""}, {"{\"name\":\"a\nb\"}", ""},
		{`null`, ""}, {`{"name":null}`, "name"}, {`{"parts":null}`, "parts"}, {`{"parts":[{},null]}`, "parts[1]"}, {`{"any":null}`, "any"},
		{`{"raw":{"x":[0,null]}}`, "raw.x[1]"}, {`{"by_name":{"a":null}}`, "by_name.a"}, {`{"tag":null}`, "tag"},
		{`{"name":"a","name":"a"}`, ""}, {`{"name":"a","n\u0061me":"a"}`, ""}, {`{"parts":[{"count":1,"count":2}]}`, "parts[0]"},
		{`{"Name":"a"}`, ""}, {`{"name":"a","NAME":"b"}`, ""}, {`{"parts":[{},{"COUNT":1}]}`, "parts[1]"}, {`{"untold":true}`, ""},
		{`{"\u212aey":1}`, ""}, {`{"by_name":{"a":1,"A":2}}`, "by_name"}, {`{"by_name":{"a":1,"a":2}}`, "by_name"},
		{`{"any":{"a":1,"a":2}}`, "any"}, {`{"any":{"a":1,"A":2}}`, "any"}, {`{"raw":{"a":1,"a":2}}`, "raw"},
		{`{"other":1}`, ""}, {`{"Hidden":"a"}`, ""}, {`{"hidden":"a"}`, ""}, {`{"private":"a"}`, ""}, {`{"-":"a"}`, ""}, {`{"":1}`, ""},
		{`{"strictPage":{"size":1}}`, ""},
		{`{"count":"1"}`, "count"}, {`{"count":1.5}`, "count"}, {`{"count":1e2}`, "count"}, {`{"count":9223372036854775808}`, "count"},
		{`{"count":true}`, "count"}, {`{"count":{}}`, "count"}, {`{"name":1}`, "name"}, {`{"parts":{}}`, "parts"}, {`[]`, ""}, {`"a"`, ""},
		{`{"tag":"00"}`, ""}, {`{"tag":"000102030405060708090A0B0C0D0E0F"}`, ""}, {`{"tag":[1]}`, "tag"},
		{`{"name":"\ud83d"}`, "name"}, {`{"name":"\ude00"}`, "name"}, {`{"name":"\ud83dx\ude00"}`, "name"}, {`{"name":"\ud83d\n"}`, "name"},
		{`{"name":"\ud83d\ud83d"}`, "name"}, {`{"\ud83d":1}`, ""}, {`{"by_name":{"\ud83d":1}}`, "by_name"},
		{deep, strings.Repeat("parts[0].", 16) + "parts"},
	} {
		var v strictThing
		err := DecodeStrict([]byte(bad.doc), &v)
		wantReason(t, bad.doc, err, ReasonInvalidRequest)
		if fieldOf(err) != bad.field {
			t.Errorf("%s: %v, want field %q", bad.doc, err, bad.field)
		}
	}
}

func TestDecodeStrictDepth(t *testing.T) {
	t.Parallel()
	for depth, want := range map[int]Reason{MaxDepth: "", MaxDepth + 1: ReasonInvalidRequest, 9000: ReasonInvalidRequest, 100_000: ReasonInvalidRequest} {
		var v any
		wantReason(t, "nested lists", DecodeStrict([]byte(strings.Repeat("[", depth)+"1"+strings.Repeat("]", depth)), &v), want)
	}
}

// Short texts that would fill a memory are refused before they are decoded.
func TestDecodeStrictBoundsWhatItTakes(t *testing.T) {
	t.Parallel()
	list := func(element string, count int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(element+",", count), ",") + "]"
	}
	for what, test := range map[string]struct {
		sales string
		want  Reason
	}{
		"as many as may be":     {list("{}", MaxElements), ""},
		"one too many":          {list("{}", MaxElements+1), ReasonInvalidRequest},
		"many in each of many":  {list(`{"coupons":`+list("{}", 1000)+"}", 1100), ReasonInvalidRequest},
		"ten million for 30 MB": {list("{}", 10<<20), ReasonInvalidRequest},
	} {
		var in BatchInput
		wantReason(t, what, DecodeStrict([]byte(`{"sales":`+test.sales+"}"), &in), test.want)
		if test.want != "" && in.Sales != nil {
			t.Errorf("%s: %d sales were decoded", what, len(in.Sales))
		}
	}
}

func TestDecodeStrictNeedsAPointer(t *testing.T) {
	t.Parallel()
	for _, target := range []any{nil, strictThing{}, (*strictThing)(nil)} {
		wantReason(t, "no pointer", DecodeStrict([]byte(`{}`), target), ReasonInvalidRequest)
	}
}

func BenchmarkDecodeStrict(b *testing.B) {
	line := `{"gtin":"09521234543213","quantity":1,"unit_price":250}`
	doc := []byte(`{"currency":"EUR","total":50000,"lines":[` + strings.Repeat(line+",", MaxLines-1) + line + `]}`)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		var basket Basket
		if err := DecodeStrict(doc, &basket); err != nil {
			b.Fatal(err)
		}
	}
}
