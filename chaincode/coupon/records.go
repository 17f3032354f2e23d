// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

// recordFormat is the version that every stored JSON record carries.
const recordFormat = 1

// Parties is the public record `parties` of a namespace: who clears for its
// issuer. It is written once, before anything else.
type Parties struct {
	Format   int    `json:"format"`
	Issuer   string `json:"issuer"`
	Clearing string `json:"clearing"`
}

// Holder says who may spend the coupons of a campaign.
type Holder string

// Holders of coupons.
const (
	HolderBearer Holder = "bearer"
	HolderBound  Holder = "bound"
)

// Campaign is one version of an issuer's offer. It is immutable once published.
type Campaign struct {
	Format  int    `json:"format"`
	Issuer  string `json:"issuer"`
	ID      string `json:"campaign"`
	Version int64  `json:"version"`
	Product string `json:"product"`
	Offer   string `json:"offer"`
	// Terms is the terms document verbatim; its SHA-256 is in every m_data.
	Terms  string `json:"terms"`
	Kinds  []Kind `json:"kinds"`
	Holder Holder `json:"holder"`
	// Begin and End bound redemption: Begin <= time < End, Unix milliseconds.
	Begin int64 `json:"begin"`
	End   int64 `json:"end"`
	// AudienceWaived lets presentations leave the retailer open.
	AudienceWaived bool `json:"audience_waived"`
	// MaxFrameAge is the longest time, in milliseconds, between the opening of a
	// frame and the release of a coupon in it; 0 for static coupons.
	MaxFrameAge int64 `json:"max_frame_age,omitempty"`
	// InvoiceRequired makes presentations name the invoice.
	InvoiceRequired bool `json:"invoice_required"`
	// MaxTransfers is how often a bound coupon may be transferred, up to
	// MaxTransfers; 0 for never.
	MaxTransfers int64 `json:"max_transfers,omitempty"`
	// AttestationRequired makes redemptions bring the payment institute's
	// attestation of the invoice.
	AttestationRequired bool `json:"attestation_required,omitempty"`
}

// Status is where a campaign stands.
type Status string

// States of a campaign.
const (
	StatusActive Status = "active"
	StatusPaused Status = "paused"
	StatusClosed Status = "closed"
)

// CampaignState is the changing part of a campaign.
type CampaignState struct {
	Format int    `json:"format"`
	Status Status `json:"status"`
	// RedeemUntil is when a closed campaign ends redemption, Unix
	// milliseconds; 0 while it is not closed.
	RedeemUntil int64 `json:"redeem_until"`
}

// Framework is the public record of a mandate: all but its MAC and key.
type Framework struct {
	Format   int         `json:"format"`
	ID       FrameworkID `json:"framework_id"`
	Issuer   string      `json:"issuer"`
	Emitter  string      `json:"emitter"`
	Product  string      `json:"product"`
	Offer    string      `json:"offer"`
	Campaign string      `json:"campaign"`
	Version  int64       `json:"version"`
	Kind     Kind        `json:"kind"`
	Epoch    int64       `json:"epoch"`
	Terms    Hash        `json:"terms_sha256"`
	// Quotas has the highest serial number of each lane, lane 0 first.
	Quotas []int64 `json:"quotas"`
}

// Mandate returns what the framework authenticates.
func (f Framework) Mandate() Mandate {
	return Mandate{
		Issuer: f.Issuer, Emitter: f.Emitter, Product: f.Product, Offer: f.Offer,
		Campaign: f.Campaign, Version: f.Version, Kind: f.Kind, Epoch: f.Epoch,
		TermsSHA256: f.Terms,
	}
}

// EmitterKey is what issuer and emitter keep of a framework in their
// collections: k_ME and mac_M.
type EmitterKey struct {
	Format    int         `json:"format"`
	Framework FrameworkID `json:"framework_id"`
	Key       Key         `json:"key"`
	MAC       MAC         `json:"mac"`
}

// Tick is the namespace's clock on the ledger: Unix milliseconds of the
// transaction that rolled it.
type Tick struct {
	Format int   `json:"format"`
	At     int64 `json:"at"`
}

// TransferRecord is what issuer and emitter keep of a transfer in their
// collections. The ledger has the transfer's SHA-256 in the marker.
type TransferRecord struct {
	Format int `json:"format"`
	// Text is the transfer, signed by the owner before.
	Text        string `json:"text"`
	Transaction string `json:"transaction_id"`
	Time        int64  `json:"time"`
}

