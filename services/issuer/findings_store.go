// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/issuer/auditing"
)

// Finding is one difference between what an emitter did and what it must do.
type Finding struct {
	coupon.FrameRef
	Kind   auditing.Kind
	SN     int64
	Detail string
	Found  time.Time

	evidence *coupon.EvidenceInput
}

// noteFinding stores what was found, unless it was found before.
func (s store) noteFinding(ctx context.Context, tx *sql.Tx, f Finding) error {
	var evidence any
	report := reportNone
	if f.evidence != nil {
		text, err := json.Marshal(f.evidence)
		if err != nil {
			return err
		}
		evidence, report = string(text), reportDue
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO findings (framework_id, lane, frame, kind, sn, detail, found, evidence, report) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`, f.Framework[:], f.Lane, f.Frame, string(f.Kind), f.SN, f.Detail, s.at(), evidence, report)
	if err != nil {
		return fmt.Errorf("noting a finding: %w", err)
	}
	return nil
}

// addFinding stores one finding.
func (s store) addFinding(ctx context.Context, f Finding) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error { return s.noteFinding(ctx, tx, f) })
}

// reports returns findings whose report has the standing.
func (s store) reports(ctx context.Context, standing int) (found []Finding, err error) {
	err = s.query(ctx, `SELECT framework_id, lane, frame, kind, evidence FROM findings WHERE report = ? LIMIT ?`,
		[]any{standing, workAtOnce}, func(rows *sql.Rows) error {
			f := Finding{evidence: new(coupon.EvidenceInput)}
			var kind, evidence string
			if err := scanRef(rows, &f.FrameRef, &kind, &evidence); err != nil {
				return err
			}
			f.Kind = auditing.Kind(kind)
			found = append(found, f)
			return json.Unmarshal([]byte(evidence), f.evidence)
		})
	return found, err
}

// setReport moves the report of a finding on.
func (s store) setReport(ctx context.Context, f Finding, standing int) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE findings SET report = ? WHERE framework_id = ? AND lane = ? AND frame = ? AND kind = ?`,
			standing, f.Framework[:], f.Lane, f.Frame, string(f.Kind))
		return err
	})
}
