// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/world"
)

// Time windows. The timestamp of a transaction is its proposer's claim.
const (
	// maxAhead and maxBehind bound a timestamp against the endorser's clock.
	maxAhead  = 5 * time.Second
	maxBehind = 30 * time.Second
	// tickInterval is the least time between ticks, tickLife how long a tick
	// serves: no endorsement can be held back for longer than both.
	tickInterval = 2 * time.Minute
	tickLife     = 10 * time.Minute
)

// Sizes of requests, so that no work is done on what is too large anyway.
const (
	// maxArgument has room for a terms document of the largest size, escaped.
	maxArgument = 128 << 10
	// maxInput has room for MaxBatchCoupons sales with full baskets.
	maxInput = 32 << 20
)

// namespacePrefix leads the name of every issuer's chaincode definition.
const namespacePrefix = "coupon-"

// clockFunction is answered whatever the time of the proposal: it is for those
// whose clock is wrong.
const clockFunction = "GetClock"

// Context is what a transaction function knows of its call.
type Context struct {
	contractapi.TransactionContext
	world      world.World
	signatures *signatures
	rivals     *rivals
	// issuer owns the namespace, self the peer; caller signed the proposal.
	issuer, self, caller, role string
	// now is the transaction's timestamp, Unix milliseconds.
	now int64
}

// before fills in the context and refuses callers and timestamps.
func (c *Contract) before(ctx *Context) error {
	stub := ctx.GetStub()
	issuer, err := issuerOf(stub)
	if err != nil {
		return err
	}
	ctx.issuer, ctx.self = issuer, c.cfg.MSPID
	ctx.world, ctx.signatures, ctx.rivals = world.New(stub, c.cfg.MSPID), c.signatures, c.rivals
	if err := ctx.identify(stub); err != nil {
		return err
	}
	name, _ := stub.GetFunctionAndParameters()
	if err := ctx.authorise(functions[name]); err != nil {
		return err
	}
	if name == clockFunction {
		return nil
	}
	return ctx.readClock(stub, c.cfg.Now())
}

// issuerOf takes the issuer from the name under which the chaincode was
// invoked, never from input.
func issuerOf(stub shim.ChaincodeStubInterface) (string, error) {
	signed, err := stub.GetSignedProposal()
	if err != nil {
		return "", fmt.Errorf("reading the proposal: %w", err)
	}
	var (
		proposal  peer.Proposal
		header    common.Header
		channel   common.ChannelHeader
		extension peer.ChaincodeHeaderExtension
	)
	for _, step := range []struct {
		bytes   func() []byte
		message proto.Message
	}{
		{signed.GetProposalBytes, &proposal},
		{func() []byte { return proposal.GetHeader() }, &header},
		{func() []byte { return header.GetChannelHeader() }, &channel},
		{func() []byte { return channel.GetExtension() }, &extension},
	} {
		if err := proto.Unmarshal(step.bytes(), step.message); err != nil {
			return "", fmt.Errorf("reading the proposal: %w", err)
		}
	}
	issuer, ok := strings.CutPrefix(extension.GetChaincodeId().GetName(), namespacePrefix)
	if !ok || issuer == "" {
		return "", coupon.Refuse(coupon.ReasonInternal, "", "the chaincode definition is not named %s<issuer>", namespacePrefix)
	}
	return issuer, nil
}

func (c *Context) identify(stub shim.ChaincodeStubInterface) error {
	id, err := cid.New(stub)
	if err != nil {
		return coupon.Refuse(coupon.ReasonWrongRole, "", "the caller's certificate cannot be read")
	}
	// Identities of other kinds than X.509 have roles that mean something else.
	if cert, err := id.GetX509Certificate(); err != nil || cert == nil {
		return coupon.Refuse(coupon.ReasonWrongRole, "", "the caller's certificate cannot be read")
	}
	role, found, err := id.GetAttributeValue("role")
	if err != nil || !found {
		return coupon.Refuse(coupon.ReasonWrongRole, "", "the caller's certificate has no role")
	}
	c.role = role
	c.caller, err = id.GetMSPID()
	return err
}

