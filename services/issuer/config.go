// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"time"

	"ecoupon/chaincode/coupon"
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
	// Audit says how emitters are audited.
	Audit AuditConfig `json:"audit"`
}

// AuditConfig is the configuration of the audit. What is left out has the
// defaults of Audit.
type AuditConfig struct {
	Interval      config.Duration `json:"interval"`
	LogPatience   config.Duration `json:"log_patience"`
	LateTolerance config.Duration `json:"late_tolerance"`
	AnswerTime    config.Duration `json:"answer_time"`
	ProbeInterval config.Duration `json:"probe_interval"`
	// NoProbes has no coupons fetched.
	NoProbes bool `json:"no_probes"`
	// UpholdUnanswered and SuspendAfter are as in Audit.
	UpholdUnanswered bool                          `json:"uphold_unanswered"`
	SuspendAfter     map[coupon.MisconductKind]int `json:"suspend_after"`
}

// validate checks what the ledger would refuse later.
func (a AuditConfig) validate() error {
	if answer := time.Duration(a.AnswerTime); answer != 0 &&
		(answer < coupon.MinAnswerTime*time.Millisecond || answer > coupon.MaxAnswerTime*time.Millisecond) {
		return errors.New("audit.answer_time is not from 1 hour to 90 days")
	}
	for kind, upheld := range a.SuspendAfter {
		if kind.Check("") != nil || upheld < 0 {
			return fmt.Errorf("audit.suspend_after: %q: %d is not a kind of misconduct with a count", kind, upheld)
		}
	}
	return nil
}

// Settings returns how emitters are audited.
func (a AuditConfig) Settings() Audit {
	settings := Audit{
		Interval: time.Duration(a.Interval), LogPatience: time.Duration(a.LogPatience),
		LateTolerance: time.Duration(a.LateTolerance), AnswerTime: time.Duration(a.AnswerTime),
		ProbeInterval:    time.Duration(a.ProbeInterval),
		UpholdUnanswered: a.UpholdUnanswered, SuspendAfter: a.SuspendAfter,
	}
	if a.NoProbes {
		settings.ProbeInterval = -1
	}
	return settings
}

// Validate checks all sections.
func (c Config) Validate() error {
	if c.Store == "" {
		return errors.New("store is empty")
	}
	return errors.Join(c.Serve.Validate(), c.Ledger.Validate(), c.Audit.validate())
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
