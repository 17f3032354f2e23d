// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import "crypto/sha256"

const (
	labelMandateData = "ecoupon/v1/m_data"
	labelFramework   = "ecoupon/v1/framework"
)

// Kind says what a coupon of a framework carries and proves.
type Kind string

const (
	// KindStatic is a coupon whose value does not depend on when it was emitted.
	KindStatic Kind = "static"
	// KindDynamic is a coupon with a proven time of emission.
	KindDynamic Kind = "dynamic"
	// KindProof is a purchase proof: a dynamic coupon emitted with a sale.
	KindProof Kind = "proof"
)

// Check refuses kinds that do not exist with UNKNOWN_KIND.
func (k Kind) Check(field string) error {
	switch k {
	case KindStatic, KindDynamic, KindProof:
		return nil
	default:
		return Refuse(ReasonUnknownKind, field, "a kind is static, dynamic or proof")
	}
}

// Mandate is what an issuer allows one emitter: the contents of m_data in
// Blundo, Cimato, De Bonis 2002, section 5, with the campaign and the terms
// that they belong to. All coupons of a framework share it.
type Mandate struct {
	Issuer      string `json:"issuer"`
	Emitter     string `json:"emitter"`
	Product     string `json:"product"`
	Offer       string `json:"offer"`
	Campaign    string `json:"campaign"`
	Version     int64  `json:"version"`
	Kind        Kind   `json:"kind"`
	Epoch       int64  `json:"epoch"`
	TermsSHA256 Hash   `json:"terms_sha256"`
}

// Check refuses a mandate with a field out of its form. Versions and epochs
// count from 1.
func (m Mandate) Check() error {
	for _, id := range []struct{ field, value string }{
		{"issuer", m.Issuer}, {"emitter", m.Emitter}, {"campaign", m.Campaign},
	} {
		if err := CheckID(id.field, id.value); err != nil {
			return err
		}
	}
	if err := CheckName("product", m.Product); err != nil {
		return err
	}
	if err := CheckName("offer", m.Offer); err != nil {
		return err
	}
	if m.Version < 1 {
		return Refuse(ReasonInvalidRequest, "version", "versions count from 1")
	}
	if m.Epoch < 1 {
		return Refuse(ReasonInvalidRequest, "epoch", "epochs count from 1")
	}
	return m.Kind.Check("kind")
}

// Data returns m_data.
func (m Mandate) Data() []byte {
	return newEnc(labelMandateData).
		text(m.Issuer).text(m.Emitter).text(m.Product).text(m.Offer).
		text(m.Campaign).int(m.Version).text(string(m.Kind)).int(m.Epoch).
		bytes(m.TermsSHA256[:])
}

// ID returns the framework id of the mandate.
func (m Mandate) ID() FrameworkID { return IDOf(m.Data()) }

// MAC returns mac_M under the issuer's k_F: h_kM(m_data) of Blundo, Cimato,
// De Bonis 2002, section 5.
func (m Mandate) MAC(kF Key) MAC {
	return newEnc(labelFramework).bytes(m.Data()).mac16(kF)
}

// IDOf returns the framework id of a stored m_data.
func IDOf(mData []byte) FrameworkID {
	return first16(sha256.Sum256(mData))
}
