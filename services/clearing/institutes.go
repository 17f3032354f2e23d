// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// RegisterInstitute replaces the keys of a payment institute in an issuer's
// namespace, and returns what is there then. A repeat of the request undoes
// nothing that was registered since.
func (s *Service) RegisterInstitute(ctx context.Context, requestID, issuer string, i coupon.Institute) (coupon.Institute, error) {
	if err := coupon.CheckUUID4("request_id", requestID); err != nil {
		return coupon.Institute{}, err
	}
	if err := s.checkIssuer(issuer); err != nil {
		return coupon.Institute{}, err
	}
	if err := i.Check(); err != nil {
		return coupon.Institute{}, err
	}
	content, err := json.Marshal(i)
	if err != nil {
		return coupon.Institute{}, err
	}
	digest := sha256.Sum256(fmt.Appendf(content, "\n%s", issuer))
	if err := s.store.beginRegistration(ctx, requestID, digest); err != nil {
		return coupon.Institute{}, err
	}
	known, err := s.institute(ctx, issuer, i.Institute)
	if err != nil || slices.Equal(known.Keys, i.Keys) && known.Institute != "" {
		return known, err
	}
	_, refused := s.ledger.Submit(ctx, ledger.Call{
		Namespace: config.Namespace(issuer), Function: "RegisterInstitute", Argument: i,
		Endorsers: []string{issuer, s.mspID}, Reference: requestID,
		Once: fmt.Sprintf("%s/%x", requestID, digest),
	})
	if reason, _ := coupon.ReasonOf(refused); refused != nil && reason != coupon.ReasonAlreadyExists {
		return coupon.Institute{}, refused
	}
	if known, err = s.institute(ctx, issuer, i.Institute); err != nil {
		return known, err
	}
	if refused != nil && !slices.Equal(known.Keys, i.Keys) {
		return coupon.Institute{}, refused
	}
	return known, nil
}

// Institute returns the keys of a payment institute in an issuer's namespace;
// NOT_FOUND if it was never registered there.
func (s *Service) Institute(ctx context.Context, issuer, name string) (coupon.Institute, error) {
	if err := s.checkIssuer(issuer); err != nil {
		return coupon.Institute{}, err
	}
	found, err := s.institute(ctx, issuer, name)
	if err == nil && found.Institute == "" {
		err = coupon.Refuse(coupon.ReasonNotFound, "institute", "there is no such institute")
	}
	return found, err
}

func (s *Service) checkIssuer(issuer string) error {
	if !slices.Contains(s.issuers, issuer) {
		return coupon.Refuse(coupon.ReasonInvalidRequest, "issuer", "there is no issuer of this name")
	}
	return nil
}

// institute is empty for one that was never registered.
func (s *Service) institute(ctx context.Context, issuer, name string) (coupon.Institute, error) {
	var found coupon.Institute
	err := s.ledger.Evaluate(ctx, ledger.Call{
		Namespace: config.Namespace(issuer), Function: "GetInstitute", Argument: coupon.InstituteQuery{Institute: name},
	}, &found)
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonNotFound {
		return coupon.Institute{}, nil
	}
	return found, err
}
