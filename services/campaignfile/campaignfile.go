// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package campaignfile reads campaigns that people write: YAML with amounts in
// decimals, article numbers as printed on the goods, and dates that may be
// relative to the day on which they are read.
//
//	campaign: nordlicht-cocoa-50
//	version: 1
//	product: Nordlicht Cocoa 250 g
//	offer: 50 cents off
//	kinds: [static]             # or [dynamic]: released at a time that is proven
//	holder: bearer              # or bound: for the wallet that gets the coupon
//	begin: today                # see ParseTime
//	end: +30d
//	audience_waived: false      # presentations need not name the retailer
//	invoice_required: false     # presentations must name the payment
//	attestation_required: false # the payment institute must attest the payment
//	terms:
//	  currency: EUR
//	  gtins: ["9521234543213"]
//	  quantity: 1
//	  minimum_spend: {amount: 5.00, of: basket}      # or units; may be left out
//	  benefit: {type: amount_off, amount: 0.50}
//
// Coupons that are bound may be handed on from wallet to wallet, as often as
// max_transfers says: 1 to 10, or never where it is missing.
//
// The other benefits are {type: percent_off, percent: 20, cap: 3.00},
// {type: free_item, cap: 4.00} and {type: gift, value: 2.50}. Each may have a
// schedule, by which its first number changes: see Schedules.
//
// # Schedules
//
//	schedule: {type: linear, from: begin, start: 7d, end: 14d, to: 0.20}
//	schedule: {type: stepped, from: begin, steps: [{after: 7d, to: 0.30}, {after: 14d, to: 0.00}]}
//	schedule: {type: early_bird, first: 100, to: 2.00}
//	schedule: {type: random, to: 5.00}
//
// Times count from the campaign's beginning or, with from: release, from the
// release of the coupon; start may be left out and is 0s then. Durations are a
// count and a unit: ms, s, m, h or d. The first 100 are those of lane 0. All
// but schedules from the beginning are for dynamic coupons, whose campaign says
// how old a frame may become:
//
//	kinds: [dynamic]
//	max_frame_age: 10s
package campaignfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"ecoupon/chaincode/coupon"
)

// maxFile bounds a campaign file: the longest terms document, and comments.
const maxFile = 64 << 10

// Load reads a campaign from a file; see Parse.
func Load(path string, now time.Time) (coupon.Campaign, error) {
	file, err := os.Open(path)
	if err != nil {
		return coupon.Campaign{}, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return coupon.Campaign{}, fmt.Errorf("reading %s: %w", path, err)
	}
	if len(data) > maxFile {
		return coupon.Campaign{}, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return Parse(path, data, now)
}

// Parse reads one campaign. Relative dates count from now and its time zone.
// Unknown and repeated fields are refused; the error has a line "name:line:
// field: what is wrong" for each mistake. The issuer is left empty: it is
// whoever publishes.
func Parse(name string, data []byte, now time.Time) (coupon.Campaign, error) {
	var d document
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&d); err != nil {
		return coupon.Campaign{}, syntaxErrors(name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return coupon.Campaign{}, fmt.Errorf("%s: a file holds one campaign", name)
	}
	r := reader{name: name, now: now}
	c := r.campaign(d)
	if len(r.mistakes) > 0 {
		return coupon.Campaign{}, errors.Join(r.mistakes...)
	}
	return c, nil
}

// document is the file; every scalar keeps its text, as amounts and article
// numbers must not pass through YAML's idea of numbers.
type document struct {
	Campaign        scalar   `yaml:"campaign"`
	Version         scalar   `yaml:"version"`
	Product         scalar   `yaml:"product"`
	Offer           scalar   `yaml:"offer"`
	Holder          scalar   `yaml:"holder"`
	Kinds           []scalar `yaml:"kinds"`
	Begin           scalar   `yaml:"begin"`
	End             scalar   `yaml:"end"`
	AudienceWaived  scalar   `yaml:"audience_waived"`
	InvoiceRequired scalar   `yaml:"invoice_required"`
	Attested        scalar   `yaml:"attestation_required"`
	MaxFrameAge     scalar   `yaml:"max_frame_age"`
	MaxTransfers    scalar   `yaml:"max_transfers"`
	Terms           terms    `yaml:"terms"`
}

type terms struct {
	Currency     scalar        `yaml:"currency"`
	GTINs        []scalar      `yaml:"gtins"`
	Quantity     scalar        `yaml:"quantity"`
	MinimumSpend *minimumSpend `yaml:"minimum_spend"`
	Benefit      benefit       `yaml:"benefit"`
}

type minimumSpend struct {
	Amount scalar `yaml:"amount"`
	Of     scalar `yaml:"of"`
}

type benefit struct {
	Type     scalar    `yaml:"type"`
	Amount   scalar    `yaml:"amount"`
	Percent  scalar    `yaml:"percent"`
	Cap      scalar    `yaml:"cap"`
	Value    scalar    `yaml:"value"`
	Schedule *schedule `yaml:"schedule"`
}

type schedule struct {
	Type  scalar `yaml:"type"`
	From  scalar `yaml:"from"`
	Start scalar `yaml:"start"`
	End   scalar `yaml:"end"`
	To    scalar `yaml:"to"`
	First scalar `yaml:"first"`
	Steps []step `yaml:"steps"`
}

type step struct {
	After scalar `yaml:"after"`
	To    scalar `yaml:"to"`
}

// scalar is a value as it is written, and where; line 0 if it is not there.
type scalar struct {
	text string
	line int
}

// UnmarshalYAML takes any scalar.
func (s *scalar) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		return fmt.Errorf("line %d: a single value is expected here", node.Line)
	}
	*s = scalar{text: node.Value, line: node.Line}
	return nil
}

var (
	unknownField  = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongForm     = regexp.MustCompile("cannot unmarshal !!(\\S+)(?: `.*`)? into \\S+")
	numberOfLines = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)
)

// syntaxErrors puts what YAML finds into the form of our own errors.
func syntaxErrors(name string, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: the file is empty", name)
	}
	texts := []string{err.Error()}
	var several *yaml.TypeError
	if errors.As(err, &several) {
		texts = several.Errors
	}
	found := make([]error, len(texts))
	for i, text := range texts {
		text = unknownField.ReplaceAllString(text, "$1: there is no such field")
		text = wrongForm.ReplaceAllString(text, "another kind of value than this is expected here")
		place := name + ": "
		if line := numberOfLines.FindStringSubmatch(text); line != nil {
			place = name + ":" + line[1] + ": "
			text = text[len(line[0]):]
		}
		found[i] = errors.New(place + strings.TrimPrefix(text, "yaml: "))
	}
	return errors.Join(found...)
}
