// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package message

import (
	"encoding/json"

	"ecoupon/chaincode/coupon"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

var misconductStates = map[coupon.MisconductState]typev1.MisconductState{
	coupon.MisconductOpen:      typev1.MisconductState_MISCONDUCT_STATE_OPEN,
	coupon.MisconductUpheld:    typev1.MisconductState_MISCONDUCT_STATE_UPHELD,
	coupon.MisconductWithdrawn: typev1.MisconductState_MISCONDUCT_STATE_WITHDRAWN,
}

// Misconduct shows a report to a party of it, with its evidence verbatim and the
// answer, where there are such.
func Misconduct(issuer string, m coupon.Misconduct, evidence []byte, a *coupon.Answer) *typev1.Misconduct {
	shown := &typev1.Misconduct{
		MisconductId: m.ID.String(), Issuer: issuer, Emitter: m.Emitter, FrameworkId: m.Framework.String(),
		Lane: int32(m.Lane), Frame: int64(m.Frame), Kind: string(m.Kind), State: misconductStates[m.State],
		ReportedTime: Time(m.Reported), Deadline: Time(m.Deadline), ResolvedTime: Time(m.Resolved),
		EvidenceSha256: m.Evidence[:], Evidence: string(evidence),
	}
	var record coupon.Evidence
	if json.Unmarshal(evidence, &record) == nil {
		shown.Statement = record.Statement
	}
	if a != nil {
		shown.Answer, shown.AnsweredTime = a.Statement, Time(a.Time)
	}
	return shown
}

// Resolution reads how a report is to be ended.
func Resolution(field string, shown typev1.MisconductState) (coupon.MisconductState, error) {
	for state, known := range misconductStates {
		if known == shown && state != coupon.MisconductOpen {
			return state, nil
		}
	}
	return "", coupon.Refuse(coupon.ReasonInvalidRequest, field, "a report is upheld or withdrawn")
}

// MisconductID reads the id of a report.
func MisconductID(field, text string) (id coupon.MisconductID, err error) {
	if id.UnmarshalText([]byte(text)) != nil {
		return id, coupon.Refuse(coupon.ReasonInvalidRequest, field, "a misconduct id is 32 lower-case hexadecimal digits")
	}
	return id, nil
}
