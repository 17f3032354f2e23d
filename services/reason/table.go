// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package reason

import "ecoupon/chaincode/coupon"

// lists is the table; the order is that of docs/errors.md.
var lists = []List{
	{"Public classes, for tills", classes},
	{"The form of a request", forms},
	{"The caller", callers},
	{"Time", times},
	{"Campaigns and frameworks", campaigns},
	{"Coupons", coupons},
	{"Presentations", presentations},
	{"Invoices and baskets", sales},
	{"Batches, claims and settlements", batches},
	{"Outcomes and faults", faults},
}

var classes = []Entry{
	{NotValid, "The coupon, or the id, is not valid here.",
		"Do not take it; the customer can ask whoever gave it out.", []Who{Till}},
	{AlreadyUsed, "The coupon, or the payment, was used before.",
		"Do not take the coupon again; if the payment was used, check its number.", []Who{Till}},
	{NotForThisBasket, "The basket does not fulfil the coupon's terms.",
		"Look at the offer: goods, quantity, minimum spend and currency.", []Who{Till}},
	{NotNow, "The coupon cannot be used at this time.",
		"Look at the offer's dates; the campaign may also be paused or over.", []Who{Till}},
	{TryAgain, "The service cannot decide at the moment.",
		"Send the same request again, with the same request id.", append([]Who{Till}, everyDesk...)},
}

var forms = []Entry{
	{coupon.ReasonInvalidRequest, "The request is not well formed: a field is missing, too long, of the wrong form or unknown.",
		"Correct the field that the message names.", append([]Who{Customer, Till}, everyDesk...)},
	{coupon.ReasonUnsupportedVersion, "The coupon, presentation or document has a format version that this release does not know.",
		"Update the software of whoever reads it.", []Who{Customer, Till, Retailer}},
	{coupon.ReasonUnknownKind, "There is no such kind of coupon.",
		"Use one of the kinds static, dynamic and proof; a coupon with another kind is not one of ours.",
		[]Who{Till, Retailer, Issuer}},
	{coupon.ReasonUnsupportedKind, "The kind exists, but this release serves static coupons only.",
		"Publish or present a static coupon.", []Who{Customer, Till, Retailer, Issuer}},
	{coupon.ReasonMalformedCoupon, "The text is not a coupon in its one accepted form.",
		"Scan or copy it again: nothing may be missing, added or changed.", []Who{Customer, Till, Retailer}},
	{coupon.ReasonMalformedPresentation, "The text is not a presentation in its one accepted form.",
		"Have the wallet show it again and scan it again.", []Who{Till, Retailer}},
	{coupon.ReasonBadOwnerKey, "The owner's key is not one that can own a coupon, or not the wallet's own.",
		"Make a new key in the wallet and ask for another coupon.", []Who{Customer, Till, Retailer, Advertiser}},
	{coupon.ReasonTooMany, "There are more entries than the limit allows.",
		"Send fewer: at most 50 coupons and 200 lines in a sale, 200 entries on a page.", append([]Who{Till}, everyDesk...)},
}

var callers = []Entry{
	{coupon.ReasonWrongOrganisation, "The caller's organisation may not do this.",
		"Use a certificate of the organisation whose task it is.", append([]Who{Till}, everyDesk...)},
	{coupon.ReasonWrongRole, "The caller's role may not do this.",
		"Use a certificate with the right role: service, operator, auditor or till.", append([]Who{Till}, everyDesk...)},
	{coupon.ReasonUnknownFunction, "The chaincode has no function of this name.",
		"Bring the service and the chaincode to the same release.", []Who{Operator}},
	{coupon.ReasonWrongPeer, "The request went to a peer that does not hold the key for it, or to endorsers that are not its parties.",
		"Check the peers' addresses in the consortium's directory.", []Who{Operator}},
	{coupon.ReasonPartiesMissing, "The issuer's namespace does not know its clearing house yet.",
		"Wait until the issuer's service has set it; its log says why it has not.", everyDesk},
	{coupon.ReasonRateLimited, "Too many requests came from this address, or for this offer.",
		"Wait a little and send the same request again.", []Who{Customer, Advertiser}},
}

var times = []Entry{
	{coupon.ReasonClockSkew, "The clocks of the caller and of a peer are too far apart.",
		"Synchronise the clocks of all machines, then send the same request again.", everyDesk},
	{coupon.ReasonTickMissing, "The issuer's namespace has no tick, by which the ledger judges time.",
		"Send the same request again; services roll the tick by themselves.", []Who{Retailer, Issuer}},
	{coupon.ReasonTickStale, "The last tick of the issuer's namespace is too old to judge time by.",
		"Send the same request again; if it stays so, the issuer's peer or two others are down.", []Who{Retailer, Issuer}},
	{coupon.ReasonTickTooEarly, "The last tick is too young to be followed by another.",
		"Nothing is to be done; the tick that stands serves.", []Who{Operator}},
}

