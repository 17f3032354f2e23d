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
// request returns the same; another request for a redemption that is void is
// refused with VOIDED. It is refused once the redemption's batch is claimed.
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
	repeated, err := s.store.voidRequested(ctx, requestID, id)
	if err != nil {
		return Redemption{}, err
	}
	found, err := s.find(ctx, id)
	if err != nil {
		return Redemption{}, err
	}
	if !found.Voided {
		return s.void(ctx, requestID, found, repeated)
	}
	if !repeated {
		return Redemption{}, voided()
	}
	return found.Redemption, nil
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

func (s *Service) void(ctx context.Context, requestID string, found stored, repeated bool) (Redemption, error) {
	if err := s.store.beginVoid(ctx, requestID, found.ID); err != nil {
		return Redemption{}, err
	}
	err := s.ticking(ctx, found.Issuer, func() error {
		_, err := s.ledger.Submit(ctx, ledger.Call{
			Namespace: config.Namespace(found.Issuer), Function: "Void", Reference: requestID,
			Input:     coupon.VoidInput{Record: found.record, Redemption: found.ID},
			Endorsers: []string{found.Issuer, s.mspID},
			RetryOn:   []coupon.Reason{coupon.ReasonBatchUnknown},
			Certain:   true, // the own peer has the batch
			Within:    tellWithin,
		})
		return err
	})
	reason, refused := coupon.ReasonOf(err)
	undone := reason == coupon.ReasonNotRedeemed
	// What was refused, or never sent, is as if it had not been asked for: whoever
	// voids the redemption after it must be the only one who is told so.
	var sent *ledger.UnknownOutcome
	if refused && !undone || err != nil && !repeated && !errors.As(err, &sent) {
		if err := s.store.dropVoid(ctx, requestID); err != nil {
			return Redemption{}, err
		}
	}
	if err != nil && !undone {
		return Redemption{}, err
	}
	if err := s.store.setVoided(ctx, found.ID); err != nil {
		return Redemption{}, err
	}
	if undone && !repeated {
		return Redemption{}, voided()
	}
	s.awaitIssuer(ctx, found)
	found.Voided = true
	return found.Redemption, nil
}

func voided() error {
	return coupon.Refuse(coupon.ReasonVoided, "redemption_id", "the redemption was voided before")
}

// awaitIssuer waits until the issuer's peer has seen the void: until then it
// would say of the same coupons, presented again at once, that they are spent.
// The void stands whether or not this succeeds.
func (s *Service) awaitIssuer(ctx context.Context, r stored) {
	b, err := parseBatch(r.record)
	if err != nil {
		return
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
		if err != nil || len(result.Markers) == 0 || result.Markers[0].State != coupon.MarkerSpent.String() {
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

// voidRequested reports whether the request was made before. If it was made for
// another redemption it is refused with REQUEST_CONFLICT.
func (s *store) voidRequested(ctx context.Context, requestID string, id coupon.RedemptionID) (bool, error) {
	var before []byte
	err := s.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT redemption_id FROM voids WHERE request_id = ?`, requestID).Scan(&before)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading the request of a void: %w", err)
	case string(before) != string(id[:]):
		return false, conflict()
	default:
		return true, nil
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

func (s *store) setVoided(ctx context.Context, id coupon.RedemptionID) error {
	return s.Update(ctx, func(tx *sql.Tx) error { return setVoided(ctx, tx, id) })
}

// setVoided notes that a redemption is void; nothing if it is not stored.
func setVoided(ctx context.Context, tx *sql.Tx, id coupon.RedemptionID) error {
	_, err := tx.ExecContext(ctx, `UPDATE redemptions SET voided = 1 WHERE redemption_id = ?`, id[:])
	return err
}