func (c *Context) readClock(stub shim.ChaincodeStubInterface, clock time.Time) error {
	timestamp, err := stub.GetTxTimestamp()
	if err != nil {
		return fmt.Errorf("reading the timestamp: %w", err)
	}
	at := timestamp.AsTime()
	switch ahead := at.Sub(clock); {
	case ahead > maxAhead:
		return coupon.Refuse(coupon.ReasonClockSkew, "", "the proposer's clock is %s ahead of the clock of %s; at most %s are accepted", ahead.Round(time.Millisecond), c.self, maxAhead)
	case -ahead > maxBehind:
		return coupon.Refuse(coupon.ReasonClockSkew, "", "the proposer's clock is %s behind the clock of %s; at most %s are accepted", -ahead.Round(time.Millisecond), c.self, maxBehind)
	}
	c.now = at.UnixMilli()
	return nil
}

// argument decodes the public request.
func (c *Context) argument(request string, into any) error {
	return coupon.DecodeStrict([]byte(request), into)
}

// input decodes the private request.
func (c *Context) input(into any) error {
	transient, err := c.GetStub().GetTransient()
	if err != nil {
		return fmt.Errorf("reading the transient data: %w", err)
	}
	if len(transient) != 1 || transient[coupon.TransientKey] == nil {
		return coupon.Refuse(coupon.ReasonInvalidRequest, coupon.TransientKey, "the transient data must hold just this key")
	}
	if len(transient[coupon.TransientKey]) > maxInput {
		return coupon.Refuse(coupon.ReasonInvalidRequest, coupon.TransientKey, "a private request has at most %d bytes", maxInput)
	}
	return coupon.DecodeStrict(transient[coupon.TransientKey], into)
}

// hasInput says whether there is a private request at all.
func (c *Context) hasInput() (bool, error) {
	transient, err := c.GetStub().GetTransient()
	if err != nil {
		return false, fmt.Errorf("reading the transient data: %w", err)
	}
	return len(transient) > 0, nil
}

// parties returns the record `parties`, or a refusal before it is written.
func (c *Context) parties() (coupon.Parties, error) {
	p, found, err := c.world.Parties()
	if err != nil {
		return p, err
	}
	if !found {
		return p, coupon.Refuse(coupon.ReasonPartiesMissing, "", "the namespace has no clearing house yet")
	}
	return p, nil
}

// second returns the organisation that is the other party, beside the issuer,
// to what an emitter or a retailer has with it: that organisation itself, but
// the clearing house where the issuer emits or redeems its own coupons. So two
// organisations endorse and keep everything, whoever they are.
func (c *Context) second(mspID string) (string, error) {
	if mspID != c.issuer {
		return mspID, nil
	}
	parties, err := c.parties()
	return parties.Clearing, err
}

// readTick is checkTick for a tick that is not read yet.
func (c *Context) readTick() error {
	tick, found, err := c.world.Tick()
	if err != nil {
		return err
	}
	if !found {
		return c.checkTick(nil)
	}
	return c.checkTick(&tick)
}

// checkTick refuses when the ledger's clock is missing or has stopped. Reading
// it makes an endorsement that is held back past the next tick invalid.
func (c *Context) checkTick(tick *coupon.Tick) error {
	if tick == nil {
		return coupon.Refuse(coupon.ReasonTickMissing, "", "the namespace has no tick yet")
	}
	if c.now-tick.At > tickLife.Milliseconds() {
		return coupon.Refuse(coupon.ReasonTickStale, "", "the last tick is older than %s", tickLife)
	}
	return nil
}

// emit sets the transaction's one event. It is public.
func (c *Context) emit(name string, payload any) error {
	b, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("encoding event %s: %w", name, err)
	}
	if err := c.GetStub().SetEvent(name, b); err != nil {
		return fmt.Errorf("setting event %s: %w", name, err)
	}
	return nil
}

// answer encodes what an evaluation returns.
func answer(result any) (string, error) {
	b, err := json.Marshal(result)
	if err != nil {
		return "", fmt.Errorf("encoding the answer: %w", err)
	}
	return string(b), nil
}
