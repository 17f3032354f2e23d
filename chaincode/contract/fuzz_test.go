// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"encoding/json"
	"errors"
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// FuzzFunctions calls every function with whatever argument and input, as the
// service of any member on its own peer or the issuer's. It does what it is for
// or is refused with a reason; it does not panic, and the chaincode process lives.
func FuzzFunctions(f *testing.F) {
	c := founded(f) // calls are endorsed only, so that nothing changes it
	for i, a := range accesses {
		for who := range members {
			f.Add(uint8(i), uint8(who), who%2 == 0, jsonOf[string](f, a.argument), jsonOf[[]byte](f, a.input))
		}
	}
	f.Fuzz(func(t *testing.T, which, who uint8, own bool, argument string, input []byte) {
		c.t = t
		a := accesses[int(which)%len(accesses)]
		k := call{function: a.function, by: members[int(who)%len(members)], endorsers: []string{issuer}}
		if own {
			k.endorsers = []string{k.by}
		}
		if a.argument != nil {
			k.argument = argument
		}
		if len(input) > 0 {
			k.input = map[string][]byte{coupon.TransientKey: input}
		}
		_, err := c.Endorse(c.proposal(k))
		if err == nil {
			return
		}
		var refused *stubtest.EndorseError
		if !errors.As(err, &refused) {
			t.Fatalf("%s: %v", a.function, err)
		}
		parsed, ok := coupon.ParseError(refused.Message)
		if !ok || parsed.Reason == coupon.ReasonInternal {
			t.Fatalf("%s with %q, %q: %s", a.function, argument, input, refused.Message)
		}
	})
}

func jsonOf[T []byte | string](f *testing.F, v any) (text T) {
	f.Helper()
	if v == nil {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		f.Fatal(err)
	}
	return T(b)
}
