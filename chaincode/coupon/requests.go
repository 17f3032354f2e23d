// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

// TransientKey is the one key of the transient map: its value is the JSON of
// a transaction's private input.
const TransientKey = "input"

// Limits of transactions.
const (
	// MaxBatchCoupons bounds the coupons of a batch; 200 is a good size.
	MaxBatchCoupons = 1000
	// MaxClaimCoupons bounds the coupons of a claim, a settlement or a void.
	MaxClaimCoupons = 5000
	// MaxLanes bounds the lanes of a framework: lane has two bytes, and more
	// replicas than this do not make sense for one emitter.
	MaxLanes = 1024
	// MaxPage bounds a page of a list.
	MaxPage = 200
)

// PartiesRequest is the argument of SetParties.
type PartiesRequest struct {
	Clearing string `json:"clearing"`
}

// CampaignRef names a campaign version.
type CampaignRef struct {
	Campaign string `json:"campaign"`
	Version  int64  `json:"version"`
}

// CampaignKeyInput is the private input of EnterCampaignKey: k_M.
type CampaignKeyInput struct {
	Campaign string `json:"campaign"`
	Version  int64  `json:"version"`
	Key      Key    `json:"key"`
}

// CloseRequest is the argument of CloseCampaign. Redemption is refused from
// RedeemUntil on, Unix milliseconds; 0 or a time past means at once.
type CloseRequest struct {
	Campaign    string `json:"campaign"`
	Version     int64  `json:"version"`
	RedeemUntil int64  `json:"redeem_until"`
}

// AuthoriseRequest is the argument of AuthoriseEmitter.
type AuthoriseRequest struct {
	Campaign string  `json:"campaign"`
	Version  int64   `json:"version"`
	Emitter  string  `json:"emitter"`
	Kind     Kind    `json:"kind"`
	Epoch    int64   `json:"epoch"`
	Quotas   []int64 `json:"quotas"`
}

// EmitterKeyInput is the private input of AuthoriseEmitter: k_ME and mac_M.
type EmitterKeyInput struct {
	Key Key `json:"key"`
	MAC MAC `json:"mac"`
}

// AdmitRequest is the argument of AdmitRetailer.
type AdmitRequest struct {
	Campaign string `json:"campaign"`
	Version  int64  `json:"version"`
	Retailer string `json:"retailer"`
}

// RetailerKeyInput is the private input of a retailer's first AdmitRetailer:
// k_IR.
type RetailerKeyInput struct {
	Key Key `json:"key"`
}

// Sale is one redemption as it is proposed.
type Sale struct {
	// RequestID is the till's, a random UUID version 4.
	RequestID string `json:"request_id"`
	// Request is the SHA-256 of the till's whole request.
	Request Hash    `json:"request_sha256"`
	Invoice Invoice `json:"invoice"`
	// Attestation is the payment institute's of the invoice; it is checked
	// wherever it is given.
	Attestation *Signature `json:"attestation,omitempty"`
	// Basket has the lines of qualifying goods only, and the sale's total.
	Basket  Basket     `json:"basket"`
	Coupons []Tendered `json:"coupons"`
}

// Tendered is a coupon in a sale with the spent tag that Check gave for it.
type Tendered struct {
	// Text is a coupon or a presentation.
	Text string `json:"text"`
	// Receipt is as in CheckedCoupon.
	Receipt string `json:"receipt,omitempty"`
	Tag     Tag    `json:"tag"`
	// Draw is the coupon's random value, where its terms have one; from Check.
	Draw *Hash `json:"draw,omitempty"`
	// Ownership says whose the coupon is, where its campaign allows transfers;
	// from Check.
	Ownership *Ownership `json:"ownership,omitempty"`
}

// CheckedCoupon is a coupon as it is handed in.
type CheckedCoupon struct {
	// Text is a coupon or a presentation.
	Text string `json:"text"`
	// Receipt is the text of the receipt of its closed frame, needed where
	// earlier coupons are worth more.
	Receipt string `json:"receipt,omitempty"`
}

// Untagged returns coupons without receipts as they are handed in.
func Untagged(texts ...string) []CheckedCoupon {
	coupons := make([]CheckedCoupon, len(texts))
	for i, text := range texts {
		coupons[i].Text = text
	}
	return coupons
}

// BatchInput is the private input of Redeem.
type BatchInput struct {
	// Salt is random, so that the record's digest tells nothing.
	Salt  Hash   `json:"salt"`
	Sales []Sale `json:"sales"`
}

