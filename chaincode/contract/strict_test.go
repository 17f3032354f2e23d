// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ecoupon/chaincode/coupon"
)

// twisted are texts that other readers could take for the JSON given.
func twisted(t *testing.T, value any) map[string]string {
	t.Helper()
	text := encode(t, value)
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	key := slices.Min(slices.Collect(maps.Keys(object)))
	with := func(other, value string) string { return `{"` + other + `":` + value + `,` + text[1:] }
	return map[string]string{
		"unknown key":     with("zzz", "1"),
		"key twice":       with(key, string(object[key])),
		"key in capitals": strings.Replace(text, `"`+key+`"`, `"`+strings.ToUpper(key)+`"`, 1),
		"null":            "null",
		"null within":     strings.Replace(text, `"`+key+`":`+string(object[key]), `"`+key+`":null`, 1),
		"more after it":   text + "{}",
		"list":            "[" + text + "]",
		"not UTF-8":       with("\xff", "1"),
		"half surrogate":  with(`\ud800`, "1"),
		"cut off":         text[:len(text)-1],
		"nothing":         "",
		"too deep":        strings.Repeat(`[`, 100_000),
	}
}

// strictly is the refusal of a text that is read as the type of a request.
func strictly(text string, request any) string {
	into := reflect.New(reflect.TypeOf(request)).Interface()
	if _, campaign := request.(map[string]any); campaign {
		into = &coupon.Campaign{}
	}
	if err := coupon.DecodeStrict([]byte(text), into); err != nil {
		return err.Error()
	}
	return ""
}

func TestRequestsAreStrict(t *testing.T) {
	t.Parallel()
	c := founded(t)
	for _, a := range accesses {
		good := call{function: a.function, argument: a.argument, input: a.input, by: issuer, endorsers: []string{issuer}}
		switch a.caller {
		case clearing:
			good.by, good.endorsers = clearing, []string{clearing}
		case "":
			if a.function == "Claim" {
				good.by, good.endorsers = retailer, []string{retailer}
			}
		}
		if a.argument != nil {
			for name, text := range twisted(t, a.argument) {
				k := good
				k.argument = text
				if _, message := c.reasonOf(k); message != strictly(text, a.argument) {
					t.Errorf("%s with an argument of %s: %s, want INVALID_REQUEST", a.function, name, message)
				}
			}
		}
		if a.input != nil {
			for name, text := range twisted(t, a.input) {
				k := good
				k.input = text
				if _, message := c.reasonOf(k); message != strictly(text, a.input) {
					t.Errorf("%s with an input of %s: %s, want INVALID_REQUEST", a.function, name, message)
				}
			}
		}
	}
}

func TestArgumentsAreCounted(t *testing.T) {
	t.Parallel()
	c := founded(t)
	for _, a := range accesses {
		counts := []int{1, 2}
		if a.argument != nil {
			counts = []int{0, 2}
		}
		for _, n := range counts {
			p := c.proposal(call{function: a.function, input: a.input, by: issuer, endorsers: []string{issuer}})
			p.Args = slices.Repeat([]string{"{}"}, n)
			if _, err := c.Endorse(p); err == nil || !strings.Contains(err.Error(), "INVALID_REQUEST") {
				t.Errorf("%s with %d arguments: %v, want INVALID_REQUEST", a.function, n, err)
			}
		}
	}
}

func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	c := founded(t)
	k := change("PauseCampaign", bearer)
	k.argument = encode(t, k.argument) + strings.Repeat(" ", 128<<10)
	c.refused(k, invalid)
	k = redeem(c.batch(c.sale(bearer.tender(1))))
	k.input = map[string][]byte{coupon.TransientKey: make([]byte, 32<<20+1)}
	if _, message := c.reasonOf(k); !strings.Contains(message, "at most") {
		t.Errorf("an input of 32 MB and a byte: %s", message)
	}
}

func TestTransientDataIsExact(t *testing.T) {
	t.Parallel()
	c := founded(t)
	b := []byte(encode(t, c.batch(c.sale(bearer.tender(1)))))
	for name, transient := range map[string]map[string][]byte{
		"none":        nil,
		"empty value": {coupon.TransientKey: nil},
		"another key": {"Input": b},
		"two keys":    {coupon.TransientKey: b, "more": b},
	} {
		k := redeem(coupon.BatchInput{})
		k.input = transient
		if got := c.refusal(k); got.Reason != invalid {
			t.Errorf("%s: %v, want INVALID_REQUEST", name, got)
		}
	}
	// A retailer that has its key is admitted without any.
	k := c.admit(fresh, retailer)
	c.published()
	k.input = map[string][]byte{"more": b}
	c.refused(k, exists)
}
