// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"slices"

	"ecoupon/chaincode/coupon"
)

// Roles of identities, the value of the certificate attribute "role".
const (
	roleService = "service"
	roleAuditor = "auditor"
)

// party says which organisations may call a function.
type party int

const (
	// anyMember is every organisation of the channel.
	anyMember party = iota
	// theIssuer is the organisation that the namespace belongs to.
	theIssuer
	// theClearingHouse is the one that the record `parties` names.
	theClearingHouse
	// thePeersOwner is the organisation on whose peer the function runs: for
	// evaluations that answer with what only that organisation may see.
	thePeersOwner
)

// function is the entry of one transaction function.
type function struct {
	arguments int
	caller    party
	roles     []string
}

var (
	service = []string{roleService}
	readers = []string{roleService, roleAuditor}
)

// functions is the list of all functions and of who may call them. What is not
// in it does not exist. Functions open to any member that act for a retailer
// or an emitter check by themselves that the caller is that one.
var functions = map[string]function{
	"SetParties":       {1, theIssuer, service},
	"EnterCampaignKey": {0, theIssuer, service},
	"PublishCampaign":  {1, theIssuer, service},
	"PauseCampaign":    {1, theIssuer, service},
	"ResumeCampaign":   {1, theIssuer, service},
	"CloseCampaign":    {1, theIssuer, service},
	"AuthoriseEmitter": {1, theIssuer, service},
	"RaiseQuota":       {1, theIssuer, service},
	"SuspendEmitter":   {1, theIssuer, service},
	"ReinstateEmitter": {1, theIssuer, service},
	"RevokeEmitter":    {1, theIssuer, service},
	"RotateKey":        {1, theIssuer, service},
	"AdmitRetailer":    {1, theIssuer, service},
	"Tick":             {0, anyMember, service},
	"OpenLane":         {1, anyMember, service},
	"CloseFrame":       {1, anyMember, service},
	"Transfer":         {0, anyMember, service},
	"Redeem":           {0, anyMember, service},
	"Void":             {0, anyMember, service},
	"Claim":            {0, anyMember, service},
	"Settle":           {0, theClearingHouse, service},

	"ReportMisconduct":  {1, theIssuer, service},
	"AnswerMisconduct":  {1, anyMember, service},
	"ResolveMisconduct": {1, theIssuer, service},
	"RegisterInstitute": {1, theClearingHouse, service},
	"GetInstitute":      {1, anyMember, readers},

	"Check":           {0, anyMember, service},
	"CheckTransfer":   {0, anyMember, service},
	"FindOwner":       {0, anyMember, service},
	"CampaignKey":     {1, thePeersOwner, service},
	"EmitterKey":      {1, thePeersOwner, service},
	"GetBatch":        {1, thePeersOwner, readers},
	"GetFrameSummary": {1, thePeersOwner, readers},
	"GetClaim":        {1, thePeersOwner, readers},
	"Beacon":          {1, anyMember, service},
	"GetFrame":        {1, anyMember, readers},
	"LaneEnds":        {1, thePeersOwner, readers},
	"GetMandate":      {1, anyMember, readers},
	"GetSettlement":   {1, thePeersOwner, readers},
	"HasRetailerKey":  {1, anyMember, readers},
	"GetParties":      {0, anyMember, readers},
	"GetTick":         {0, anyMember, readers},
	"GetClock":        {0, anyMember, readers},
	"GetCampaign":     {1, anyMember, readers},
	"ListCampaigns":   {1, anyMember, readers},
	"GetFramework":    {1, anyMember, readers},
	"ListFrameworks":  {1, anyMember, readers},
	"ListRetailers":   {1, anyMember, readers},
	"FindRedemption":  {1, anyMember, readers},
	"GetMarkers":      {1, anyMember, readers},
	"Standing":        {1, anyMember, readers},
	"GetMisconduct":   {1, anyMember, readers},
	"ListMisconduct":  {1, anyMember, readers},
	"GetEvidence":     {1, anyMember, readers},
	"GetAnswer":       {1, anyMember, readers},
}

// authorise refuses a caller that may not call the function.
func (c *Context) authorise(f function) error {
	if err := c.checkOrganisation(f.caller); err != nil {
		return err
	}
	if !slices.Contains(f.roles, c.role) {
		return coupon.Refuse(coupon.ReasonWrongRole, "", "the caller's role may not call this function")
	}
	return nil
}

// checkPeer refuses to run a transaction with private input on the peer of an
// organisation that it is not meant for. The input was sent there already; a
// client that is set up so is told at once, not after years.
func (c *Context) checkPeer(parties ...string) error {
	if !slices.Contains(parties, c.self) {
		return coupon.Refuse(coupon.ReasonWrongPeer, "", "this peer's organisation is no party to the transaction")
	}
	return nil
}

func (c *Context) checkOrganisation(p party) error {
	allowed := c.caller
	switch p {
	case anyMember:
	case theIssuer:
		allowed = c.issuer
	case thePeersOwner:
		allowed = c.self
		if c.caller != allowed {
			return coupon.Refuse(coupon.ReasonWrongPeer, "", "only the organisation of this peer is answered")
		}
	case theClearingHouse:
		parties, err := c.parties()
		if err != nil {
			return err
		}
		allowed = parties.Clearing
	}
	if c.caller != allowed {
		return coupon.Refuse(coupon.ReasonWrongOrganisation, "", "the caller's organisation may not call this function")
	}
	return nil
}
