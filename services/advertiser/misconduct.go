// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/ledger"
)

// Report is what an issuer has reported of this advertiser.
type Report struct {
	coupon.Misconduct
	Issuer string
	// Evidence is the record verbatim, which hashes to the digest on the ledger;
	// nil where no peer shows such.
	Evidence []byte
	// Answer is nil while there is none.
	Answer *coupon.Answer
}

// Misconduct lists what the issuer has reported of this advertiser, or what all
// have where it is empty.
func (a *Advertiser) Misconduct(ctx context.Context, issuer string) ([]Report, error) {
	var found []Report
	for _, namespace := range a.namespaces {
		if issuer != "" && namespace != config.Namespace(issuer) {
			continue
		}
		parties, err := a.partiesOf(ctx, namespace)
		if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonPartiesMissing {
			continue
		}
		if err != nil {
			return nil, err
		}
		page := coupon.PageQuery{Size: coupon.MaxPage}
		for {
			var listed coupon.MisconductPage
			if err := a.ask(ctx, namespace, "ListMisconduct", page, &listed); err != nil {
				return nil, err
			}
			for _, m := range listed.Misconduct {
				if m.Emitter != a.self {
					continue
				}
				r, err := a.withPapers(ctx, namespace, parties, m)
				if err != nil {
					return nil, err
				}
				found = append(found, r)
			}
			if page.After = listed.Next; page.After == "" {
				break
			}
		}
	}
	return found, nil
}

func (a *Advertiser) partiesOf(ctx context.Context, namespace string) (parties coupon.Parties, err error) {
	err = a.ask(ctx, namespace, "GetParties", nil, &parties)
	return parties, err
}

// withPapers adds the evidence, as the clearing house or else the issuer shows
// it, and the own answer.
func (a *Advertiser) withPapers(ctx context.Context, namespace string, parties coupon.Parties, m coupon.Misconduct) (Report, error) {
	r := Report{Misconduct: m, Issuer: parties.Issuer}
	query := coupon.MisconductQuery{ID: m.ID}
	for _, peer := range []string{parties.Clearing, parties.Issuer} {
		var text json.RawMessage
		err := a.ledger.Evaluate(ctx, ledger.Call{Namespace: namespace, Function: "GetEvidence", Argument: query, Endorsers: []string{peer}}, &text)
		if err != nil {
			a.logger.WarnContext(ctx, "evidence cannot be read", "misconduct", m.ID, "peer", peer, "error", err)
			continue
		}
		if coupon.Hash(sha256.Sum256(text)) == m.Evidence {
			r.Evidence = text
			break
		}
		a.logger.WarnContext(ctx, "evidence is not what was reported", "misconduct", m.ID, "peer", peer)
	}
	var answer coupon.Answer
	err := a.ask(ctx, namespace, "GetAnswer", query, &answer)
	if reason, _ := coupon.ReasonOf(err); reason == coupon.ReasonNotFound {
		return r, nil
	}
	r.Answer = &answer
	return r, err
}

// AnswerMisconduct answers a report, with the clearing house as witness: the
// issuer has no part in it. Answered before with the same words it returns the
// report; with others it is refused with ALREADY_EXISTS. An empty issuer stands
// for the only one.
func (a *Advertiser) AnswerMisconduct(ctx context.Context, issuer string, id coupon.MisconductID, statement string) (Report, error) {
	if err := coupon.CheckStatement("statement", statement); err != nil {
		return Report{}, err
	}
	namespace := config.Namespace(issuer)
	if issuer == "" {
		if len(a.namespaces) != 1 {
			return Report{}, coupon.Refuse(coupon.ReasonInvalidRequest, "issuer", "there are %d issuers; name one", len(a.namespaces))
		}
		namespace = a.namespaces[0]
	}
	parties, err := a.partiesOf(ctx, namespace)
	if err != nil {
		return Report{}, err
	}
	query := coupon.MisconductQuery{ID: id}
	var m coupon.Misconduct
	if err := a.ask(ctx, namespace, "GetMisconduct", query, &m); err != nil {
		return Report{}, err
	}
	var salt coupon.Hash
	_, _ = rand.Read(salt[:]) // it never returns an error
	_, refused := a.ledger.Submit(ctx, ledger.Call{
		Namespace: namespace, Function: "AnswerMisconduct", Argument: query,
		Input:     coupon.AnswerInput{Salt: salt, Statement: statement},
		Endorsers: []string{a.self, parties.Clearing},
		RetryOn:   []coupon.Reason{coupon.ReasonNotFound}, Reference: id.String(),
	})
	if _, known := coupon.ReasonOf(refused); refused != nil && !known {
		return Report{}, refused
	}
	r, err := a.withPapers(ctx, namespace, parties, m)
	if err == nil && refused != nil && (r.Answer == nil || r.Answer.Statement != statement) {
		return Report{}, refused
	}
	return r, err
}

// accused tells whoever reads the log of a report about this advertiser.
func (f follower) accused(ctx context.Context, block ledger.Block, event ledger.Event) error {
	var payload coupon.MisconductEvent
	if !event.Decode(&payload) || payload.Emitter != f.self {
		return nil
	}
	var m coupon.Misconduct
	found, err := block.Look(ctx, func() error {
		return f.ask(ctx, block.Namespace, "GetMisconduct", coupon.MisconductQuery{ID: payload.ID}, &m)
	})
	if err == nil && found && m.Emitter == f.self {
		f.logger.ErrorContext(ctx, "an issuer reports misconduct; it can be answered", "misconduct", m.ID, "kind", m.Kind,
			"framework", m.Framework, "lane", m.Lane, "frame", m.Frame, "deadline", m.Deadline)
	}
	return err
}
