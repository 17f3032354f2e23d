// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuing

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"ecoupon/chaincode/coupon"
)

// Standing is where a lane stands.
type Standing struct {
	// Lost says that the lane is left: see Lose.
	Lost bool
	// LastSN is the last serial number that was given out.
	LastSN int64
	// Frame is the newest frame; nil if the lane is not known.
	Frame *Frame
	// Begun is when the first coupon of the frame was released, Unix
	// milliseconds; 0 if it has none, and of static coupons.
	Begun int64
}

// Frame is a frame as this log has it.
type Frame struct {
	coupon.FrameRef
	// Opened is the ledger's time, Unix milliseconds.
	Opened int64
	Beacon coupon.Hash
	// FirstSN is the serial number of its first coupon, First its q_0.
	FirstSN int64
	First   coupon.Hash
	// Content is what the frame is closed with; nil while coupons are released
	// in it.
	Content *coupon.FrameContent
	// Closed is the ledger's time of closing; 0 until it is known.
	Closed int64
}

// Record returns what the ledger has of a closed frame.
func (f Frame) Record() coupon.Frame {
	size := f.Content.Count
	if f.Content.Root == coupon.EmptyRoot {
		size = 0 // static coupons are counted only
	}
	return coupon.Frame{
		FrameRef: f.FrameRef, Time: f.Closed, Last: f.Content.Last,
		Log: coupon.LogDigest(f.Content.Root, size), Content: f.Content.Digest(),
	}
}

// Standing returns where a lane stands.
func (l *Log) Standing(ctx context.Context, framework coupon.FrameworkID, lane uint16) (s Standing, err error) {
	err = l.store.View(ctx, func(tx *sql.Tx) error {
		s, err = standing(ctx, tx, laneID{framework, lane})
		return err
	})
	return s, err
}

