// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package campaignfile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	issuerv1 "ecoupon/proto/gen/coupon/issuer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/campaignfile"
)

var (
	zone = time.FixedZone("east", 2*3600)
	now  = time.Date(2030, 5, 1, 15, 30, 0, 0, zone)
)

const good = `campaign: tea
version: 2
product: Tea
offer: 20 % off
holder: bound
kinds: [static]
begin: today
end: +14d
audience_waived: true
invoice_required: true
terms:
  currency: EUR
  gtins: ["9521234544012", 09521234543213]
  quantity: 2
  minimum_spend: {amount: 10.00, of: basket}
  benefit:
    type: percent_off
    percent: 20
    cap: 3.00
attestation_required: true
`

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := campaignfile.Parse("tea.yaml", []byte(good), now)
	if err != nil {
		t.Fatal(err)
	}
	want := coupon.Campaign{
		ID: "tea", Version: 2, Product: "Tea", Offer: "20 % off", Holder: coupon.HolderBound,
		Kinds: []coupon.Kind{coupon.KindStatic},
		Begin: time.Date(2030, 5, 1, 0, 0, 0, 0, zone).UnixMilli(),
		End:   time.Date(2030, 5, 15, 0, 0, 0, 0, zone).UnixMilli(),
		Terms: `{"format":1,"currency":"EUR","gtins":["09521234544012","09521234543213"],"quantity":2,` +
			`"minimum_spend":{"amount":1000,"of":"basket"},"benefit":{"type":"percent_off","percent":20,"cap":300}}`,
		AudienceWaived: true, InvoiceRequired: true, AttestationRequired: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseOfTheSameDayIsTheSame(t *testing.T) {
	t.Parallel()
	morning, err1 := campaignfile.Parse("a", []byte(good), now.Add(-10*time.Hour))
	evening, err2 := campaignfile.Parse("a", []byte(good), now.Add(8*time.Hour))
	if err1 != nil || err2 != nil || !cmp.Equal(morning, evening) {
		t.Error(cmp.Diff(morning, evening), err1, err2)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	c, err := campaignfile.Parse("tea.yaml", []byte(good), now)
	if err != nil {
		t.Fatal(err)
	}
	want := &issuerv1.PublishCampaignRequest{RequestId: "id", Campaign: &typev1.Campaign{
		Campaign: "tea", Version: 2, Product: "Tea", Offer: "20 % off", Terms: c.Terms,
		Kinds: []typev1.Kind{typev1.Kind_KIND_STATIC}, Holder: typev1.Holder_HOLDER_BOUND,
		BeginTime:      timestamppb.New(time.Date(2030, 5, 1, 0, 0, 0, 0, zone)),
		EndTime:        timestamppb.New(time.Date(2030, 5, 15, 0, 0, 0, 0, zone)),
		AudienceWaived: true, InvoiceRequired: true, AttestationRequired: true,
	}}
	if diff := cmp.Diff(want, campaignfile.Request(c, "id"), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesAreNamedWithFieldAndLine(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, from, to, want string }{
		{"unknown field", "holder: bound", "holdr: bound", "f.yaml:5: holdr: there is no such field"},
		{"unknown field within", "    cap: 3.00", "    kap: 3.00", "f.yaml:19: kap: there is no such field"},
		{"field twice", "holder: bound", "holder: bound\nholder: bearer", `f.yaml:6: mapping key "holder" already defined at line 5`},
		{"missing", "product: Tea\n", "", "f.yaml: product: is missing"},
		{"empty", "product: Tea", "product:", "f.yaml: product: is missing"},
		{"list for a value", "product: Tea", "product: [Tea]", "f.yaml:3: a single value is expected here"},
		{"value for a map", "terms:\n", "terms: 5\nother:\n", "f.yaml:12: other: there is no such field"},
		{"no yaml", "campaign: tea", "campaign: [", "f.yaml:2: "},
		{"id", "campaign: tea", "campaign: thé", "f.yaml:1: campaign: an id has printable ASCII characters only"},
		{"version", "version: 2", "version: 0", `f.yaml:2: version: is a count from 1, not "0"`},
		{"holder", "holder: bound", "holder: wallet", `f.yaml:5: holder: a holder is bearer or bound, not "wallet"`},
		{"unknown kind", "[static]", "[Static]", "f.yaml:6: kinds[0]: a kind is static, dynamic or proof"},
		{"two kinds", "[static]", "[static, dynamic]", "f.yaml:6: kinds: a campaign has exactly one kind"},
		{"time", "begin: today", "begin: tomorrow", `f.yaml:7: begin: "tomorrow" is no time`},
		{"order", "end: +14d", "end: -1d", "f.yaml:8: end: the campaign ends before it begins"},
		{"truth", "audience_waived: true", "audience_waived: yes", `f.yaml:9: audience_waived: is true or false, not "yes"`},
		{"transfers", "holder: bound", "holder: bound\nmax_transfers: 11", "f.yaml:6: max_transfers: is 1 to 10, not 11"},
		{"no transfers", "holder: bound", "holder: bound\nmax_transfers: 0", `f.yaml:6: max_transfers: is a count from 1, not "0"`},
		{"transfers of nobody's", "holder: bound", "holder: bearer\nmax_transfers: 1", "f.yaml:6: max_transfers: bearer coupons are not transferred"},
		{"currency", "currency: EUR", "currency: euro", "f.yaml:12: terms.currency: a currency is three upper-case letters"},
		{"check digit", "9521234544012", "9521234544013", "f.yaml:13: terms.gtins[0]: an article number has"},
		{"article twice", "09521234543213", "09521234544012", "f.yaml:12: terms: BAD_TERMS: gtins: an article is named twice"},
		{"cents", "10.00", "1000", `f.yaml:15: terms.minimum_spend.amount: "1000" is no amount of EUR`},
		{"of", "of: basket", "of: goods", `f.yaml:15: terms.minimum_spend.of: is one of [units basket], not "goods"`},
		{"benefit", "percent_off", "half_price", `f.yaml:17: terms.benefit.type: is one of`},
		{"number of another benefit", "percent: 20", "amount: 1.00", "f.yaml:18: terms.benefit.amount: the benefit percent_off has no amount"},
		{"percent", "percent: 20", "percent: 101", "terms: BAD_TERMS: benefit.percent: "},
		{"two documents", "version: 2", "version: 2\n---\n", "f.yaml"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := campaignfile.Parse("f.yaml", []byte(strings.Replace(good, test.from, test.to, 1)), now)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestTransfersAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{good: 0, strings.Replace(good, "holder: bound", "holder: bound\nmax_transfers: 10", 1): 10} {
		c, err := campaignfile.Parse("f.yaml", []byte(text), now)
		if err != nil || c.MaxTransfers != want || campaignfile.Request(c, "").GetCampaign().GetMaxTransfers() != want {
			t.Errorf("%d transfers, want %d: %v", c.MaxTransfers, want, err)
		}
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("version: 2", "version: x", "cap: 3.00", "cap: 3", "holder: bound", "holder: x").Replace(good)
	_, err := campaignfile.Parse("f", []byte(text), now)
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"now":                       now,
		"today":                     time.Date(2030, 5, 1, 0, 0, 0, 0, zone),
		"+30d":                      time.Date(2030, 5, 31, 0, 0, 0, 0, zone),
		"-1d":                       time.Date(2030, 4, 30, 0, 0, 0, 0, zone),
		"+90m":                      now.Add(90 * time.Minute),
		"-2h":                       now.Add(-2 * time.Hour),
		"2030-12-24":                time.Date(2030, 12, 24, 0, 0, 0, 0, zone),
		"2030-12-24T08:00:00Z":      time.Date(2030, 12, 24, 8, 0, 0, 0, time.UTC),
		"2030-12-24T08:00:00+01:00": time.Date(2030, 12, 24, 7, 0, 0, 0, time.UTC),
	} {
		if got, err := campaignfile.ParseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "30d", "+d", "+1.5d", "+99999d", "+", "+5", "2030-13-01", "08:00"} {
		if got, err := campaignfile.ParseTime(text, now); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestExamplesAreGood(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"campaign-cocoa.yaml", "campaign-tea.yaml", "campaign-coffee.yaml", "gift-chocolate.yaml", "proof-grinder.yaml"} {
		c, err := campaignfile.Load("../../examples/"+name, now)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := coupon.ParseTerms([]byte(c.Terms))
		if err != nil {
			t.Fatal(err)
		}
		for _, gtin := range parsed.GTINs {
			if !strings.HasPrefix(gtin, "0952") {
				t.Errorf("%s is outside GS1's range for examples", gtin)
			}
		}
	}
}
