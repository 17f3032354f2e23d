// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A store's own coupon and the manufacturer's own shop, by the command line:
// commands go to the service of the role that they are about.
func TestShopsOfTheirOwnOnTheCommandLine(t *testing.T) {
	c := commandLine{t: t, wallet: filepath.Join(t.TempDir(), "wallet.json")}
	for _, s := range []struct{ example, id, organisation, mspID, advertiser, goods string }{
		{"store-bread.yaml", "corner-bread-30", "retailer", retailer, retailer, "09521234547013:1:3.20"},
		{"campaign-cocoa.yaml", "nordlicht-cocoa-50", "issuer", issuer, advertiser, gtin + ":1:2.49"},
	} {
		till, office := consortium.Folder(s.organisation, "till-1"), consortium.Folder(s.organisation, "operator")
		example, err := os.ReadFile(filepath.Join("..", "..", "examples", s.example))
		if err != nil {
			t.Fatal(err)
		}
		campaign := "own-" + uuid.NewString()[:8]
		file := filepath.Join(t.TempDir(), "campaign.yaml")
		if err := os.WriteFile(file, []byte(strings.Replace(string(example), s.id, campaign, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		c.do("--as", office, "issuer", "campaign", "publish", file)
		c.do("--as", office, "issuer", "emitter", "authorise", campaign, "--emitter", s.advertiser, "--quota", "10")
		c.do("--as", office, "issuer", "retailer", "admit", campaign, "--retailer", s.mspID)
		eventually(t, s.advertiser+" offers the campaign", func() bool {
			return strings.Contains(c.do("--as", till, "--organisation", s.advertiser, "wallet", "offers"), campaign)
		})
		got := c.do("--json", "--as", till, "--organisation", s.advertiser, "wallet", "get", campaign)
		shown := strings.TrimSpace(c.do("wallet", "present", c.field(got, "id"), "--retailer", s.mspID))
		redeemed := c.do("--json", "--as", till, "till", "redeem", shown, "--line", s.goods, "--invoice", campaign, "--institute", "Girohaus")
		if by := c.field(redeemed, "issuer"); by != s.mspID {
			t.Errorf("%s redeemed a coupon of %s", s.mspID, by)
		}
		out, errs, code := c.run("", "--as", office, "retailer", "claim", "--issuer", s.mspID)
		if code != 1 || !strings.Contains(out+errs, "NOT_CLAIMABLE") {
			t.Errorf("claiming from itself: exit code %d: %s%s", code, out, errs)
		}
		c.do("--as", office, "till", "void", c.field(redeemed, "redemption_id"))
	}
}