// Enter stores that this log is about to open a lane. When the lane is then
// found open on the ledger, it is this log's.
func (l *Log) Enter(ctx context.Context, framework coupon.FrameworkID, lane uint16) error {
	return l.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		of := laneID{framework, lane}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO lanes (framework_id, lane, last_sn) VALUES (?, ?, 0) ON CONFLICT DO NOTHING`, framework[:], lane)
		if err != nil {
			return err
		}
		delete(l.heads, of)
		if err := insertFrame(ctx, tx, Frame{FrameRef: coupon.FrameRef{Framework: framework, Lane: lane}, FirstSN: 1}); err != nil {
			return err
		}
		return putContent(ctx, tx, coupon.FrameRef{Framework: framework, Lane: lane}, coupon.FrameContent{Root: coupon.EmptyRoot})
	})
}

// Open stores a new frame, which coupons can be released in from then on. The
// frame before must be closed. Opened and Beacon are the ledger's.
func (l *Log) Open(ctx context.Context, ref coupon.FrameRef, opened int64, beacon coupon.Hash) error {
	return l.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		of := laneID{ref.Framework, ref.Lane}
		at, err := standing(ctx, tx, of)
		if err != nil {
			return err
		}
		if at.Lost || at.Frame == nil || at.Frame.FrameRef != ref.Before() || at.Frame.Closed == 0 {
			return ErrFrameOver
		}
		delete(l.heads, of)
		return insertFrame(ctx, tx, Frame{
			FrameRef: ref, Opened: opened, Beacon: beacon, FirstSN: at.Frame.Content.LastSN + 1,
			First: coupon.FirstLink(at.Frame.Content.Last, beacon),
		})
	})
}

// Close ends a frame and returns what it is closed with, which from then on is
// on the disk and does not change: a repeat returns the same.
func (l *Log) Close(ctx context.Context, ref coupon.FrameRef) (coupon.FrameContent, error) {
	var content coupon.FrameContent
	err := l.do(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		content, err = l.close(ctx, tx, ref)
		return err
	})
	if err != nil {
		return coupon.FrameContent{}, err
	}
	return content, nil
}

func (l *Log) close(ctx context.Context, tx *sql.Tx, ref coupon.FrameRef) (coupon.FrameContent, error) {
	of := laneID{ref.Framework, ref.Lane}
	at, err := standing(ctx, tx, of)
	if err != nil {
		return coupon.FrameContent{}, err
	}
	if at.Lost || at.Frame == nil || at.Frame.FrameRef != ref {
		return coupon.FrameContent{}, ErrFrameOver
	}
	if at.Frame.Content != nil {
		return *at.Frame.Content, nil
	}
	h, found := l.heads[of]
	if !found {
		if h, err = l.readHead(ctx, tx, of); err != nil {
			return coupon.FrameContent{}, err
		}
	}
	content := coupon.FrameContent{Last: h.q, LastSN: at.LastSN, Count: int64(h.tree.End())}
	if _, err := rand.Read(content.Salt[:]); err != nil {
		return coupon.FrameContent{}, err
	}
	if content.Root, err = rootOf(h.tree); err != nil {
		return coupon.FrameContent{}, err
	}
	delete(l.heads, of)
	return content, putContent(ctx, tx, ref, content)
}

// CloseCounted is Close for a frame of static coupons, which are counted only:
// it ends with the last number that was given out.
func (l *Log) CloseCounted(ctx context.Context, ref coupon.FrameRef) error {
	return l.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		at, err := standing(ctx, tx, laneID{ref.Framework, ref.Lane})
		if err != nil {
			return err
		}
		if at.Lost || at.Frame == nil || at.Frame.FrameRef != ref {
			return ErrFrameOver
		}
		if at.Frame.Content != nil {
			return nil
		}
		content := coupon.FrameContent{Last: at.Frame.First, LastSN: at.LastSN, Root: coupon.EmptyRoot}
		if _, err := rand.Read(content.Salt[:]); err != nil {
			return err
		}
		return putContent(ctx, tx, ref, content)
	})
}

// Finish is Close for the open frame of a lane that is left: it is closed with
// the entries that the store has. What comes after is another's.
func (l *Log) Finish(ctx context.Context, ref coupon.FrameRef) error {
	return l.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		f, found, err := frame(ctx, tx, ref)
		if err != nil || found && f.Content != nil {
			return err
		}
		if !found {
			return ErrFrameOver
		}
		h := &head{q: f.First, first: f.FirstSN, tree: newTree()}
		if err := eachEntry(ctx, tx, page{of: laneID{ref.Framework, ref.Lane}, first: f.FirstSN, size: -1}, h.add); err != nil {
			return err
		}
		content := coupon.FrameContent{Last: h.q, LastSN: f.FirstSN - 1 + int64(h.tree.End()), Count: int64(h.tree.End())}
		if _, err := rand.Read(content.Salt[:]); err != nil {
			return err
		}
		if content.Root, err = rootOf(h.tree); err != nil {
			return err
		}
		return putContent(ctx, tx, ref, content)
	})
}

// Closed stores when the ledger closed a frame.
func (l *Log) Closed(ctx context.Context, ref coupon.FrameRef, at int64) error {
	return l.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE frames SET closed = ? WHERE framework_id = ? AND lane = ? AND frame = ? AND salt IS NOT NULL`,
			at, ref.Framework[:], ref.Lane, ref.Frame)
		return err
	})
}

// Lose leaves a lane for ever, because another has gone on in it, or may have:
// all its numbers count as given out, up to the quota.
func (l *Log) Lose(ctx context.Context, framework coupon.FrameworkID, lane uint16, quota int64) error {
	return l.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		delete(l.heads, laneID{framework, lane})
		return Lose(ctx, tx, framework, lane, quota)
	})
}

// Known says whether the store has the lane.
func Known(ctx context.Context, tx *sql.Tx, framework coupon.FrameworkID, lane uint16) (known bool, err error) {
	err = tx.QueryRowContext(ctx,
		`SELECT EXISTS (SELECT 1 FROM lanes WHERE framework_id = ? AND lane = ?)`, framework[:], lane,
	).Scan(&known)
	return known, err
}

