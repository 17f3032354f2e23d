// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package retailer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

const (
	// lagLimit bounds how long a void waits for the issuer's peer, lagPause is
	// between two questions: a block takes some 30 ms.
	lagLimit = time.Second
	lagPause = 5 * time.Millisecond
)

// Void returns once the redemption is void on the ledger. A repeat of the
// request returns the same, with an empty store, too: whether it was this
// request that voided the redemption is on the ledger. Another request for a
// redemption that is void is refused with VOIDED. It is refused once the
// redemption's batch is claimed. While the issuer's peer has not seen the void
// the answer is ledger.ErrUnavailable: the void stands, but the coupons would be
// refused as spent.
func (s *Service) Void(ctx context.Context, requestID string, id coupon.RedemptionID) (Redemption, error) {
	if err := coupon.CheckUUID4("request_id", requestID); err != nil {
		return Redemption{}, err
	}
	// A request that comes again while it is on its way waits for its answer.
	leave, err := s.voidAlone(ctx, id)
	if err != nil {
		return Redemption{}, err
	}
	defer leave()
	done, err := s.store.voidRequested(ctx, requestID, id)
	if err != nil {
		return Redemption{}, err
	}
	found, err := s.find(ctx, id)
	if err != nil {
		return Redemption{}, err
	}
	if done && found.Voided {
		return found.Redemption, s.awaitIssuer(ctx, found)
	}
	return s.void(ctx, requestID, found)
}

// voidAlone waits until nobody else voids the redemption; the caller ends with
// the function returned.
func (s *Service) voidAlone(ctx context.Context, id coupon.RedemptionID) (func(), error) {
	mine := make(chan struct{})
	for {
		s.mu.Lock()
		other, busy := s.voiding[id]
		if !busy {
			s.voiding[id] = mine
		}
		s.mu.Unlock()
		if !busy {
			break
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.voiding, id)
		close(mine)
	}, nil
}

// void submits the request's void, or finds that it was made.
func (s *Service) void(ctx context.Context, requestID string, found stored) (Redemption, error) {
	if err := s.store.beginVoid(ctx, requestID, found.ID); err != nil {
		return Redemption{}, err
	}
	parties, err := ledger.Parties(ctx, s.ledger, found.Issuer, s.mspID)
	if err != nil {
		return Redemption{}, err
	}
	err = s.ticking(ctx, found.Issuer, func() error {
		_, err := s.ledger.Submit(ctx, ledger.Call{
			Namespace: config.Namespace(found.Issuer), Function: "Void", Reference: requestID,
			Once:      requestID + "/" + found.ID.String(),
			Input:     coupon.VoidInput{Record: found.record, Redemption: found.ID},
			Endorsers: parties,
			RetryOn:   []coupon.Reason{coupon.ReasonBatchUnknown},
			Certain:   true, // the own peer has the batch
			Within:    tellWithin,
		})
		return err
	})
	reason, refused := coupon.ReasonOf(err)
	if refused {
		// It is as if it had not been asked for. Where another request has voided
		// the redemption, only that one is told so: the money is given back once.
		if err := s.store.dropVoid(ctx, requestID); err != nil {
			return Redemption{}, err
		}
	}
	if reason == coupon.ReasonNotRedeemed {
		if err := s.store.setVoided(ctx, found.ID); err != nil {
			return Redemption{}, err
		}
		return Redemption{}, voided()
	}
	if err != nil {
		return Redemption{}, err
	}
	if err := s.store.finishVoid(ctx, requestID, found.ID); err != nil {
		return Redemption{}, err
	}
	found.Voided = true
	return found.Redemption, s.awaitIssuer(ctx, found)
}

func voided() error {
	return coupon.Refuse(coupon.ReasonVoided, "redemption_id", "the redemption was voided before")
}

// awaitIssuer waits until the issuer's peer has seen the void: until then it
// would say of the same coupons, presented again at once, that they are spent.
// The void stands whether or not this succeeds.
func (s *Service) awaitIssuer(ctx context.Context, r stored) error {
	b, err := parseBatch(r.record)
	if err != nil {
		return err
	}
	var query coupon.MarkersQuery
	for _, sale := range b.Redemptions {
		if sale.ID == r.ID {
			query.Tags = append(query.Tags, sale.Coupons[0].Tag)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lagLimit)
	defer cancel()
	pause := time.NewTicker(lagPause)
	defer pause.Stop()
	for {
		var result coupon.MarkersResult
		err := s.ledger.Evaluate(ctx, ledger.Call{
			Namespace: config.Namespace(r.Issuer), Function: "GetMarkers", Argument: query, Endorsers: []string{r.Issuer},
		}, &result)
		if err == nil && (len(result.Markers) == 0 || !isSpentBy(result.Markers[0], r.ID)) {
			return nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: the issuer's peer has yet to see the void: %v", ledger.ErrUnavailable, err) //nolint:errorlint // it is no refusal
		}
	}
}

func isSpentBy(m coupon.MarkerEntry, id coupon.RedemptionID) bool {
	return m.State == coupon.MarkerSpent.String() && m.Redemption == id
}

// voidRequested reports whether the request is known to have voided the
// redemption. If it was made for another it is refused with REQUEST_CONFLICT.
func (s *store) voidRequested(ctx context.Context, requestID string, id coupon.RedemptionID) (bool, error) {
	var before []byte
	done := false
	err := s.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT redemption_id, done FROM voids WHERE request_id = ?`, requestID).Scan(&before, &done)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading the request of a void: %w", err)
	case string(before) != string(id[:]):
		return false, conflict()
	default:
		return done, nil
	}
}

// beginVoid notes what a request voids.
func (s *store) beginVoid(ctx context.Context, requestID string, id coupon.RedemptionID) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO voids (request_id, redemption_id) VALUES (?, ?) ON CONFLICT (request_id) DO NOTHING`, requestID, id[:])
		return err
	})
}

// dropVoid forgets a request that was refused.
func (s *store) dropVoid(ctx context.Context, requestID string) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM voids WHERE request_id = ?`, requestID)
		return err
	})
}

// finishVoid notes that the request has voided the redemption.
func (s *store) finishVoid(ctx context.Context, requestID string, id coupon.RedemptionID) error {
	return s.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE voids SET done = 1 WHERE request_id = ?`, requestID); err != nil {
			return err
		}
		return setVoided(ctx, tx, id)
	})
}

func (s *store) setVoided(ctx context.Context, id coupon.RedemptionID) error {
	return s.Update(ctx, func(tx *sql.Tx) error { return setVoided(ctx, tx, id) })
}

// setVoided notes that a redemption is void; nothing if it is not stored.
func setVoided(ctx context.Context, tx *sql.Tx, id coupon.RedemptionID) error {
	_, err := tx.ExecContext(ctx, `UPDATE redemptions SET voided = 1 WHERE redemption_id = ?`, id[:])
	return err
}
