// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

// Reason is why something was refused, as a stable word for programs. The list
// is closed: what is not in it is not a refusal.
type Reason string

// Reasons for input that is refused before any record is looked at.
const (
	// ReasonInvalidRequest: the request is not well formed: a field is missing, too long, of
	// the wrong form or unknown.
	ReasonInvalidRequest Reason = "INVALID_REQUEST"
	// ReasonUnsupportedVersion: the version byte of a coupon or presentation is not one that
	// this release knows.
	ReasonUnsupportedVersion Reason = "UNSUPPORTED_VERSION"
	// ReasonUnknownKind: the kind of a coupon or framework is none that exists.
	ReasonUnknownKind Reason = "UNKNOWN_KIND"
	// ReasonUnsupportedKind: the kind exists, and the campaign or the framework does not have
	// it.
	ReasonUnsupportedKind Reason = "UNSUPPORTED_KIND"
	// ReasonMalformedCoupon: the text or the bytes of a coupon do not have the one form that
	// is accepted.
	ReasonMalformedCoupon Reason = "MALFORMED_COUPON"
	// ReasonMalformedPresentation: the text or the bytes of a presentation do not have the one
	// form that is accepted.
	ReasonMalformedPresentation Reason = "MALFORMED_PRESENTATION"
	// ReasonMalformedReceipt: the text or the bytes of a receipt do not have the one form that
	// is accepted.
	ReasonMalformedReceipt Reason = "MALFORMED_RECEIPT"
	// ReasonMalformedTransfer: the text or the bytes of a transfer do not have the one form that
	// is accepted.
	ReasonMalformedTransfer Reason = "MALFORMED_TRANSFER"
	// ReasonBadOwnerKey: the owner's key is not canonical or is of small order.
	ReasonBadOwnerKey Reason = "BAD_OWNER_KEY"
)

// Reasons about the caller and where it sent its request.
const (
	// ReasonWrongOrganisation: the caller's organisation may not do this.
	ReasonWrongOrganisation Reason = "WRONG_ORGANISATION"
	// ReasonWrongRole: the caller's role attribute may not do this.
	ReasonWrongRole Reason = "WRONG_ROLE"
	// ReasonUnknownFunction: the chaincode has no function of exactly this name.
	ReasonUnknownFunction Reason = "UNKNOWN_FUNCTION"
	// ReasonWrongPeer: the evaluation was sent to a peer that does not hold the key it needs,
	// or a transaction to endorsers other than its parties.
	ReasonWrongPeer Reason = "WRONG_PEER"
	// ReasonPartiesMissing: the namespace does not know its clearing house yet.
	ReasonPartiesMissing Reason = "PARTIES_MISSING"
	// ReasonRateLimited: the caller, or all callers of this offer together, ask too often.
	ReasonRateLimited Reason = "RATE_LIMITED"
)

// Reasons about time.
const (
	// ReasonClockSkew: the transaction's timestamp is too far from the endorser's clock.
	ReasonClockSkew Reason = "CLOCK_SKEW"
	// ReasonTickMissing: the namespace has no tick yet.
	ReasonTickMissing Reason = "TICK_MISSING"
	// ReasonTickStale: the namespace's last tick is too old to judge time by.
	ReasonTickStale Reason = "TICK_STALE"
	// ReasonTickTooEarly: the last tick is too young to be followed by another.
	ReasonTickTooEarly Reason = "TICK_TOO_EARLY"
)