// CheckedSale is one sale to Check. Without invoice and basket the coupons
// alone are judged, as Verify does.
type CheckedSale struct {
	RequestID   string          `json:"request_id,omitempty"`
	Invoice     *Invoice        `json:"invoice,omitempty"`
	Attestation *Signature      `json:"attestation,omitempty"`
	Basket      *Basket         `json:"basket,omitempty"`
	Coupons     []CheckedCoupon `json:"coupons"`
}

// CheckInput is the private input of Check.
type CheckInput struct {
	// Sales may be empty where there are products.
	Sales []CheckedSale `json:"sales"`
	// Products are asked for by an emitter of purchase proofs; at most
	// MaxCoupons.
	Products []ProductQuery `json:"products,omitempty"`
}

// Verdict is what Check says of one coupon.
type Verdict struct {
	// Tag is the spent tag, given only for a coupon whose MACs are right.
	Tag *Tag `json:"tag,omitempty"`
	// Value is the discount in minor units; 0 when there is no basket.
	Value int64 `json:"value"`
	// ValueInOneHour is the discount of the same basket in one hour: 0 if the
	// coupon is over by then or refused now, and where there is an invoice.
	ValueInOneHour int64 `json:"value_in_one_hour,omitempty"`
	// Draw is the random value, given with Tag where the terms have one.
	Draw *Hash `json:"draw,omitempty"`
	// Ownership is given with Tag where the campaign allows transfers.
	Ownership *Ownership `json:"ownership,omitempty"`
	// Framework names the offer; absent when it is not known.
	Framework *FrameworkID `json:"framework_id,omitempty"`
}

// SaleVerdict is what Check says of one sale.
type SaleVerdict struct {
	Coupons []Verdict `json:"coupons"`
	// Refused is empty if the sale could be redeemed now.
	Refused []Refusal `json:"refused"`
	// Batch is set when the redemption is on the ledger already.
	Batch *BatchID `json:"batch_id,omitempty"`
	// Rival says that another redemption with a coupon of this sale was found good
	// moments ago and is not on the ledger: to send this one now would spoil its
	// batch, or the other's. In the end it is refused, or has no rival.
	Rival bool `json:"rival,omitempty"`
}

// CheckResult has a verdict for each sale, in the input's order.
type CheckResult struct {
	Sales []SaleVerdict `json:"sales"`
	// Products has an answer for each of the input's.
	Products []ProductAnswer `json:"products,omitempty"`
}

// VoidInput is the private input of Void.
type VoidInput struct {
	// Record is the batch record verbatim.
	Record     string       `json:"record"`
	Redemption RedemptionID `json:"redemption_id"`
}

// TransferInput is the private input of Transfer.
type TransferInput struct {
	// Text is a Transfer's.
	Text string `json:"text"`
	// Ownership says whose the coupon is until now; from CheckTransfer.
	Ownership Ownership `json:"ownership"`
}

// CheckTransferInput is the private input of CheckTransfer.
type CheckTransferInput struct {
	// Text is a Transfer's.
	Text string `json:"text"`
}

// CheckTransferResult is the answer of CheckTransfer: one of the two is there.
type CheckTransferResult struct {
	// Ownership is what Transfer needs.
	Ownership *Ownership `json:"ownership,omitempty"`
	// Done says that just this transfer is on the ledger.
	Done *OwnerResult `json:"done,omitempty"`
}

// OwnerInput is the private input of FindOwner.
type OwnerInput struct {
	// Coupon is the coupon's text.
	Coupon string `json:"coupon"`
}

// OwnerResult says who owns a coupon.
type OwnerResult struct {
	// Step is the number of transfers until now.
	Step  int64     `json:"step"`
	Owner PublicKey `json:"owner"`
	// Since is the ledger's time of the last transfer, Unix milliseconds; 0 for
	// none.
	Since int64 `json:"since"`
	// Transfer is the digest of the last transfer; zero for none.
	Transfer Hash `json:"transfer_sha256"`
}

// ClaimInput is the private input of Claim.
type ClaimInput struct {
	// ClaimID is made by the retailer, a random UUID version 4.
	ClaimID string `json:"claim_id"`
	Salt    Hash   `json:"salt"`
	// Records are batch records verbatim.
	Records []string `json:"records"`
}

// SettleInput is the private input of Settle: batches of one retailer.
type SettleInput struct {
	// SettlementID is made by the clearing house, a random UUID version 4.
	SettlementID string `json:"settlement_id"`
	// Part numbers the transactions of one settlement, from 0.
	Part    int      `json:"part"`
	Salt    Hash     `json:"salt"`
	Records []string `json:"records"`
}
