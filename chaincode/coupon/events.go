// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

// Event payloads, one event per transaction, public.
type (
	// CampaignEvent goes with CampaignPublished, CampaignPaused,
	// CampaignResumed, CampaignClosed.
	CampaignEvent struct {
		Campaign string `json:"campaign"`
		Version  int64  `json:"version"`
	}
	// PartiesEvent goes with PartiesSet.
	PartiesEvent struct {
		Clearing string `json:"clearing"`
	}
	// EmitterEvent goes with EmitterAuthorised, QuotaRaised, EmitterSuspended,
	// EmitterReinstated and EmitterRevoked.
	EmitterEvent struct {
		Framework FrameworkID `json:"framework_id"`
		Campaign  string      `json:"campaign"`
		Version   int64       `json:"version"`
		Emitter   string      `json:"emitter"`
	}
	// KeyRotatedEvent goes with KeyRotated: a new mandate, and the one before.
	KeyRotatedEvent struct {
		EmitterEvent
		Before FrameworkID `json:"before"`
	}
	// RetailerEvent goes with RetailerAdmitted.
	RetailerEvent struct {
		Campaign string `json:"campaign"`
		Version  int64  `json:"version"`
		Retailer string `json:"retailer"`
	}
	// InstituteEvent goes with InstituteRegistered.
	InstituteEvent struct {
		Institute string `json:"institute"`
	}
	// FrameEvent goes with FrameClosed.
	FrameEvent struct {
		FrameRef
	}
	// MisconductEvent goes with MisconductReported, MisconductAnswered,
	// MisconductResolved.
	MisconductEvent struct {
		ID      MisconductID `json:"misconduct_id"`
		Emitter string       `json:"emitter"`
	}
	// TickEvent goes with Ticked.
	TickEvent struct {
		At int64 `json:"at"`
	}
	// RedeemedEvent goes with Redeemed.
	RedeemedEvent struct {
		Batch       BatchID `json:"batch_id"`
		Retailer    string  `json:"retailer"`
		Redemptions int     `json:"redemptions"`
		Coupons     int     `json:"coupons"`
	}
	// VoidedEvent goes with Voided.
	VoidedEvent struct {
		Batch      BatchID      `json:"batch_id"`
		Redemption RedemptionID `json:"redemption_id"`
		Retailer   string       `json:"retailer"`
	}
	// TransferredEvent goes with Transferred.
	TransferredEvent struct {
		Framework FrameworkID `json:"framework_id"`
	}
	// ClaimedEvent goes with Claimed.
	ClaimedEvent struct {
		ClaimID  string    `json:"claim_id"`
		Retailer string    `json:"retailer"`
		Batches  []BatchID `json:"batch_ids"`
	}
	// SettledEvent goes with Settled.
	SettledEvent struct {
		SettlementID string    `json:"settlement_id"`
		Part         int       `json:"part"`
		Retailer     string    `json:"retailer"`
		Batches      []BatchID `json:"batch_ids"`
	}
)
