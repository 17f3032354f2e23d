// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"ecoupon/chaincode/coupon"
)

const misconductPrefix = "misconduct/"

func misconductKey(id coupon.MisconductID) string { return misconductPrefix + id.String() }

func answerKey(id coupon.MisconductID) string { return "misconduct-answer/" + id.String() }

func resolvedKey(id coupon.MisconductID) string { return "misconduct-resolved/" + id.String() }

// Misconduct reads the public record of a report.
func (w World) Misconduct(id coupon.MisconductID) (coupon.Misconduct, bool, error) {
	var m coupon.Misconduct
	found, err := w.readJSON(misconductKey(id), &m)
	return m, found, err
}

// MisconductPage lists reports in the order of their ids.
func (w World) MisconductPage(q coupon.PageQuery) (coupon.MisconductPage, error) {
	page := coupon.MisconductPage{Misconduct: []coupon.Misconduct{}}
	err := w.scan(misconductPrefix, q.After, q.Size, func(key string, value []byte) error {
		var m coupon.Misconduct
		if _, err := decode(key, value, &m); err != nil {
			return err
		}
		page.Misconduct = append(page.Misconduct, m)
		page.Next = strings.TrimPrefix(key, misconductPrefix)
		return nil
	})
	if len(page.Misconduct) < q.Size {
		page.Next = ""
	}
	return page, err
}

// PutMisconduct writes a new report: its public record with the digest of its
// evidence, and the evidence for issuer and witness, who must both endorse.
func (w World) PutMisconduct(m coupon.Misconduct, evidence coupon.Evidence, issuer, witness string) error {
	m.Format = 1
	value, err := evidence.Record()
	if err != nil {
		return fmt.Errorf("encoding evidence: %w", err)
	}
	m.Evidence = sha256.Sum256(value)
	if err := w.putPrivate(misconductKey(m.ID), value, issuer, witness); err != nil {
		return err
	}
	return w.putJSON(misconductKey(m.ID), m)
}

// PutResolved writes a report's new state, and notes in the witness' collection
// that it took part: it must endorse too.
func (w World) PutResolved(m coupon.Misconduct, witness, transaction string) error {
	if err := w.putPrivate(resolvedKey(m.ID), []byte(transaction), witness); err != nil {
		return err
	}
	return w.putJSON(misconductKey(m.ID), m)
}

// Evidence returns the evidence that owner keeps verbatim, on its own peer.
func (w World) Evidence(owner string, id coupon.MisconductID) ([]byte, error) {
	value, _, err := w.private(owner, misconductKey(id))
	return value, err
}

// PutAnswer writes an emitter's answer into its own collection and the witness',
// and nowhere else: both endorse it, and nobody besides has to.
func (w World) PutAnswer(a coupon.Answer, emitter, witness string) error {
	a.Format = 1
	return w.putPrivateJSON(answerKey(a.ID), a, emitter, witness)
}

// AnswerPresent says whether an organisation keeps an answer, on any peer.
func (w World) AnswerPresent(owner string, id coupon.MisconductID) (bool, error) {
	return w.privatePresent(owner, answerKey(id))
}

// Answer returns the answer that owner keeps, on its own peer.
func (w World) Answer(owner string, id coupon.MisconductID) (coupon.Answer, bool, error) {
	var a coupon.Answer
	value, _, err := w.private(owner, answerKey(id))
	if err != nil || value == nil {
		return a, false, err
	}
	_, err = decode(answerKey(id), value, &a)
	return a, true, err
}
