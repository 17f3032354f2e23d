// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import "crypto/ed25519"

const labelAttestation = "ecoupon/v1/attestation"

// Attest returns a payment institute's signature that the invoice was paid at a
// merchant, an MSP id: what a campaign may ask for, so that nobody redeems
// against invented invoices.
func (i Invoice) Attest(institute ed25519.PrivateKey, merchant string) Signature {
	return Signature(ed25519.Sign(institute, i.attested(merchant)))
}

// CheckAttestation refuses with WRONG_ATTESTATION what the institute did not
// sign for this invoice and merchant, and all that is signed with a key that
// CheckOwner refuses.
func (i Invoice) CheckAttestation(institute PublicKey, merchant string, attestation Signature) error {
	if CheckOwner(institute) != nil || !ed25519.Verify(institute[:], i.attested(merchant), attestation[:]) {
		return Refuse(ReasonWrongAttestation, "invoice.attestation", "the institute did not attest this invoice")
	}
	return nil
}

func (i Invoice) attested(merchant string) []byte {
	return newEnc(labelAttestation).text(i.Institute).text(i.Number).int(i.Amount).text(i.Currency).
		int(i.PaidAt).text(merchant)
}
