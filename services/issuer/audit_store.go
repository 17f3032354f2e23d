// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/issuer/auditing"
)

// Sources of known coupons.
const (
	sourceRedeemed = "redeemed"
	sourceProbe    = "probe"
)

// Standing of a finding's report on the ledger.
const (
	reportNone = iota
	reportDue
	reportMade
	reportResolved
)

// workAtOnce bounds what one look into the store brings up.
const workAtOnce = 200

// knownCoupon is a coupon that is known otherwise than from a log.
type knownCoupon struct {
	coupon.FrameRef
	sn     int64
	leaf   coupon.Hash
	source string
}

func (s store) at() int64 { return s.now().UnixMilli() }

// noteFrame has a closed frame examined.
func (s store) noteFrame(ctx context.Context, tx *sql.Tx, ref coupon.FrameRef) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO audits (framework_id, lane, frame, noticed, next_look) VALUES (?, ?, ?, ?, 0) ON CONFLICT DO NOTHING`,
		ref.Framework[:], ref.Lane, ref.Frame, s.at())
	return err
}

// noteCoupon stores a coupon to be compared with its frame's log, and compares
// it with others of its serial number at once.
func (s store) noteCoupon(ctx context.Context, tx *sql.Tx, c knownCoupon) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO known_coupons (framework_id, lane, sn, leaf, frame, source, since, compared) VALUES (?, ?, ?, ?, ?, ?, ?, 0)
		ON CONFLICT DO NOTHING`, c.Framework[:], c.Lane, c.sn, c.leaf[:], c.Frame, c.source, s.at())
	if err != nil {
		return err
	}
	var others int
	err = tx.QueryRowContext(ctx, `
		SELECT count(*) FROM known_coupons WHERE framework_id = ? AND lane = ? AND sn = ? AND leaf <> ?`,
		c.Framework[:], c.Lane, c.sn, c.leaf[:]).Scan(&others)
	if err != nil || others == 0 {
		return err
	}
	return s.noteFinding(ctx, tx, Finding{
		FrameRef: c.FrameRef, Kind: auditing.SerialTwice, SN: c.sn,
		Detail: "two different coupons with this serial number were " + c.source + " or known before",
	})
}

// dueAudit is a closed frame whose log is to be examined.
type dueAudit struct {
	coupon.FrameRef
	noticed int64
}

// dueAudits returns frames whose log is to be asked for now, oldest first.
func (s store) dueAudits(ctx context.Context) (due []dueAudit, err error) {
	err = s.query(ctx, `
		SELECT framework_id, lane, frame, noticed FROM audits WHERE audited IS NULL AND next_look <= ?
		ORDER BY next_look, framework_id, lane, frame LIMIT ?`, []any{s.at(), workAtOnce}, func(rows *sql.Rows) error {
		var d dueAudit
		if err := scanRef(rows, &d.FrameRef, &d.noticed); err != nil {
			return err
		}
		due = append(due, d)
		return nil
	})
	return due, err
}

// nextLook returns when the next frame is to be looked at, Unix milliseconds.
func (s store) nextLook(ctx context.Context) (at int64, found bool, err error) {
	err = s.query(ctx, `SELECT MIN(next_look) FROM audits WHERE audited IS NULL`, nil, func(rows *sql.Rows) error {
		var least sql.NullInt64
		err := rows.Scan(&least)
		at, found = least.Int64, least.Valid
		return err
	})
	return at, found, err
}

// postpone has a frame looked at again later.
func (s store) postpone(ctx context.Context, ref coupon.FrameRef, until int64) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE audits SET next_look = ? WHERE framework_id = ? AND lane = ? AND frame = ?`,
			until, ref.Framework[:], ref.Lane, ref.Frame)
		return err
	})
}

// finishAudit stores a frame's log, and what was found in it.
func (s store) finishAudit(ctx context.Context, ref coupon.FrameRef, log []coupon.Entry, found []Finding) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `
			INSERT INTO log_entries (framework_id, lane, frame, place, sn, leaf) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
		if err != nil {
			return err
		}
		defer func() { _ = insert.Close() }()
		for place, e := range log {
			leaf := e.Leaf()
			if _, err := insert.ExecContext(ctx, ref.Framework[:], ref.Lane, ref.Frame, place, e.SN, leaf[:]); err != nil {
				return fmt.Errorf("storing a log: %w", err)
			}
		}
		for _, f := range found {
			if err := s.noteFinding(ctx, tx, f); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `UPDATE audits SET audited = ?, coupons = ? WHERE framework_id = ? AND lane = ? AND frame = ?`,
			s.at(), len(log), ref.Framework[:], ref.Lane, ref.Frame)
		return err
	})
}

