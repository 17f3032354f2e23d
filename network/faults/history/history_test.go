// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"os"
	"strings"
	"testing"
	"time"
)

func timeOf(moment int) time.Duration { return time.Duration(moment) * time.Second }

// at makes an operation on coupon 1 that is asked and answered at these times.
func at(call, end int, kind Kind, request int, outcome Outcome) Operation {
	return Operation{
		Coupon: 1, Request: request, Client: request, Kind: kind, Outcome: outcome,
		Call: timeOf(call), Return: timeOf(end),
	}
}

func TestPossibleHistories(t *testing.T) {
	t.Parallel()
	for name, list := range map[string][]Operation{
		"nothing":           nil,
		"one sale":          {at(1, 2, Redeem, 1, Done), at(9, 9, Look, 1, Done)},
		"never spent":       {at(9, 9, Look, 0, Done)},
		"shown again":       {at(1, 2, Redeem, 1, Done), at(3, 4, Redeem, 2, Used), at(9, 9, Look, 1, Done)},
		"repeated":          {at(1, 2, Redeem, 1, Done), at(3, 4, Redeem, 1, Done)},
		"repeated at once":  {at(1, 3, Redeem, 1, Done), at(2, 4, Redeem, 1, Done)},
		"race, later wins":  {at(1, 5, Redeem, 1, Used), at(2, 4, Redeem, 2, Done)},
		"race, both in it":  {at(1, 5, Redeem, 1, Done), at(2, 4, Redeem, 2, Used), at(9, 9, Look, 1, Done)},
		"voided, used anew": {at(1, 2, Redeem, 1, Done), at(3, 4, Void, 1, Done), at(5, 6, Redeem, 2, Done), at(9, 9, Look, 2, Done)},
		"voided, left":      {at(1, 2, Redeem, 1, Done), at(3, 4, Void, 1, Done), at(9, 9, Look, 0, Done)},
		"voided twice":      {at(1, 2, Redeem, 1, Done), at(3, 4, Void, 1, Done), at(5, 6, Void, 1, Voided)},
		"repeat of a voided one": {
			at(1, 2, Redeem, 1, Done), at(3, 4, Void, 1, Done), at(5, 6, Redeem, 1, Voided),
		},
		"void beside a cheat": {
			at(1, 2, Redeem, 1, Done), at(3, 6, Void, 1, Done), at(4, 5, Redeem, 2, Used), at(9, 9, Look, 0, Done),
		},
		"unknown, had an effect":    {at(1, 2, Redeem, 1, Unknown), at(3, 4, Redeem, 2, Used), at(5, 6, Redeem, 1, Done)},
		"unknown, had it later":     {at(1, 2, Redeem, 1, Unknown), at(3, 4, Redeem, 2, Refused), at(9, 9, Look, 1, Done)},
		"unknown, had none":         {at(1, 2, Redeem, 1, Unknown), at(3, 4, Redeem, 2, Done), at(9, 9, Look, 2, Done)},
		"unknown void":              {at(1, 2, Redeem, 1, Done), at(3, 4, Void, 1, Unknown), at(5, 6, Redeem, 2, Done)},
		"unknown void, had none":    {at(1, 2, Redeem, 1, Done), at(3, 4, Void, 1, Unknown), at(9, 9, Look, 1, Done)},
		"not now, and yet":          {at(1, 2, Redeem, 1, NotNow), at(3, 4, Redeem, 1, Done)},
		"refused, then good":        {at(1, 2, Redeem, 1, Refused), at(3, 4, Redeem, 1, Done)},
		"void refused as claimed":   {at(1, 2, Redeem, 1, Done), at(3, 4, Void, 1, Refused), at(9, 9, Look, 1, Done)},
		"late effect after a void":  {at(1, 2, Redeem, 1, Unknown), at(2, 3, Redeem, 2, Done), at(4, 5, Void, 2, Done), at(9, 9, Look, 1, Done)},
		"seen by whom it was taken": {at(1, 8, Redeem, 1, Done), at(3, 4, Redeem, 2, Used), at(5, 6, Redeem, 3, Used)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := Check(list); len(r.Wrong) > 0 || r.Unchecked > 0 {
				t.Errorf("%v is found impossible", list)
			}
		})
	}
}

