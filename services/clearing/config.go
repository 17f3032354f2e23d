// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"errors"

	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/serve"
)

// Config is the configuration file of the service.
type Config struct {
	Serve  serve.Config  `json:"serve"`
	Ledger ledger.Config `json:"ledger"`
	// Store is the path of the database file.
	Store string `json:"store"`
	// Institutes is the path of the file that says which payment institutes are
	// asked about payments; see InstitutesFile. None are if it is empty.
	Institutes string `json:"institutes"`
}

// Validate checks all sections.
func (c Config) Validate() error {
	if c.Store == "" {
		return errors.New("store is empty")
	}
	return errors.Join(c.Serve.Validate(), c.Ledger.Validate())
}
