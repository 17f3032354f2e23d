// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"

	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/serve"
)

// Config is the configuration file of the service.
type Config struct {
	Serve  serve.Config  `json:"serve"`
	Ledger ledger.Config `json:"ledger"`
	// Store is the path of the database file.
	Store string `json:"store"`
}

// Validate checks all sections.
func (c Config) Validate() error {
	if c.Store == "" {
		return errors.New("store is empty")
	}
	return errors.Join(c.Serve.Validate(), c.Ledger.Validate())
}

// ClearingOf returns the MSP id of the directory's clearing house for an
// issuer: the first that is not the issuer itself, which cannot clear for
// itself.
func ClearingOf(directory *config.Directory, issuer string) (string, error) {
	for _, organisation := range directory.WithRole(config.RoleClearing) {
		if organisation.MSPID != issuer {
			return organisation.MSPID, nil
		}
	}
	return "", errors.New("the directory has no clearing house for the issuer")
}
