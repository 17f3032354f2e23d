// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"cmp"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/serve"
)

// Defaults of Limits. Behind one address there can be a whole company, or all
// customers of a mobile network; an offer's limit is about what one machine
// can make durable.
const (
	defaultAddressRate  = 100
	defaultAddressBurst = 500
	defaultOfferRate    = 20000
	defaultOfferBurst   = 40000
	// A transfer is a transaction of its own.
	defaultTransferRate  = 20
	defaultTransferBurst = 100
)

// Config is the configuration file of the service.
type Config struct {
	Serve  serve.Config  `json:"serve"`
	Ledger ledger.Config `json:"ledger"`
	// Store is the path of the database file. It holds the emitter's keys.
	Store  string `json:"store"`
	Limits Limits `json:"limits"`
	// FrameInterval and IdleFrameInterval are those of Frames. FrameInterval
	// should be below the greatest frame age of the campaigns; half of that age
	// is taken where it is not.
	FrameInterval     config.Duration `json:"frame_interval"`
	IdleFrameInterval config.Duration `json:"idle_frame_interval"`
	// StaticFrameInterval is that of Frames.
	StaticFrameInterval config.Duration `json:"static_frame_interval"`
	// Lanes are those of Options. Without them the service is the only one of
	// its organisation.
	Lanes []uint16 `json:"lanes"`
}

// Limits say how often may be asked, per second and at once. Zero values mean
// the defaults.
type Limits struct {
	// Address limits each address on the public side. Addresses are kept in
	// memory only.
	AddressRate  float64 `json:"address_rate"`
	AddressBurst int     `json:"address_burst"`
	// Offer limits the coupons of each offer, whoever asks.
	OfferRate  float64 `json:"offer_rate"`
	OfferBurst int     `json:"offer_burst"`
	// Transfer limits the transfers of each offer's coupons, and the questions
	// for their owners, whoever asks: the ledger is asked for each.
	TransferRate  float64 `json:"transfer_rate"`
	TransferBurst int     `json:"transfer_burst"`
}

// Validate checks all sections.
func (c Config) Validate() error {
	if c.Store == "" {
		return errors.New("store is empty")
	}
	l := c.Limits
	if min(l.AddressRate, l.OfferRate, l.TransferRate) < 0 || min(l.AddressBurst, l.OfferBurst, l.TransferBurst) < 0 {
		return errors.New("limits must not be negative")
	}
	seen := make(map[uint16]bool)
	for _, lane := range c.Lanes {
		if lane >= coupon.MaxLanes || seen[lane] {
			return fmt.Errorf("lanes are different numbers from 0 to %d", coupon.MaxLanes-1)
		}
		seen[lane] = true
	}
	return errors.Join(c.Serve.Validate(), c.Ledger.Validate())
}

// Frames returns how often frames are closed.
func (c Config) Frames() Frames {
	return Frames{
		Interval:       c.FrameInterval.Or(defaultFrameInterval),
		IdleInterval:   c.IdleFrameInterval.Or(defaultIdleFrameInterval),
		StaticInterval: c.StaticFrameInterval.Or(defaultStaticFrameInterval),
	}
}

// withDefaults fills in what the file leaves out.
func (l Limits) withDefaults() Limits {
	return Limits{
		AddressRate:  cmp.Or(l.AddressRate, defaultAddressRate),
		AddressBurst: cmp.Or(l.AddressBurst, defaultAddressBurst),
		OfferRate:    cmp.Or(l.OfferRate, defaultOfferRate),
		OfferBurst:   cmp.Or(l.OfferBurst, defaultOfferBurst),

		TransferRate:  cmp.Or(l.TransferRate, defaultTransferRate),
		TransferBurst: cmp.Or(l.TransferBurst, defaultTransferBurst),
	}
}
