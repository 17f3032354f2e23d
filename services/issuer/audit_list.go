// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/message"
	"ecoupon/services/issuer/auditing"
)

// FrameAudit is what the audit of one frame came to.
type FrameAudit struct {
	coupon.FrameRef
	Emitter string
	// Audited is when the log was examined, zero before; Coupons is what it has,
	// Known how many of the frame are known otherwise.
	Audited        time.Time
	Coupons, Known int64
	Findings       []Finding
}

// AuditQuery asks for a page of audits.
type AuditQuery struct {
	// Framework is nil for all, OnlyFindings leaves out where all is well.
	Framework    *coupon.FrameworkID
	OnlyFindings bool
	// After is the last frame of the page before; nil for the first.
	After *coupon.FrameRef
	Size  int
}

// Audits returns a page of audits in the order of framework, lane and frame. It
// is the last one if it is shorter than asked for.
func (i *Issuer) Audits(ctx context.Context, q AuditQuery) (audits []FrameAudit, err error) {
	if audits, err = i.store.listAudits(ctx, q); err != nil {
		return nil, err
	}
	emitters := make(map[coupon.FrameworkID]string)
	for n := range audits {
		id := audits[n].Framework
		if _, known := emitters[id]; !known {
			framework, err := i.framework(ctx, id)
			if err != nil {
				return nil, err
			}
			emitters[id] = framework.Emitter
		}
		audits[n].Emitter = emitters[id]
	}
	return audits, nil
}

// Probes counts the coupons that were fetched for the audit.
func (i *Issuer) Probes(ctx context.Context) (n int64, err error) {
	err = i.store.db.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM known_coupons WHERE source = ?`, sourceProbe).Scan(&n)
	})
	return n, err
}

func (s store) listAudits(ctx context.Context, q AuditQuery) (audits []FrameAudit, err error) {
	var only, after []byte
	lane, frame := int64(-1), int64(-1)
	if q.Framework != nil {
		only = q.Framework[:]
	}
	if after = []byte{}; q.After != nil {
		after, lane, frame = q.After.Framework[:], int64(q.After.Lane), int64(q.After.Frame)
	}
	err = s.query(ctx, `
		SELECT framework_id, lane, frame FROM
			(SELECT framework_id, lane, frame FROM audits UNION SELECT framework_id, lane, frame FROM findings) AS f
		WHERE (? IS NULL OR framework_id = ?) AND (framework_id, lane, frame) > (?, ?, ?) AND (? = 0 OR EXISTS (
			SELECT 1 FROM findings g WHERE g.framework_id = f.framework_id AND g.lane = f.lane AND g.frame = f.frame))
		ORDER BY framework_id, lane, frame LIMIT ?`,
		[]any{only, only, after, lane, frame, q.OnlyFindings, q.Size}, func(rows *sql.Rows) error {
			var a FrameAudit
			if err := scanRef(rows, &a.FrameRef); err != nil {
				return err
			}
			audits = append(audits, a)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("listing audits: %w", err)
	}
	for n := range audits {
		if err := s.fillAudit(ctx, &audits[n]); err != nil {
			return nil, err
		}
	}
	return audits, nil
}

func (s store) fillAudit(ctx context.Context, a *FrameAudit) error {
	key := []any{a.Framework[:], a.Lane, a.Frame}
	err := s.db.View(ctx, func(tx *sql.Tx) error {
		var audited sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT audited, coupons FROM audits WHERE framework_id = ? AND lane = ? AND frame = ?`, key...).
			Scan(&audited, &a.Coupons)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if audited.Valid {
			a.Audited = time.UnixMilli(audited.Int64)
		}
		return tx.QueryRowContext(ctx, `
			SELECT count(DISTINCT leaf) FROM known_coupons WHERE framework_id = ? AND lane = ? AND frame = ?`, key...).Scan(&a.Known)
	})
	if err != nil {
		return fmt.Errorf("reading an audit: %w", err)
	}
	return s.query(ctx, `SELECT kind, sn, detail, found FROM findings WHERE framework_id = ? AND lane = ? AND frame = ? ORDER BY kind, sn LIMIT ?`,
		append(key, workAtOnce), func(rows *sql.Rows) error {
			f := Finding{FrameRef: a.FrameRef}
			var kind string
			var found int64
			if err := rows.Scan(&kind, &f.SN, &f.Detail, &found); err != nil {
				return err
			}
			f.Kind, f.Found = auditing.Kind(kind), time.UnixMilli(found)
			a.Findings = append(a.Findings, f)
			return nil
		})
}

// pageToken names the last frame of a page.
func pageToken(ref coupon.FrameRef) string {
	return fmt.Sprintf("%s-%d-%d", ref.Framework, ref.Lane, ref.Frame)
}

// parsePageToken is the inverse of pageToken.
func parsePageToken(token string) (*coupon.FrameRef, error) {
	var id string
	var lane, frame int64
	var ref coupon.FrameRef
	_, err := fmt.Sscanf(token, "%32s-%d-%d", &id, &lane, &frame)
	if err != nil || ref.Framework.UnmarshalText([]byte(id)) != nil || lane < 0 || lane > math.MaxUint16 || frame < 0 || frame > math.MaxUint32 {
		return nil, message.BadToken()
	}
	ref.Lane, ref.Frame = uint16(lane), uint32(frame)
	return &ref, nil
}