// Lose does what Log.Lose does, in a transaction, before the Log runs.
func Lose(ctx context.Context, tx *sql.Tx, framework coupon.FrameworkID, lane uint16, quota int64) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO lanes (framework_id, lane, last_sn, lost) VALUES (?, ?, ?, 1)
		ON CONFLICT (framework_id, lane) DO UPDATE SET last_sn = MAX(last_sn, excluded.last_sn), lost = 1`,
		framework[:], lane, quota)
	return err
}

// laneOf is how far a lane is given out; zero if it is not known.
func laneOf(ctx context.Context, tx *sql.Tx, of laneID) (end laneEnd, err error) {
	err = tx.QueryRowContext(ctx,
		`SELECT last_sn, lost FROM lanes WHERE framework_id = ? AND lane = ?`, of.framework[:], of.lane,
	).Scan(&end.last, &end.lost)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return laneEnd{}, fmt.Errorf("reading a lane: %w", err)
	}
	return end, nil
}

func standing(ctx context.Context, tx *sql.Tx, of laneID) (Standing, error) {
	end, err := laneOf(ctx, tx, of)
	if err != nil {
		return Standing{}, err
	}
	s := Standing{LastSN: end.last, Lost: end.lost}
	var newest sql.NullInt64
	err = tx.QueryRowContext(ctx,
		`SELECT MAX(frame) FROM frames WHERE framework_id = ? AND lane = ?`, of.framework[:], of.lane,
	).Scan(&newest)
	if err != nil || !newest.Valid {
		return s, err
	}
	f, found, err := frame(ctx, tx, coupon.FrameRef{Framework: of.framework, Lane: of.lane, Frame: uint32(newest.Int64)})
	if err != nil || !found {
		return Standing{}, err
	}
	s.Frame = &f
	r, found, err := runWith(ctx, tx, of, f.FirstSN)
	if err != nil {
		return Standing{}, fmt.Errorf("reading a frame's first coupon: %w", err)
	}
	if found && r.frame > 0 { // static coupons have no time
		begun, err := r.logged(int(f.FirstSN - r.first))
		if err != nil {
			return Standing{}, err
		}
		s.Begun = begun.Time
	}
	return s, nil
}

func frame(ctx context.Context, tx *sql.Tx, ref coupon.FrameRef) (Frame, bool, error) {
	f := Frame{FrameRef: ref}
	var beacon, first, salt, last, root []byte
	var lastSN, closed sql.NullInt64
	err := tx.QueryRowContext(ctx, `
		SELECT opened, beacon, first_sn, q_first, salt, q_last, last_sn, root, closed
		FROM frames WHERE framework_id = ? AND lane = ? AND frame = ?`, ref.Framework[:], ref.Lane, ref.Frame,
	).Scan(&f.Opened, &beacon, &f.FirstSN, &first, &salt, &last, &lastSN, &root, &closed)
	if errors.Is(err, sql.ErrNoRows) {
		return Frame{}, false, nil
	}
	if err != nil {
		return Frame{}, false, fmt.Errorf("reading a frame: %w", err)
	}
	if err := errors.Join(fill(&f.Beacon, beacon), fill(&f.First, first)); err != nil {
		return Frame{}, false, err
	}
	if salt == nil {
		return f, true, nil
	}
	f.Closed = closed.Int64
	f.Content = &coupon.FrameContent{LastSN: lastSN.Int64, Count: lastSN.Int64 - f.FirstSN + 1}
	return f, true, errors.Join(fill(&f.Content.Salt, salt), fill(&f.Content.Last, last), fill(&f.Content.Root, root))
}

func insertFrame(ctx context.Context, tx *sql.Tx, f Frame) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO frames (framework_id, lane, frame, opened, beacon, first_sn, q_first) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		f.Framework[:], f.Lane, f.Frame, f.Opened, f.Beacon[:], f.FirstSN, f.First[:])
	if err != nil {
		return fmt.Errorf("storing a frame: %w", err)
	}
	return nil
}

func putContent(ctx context.Context, tx *sql.Tx, ref coupon.FrameRef, c coupon.FrameContent) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE frames SET salt = ?, q_last = ?, last_sn = ?, root = ? WHERE framework_id = ? AND lane = ? AND frame = ?`,
		c.Salt[:], c.Last[:], c.LastSN, c.Root[:], ref.Framework[:], ref.Lane, ref.Frame)
	if err != nil {
		return fmt.Errorf("storing a frame's closing: %w", err)
	}
	return nil
}
