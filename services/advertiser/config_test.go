// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"path/filepath"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/config"
)

func TestConfiguration(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*advertiser.Config)
		good   bool
	}{
		"as shipped":      {func(*advertiser.Config) {}, true},
		"lanes":           {func(c *advertiser.Config) { c.Lanes = []uint16{3, 0, coupon.MaxLanes - 1} }, true},
		"a lane twice":    {func(c *advertiser.Config) { c.Lanes = []uint16{3, 0, 3} }, false},
		"a lane too high": {func(c *advertiser.Config) { c.Lanes = []uint16{coupon.MaxLanes} }, false},
		"no store":        {func(c *advertiser.Config) { c.Store = "" }, false},
		"a limit below 0": {func(c *advertiser.Config) { c.Limits.OfferBurst = -1 }, false},
		"no identity":     {func(c *advertiser.Config) { c.Ledger.Certificate = "" }, false},
	} {
		var cfg advertiser.Config
		if err := config.Load(filepath.Join("..", "config", "advertiser.json"), &cfg); err != nil {
			t.Fatal(err)
		}
		test.change(&cfg)
		if err := cfg.Validate(); (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	want := advertiser.Frames{Interval: 10 * time.Second, IdleInterval: 5 * time.Minute, StaticInterval: time.Minute}
	if got := (advertiser.Config{}).Frames(); got != want {
		t.Errorf("without settings: %+v", got)
	}
	set := advertiser.Config{FrameInterval: config.Duration(time.Second), IdleFrameInterval: config.Duration(time.Minute), StaticFrameInterval: config.Duration(time.Hour)}
	if got := set.Frames(); got != (advertiser.Frames{Interval: time.Second, IdleInterval: time.Minute, StaticInterval: time.Hour}) {
		t.Errorf("as set: %+v", got)
	}
}
