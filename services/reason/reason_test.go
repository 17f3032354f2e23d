// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package reason_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/rpcerr"
	"ecoupon/services/reason"
)

var publicClasses = []coupon.Reason{
	rpcerr.NotValid, rpcerr.AlreadyUsed, rpcerr.NotForThisBasket, rpcerr.NotNow, rpcerr.TryAgain,
}

func isClass(r coupon.Reason) bool { return slices.Contains(publicClasses, r) }

func TestTableHasEveryReasonAndClassOnce(t *testing.T) {
	t.Parallel()
	want := append(coupon.Reasons(), publicClasses...)
	slices.Sort(want)
	var got []coupon.Reason
	for _, list := range reason.Lists() {
		for _, e := range list.Entries {
			got = append(got, e.Reason)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons and table differ (-reasons +table):\n%s", diff)
	}
}

func TestEntriesAreSentences(t *testing.T) {
	t.Parallel()
	for _, list := range reason.Lists() {
		for _, e := range list.Entries {
			for _, s := range []string{e.Meaning, e.Advice} {
				if !strings.HasSuffix(s, ".") || s[0] < 'A' || s[0] > 'Z' || strings.ContainsAny(s, "|\n") {
					t.Errorf("%s: %q is no sentence for a line of a table", e.Reason, s)
				}
			}
			if len(e.Seen) == 0 {
				t.Errorf("%s: nobody sees it", e.Reason)
			}
		}
	}
}

func TestTillsSeeWhatTheyAreShown(t *testing.T) {
	t.Parallel()
	for _, r := range coupon.Reasons() {
		e, _ := reason.Of(r)
		if slices.Contains(e.Seen, reason.Till) && rpcerr.Public(r) != r {
			t.Errorf("%s is shown to tills as %s", r, rpcerr.Public(r))
		}
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	want := "The coupon was redeemed before. Do not take it again; the customer can use another one."
	if got := reason.Sentence(coupon.ReasonAlreadyRedeemed); got != want {
		t.Errorf("got %q", got)
	}
	if got := reason.Sentence("NEW_REASON"); !strings.Contains(got, "NEW_REASON") {
		t.Errorf("an unknown reason is not named: %q", got)
	}
}