// Invoice names the payment of a sale.
type Invoice struct {
	Institute string `json:"institute"`
	Number    string `json:"number"`
	Currency  string `json:"currency"`
	// Amount is what was paid, in minor units.
	Amount int64 `json:"amount"`
	// PaidAt is when, Unix milliseconds.
	PaidAt int64 `json:"paid_at"`
}

// RedeemedCoupon is one line of a batch record.
type RedeemedCoupon struct {
	Tag       Tag         `json:"tag"`
	Framework FrameworkID `json:"framework_id"`
	Lane      uint16      `json:"lane"`
	SN        int64       `json:"sn"`
	// Value is the discount in minor units of the redemption's currency.
	Value int64 `json:"value"`
	// Frame and Leaf are those of the coupon's entry in its lane's log, for the
	// issuer to compare; absent for static coupons.
	Frame uint32 `json:"frame,omitempty"`
	Leaf  *Hash  `json:"leaf,omitempty"`
	// Product is that of a purchase proof; absent for other kinds.
	Product *Product `json:"product,omitempty"`
	// TransferTag is that of the owner who presented the coupon, where the
	// campaign allows transfers.
	TransferTag *Tag `json:"transfer_tag,omitempty"`
}

// RedeemedSale is one redemption in a batch record.
type RedeemedSale struct {
	ID      RedemptionID `json:"redemption_id"`
	Request Hash         `json:"request_sha256"`
	Invoice Invoice      `json:"invoice"`
	// Attestation is the payment institute's, which both endorsers checked;
	// absent where none was given.
	Attestation *Signature       `json:"attestation,omitempty"`
	Currency    string           `json:"currency"`
	Coupons     []RedeemedCoupon `json:"coupons"`
}

// BatchRecord is what issuer and retailer keep of a batch in their
// collections, and what is shown to void, claim and settle it. The ledger has
// its SHA-256 under `batch/<id>`.
type BatchRecord struct {
	Format      int            `json:"format"`
	Salt        Hash           `json:"salt"`
	ID          BatchID        `json:"batch_id"`
	Transaction string         `json:"transaction_id"`
	Issuer      string         `json:"issuer"`
	Retailer    string         `json:"retailer"`
	Time        int64          `json:"time"`
	Redemptions []RedeemedSale `json:"redemptions"`
}

// CouponCount returns the number of coupons in the batch.
func (r BatchRecord) CouponCount() int {
	n := 0
	for _, s := range r.Redemptions {
		n += len(s.Coupons)
	}
	return n
}

// ClaimedBatch is one line of a claim: what counts of a batch, by currency.
type ClaimedBatch struct {
	ID      BatchID `json:"batch_id"`
	Coupons int64   `json:"coupons"`
	Amounts []Money `json:"amounts"`
	// Record is the batch record verbatim, so that the clearing house sees the
	// invoices that it is asked to have reimbursed.
	Record string `json:"record"`
}

// ClaimRecord is what retailer and clearing house keep of a claim in their
// collections.
type ClaimRecord struct {
	Format      int            `json:"format"`
	Salt        Hash           `json:"salt"`
	ID          string         `json:"claim_id"`
	Issuer      string         `json:"issuer"`
	Retailer    string         `json:"retailer"`
	Transaction string         `json:"transaction_id"`
	Time        int64          `json:"time"`
	Batches     []ClaimedBatch `json:"batches"`
	Coupons     int64          `json:"coupons"`
	Amounts     []Money        `json:"amounts"`
}

// ClaimMark is the value of `claimed/<batch>` in both collections.
type ClaimMark struct {
	Format   int    `json:"format"`
	Salt     Hash   `json:"salt"`
	Claim    string `json:"claim_id"`
	Retailer string `json:"retailer"`
}

// SettledBatch is what a settlement pays of one batch.
type SettledBatch struct {
	ID      BatchID `json:"batch_id"`
	Coupons int64   `json:"coupons"`
	Amounts []Money `json:"amounts"`
}

// SettlementRecord is the position of one issuer and one retailer, kept by
// issuer and clearing house in their collections. The ledger has its SHA-256
// under `settled/<batch>` of each of its batches.
type SettlementRecord struct {
	Format      int            `json:"format"`
	Salt        Hash           `json:"salt"`
	ID          string         `json:"settlement_id"`
	Part        int            `json:"part"`
	Issuer      string         `json:"issuer"`
	Retailer    string         `json:"retailer"`
	Transaction string         `json:"transaction_id"`
	Time        int64          `json:"time"`
	Batches     []SettledBatch `json:"batches"`
	Coupons     int64          `json:"coupons"`
	Amounts     []Money        `json:"amounts"`
}
