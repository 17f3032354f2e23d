// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

type vectors struct {
	Keys          keyVector            `json:"keys"`
	Framework     []frameworkVector    `json:"framework"`
	Frames        []frameVector        `json:"frames"`
	Chain         []chainVector        `json:"chain"`
	Closings      []closingVector      `json:"closings"`
	Coupons       []couponVector       `json:"coupons"`
	Receipts      []receiptVector      `json:"receipts"`
	Draws         []drawVector         `json:"draws"`
	Invoices      []invoiceVector      `json:"invoices"`
	Attestations  []attestationVector  `json:"attestations"`
	Redemptions   []redemptionVector   `json:"redemptions"`
	Batches       []batchVector        `json:"batches"`
	Presentations []presentationVector `json:"presentations"`
	Transfers     []transferVector     `json:"transfers"`
	Misconducts   []misconductVector   `json:"misconducts"`
	Refused       []refusedVector      `json:"refused"`

	RefusedAttestations []refusedAttestationVector `json:"refused_attestations"`
}

type keyVector struct {
	KM  string `json:"k_M"`
	KIR string `json:"k_IR"`
	KF  string `json:"k_F"`
	KB  string `json:"k_B"`
	KS  string `json:"k_S"`
	KP  string `json:"k_P"`
}

type frameworkVector struct {
	Issuer      string `json:"issuer"`
	Emitter     string `json:"emitter"`
	Product     string `json:"product"`
	Offer       string `json:"offer"`
	Campaign    string `json:"campaign"`
	Version     int64  `json:"version"`
	Kind        string `json:"kind"`
	TermsSHA256 string `json:"terms_sha256"`
	Epoch       int64  `json:"epoch"`
	MData       string `json:"m_data"`
	FrameworkID string `json:"framework_id"`
	KME         string `json:"k_ME"`
	MacM        string `json:"mac_M"`
}

// couponVector has fields for every kind: owner is that of a static coupon that
// is bound, the fields of frames are of dynamic coupons and proofs, those of
// sales of proofs only; the others are zero.
type couponVector struct {
	Kind        string `json:"kind"`
	FrameworkID string `json:"framework_id"`
	Lane        int64  `json:"lane"`
	SN          int64  `json:"sn"`
	Owner       string `json:"owner"`
	Frame       int64  `json:"frame"`
	Beacon      string `json:"beacon"`
	Time        int64  `json:"time"`
	UData       string `json:"u_data"`
	Q           string `json:"q"`
	ProductID   string `json:"product_id"`
	Salt        string `json:"salt"`
	Invoice     string `json:"invoice"`
	ProductTag  string `json:"product_tag"`
	Sale        string `json:"sale"`
	SpentTag    string `json:"spent_tag"`
	Bytes       string `json:"bytes"`
	Text        string `json:"text"`
}

type frameVector struct {
	FrameworkID string `json:"framework_id"`
	Lane        int64  `json:"lane"`
	N           int64  `json:"n"`
	QLastBefore string `json:"q_last_before"`
	Beacon      string `json:"beacon"`
	Q0          string `json:"q_0"`
}

type chainVector struct {
	FrameworkID string `json:"framework_id"`
	Lane        int64  `json:"lane"`
	SN          int64  `json:"sn"`
	QBefore     string `json:"q_before"`
	UData       string `json:"u_data"`
	Q           string `json:"q"`
}

type invoiceVector struct {
	Institute string `json:"institute"`
	Invoice   string `json:"invoice"`
	Tag       string `json:"tag"`
}

type redemptionVector struct {
	Retailer  string `json:"retailer"`
	RequestID string `json:"request_id"`
	ID        string `json:"id"`
}

type presentationVector struct {
	Coupon      string `json:"coupon"`
	PrivateKey  string `json:"private_key"`
	PresentedAt int64  `json:"presented_at"`
	Nonce       string `json:"nonce"`
	Audience    string `json:"audience"`
	Invoice     string `json:"invoice"`
	Bytes       string `json:"bytes"`
	Text        string `json:"text"`
}

type transferVector struct {
	Coupon     string `json:"coupon"`
	Step       int64  `json:"step"`
	NewOwner   string `json:"new_owner"`
	At         int64  `json:"at"`
	Nonce      string `json:"nonce"`
	PrivateKey string `json:"private_key"`
	Signature  string `json:"signature"`
	Bytes      string `json:"bytes"`
	Text       string `json:"text"`
	// TransferTag is that of the step which the transfer ends, OwnershipMAC that
	// of the new owner since the time of the transfer.
	TransferTag  string `json:"transfer_tag"`
	OwnershipMAC string `json:"ownership_mac"`
}

type refusedVector struct {
	What   string `json:"what"`
	Text   string `json:"text"`
	Reason Reason `json:"reason"`
}
