// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package rpcerr

import (
	"google.golang.org/grpc/codes"

	"ecoupon/chaincode/coupon"
)

// The public classes: what a till learns about a coupon that is refused.
const (
	NotValid         coupon.Reason = "NOT_VALID"
	AlreadyUsed      coupon.Reason = "ALREADY_USED"
	NotForThisBasket coupon.Reason = "NOT_FOR_THIS_BASKET"
	NotNow           coupon.Reason = "NOT_NOW"
	TryAgain         coupon.Reason = "TRY_AGAIN"
)

// classes has the code and the text of each public class.
var classes = map[coupon.Reason]struct {
	code codes.Code
	text string
}{
	NotValid:         {codes.FailedPrecondition, "the coupon is not valid"},
	AlreadyUsed:      {codes.AlreadyExists, "the coupon was already used"},
	NotForThisBasket: {codes.FailedPrecondition, "the coupon is not for this basket"},
	NotNow:           {codes.FailedPrecondition, "the coupon cannot be used at this time"},
	TryAgain:         {codes.Unavailable, "send the same request again"},
}

// exact stands in the table where a till sees the reason itself: it is about the till's own request.
const exact coupon.Reason = ""

// table has, for every reason, the code it is answered with, and the class that a till sees in its place.
var table = map[coupon.Reason]struct {
	code  codes.Code
	class coupon.Reason
}{
	// Malformed.
	coupon.ReasonInvalidRequest:        {codes.InvalidArgument, exact},
	coupon.ReasonUnsupportedVersion:    {codes.InvalidArgument, exact},
	coupon.ReasonUnknownKind:           {codes.InvalidArgument, exact},
	coupon.ReasonUnsupportedKind:       {codes.InvalidArgument, exact},
	coupon.ReasonMalformedCoupon:       {codes.InvalidArgument, exact},
	coupon.ReasonMalformedPresentation: {codes.InvalidArgument, exact},
	coupon.ReasonMalformedReceipt:      {codes.InvalidArgument, exact},
	coupon.ReasonMalformedTransfer:     {codes.InvalidArgument, exact},
	coupon.ReasonBadOwnerKey:           {codes.InvalidArgument, exact},
	coupon.ReasonBadInstituteKey:       {codes.InvalidArgument, exact},
	coupon.ReasonBadTerms:              {codes.InvalidArgument, exact},
	coupon.ReasonBadGTIN:               {codes.InvalidArgument, exact},
	coupon.ReasonBadBasket:             {codes.InvalidArgument, exact},
	coupon.ReasonMixedIssuers:          {codes.InvalidArgument, exact},
	coupon.ReasonDuplicateInBatch:      {codes.InvalidArgument, exact},
	coupon.ReasonTooMany:               {codes.InvalidArgument, exact},
	coupon.ReasonAmountOverflow:        {codes.InvalidArgument, exact},

	// The wrong caller.
	coupon.ReasonWrongOrganisation:   {codes.PermissionDenied, exact},
	coupon.ReasonWrongRole:           {codes.PermissionDenied, exact},
	coupon.ReasonRetailerNotAdmitted: {codes.PermissionDenied, NotValid},

	// Missing.
	coupon.ReasonNotFound:         {codes.NotFound, NotValid},
	coupon.ReasonUnknownCampaign:  {codes.NotFound, NotValid},
	coupon.ReasonUnknownFramework: {codes.NotFound, NotValid},
	coupon.ReasonBatchUnknown:     {codes.NotFound, NotValid},
	coupon.ReasonNotRedeemed:      {codes.NotFound, NotValid},

	// Duplicates.
	coupon.ReasonAlreadyExists:   {codes.AlreadyExists, AlreadyUsed},
	coupon.ReasonAlreadyRedeemed: {codes.AlreadyExists, AlreadyUsed},
	coupon.ReasonProductUsed:     {codes.AlreadyExists, AlreadyUsed},
	coupon.ReasonProductHasProof: {codes.AlreadyExists, exact},
	coupon.ReasonInvoiceUsed:     {codes.AlreadyExists, AlreadyUsed},
	coupon.ReasonRedemptionKnown: {codes.AlreadyExists, AlreadyUsed},
	coupon.ReasonAlreadyClaimed:  {codes.AlreadyExists, AlreadyUsed},
	coupon.ReasonAlreadySettled:  {codes.AlreadyExists, AlreadyUsed},
	coupon.ReasonRequestConflict: {codes.AlreadyExists, exact},

	// The wrong state.
	coupon.ReasonVoided:                 {codes.FailedPrecondition, exact},
	coupon.ReasonCampaignNotBegun:       {codes.FailedPrecondition, NotNow},
	coupon.ReasonCampaignOver:           {codes.FailedPrecondition, NotNow},
	coupon.ReasonCampaignPaused:         {codes.FailedPrecondition, NotNow},
	coupon.ReasonCampaignClosed:         {codes.FailedPrecondition, NotNow},
	coupon.ReasonSoldOut:                {codes.FailedPrecondition, NotNow},
	coupon.ReasonPartiesMissing:         {codes.FailedPrecondition, NotNow},
	coupon.ReasonTickTooEarly:           {codes.FailedPrecondition, NotNow},
	coupon.ReasonUnknownLane:            {codes.FailedPrecondition, NotValid},
	coupon.ReasonQuotaExceeded:          {codes.FailedPrecondition, NotValid},
	coupon.ReasonEmitterRevoked:         {codes.FailedPrecondition, NotValid},
	coupon.ReasonEmitterSuspended:       {codes.FailedPrecondition, NotNow},
	coupon.ReasonQuotaNotRaised:         {codes.FailedPrecondition, NotValid},
	coupon.ReasonSuperseded:             {codes.FailedPrecondition, NotValid},
	coupon.ReasonLaneEnded:              {codes.FailedPrecondition, NotValid},
	coupon.ReasonTermsMismatch:          {codes.FailedPrecondition, NotValid},
	coupon.ReasonKeyMismatch:            {codes.FailedPrecondition, NotValid},
	coupon.ReasonWrongMAC:               {codes.FailedPrecondition, NotValid},
	coupon.ReasonFrameNotOpen:           {codes.FailedPrecondition, NotValid},
	coupon.ReasonFrameNotClosed:         {codes.FailedPrecondition, NotNow},
	coupon.ReasonFrameConflict:          {codes.FailedPrecondition, NotValid},
	coupon.ReasonWrongReleaseTime:       {codes.FailedPrecondition, NotValid},
	coupon.ReasonReceiptRequired:        {codes.FailedPrecondition, NotValid},
	coupon.ReasonWrongReceipt:           {codes.FailedPrecondition, NotValid},
	coupon.ReasonTransferNotAllowed:     {codes.FailedPrecondition, NotValid},
	coupon.ReasonCouponTransferred:      {codes.FailedPrecondition, NotValid},
	coupon.ReasonWrongTransferStep:      {codes.FailedPrecondition, NotValid},
	coupon.ReasonTransferExpired:        {codes.FailedPrecondition, NotValid},
	coupon.ReasonTransferFromFuture:     {codes.FailedPrecondition, NotValid},
	coupon.ReasonPresentationRequired:   {codes.FailedPrecondition, NotValid},
	coupon.ReasonWrongHolder:            {codes.FailedPrecondition, NotValid},
	coupon.ReasonWrongSignature:         {codes.FailedPrecondition, NotValid},
	coupon.ReasonAudienceRequired:       {codes.FailedPrecondition, NotValid},
	coupon.ReasonWrongAudience:          {codes.FailedPrecondition, NotValid},
	coupon.ReasonPresentationExpired:    {codes.FailedPrecondition, NotValid},
	coupon.ReasonPresentationFromFuture: {codes.FailedPrecondition, NotValid},
	coupon.ReasonPresentationReplayed:   {codes.FailedPrecondition, AlreadyUsed},
	coupon.ReasonAttestationRequired:    {codes.FailedPrecondition, exact},
	coupon.ReasonWrongAttestation:       {codes.FailedPrecondition, exact},
	coupon.ReasonPaymentTooSmall:        {codes.FailedPrecondition, exact},
	coupon.ReasonCurrencyMismatch:       {codes.FailedPrecondition, NotForThisBasket},
	coupon.ReasonNotInBasket:            {codes.FailedPrecondition, NotForThisBasket},
	coupon.ReasonMinimumSpendNotReached: {codes.FailedPrecondition, NotForThisBasket},
	coupon.ReasonRecordMismatch:         {codes.FailedPrecondition, NotValid},
	coupon.ReasonNotClaimed:             {codes.FailedPrecondition, NotValid},
	coupon.ReasonNoMisconduct:           {codes.FailedPrecondition, NotValid},
	coupon.ReasonAnswerPending:          {codes.FailedPrecondition, NotNow},
	coupon.ReasonDeadlinePassed:         {codes.FailedPrecondition, NotNow},
	coupon.ReasonAlreadyResolved:        {codes.FailedPrecondition, NotValid},
	coupon.ReasonNotClaimable:           {codes.FailedPrecondition, NotValid},
	coupon.ReasonBatchRefused:           {codes.FailedPrecondition, NotValid},

	// Not now, for no fault of the request.
	coupon.ReasonRateLimited:       {codes.ResourceExhausted, TryAgain},
	coupon.ReasonOutcomeUnknown:    {codes.Unavailable, exact},
	coupon.ReasonLedgerUnavailable: {codes.Unavailable, TryAgain},
	coupon.ReasonClockSkew:         {codes.Unavailable, TryAgain},
	coupon.ReasonTickMissing:       {codes.Unavailable, TryAgain},
	coupon.ReasonTickStale:         {codes.Unavailable, TryAgain},
	coupon.ReasonKeyMissing:        {codes.Unavailable, TryAgain},

	// Faults of a service.
	coupon.ReasonTagMismatch:     {codes.Internal, TryAgain},
	coupon.ReasonWrongPeer:       {codes.Internal, TryAgain},
	coupon.ReasonUnknownFunction: {codes.Internal, TryAgain},
	coupon.ReasonInternal:        {codes.Internal, TryAgain},
}

// CodeOf is the code that a reason or a public class is answered with; Internal for what is neither.
func CodeOf(reason coupon.Reason) codes.Code {
	if class, found := classes[reason]; found {
		return class.code
	}
	if entry, found := table[reason]; found {
		return entry.code
	}
	return codes.Internal
}

// Public is what a till sees in the reason's place: its class, or the reason itself where it is about the till's own
// request.
func Public(reason coupon.Reason) coupon.Reason {
	entry, found := table[reason]
	switch {
	case !found:
		return TryAgain
	case entry.class == exact:
		return reason
	default:
		return entry.class
	}
}