// Reasons about campaigns, frameworks and who takes part in them.
const (
	// ReasonAlreadyExists: a record with this id exists and is never changed.
	ReasonAlreadyExists Reason = "ALREADY_EXISTS"
	// ReasonNotFound: no record has this id.
	ReasonNotFound Reason = "NOT_FOUND"
	// ReasonUnknownCampaign: the namespace has no campaign of this id and version.
	ReasonUnknownCampaign Reason = "UNKNOWN_CAMPAIGN"
	// ReasonUnknownFramework: the coupon's framework id is not one of this issuer.
	ReasonUnknownFramework Reason = "UNKNOWN_FRAMEWORK"
	// ReasonCampaignNotBegun: the campaign's validity has not begun.
	ReasonCampaignNotBegun Reason = "CAMPAIGN_NOT_BEGUN"
	// ReasonCampaignOver: the campaign's validity has ended.
	ReasonCampaignOver Reason = "CAMPAIGN_OVER"
	// ReasonCampaignPaused: the issuer has paused the campaign.
	ReasonCampaignPaused Reason = "CAMPAIGN_PAUSED"
	// ReasonCampaignClosed: the issuer has closed the campaign, and its last day of redemption
	// has passed.
	ReasonCampaignClosed Reason = "CAMPAIGN_CLOSED"
	// ReasonRetailerNotAdmitted: the retailer may not redeem under this campaign.
	ReasonRetailerNotAdmitted Reason = "RETAILER_NOT_ADMITTED"
	// ReasonWrongHolder: the coupon is bearer where its campaign binds coupons to wallets, or
	// the other way round.
	ReasonWrongHolder Reason = "WRONG_HOLDER"
	// ReasonUnknownLane: the framework has no lane of this number.
	ReasonUnknownLane Reason = "UNKNOWN_LANE"
	// ReasonQuotaExceeded: the serial number is above the lane's quota.
	ReasonQuotaExceeded Reason = "QUOTA_EXCEEDED"
	// ReasonSoldOut: the emitter has issued all that its quotas allow.
	ReasonSoldOut Reason = "SOLD_OUT"
	// ReasonQuotaNotRaised: quotas only grow, and these do not.
	ReasonQuotaNotRaised Reason = "QUOTA_NOT_RAISED"
	// ReasonEmitterRevoked: the issuer has revoked the mandate.
	ReasonEmitterRevoked Reason = "EMITTER_REVOKED"
	// ReasonEmitterSuspended: the issuer has suspended the mandate.
	ReasonEmitterSuspended Reason = "EMITTER_SUSPENDED"
	// ReasonSuperseded: the mandate is followed by another, with a new key or of a newer version
	// of the campaign.
	ReasonSuperseded Reason = "SUPERSEDED"
	// ReasonLaneEnded: the serial number is above the last one that its lane had closed when the
	// mandate ended.
	ReasonLaneEnded Reason = "LANE_ENDED"
	// ReasonBadTerms: the terms document is not well formed.
	ReasonBadTerms Reason = "BAD_TERMS"
	// ReasonTermsMismatch: the terms shown do not hash to the coupon's framework; the wallet
	// refuses.
	ReasonTermsMismatch Reason = "TERMS_MISMATCH"
)

