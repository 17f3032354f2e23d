// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/ledgertest"
	"ecoupon/services/internal/servetest"
)

// looking applies blocks by looking for something that comes late or never.
type looking struct {
	*projection

	read  func() error
	found chan string
}

func (p *looking) Apply(ctx context.Context, block ledger.Block) error {
	if block.Events[0].Name == "Rumour" {
		found, err := block.Look(ctx, p.read)
		p.found <- fmt.Sprint(found, errors.Is(err, ledger.ErrUnavailable))
		if err != nil {
			return err
		}
	}
	return p.projection.Apply(ctx, block)
}

func TestLookWaitsUntilItIsCertain(t *testing.T) {
	t.Parallel()
	consortium := ledgertest.New(t, ledgertest.Options{})
	consortium.SetUp(t, issuer, clearing)
	missing := coupon.Refuse(coupon.ReasonNotFound, "", "not there")
	for name, test := range map[string]struct {
		read func(asked int) error
		want []string
	}{
		"there": {func(int) error { return nil }, []string{"true false"}},
		"a moment later": {func(asked int) error {
			if asked < 4 {
				return missing
			}
			return nil
		}, []string{"true false"}},
		"never": {func(int) error { return missing }, []string{"false false"}},
		"the peer refuses for another reason": {func(asked int) error {
			if asked < 2 {
				return coupon.Refuse(coupon.ReasonClockSkew, "", "the clock")
			}
			return nil
		}, []string{"false true", "true false"}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			to := &looking{projection: newProjection(), found: make(chan string, 10)}
			to.read = func() error { asked++; return test.read(asked) }
			from := consortium.Network.Height()
			to.next = from
			stop := follow(t, consortium.For(t, servetest.RetailerMSP), to)
			consortium.Announce(t, servetest.AdvertiserMSP, namespace, "Rumour", []byte("x"))
			if name == "never" {
				consortium.Announce(t, servetest.AdvertiserMSP, namespace, "Later", []byte("x"))
			}
			for _, want := range test.want {
				if got := <-to.found; got != want {
					t.Errorf("found, unavailable: %s, want %s", got, want)
				}
			}
			to.await(t, 1)
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
