// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package reason_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/rpcerr"
	"ecoupon/services/reason"
)

const docsFile = "../../docs/errors.md"

var update = flag.Bool("update", false, "write docs/errors.md from the table")

const head = `# Reasons

Whatever is refused is refused with a reason: one word that never changes its
meaning. In gRPC it is ` + "`ErrorInfo.reason`" + ` of the status, with domain
` + "`ecoupon`" + `; the status has one ` + "`RefusedCoupons`" + ` detail where single coupons of a
request are refused. The advertiser's public HTTP side answers
` + "`{\"reason\": …, \"message\": …}`" + `. The command line prints the sentences below.

Services, operators and auditors see the exact reason. A till sees the public
class in the column *at a till* in its place, so that nobody learns at a counter
how a coupon was found out.

This page is made from the table in ` + "`services/reason`" + ` and the codes in
` + "`services/internal/rpcerr`" + `: ` + "`go test ./reason -update`" + ` in ` + "`services`" + ` writes
it, and the same test without the flag fails when it is out of date.
`

// page is docs/errors.md.
func page() string {
	var b strings.Builder
	b.WriteString(head)
	for _, list := range reason.Lists() {
		fmt.Fprintf(&b, "\n## %s\n\n| reason | gRPC code | at a till | who sees it | what it means | what to do |\n|---|---|---|---|---|---|\n", list.Title)
		for _, e := range list.Entries {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n",
				e.Reason, rpcerr.CodeOf(e.Reason), atTill(e.Reason), join(e.Seen), e.Meaning, e.Advice)
		}
	}
	return b.String()
}

func atTill(r coupon.Reason) string {
	if isClass(r) || rpcerr.Public(r) == r {
		return "the same"
	}
	return "`" + string(rpcerr.Public(r)) + "`"
}

func join(who []reason.Who) string {
	names := make([]string, len(who))
	for i, w := range who {
		names[i] = string(w)
	}
	return strings.Join(names, ", ")
}

func TestDocsAreTheTable(t *testing.T) {
	t.Parallel()
	if *update {
		if err := os.WriteFile(docsFile, []byte(page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page(), string(got)); diff != "" {
		t.Errorf("docs/errors.md is out of date; run go test ./reason -update (-want +got):\n%s", diff)
	}
}
