// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import "testing"

func FuzzRule(f *testing.F) {
	for _, text := range []string{"till@own", "*@any", "operator@clearing", "@", "till@own@any"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := parseRule(text); err == nil && r.role+"@"+r.organisation != text {
			t.Fatalf("%q is read as %+v", text, r)
		}
	})
}
