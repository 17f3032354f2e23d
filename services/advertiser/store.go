// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/ledger"
	"ecoupon/services/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the advertiser's tables, for opening its store.
func Migrations() (fs.FS, error) {
	return fs.Sub(migrations, "migrations")
}

// store is what the advertiser remembers of the ledger.
type store struct {
	db *sqlstore.Store
}

// learn stores what a block has taught, once.
func (s store) learn(ctx context.Context, block ledger.Block, learnt changes) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		fresh, err := sqlstore.Advance(ctx, tx, block.Namespace, block.Number)
		if err != nil || !fresh {
			return err
		}
		for id, entry := range learnt.campaigns {
			if err := putCampaign(ctx, tx, id, entry); err != nil {
				return fmt.Errorf("storing campaign %s: %w", id.Campaign, err)
			}
		}
		for _, m := range learnt.mandates {
			if err := putMandate(ctx, tx, m); err != nil {
				return fmt.Errorf("storing framework %s: %w", m.framework.ID, err)
			}
		}
		return nil
	})
}

func putCampaign(ctx context.Context, tx *sql.Tx, id campaignID, entry coupon.CampaignEntry) error {
	text, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO campaigns (issuer, campaign, version, entry) VALUES (?, ?, ?, ?)
		ON CONFLICT (issuer, campaign, version) DO UPDATE SET entry = excluded.entry`,
		id.issuer, id.Campaign, id.Version, string(text))
	return err
}

func putMandate(ctx context.Context, tx *sql.Tx, m mandate) error {
	text, err := json.Marshal(m.framework)
	if err != nil {
		return err
	}
	state, err := json.Marshal(m.state)
	if err != nil {
		return err
	}
	f := m.framework
	_, err = tx.ExecContext(ctx, `
		INSERT INTO frameworks (framework_id, issuer, campaign, version, framework, emitter_key, mandate_mac, state)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (framework_id) DO UPDATE SET framework = excluded.framework, state = excluded.state`,
		f.ID[:], f.Issuer, f.Campaign, f.Version, string(text), m.key.Key[:], m.key.MAC[:], string(state))
	return err
}

// load reads everything that was learnt.
func (s store) load(ctx context.Context) (changes, error) {
	known := changes{campaigns: make(map[campaignID]coupon.CampaignEntry)}
	err := s.db.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			SELECT framework, emitter_key, mandate_mac, state, entry FROM frameworks
			JOIN campaigns USING (issuer, campaign, version)`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			if err := scan(rows, &known); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return changes{}, fmt.Errorf("reading the offers: %w", err)
	}
	return known, nil
}

func scan(rows *sql.Rows, known *changes) error {
	var framework, key, mac, state, text []byte
	if err := rows.Scan(&framework, &key, &mac, &state, &text); err != nil {
		return err
	}
	var m mandate
	if err := json.Unmarshal(framework, &m.framework); err != nil {
		return err
	}
	if len(state) > 0 {
		if err := json.Unmarshal(state, &m.state); err != nil {
			return err
		}
	}
	var entry coupon.CampaignEntry
	if err := json.Unmarshal(text, &entry); err != nil {
		return err
	}
	if len(key) != len(m.key.Key) || len(mac) != len(m.key.MAC) {
		return fmt.Errorf("the key of framework %s is cut off", m.framework.ID)
	}
	m.key.Framework, m.key.Key, m.key.MAC = m.framework.ID, coupon.Key(key), coupon.MAC(mac)
	known.mandates = append(known.mandates, m)
	known.campaigns[campaignOf(m.framework)] = entry
	return nil
}