func TestImpossibleHistories(t *testing.T) {
	t.Parallel()
	for name, list := range map[string][]Operation{
		"spent twice":                 {at(1, 2, Redeem, 1, Done), at(3, 4, Redeem, 2, Done)},
		"spent twice at once":         {at(1, 4, Redeem, 1, Done), at(2, 3, Redeem, 2, Done)},
		"acknowledged and lost":       {at(1, 2, Redeem, 1, Done), at(9, 9, Look, 0, Done)},
		"acknowledged, another's":     {at(1, 2, Redeem, 1, Done), at(3, 4, Redeem, 2, Unknown), at(9, 9, Look, 2, Done)},
		"acknowledged, then refused":  {at(1, 2, Redeem, 1, Done), at(3, 4, Redeem, 1, Refused)},
		"a void that did not undo":    {at(1, 2, Redeem, 1, Done), at(3, 4, Void, 1, Done), at(5, 6, Redeem, 2, Used)},
		"a void that was lost":        {at(1, 2, Redeem, 1, Done), at(3, 4, Void, 1, Done), at(9, 9, Look, 1, Done)},
		"a void that nobody made":     {at(1, 2, Redeem, 1, Done), at(3, 4, Redeem, 1, Voided)},
		"a void of what never was":    {at(1, 2, Void, 1, Done)},
		"used, though nobody did":     {at(1, 2, Redeem, 1, Used), at(9, 9, Look, 0, Done)},
		"used, before anybody did":    {at(1, 2, Redeem, 1, Used), at(3, 4, Redeem, 2, Done)},
		"both told of the other":      {at(1, 4, Redeem, 1, Used), at(2, 3, Redeem, 2, Used)},
		"used by itself":              {at(1, 2, Redeem, 1, Done), at(3, 4, Redeem, 1, Used)},
		"spent again after its void":  {at(1, 2, Redeem, 1, Done), at(3, 4, Void, 1, Done), at(5, 6, Redeem, 1, Done)},
		"refused, but on the ledger":  {at(1, 2, Redeem, 1, Refused), at(9, 9, Look, 1, Done)},
		"not on the ledger any more":  {at(1, 2, Redeem, 1, Unknown), at(3, 4, Redeem, 1, Done), at(9, 9, Look, 0, Done)},
		"unknown void, yet both held": {at(1, 2, Redeem, 1, Done), at(3, 4, Redeem, 2, Done), at(5, 6, Void, 1, Unknown)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Other coupons' histories are as they should be.
			others := []Operation{
				{Coupon: 2, Request: 8, Kind: Redeem, Outcome: Done, Call: 1, Return: 2},
				{Coupon: 3, Request: 9, Kind: Redeem, Outcome: Done, Call: 1, Return: 2},
			}
			r := Check(append(others, list...))
			if len(r.Wrong) != 1 || r.Wrong[0][0].Coupon != 1 {
				t.Fatalf("%v is not found impossible: %v", list, r.Wrong)
			}
			drawn, err := Draw(r.Wrong[0], t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			page, err := os.ReadFile(drawn)
			if err != nil || !strings.Contains(string(page), list[0].String()) {
				t.Errorf("the page does not show %q: %v", list[0], err)
			}
		})
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	other := at(1, 9, Redeem, 9, Done)
	other.Coupon = 2
	list := []Operation{
		other,
		at(1, 3, Redeem, 1, Unknown), at(2, 4, Redeem, 2, Done), at(5, 6, Redeem, 1, Used),
		at(7, 8, Redeem, 3, NotNow), at(9, 9, Look, 2, Done),
	}
	got := SharesOf(list)
	if want := (Shares{Operations: 5, Unknown: 1, Concurrent: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, tt := range []struct {
		shares Shares
		want   bool
	}{
		{Shares{}, false},
		{Shares{100, 5, 5}, true},
		{Shares{100, 4, 50}, false},
		{Shares{100, 50, 4}, false},
		{Shares{101, 5, 6}, false},
	} {
		if tt.shares.Counts() != tt.want {
			t.Errorf("%+v counts: %t", tt.shares, !tt.want)
		}
	}
}

func TestWhatOverlapsSeveralIsCountedOnce(t *testing.T) {
	t.Parallel()
	list := []Operation{
		at(1, 10, Redeem, 1, Done), at(2, 3, Redeem, 2, Used), at(4, 5, Redeem, 3, Used), at(11, 12, Redeem, 4, Used),
	}
	if got := SharesOf(list); got.Concurrent != 3 {
		t.Errorf("%d are concurrent, want 3", got.Concurrent)
	}
}

// Tills repeat what was not answered, and some coupons are asked for very often
// before anybody is told.
func TestManyCallsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	var list []Operation
	for i := range 200 {
		list = append(list, at(i, i+1, Redeem, 1+i%4, Unknown))
	}
	list = append(list, at(200, 201, Redeem, 3, Done), at(202, 203, Void, 3, NotNow), at(204, 205, Void, 3, Unknown), at(206, 207, Void, 3, Done))
	possible := append(list[:len(list):len(list)], at(208, 209, Redeem, 2, Done), at(300, 300, Look, 2, Done))
	if r := Check(possible); len(r.Wrong) != 0 || r.Unchecked != 0 {
		t.Errorf("found impossible: %v, not checked: %d", r.Wrong, r.Unchecked)
	}
	impossible := append(possible[:len(possible):len(possible)], at(301, 302, Redeem, 9, Done))
	if r := Check(impossible); len(r.Wrong) != 1 || r.Unchecked != 0 {
		t.Errorf("not found impossible; not checked: %d", r.Unchecked)
	}
}