// compare compares coupons with the logs of their frames, and returns how many
// it has compared: it is called again until there are none.
func (s store) compare(ctx context.Context) (n int, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		var known []knownCoupon
		rows, err := tx.QueryContext(ctx, `
			SELECT framework_id, lane, frame, sn, leaf, source FROM known_coupons JOIN audits USING (framework_id, lane, frame)
			WHERE compared = 0 AND audited IS NOT NULL LIMIT ?`, workAtOnce)
		if err != nil {
			return err
		}
		err = each(rows, func(rows *sql.Rows) error {
			var c knownCoupon
			var leaf []byte
			if err := scanRef(rows, &c.FrameRef, &c.sn, &leaf, &c.source); err != nil {
				return err
			}
			c.leaf = coupon.Hash(leaf)
			known = append(known, c)
			return nil
		})
		if err != nil {
			return err
		}
		for _, c := range known {
			if err := s.compareOne(ctx, tx, c); err != nil {
				return err
			}
		}
		n = len(known)
		return nil
	})
	return n, err
}

func (s store) compareOne(ctx context.Context, tx *sql.Tx, c knownCoupon) error {
	var same, serial int
	err := tx.QueryRowContext(ctx, `
		SELECT count(*) FILTER (WHERE frame = ? AND leaf = ?), count(*) FROM log_entries WHERE framework_id = ? AND lane = ? AND sn = ?`,
		c.Frame, c.leaf[:], c.Framework[:], c.Lane, c.sn).Scan(&same, &serial)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE known_coupons SET compared = 1 WHERE framework_id = ? AND lane = ? AND sn = ? AND leaf = ? AND source = ?`,
		c.Framework[:], c.Lane, c.sn, c.leaf[:], c.source)
	if err != nil || same > 0 {
		return err
	}
	f := Finding{FrameRef: c.FrameRef, SN: c.sn, Kind: auditing.CouponNotInLog, Detail: "a coupon (" + c.source + ") is not in the log of its frame"}
	if serial > 0 {
		f.Kind, f.Detail = auditing.SerialTwice, "the log has another coupon with the serial number of one ("+c.source+")"
	}
	return s.noteFinding(ctx, tx, f)
}

// openFrames returns the frames of known coupons that are not closed.
func (s store) openFrames(ctx context.Context) (open []coupon.FrameRef, err error) {
	err = s.query(ctx, `
		SELECT DISTINCT framework_id, lane, frame FROM known_coupons k WHERE compared = 0 AND NOT EXISTS (
			SELECT 1 FROM audits a WHERE a.framework_id = k.framework_id AND a.lane = k.lane AND a.frame = k.frame)
		LIMIT ?`, []any{workAtOnce}, func(rows *sql.Rows) error {
		var ref coupon.FrameRef
		if err := scanRef(rows, &ref); err != nil {
			return err
		}
		open = append(open, ref)
		return nil
	})
	return open, err
}

// closedAndAudited says whether a frame is closed, and whether its log was
// examined.
func (s store) closedAndAudited(ctx context.Context, ref coupon.FrameRef) (closed, audited bool, err error) {
	err = s.db.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT audited IS NOT NULL FROM audits WHERE framework_id = ? AND lane = ? AND frame = ?`,
			ref.Framework[:], ref.Lane, ref.Frame).Scan(&audited)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, false, nil
	}
	return err == nil, audited, err
}

func (s store) query(ctx context.Context, text string, arguments []any, use func(*sql.Rows) error) error {
	return s.db.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, text, arguments...)
		if err != nil {
			return err
		}
		return each(rows, use)
	})
}

func each(rows *sql.Rows, use func(*sql.Rows) error) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := use(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// scanRef reads framework, lane and frame, and what follows them.
func scanRef(rows *sql.Rows, ref *coupon.FrameRef, more ...any) error {
	var framework []byte
	if err := rows.Scan(append([]any{&framework, &ref.Lane, &ref.Frame}, more...)...); err != nil {
		return err
	}
	if len(framework) != len(ref.Framework) {
		return errors.New("a framework id in the store is cut off")
	}
	ref.Framework = coupon.FrameworkID(framework)
	return nil
}
