// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReasonsAreExactlyTheConstants(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var constants []Reason
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		value, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		if spec.Doc == nil || !strings.HasPrefix(spec.Doc.Text(), spec.Names[0].Name+": ") {
			t.Errorf("%s has no comment that begins with its name", spec.Names[0].Name)
		}
		constants = append(constants, Reason(value))
		return true
	})
	slices.Sort(constants)
	if diff := cmp.Diff(constants, Reasons()); diff != "" {
		t.Errorf("constants and Reasons() differ (-constants +Reasons):\n%s", diff)
	}
}

func TestReasonsCannotBeChangedByCallers(t *testing.T) {
	t.Parallel()
	Reasons()[0] = "X"
	if Reasons()[0] == "X" {
		t.Error("Reasons() hands out its own list")
	}
}

func TestErrorTextReadsBack(t *testing.T) {
	t.Parallel()
	for _, want := range []*Error{
		{Reason: ReasonAlreadyRedeemed},
		{Reason: ReasonAlreadyRedeemed, Detail: "the coupon is spent"},
		{Reason: ReasonBadBasket, Field: "lines[3].quantity", Detail: "a line has 1 to 10000 units"},
		{Reason: ReasonBadBasket, Field: "sales[1].coupons[22].text", Detail: "what: ever"},
		{Reason: ReasonBatchRefused, Detail: `[{"redemption":0,"coupon":-1,"reason":"INVOICE_USED"}]`},
		{Reason: ReasonInternal, Detail: "A sentence: with a colon"},
		{Reason: ReasonInvalidRequest, Field: "quotas", Detail: ""},
	} {
		got, ok := ParseError(want.Error())
		if !ok {
			t.Errorf("%q is not read back", want.Error())
			continue
		}
		if got.Reason != want.Reason || got.Error() != want.Error() {
			t.Errorf("%q reads back as %#v", want.Error(), got)
		}
		if want.Detail != "" && !cmp.Equal(got, want) {
			t.Errorf("%q reads back as %#v", want.Error(), got)
		}
	}
}

func TestParseErrorKnowsOnlyReasons(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "X", "ALREADY_REDEEMED_", "already_redeemed: no", " ALREADY_REDEEMED: no", "ALREADY_REDEEMED no",
		"ALREADY_REDEEMED:no", "ALREADY_REDEEMED: ", "chaincode response 500, ALREADY_REDEEMED: no", "SOME_OTHER: detail",
	} {
		if got, ok := ParseError(text); ok {
			t.Errorf("%q is read as %#v", text, got)
		}
	}
}

func TestReasonOf(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("reading coupon 3: %w", Refuse(ReasonWrongMAC, "", "no"))
	if got, ok := ReasonOf(wrapped); !ok || got != ReasonWrongMAC {
		t.Errorf("ReasonOf = %q, %v", got, ok)
	}
	for _, err := range []error{nil, errors.New("WRONG_MAC: only text")} {
		if got, ok := ReasonOf(err); ok {
			t.Errorf("ReasonOf(%v) = %q", err, got)
		}
	}
}

func FuzzParseError(f *testing.F) {
	f.Add("BAD_BASKET: lines[3].quantity: a line has units")
	f.Add("INTERNAL")
	f.Add("INTERNAL: x: ")
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := ParseError(text); ok && got.Error() != text {
			t.Errorf("%q reads back as %q", text, got.Error())
		}
	})
}

// wantReason fails the test unless err is refused for the reason; an empty
// reason stands for no error.
func wantReason(t *testing.T, what string, err error, want Reason) {
	t.Helper()
	got, refused := ReasonOf(err)
	switch {
	case err != nil && !refused:
		t.Errorf("%s: %v, which has no reason", what, err)
	case got != want:
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

func fieldOf(err error) string {
	var refused *Error
	if !errors.As(err, &refused) {
		return "no field: no refusal"
	}
	return refused.Field
}
