// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

// FrameworkQuery names a framework.
type FrameworkQuery struct {
	Framework FrameworkID `json:"framework_id"`
}

// FrameworksQuery asks for a page of a campaign version's frameworks.
type FrameworksQuery struct {
	Campaign string `json:"campaign"`
	Version  int64  `json:"version"`
	PageQuery
}

// RetailersQuery asks for a page of the retailers admitted to a campaign version.
type RetailersQuery struct {
	Campaign string `json:"campaign"`
	Version  int64  `json:"version"`
	PageQuery
}

// PageQuery asks for a page: at most Size entries after the entry After.
type PageQuery struct {
	Size  int    `json:"size"`
	After string `json:"after"`
}

// CampaignEntry is a campaign with its state.
type CampaignEntry struct {
	Campaign Campaign      `json:"campaign"`
	State    CampaignState `json:"state"`
}

// CampaignPage is a page of campaigns; Next is empty on the last.
type CampaignPage struct {
	Campaigns []CampaignEntry `json:"campaigns"`
	Next      string          `json:"next"`
}

// FrameworkPage is a page of frameworks; Next is empty on the last.
type FrameworkPage struct {
	Frameworks []Framework `json:"frameworks"`
	// States has where each framework's mandate stands, in the same order.
	States []MandateState `json:"states"`
	Next   string         `json:"next"`
}

// RetailerQuery names a retailer.
type RetailerQuery struct {
	Retailer string `json:"retailer"`
}

// Clock answers what the clock of an organisation's chaincode process shows:
// Unix milliseconds.
type Clock struct {
	At int64 `json:"at"`
}

// Presence answers whether something is there.
type Presence struct {
	Present bool `json:"present"`
}

// RetailerPage is a page of retailers; Next is empty on the last.
type RetailerPage struct {
	Retailers []string `json:"retailers"`
	Next      string   `json:"next"`
}

// KeyResult is the answer of CampaignKey: k_M, to its issuer only.
type KeyResult struct {
	Key Key `json:"key"`
}

// RedemptionQuery names a redemption.
type RedemptionQuery struct {
	Redemption RedemptionID `json:"redemption_id"`
}

// RedemptionResult says in which batch a redemption is.
type RedemptionResult struct {
	Batch BatchID `json:"batch_id"`
}

// BatchQuery names a batch.
type BatchQuery struct {
	Batch BatchID `json:"batch_id"`
}

// BatchResult is a batch record verbatim.
type BatchResult struct {
	Record string `json:"record"`
}

// BatchStanding is what the ledger publicly knows of a batch.
type BatchStanding struct {
	Batch BatchID `json:"batch_id"`
	// Digest is the SHA-256 of the record; absent for an unknown batch.
	Digest *Hash `json:"digest,omitempty"`
	// Settled is the SHA-256 of the settlement record; absent before.
	Settled *Hash `json:"settled,omitempty"`
	// ClaimedByClearing and ClaimedByRetailer say which copies of the claim
	// mark stand; the retailer's is looked up for the query's retailer.
	ClaimedByClearing bool `json:"claimed_by_clearing"`
	ClaimedByRetailer bool `json:"claimed_by_retailer"`
}

// StandingQuery asks for the standing of a retailer's batches.
type StandingQuery struct {
	Retailer string    `json:"retailer"`
	Batches  []BatchID `json:"batch_ids"`
}

// StandingResult has an entry for each batch asked for.
type StandingResult struct {
	Batches []BatchStanding `json:"batches"`
}

// MarkersQuery asks for the markers of spent tags, at most MaxBatchCoupons.
type MarkersQuery struct {
	Tags []Tag `json:"tags"`
}

// MarkerEntry is a marker in words; State is empty for an unspent tag.
type MarkerEntry struct {
	Tag        Tag          `json:"tag"`
	State      string       `json:"state"`
	Redemption RedemptionID `json:"redemption_id"`
	Batch      BatchID      `json:"batch_id"`
	Time       int64        `json:"time"`
}

// MarkersResult has an entry for each tag asked for.
type MarkersResult struct {
	Markers []MarkerEntry `json:"markers"`
}

// ClaimQuery names a claim.
type ClaimQuery struct {
	Retailer string `json:"retailer"`
	ClaimID  string `json:"claim_id"`
}

// SettlementQuery names a part of a settlement.
type SettlementQuery struct {
	SettlementID string `json:"settlement_id"`
	Retailer     string `json:"retailer"`
	Part         int    `json:"part"`
}