var campaigns = []Entry{
	{coupon.ReasonAlreadyExists, "A record with this id exists, with other content, and is never changed.",
		"Publish a change as a new version of the campaign, or choose another id.", []Who{Issuer}},
	{coupon.ReasonNotFound, "There is no record with this id.",
		"Check the id; what was made a moment ago may take a second to be seen.", append([]Who{Customer}, everyDesk...)},
	{coupon.ReasonUnknownCampaign, "The issuer has no campaign of this id and version.",
		"Look it up in the issuer's list of campaigns.", []Who{Issuer, Retailer}},
	{coupon.ReasonUnknownFramework, "No issuer has given out a mandate of this id.",
		"Do not take the coupon; for an offer, list the offers again.", []Who{Customer, Retailer, Advertiser}},
	{coupon.ReasonCampaignNotBegun, "The campaign has not begun.",
		"Come back on its first day.", []Who{Customer, Retailer, Advertiser}},
	{coupon.ReasonCampaignOver, "The campaign is over.",
		"Nothing can be done with its coupons any more.", []Who{Customer, Retailer, Advertiser}},
	{coupon.ReasonCampaignPaused, "The issuer has paused the campaign.",
		"Try again once it is resumed; the issuer knows when.", []Who{Customer, Retailer, Advertiser}},
	{coupon.ReasonCampaignClosed, "The issuer has closed the campaign.",
		"Nothing can be done with its coupons any more.", []Who{Customer, Retailer, Advertiser, Issuer}},
	{coupon.ReasonRetailerNotAdmitted, "The retailer is not admitted to the campaign.",
		"Ask the issuer to admit the retailer.", []Who{Retailer}},
	{coupon.ReasonSoldOut, "All coupons of the offer have been given out.",
		"Choose another offer; the issuer can authorise more.", []Who{Customer, Advertiser}},
	{coupon.ReasonBadTerms, "The terms document is not well formed.",
		"Correct the field that the message names.", []Who{Customer, Issuer}},
	{coupon.ReasonTermsMismatch, "The terms shown are not those that the issuer has authorised.",
		"Do not trust this page; the wallet takes no coupon from it.", []Who{Customer}},
}

var coupons = []Entry{
	{coupon.ReasonUnknownLane, "The coupon names a lane that its emitter does not have.",
		"Do not take it: its emitter was not allowed to make it.", []Who{Retailer}},
	{coupon.ReasonQuotaExceeded, "The coupon's serial number is above what its emitter may give out.",
		"Do not take it: its emitter was not allowed to make it.", []Who{Retailer}},
	{coupon.ReasonWrongHolder, "The coupon is for whoever has it where the campaign binds coupons to wallets, or the other way round.",
		"Do not take it: its emitter was not allowed to make it.", []Who{Customer, Retailer}},
	{coupon.ReasonWrongMAC, "The coupon was not made by its emitter, or was changed.",
		"Do not take it: it is forged or damaged.", []Who{Retailer}},
	{coupon.ReasonAlreadyRedeemed, "The coupon was redeemed before.",
		"Do not take it again; the customer can use another one.", []Who{Retailer}},
	{coupon.ReasonDuplicateInBatch, "The same coupon, payment or redemption is in the request more than once.",
		"Send each once.", []Who{Till, Retailer}},
	{coupon.ReasonTagMismatch, "A tag handed in is not the one that the issuer's key gives.",
		"Report it with the service's log: the service or a peer is altered or broken.", []Who{Operator}},
	{coupon.ReasonKeyMissing, "A peer should hold a key and cannot read it.",
		"Send the same request again; if it stays so, restore the peer's private data.", []Who{Retailer, Issuer, Advertiser}},
	{coupon.ReasonKeyMismatch, "A key or a mandate's MAC is not the one derived or stored.",
		"Report it with the service's log: keys of different campaigns or releases were mixed.", []Who{Issuer, Advertiser, Retailer}},
}

