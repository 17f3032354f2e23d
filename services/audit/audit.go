// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package audit re-checks the whole ledger from its first block on, from
// nothing but the blocks that a member's own peer has and the private data of
// its organisation. It relies on no peer's judgement and on no chaincode: block
// by block it follows the channel's configuration, verifies who signed what,
// decides anew which transactions are valid, and replays what they wrote
// against the rules of coupons. Whatever broke a rule is a Finding that names
// the transaction and the organisations that made and endorsed it.
//
// The rules are two tables: functions.go says of each transaction function who
// may call it, who must endorse it and what it may write; keys.go says of each
// prefix of a public key how its record may change. docs/operating.md says what a member
// can see of the rules, and what nobody can.
package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

// Level says what a finding means.
type Level string

const (
	// Breach is something that is on the ledger against the rules.
	Breach Level = "breach"
	// Notice is something that is as it may be and that members want to know: changes of the channel
	// and of chaincode definitions, and what was tried and refused.
	Notice Level = "notice"
)

// Finding is one thing that was found.
type Finding struct {
	Level Level `json:"level"`
	// Rule is a short name that does not change between releases.
	Rule  string `json:"rule"`
	Block uint64 `json:"block"`
	// Transaction is empty for a finding about a block as a whole.
	Transaction string `json:"transaction_id,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Function    string `json:"function,omitempty"`
	Creator     string `json:"creator,omitempty"`
	// Endorsers have signed the results with certificates of peers.
	Endorsers []string `json:"endorsers,omitempty"`
	// Organisations are those concerned: creator and endorsers.
	Organisations []string `json:"organisations,omitempty"`
	Text          string   `json:"text"`
}

// Options say what is looked at and who is told.
type Options struct {
	// MSPID is the organisation whose private data the source gives; with none, empty.
	MSPID string
	// From is the first block whose findings count. All blocks before it are
	// replayed nevertheless.
	From uint64
	// Genesis is what Report.Genesis must be; empty if that is not known.
	Genesis string
	// Found is told of each finding as it is made. It is required.
	Found func(Finding)
}

// Report is what an audit comes to.
type Report struct {
	Channel string `json:"channel"`
	// Genesis and Head are the hashes of the headers of the first and the last block: everything rests on the first,
	// and members whose last is the same have the same ledger.
	Genesis string `json:"genesis_sha256"`
	Head    string `json:"head_sha256"`
	Blocks  uint64 `json:"blocks"`
	// Transactions counts entries by the code that the peer stored.
	Transactions map[string]int64 `json:"transactions"`
	// Found counts findings by rule, Breaches and Notices all of a level.
	Found    map[string]int64 `json:"found"`
	Breaches int64            `json:"breaches"`
	Notices  int64            `json:"notices"`
	// Private counts private records that were compared with the ledger.
	Private int64         `json:"private_records"`
	Took    time.Duration `json:"-"`
	// BlocksPerSecond is how fast it went, the source included.
	BlocksPerSecond int64 `json:"blocks_per_second"`
}

// ErrOtherLedger says that the ledger does not begin with the block that was
// expected.
var ErrOtherLedger = errors.New("this is another ledger")

// PrivateData is what the source's organisation keeps of a block's private
// writes, by the transaction's place in the block.
type PrivateData map[uint64]*rwset.TxPvtReadWriteSet

// Source hands over blocks from block 0 on, each once and in order.
type Source func(ctx context.Context, visit func(*common.Block, PrivateData) error) error

// Run audits all that the source gives. An error means that the audit could
// not be done, and what was found so far stands.
func Run(ctx context.Context, source Source, o Options) (*Report, error) {
	began := time.Now()
	s, err := newState(ctx)
	if err != nil {
		return nil, err
	}
	a := &auditor{
		options: o, state: s, definitions: map[string]definition{},
		report: &Report{Transactions: map[string]int64{}, Found: map[string]int64{}},
	}
	err = errors.Join(source(ctx, a.block), s.err, s.close())
	a.report.Head = hex.EncodeToString(a.head)
	a.report.Took = time.Since(began)
	a.report.BlocksPerSecond = int64(a.report.Blocks) * int64(time.Second) / max(1, int64(a.report.Took))
	return a.report, err
}

// auditor is an audit under way.
type auditor struct {
	options Options
	report  *Report

	next        uint64 // number of the block that is due
	head        []byte // hash of the header of the block before
	channel     *channel
	configBlock uint64 // that the configuration is of
	state       *state
	definitions map[string]definition
	// touched has what the block's valid transactions so far have written.
	touched map[address]bool
	// outdated has the definitions that the block has changed.
	outdated map[string]bool
}

// find reports a finding, a breach unless it says otherwise.
func (a *auditor) find(f Finding) {
	if f.Block < a.options.From {
		return
	}
	if f.Level == "" {
		f.Level = Breach
	}
	if f.Level == Breach {
		a.report.Breaches++
	} else {
		a.report.Notices++
	}
	a.report.Found[f.Rule]++
	a.options.Found(f)
}

// blame reports a finding about a transaction.
func (a *auditor) blame(t *transaction, level Level, rule, format string, values ...any) {
	a.find(Finding{
		Level: level, Rule: rule, Block: t.block, Transaction: t.id, Namespace: t.namespace, Function: t.function,
		Creator: t.creator.mspID, Endorsers: t.endorsed(), Organisations: t.concerned(), Text: fmt.Sprintf(format, values...),
	})
}

// block audits the next block.
func (a *auditor) block(b *common.Block, private PrivateData) error {
	if a.channel == nil {
		if err := a.begin(b); err != nil {
			return err
		}
	}
	if err := a.link(b); err != nil {
		return err
	}
	stored, err := codes(b)
	if err != nil {
		return fmt.Errorf("block %d: %w", b.GetHeader().GetNumber(), err)
	}
	a.touched, a.outdated = map[address]bool{}, map[string]bool{}
	for i, t := range a.openAll(b, stored) {
		a.report.Transactions[t.stored.String()]++
		if err := a.transaction(t, private[uint64(i)]); err != nil {
			return fmt.Errorf("block %d, transaction %d: %w", t.block, t.index, err)
		}
	}
	a.renewDefinitions()
	a.state.settle()
	a.report.Blocks++
	return a.state.err
}

// openAll takes the block's transactions apart, all at once: verifying their
// signatures is most of the work.
func (a *auditor) openAll(b *common.Block, stored []peer.TxValidationCode) []*transaction {
	all := make([]*transaction, len(b.GetData().GetData()))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, raw := range b.GetData().GetData() {
		g.Go(func() error {
			all[i] = a.channel.open(raw, b.GetHeader().GetNumber(), i, stored[i])
			return nil
		})
	}
	_ = g.Wait() // none fails
	return all
}

// begin takes the channel's first configuration from block 0.
func (a *auditor) begin(b *common.Block) error {
	if number := b.GetHeader().GetNumber(); number != 0 {
		return fmt.Errorf("the first block is block %d, not block 0", number)
	}
	if len(b.GetData().GetData()) != 1 {
		return errors.New("block 0 is no configuration")
	}
	var envelope common.Envelope
	var payload common.Payload
	if err := errors.Join(
		proto.Unmarshal(b.GetData().GetData()[0], &envelope), proto.Unmarshal(envelope.GetPayload(), &payload),
	); err != nil {
		return fmt.Errorf("reading block 0: %w", err)
	}
	c, _, err := configuration(&payload)
	if err != nil {
		return fmt.Errorf("reading block 0: %w", err)
	}
	header, err := headerBytes(b.GetHeader())
	if err != nil {
		return err
	}
	a.channel = c
	a.report.Channel, a.report.Genesis = c.id, hexHash(header)
	if want := a.options.Genesis; want != "" && !strings.EqualFold(want, a.report.Genesis) {
		return fmt.Errorf("%w: its first block is %s, not %s", ErrOtherLedger, a.report.Genesis, want)
	}
	return nil
}

// transaction audits one entry of a block.
func (a *auditor) transaction(t *transaction, private *rwset.TxPvtReadWriteSet) error {
	if t.kind == common.HeaderType_CONFIG {
		return a.configure(t)
	}
	a.judge(t)
	a.compareCodes(t)
	if t.valid() {
		c := a.checkRules(t)
		a.checkPrivate(t, c, private)
		a.apply(t)
	}
	if t.id != "" && a.state.get(noted("transaction", t.id)) == nil {
		a.note(t, "transaction", t.id, nil)
	}
	return nil
}

// ordinary are the codes of transactions that two honest members make at once.
var ordinary = []peer.TxValidationCode{
	peer.TxValidationCode_MVCC_READ_CONFLICT, peer.TxValidationCode_PHANTOM_READ_CONFLICT, peer.TxValidationCode_DUPLICATE_TXID,
}

// compareCodes reports where the peer's verdict is not what it must be, and
// what was tried.
func (a *auditor) compareCodes(t *transaction) {
	switch {
	case t.stored == t.ours:
	case t.valid():
		a.blame(t, Breach, "validation-code", "the peer took it as valid; it is %s: %s", t.ours, t.why)
		return
	case t.ours == peer.TxValidationCode_VALID:
		a.blame(t, Breach, "validation-code", "the peer refused it as %s; nothing is wrong with it", t.stored)
		return
	default:
		a.blame(t, Notice, "validation-code", "the peer refused it as %s; it is %s: %s", t.stored, t.ours, t.why)
		return
	}
	if t.valid() {
		for _, text := range t.unfit {
			a.blame(t, Notice, "endorsement-signature", "%s", text)
		}
	} else if !slices.Contains(ordinary, t.stored) {
		a.blame(t, Notice, "refused", "%s: %s", t.stored, t.why)
	}
}