// Reasons about keys and coupons.
const (
	// ReasonKeyMissing: the endorser should hold a key and cannot read it.
	ReasonKeyMissing Reason = "KEY_MISSING"
	// ReasonKeyMismatch: a key or a mandate's MAC handed in is not the one derived or stored.
	ReasonKeyMismatch Reason = "KEY_MISMATCH"
	// ReasonWrongMAC: the mandate's MAC or the emitter's MAC of a coupon is wrong.
	ReasonWrongMAC Reason = "WRONG_MAC"
	// ReasonAlreadyRedeemed: the coupon is spent.
	ReasonAlreadyRedeemed Reason = "ALREADY_REDEEMED"
	// ReasonDuplicateInBatch: the same coupon, invoice or redemption id is in the request more
	// than once.
	ReasonDuplicateInBatch Reason = "DUPLICATE_IN_BATCH"
	// ReasonFrameNotOpen: the coupon's frame, or the frame asked for, is not opened on the
	// ledger.
	ReasonFrameNotOpen Reason = "FRAME_NOT_OPEN"
	// ReasonFrameNotClosed: the coupon's frame is not closed yet, and its value depends on that.
	ReasonFrameNotClosed Reason = "FRAME_NOT_CLOSED"
	// ReasonFrameConflict: a frame that is closed was closed with other content, or frames do
	// not follow each other.
	ReasonFrameConflict Reason = "FRAME_CONFLICT"
	// ReasonWrongReleaseTime: the coupon's time of release is not within its frame, or ahead of
	// now.
	ReasonWrongReleaseTime Reason = "WRONG_RELEASE_TIME"
	// ReasonReceiptRequired: the coupon's value needs the proof that it is in its closed frame.
	ReasonReceiptRequired Reason = "RECEIPT_REQUIRED"
	// ReasonWrongReceipt: the receipt does not show the coupon in its closed frame.
	ReasonWrongReceipt Reason = "WRONG_RECEIPT"
	// ReasonProductUsed: another purchase proof of this product instance was redeemed.
	ReasonProductUsed Reason = "PRODUCT_USED"
	// ReasonProductHasProof: the product instance has its purchase proof already.
	ReasonProductHasProof Reason = "PRODUCT_HAS_PROOF"
	// ReasonTransferNotAllowed: the campaign does not allow the transfer, or not another step.
	ReasonTransferNotAllowed Reason = "TRANSFER_NOT_ALLOWED"
	// ReasonCouponTransferred: the coupon was transferred, and whoever signed does not own it any
	// more.
	ReasonCouponTransferred Reason = "COUPON_TRANSFERRED"
	// ReasonWrongTransferStep: the transfer does not follow the coupon's last one.
	ReasonWrongTransferStep Reason = "WRONG_TRANSFER_STEP"
	// ReasonTransferExpired: the transfer is too old, or no later than the last change of the
	// coupon's state.
	ReasonTransferExpired Reason = "TRANSFER_EXPIRED"
	// ReasonTransferFromFuture: the transfer is dated later than the clocks allow.
	ReasonTransferFromFuture Reason = "TRANSFER_FROM_FUTURE"
	// ReasonTagMismatch: a tag handed in is not the one that the issuer's key gives.
	ReasonTagMismatch Reason = "TAG_MISMATCH"
)

// Reasons about presentations.
const (
	// ReasonPresentationRequired: a bound coupon was handed in without its owner's
	// presentation.
	ReasonPresentationRequired Reason = "PRESENTATION_REQUIRED"
	// ReasonWrongSignature: the presentation is not signed by the coupon's owner.
	ReasonWrongSignature Reason = "WRONG_SIGNATURE"
	// ReasonAudienceRequired: the presentation names no retailer, or no invoice where the
	// campaign requires one.
	ReasonAudienceRequired Reason = "AUDIENCE_REQUIRED"
	// ReasonWrongAudience: the presentation names another retailer or another invoice.
	ReasonWrongAudience Reason = "WRONG_AUDIENCE"
	// ReasonPresentationExpired: the presentation is too old.
	ReasonPresentationExpired Reason = "PRESENTATION_EXPIRED"
	// ReasonPresentationFromFuture: the presentation is dated later than the clocks allow.
	ReasonPresentationFromFuture Reason = "PRESENTATION_FROM_FUTURE"
	// ReasonPresentationReplayed: the presentation is no later than the last change of this
	// coupon's state.
	ReasonPresentationReplayed Reason = "PRESENTATION_REPLAYED"
)