var presentations = []Entry{
	{coupon.ReasonPresentationRequired, "The coupon belongs to a wallet, and its signature is missing.",
		"Have the wallet present the coupon instead of showing its text.", []Who{Retailer}},
	{coupon.ReasonWrongSignature, "The presentation is not signed by the coupon's owner.",
		"Do not take it: only the wallet that got the coupon can present it.", []Who{Retailer}},
	{coupon.ReasonAudienceRequired, "The presentation names no retailer, or no payment where the campaign requires one.",
		"Have the wallet present the coupon for this retailer, and this payment if asked for.", []Who{Customer, Retailer}},
	{coupon.ReasonWrongAudience, "The presentation was made for another retailer or another payment.",
		"Have the wallet present the coupon for this sale.", []Who{Retailer}},
	{coupon.ReasonPresentationExpired, "The presentation is too old.",
		"Have the wallet present the coupon again, just before paying.", []Who{Retailer}},
	{coupon.ReasonPresentationFromFuture, "The presentation is dated in the future.",
		"Set the clock of the customer's device and present the coupon again.", []Who{Retailer}},
	{coupon.ReasonPresentationReplayed, "The presentation was made before the coupon was last used or its sale was voided.",
		"Have the wallet present the coupon again.", []Who{Retailer}},
}

var sales = []Entry{
	{coupon.ReasonInvoiceUsed, "The payment already carries a redemption of this issuer.",
		"Check the number of the payment; all coupons of one issuer go into one request, and a void does not free it.", []Who{Retailer}},
	{coupon.ReasonMixedIssuers, "The coupons are of several issuers.",
		"Send one request for each issuer.", []Who{Till, Retailer}},
	{coupon.ReasonCurrencyMismatch, "The basket or the payment is not in the currency of the terms.",
		"Do not take the coupon for this sale.", []Who{Retailer}},
	{coupon.ReasonBadGTIN, "An article number is not a GTIN with a valid check digit.",
		"Correct the number; inside the services it has 14 digits.", []Who{Till, Retailer, Issuer}},
	{coupon.ReasonBadBasket, "A quantity, a price or the total of the basket is out of range or does not add up.",
		"Correct the line that the message names.", []Who{Till, Retailer}},
	{coupon.ReasonNotInBasket, "The basket does not hold the goods that the coupon is for, or other coupons use them up.",
		"Add the goods, or leave the coupon out.", []Who{Retailer}},
	{coupon.ReasonMinimumSpendNotReached, "The goods or the basket cost less than the coupon asks for.",
		"Buy more, or leave the coupon out.", []Who{Retailer}},
	{coupon.ReasonAmountOverflow, "An amount is too large.",
		"Check the prices and quantities.", []Who{Till, Retailer, Issuer}},
}

var batches = []Entry{
	{coupon.ReasonBatchRefused, "At least one coupon of the batch is refused, so nothing was spent.",
		"Look at the reason of each coupon listed.", []Who{Retailer}},
	{coupon.ReasonBatchUnknown, "The ledger has no batch of this id.",
		"Check the id and the issuer.", []Who{Retailer, Clearing}},
	{coupon.ReasonRedemptionKnown, "A redemption of this id is on the ledger already.",
		"Look at the redemption; the sale was accepted before.", []Who{Retailer}},
	{coupon.ReasonRecordMismatch, "The record of a batch or claim is not the one whose digest is on the ledger.",
		"Do not pay on it: fetch the record anew, and hold the party that altered it responsible.", []Who{Retailer, Clearing}},
	{coupon.ReasonNotRedeemed, "The batch holds no redemption of this id.",
		"Check the id of the redemption.", []Who{Retailer}},
	{coupon.ReasonVoided, "The redemption was voided.",
		"The coupons are free again; sell them under a new request id and a new payment.", []Who{Till, Retailer}},
	{coupon.ReasonAlreadyClaimed, "The batch was claimed, so it can be neither claimed again nor voided.",
		"Look at the retailer's claims; correct a wrong sale outside the ledger.", []Who{Retailer}},
	{coupon.ReasonNotClaimed, "The batch was not claimed, so it cannot be settled.",
		"Wait for the retailer's claim.", []Who{Clearing}},
	{coupon.ReasonAlreadySettled, "The batch was settled.",
		"Look at the settlements; a batch is paid once.", []Who{Retailer, Clearing}},
}

var faults = []Entry{
	{coupon.ReasonRequestConflict, "The request id was used before for a request of other content.",
		"Use a new request id for a new request, and the same content for a repeat.", append([]Who{Customer, Till}, everyDesk...)},
	{coupon.ReasonOutcomeUnknown, "What became of the transaction could not be learnt; it may have succeeded.",
		"Send the same request again, with the same request id, until it is answered.", append([]Who{Customer, Till}, everyDesk...)},
	{coupon.ReasonLedgerUnavailable, "The ledger, or a peer that must endorse, cannot be reached.",
		"Send the same request again later; nothing was decided.", append([]Who{Customer}, everyDesk...)},
	{coupon.ReasonInternal, "The service itself is at fault.",
		"Tell whoever runs it: its log says what happened.", append([]Who{Customer}, everyDesk...)},
}