// Reasons about invoices and baskets.
const (
	// ReasonInvoiceUsed: the invoice already carries a redemption for this issuer and
	// retailer.
	ReasonInvoiceUsed Reason = "INVOICE_USED"
	// ReasonAttestationRequired: the campaign asks for the payment institute's attestation of
	// the invoice.
	ReasonAttestationRequired Reason = "ATTESTATION_REQUIRED"
	// ReasonWrongAttestation: the payment institute did not attest this invoice, or is not
	// registered.
	ReasonWrongAttestation Reason = "WRONG_ATTESTATION"
	// ReasonBadInstituteKey: a payment institute's key is not canonical, of small order, or
	// stands twice in its list.
	ReasonBadInstituteKey Reason = "BAD_INSTITUTE_KEY"
	// ReasonPaymentTooSmall: the attested payment is less than what the goods of the sale
	// cost after its coupons.
	ReasonPaymentTooSmall Reason = "PAYMENT_TOO_SMALL"
	// ReasonMixedIssuers: the coupons of one redemption are of several issuers.
	ReasonMixedIssuers Reason = "MIXED_ISSUERS"
	// ReasonCurrencyMismatch: the basket or the invoice is not in the terms' currency.
	ReasonCurrencyMismatch Reason = "CURRENCY_MISMATCH"
	// ReasonBadGTIN: an article number is not 14 digits with a valid check digit.
	ReasonBadGTIN Reason = "BAD_GTIN"
	// ReasonBadBasket: the basket is not well formed: a quantity, a price or the total is out
	// of range or does not add up.
	ReasonBadBasket Reason = "BAD_BASKET"
	// ReasonNotInBasket: the basket does not hold enough unused units of the goods that the
	// coupon asks for.
	ReasonNotInBasket Reason = "NOT_IN_BASKET"
	// ReasonMinimumSpendNotReached: the goods or the basket cost less than the terms ask for.
	ReasonMinimumSpendNotReached Reason = "MINIMUM_SPEND_NOT_REACHED"
	// ReasonTooMany: there are more entries than the limit allows.
	ReasonTooMany Reason = "TOO_MANY"
	// ReasonAmountOverflow: an amount does not fit.
	ReasonAmountOverflow Reason = "AMOUNT_OVERFLOW"
)

// Reasons about batches and what follows them.
const (
	// ReasonBatchRefused: at least one entry of a batch is refused; the detail is the JSON
	// list of refusals.
	ReasonBatchRefused Reason = "BATCH_REFUSED"
	// ReasonBatchUnknown: the ledger has no batch of this id.
	ReasonBatchUnknown Reason = "BATCH_UNKNOWN"
	// ReasonRedemptionKnown: a redemption of this id is on the ledger already.
	ReasonRedemptionKnown Reason = "REDEMPTION_KNOWN"
	// ReasonRecordMismatch: a record handed in does not hash to its digest on the ledger.
	ReasonRecordMismatch Reason = "RECORD_MISMATCH"
	// ReasonNotRedeemed: the batch holds no redemption of this id.
	ReasonNotRedeemed Reason = "NOT_REDEEMED"
	// ReasonVoided: the redemption has been voided.
	ReasonVoided Reason = "VOIDED"
	// ReasonAlreadyClaimed: the batch has been claimed.
	ReasonAlreadyClaimed Reason = "ALREADY_CLAIMED"
	// ReasonNotClaimed: the batch has not been claimed.
	ReasonNotClaimed Reason = "NOT_CLAIMED"
	// ReasonNotClaimable: the issuer redeemed the batch itself, so nobody owes it anything.
	ReasonNotClaimable Reason = "NOT_CLAIMABLE"
	// ReasonAlreadySettled: the batch has been settled.
	ReasonAlreadySettled Reason = "ALREADY_SETTLED"
)

// Reasons about reports of misconduct.
const (
	// ReasonNoMisconduct: the evidence does not show the misconduct that is reported.
	ReasonNoMisconduct Reason = "NO_MISCONDUCT"
	// ReasonAnswerPending: the emitter can still answer, and has not.
	ReasonAnswerPending Reason = "ANSWER_PENDING"
	// ReasonDeadlinePassed: the time to answer is over.
	ReasonDeadlinePassed Reason = "DEADLINE_PASSED"
	// ReasonAlreadyResolved: the report was upheld or withdrawn before.
	ReasonAlreadyResolved Reason = "ALREADY_RESOLVED"
)

// Reasons that say nothing about the request itself.
const (
	// ReasonRequestConflict: the id was used before for a request of other content.
	ReasonRequestConflict Reason = "REQUEST_CONFLICT"
	// ReasonOutcomeUnknown: what became of a transaction could not be learnt; the same request
	// sent again gets the true answer.
	ReasonOutcomeUnknown Reason = "OUTCOME_UNKNOWN"
	// ReasonLedgerUnavailable: the ledger, or a peer that must endorse, cannot be reached.
	ReasonLedgerUnavailable Reason = "LEDGER_UNAVAILABLE"
	// ReasonInternal: the service itself is at fault; its log says how.
	ReasonInternal Reason = "INTERNAL"
)
