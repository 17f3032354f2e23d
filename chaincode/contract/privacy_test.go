// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// TestBlocksKeepSecrets plays a whole life and looks for everything that is
// nobody else's business in all that the channel can read.
func TestBlocksKeepSecrets(t *testing.T) {
	t.Parallel()
	c := founded(t)
	var sales []coupon.Sale
	b := c.batch()
	for sn := range int64(5) {
		sales = append(sales, c.sale(bearer.tender(sn+1), c.presented(bound, sn+1)))
		b.Sales = append(b.Sales, sales[sn])
	}
	text := c.record(c.run(redeem(b)))
	c.run(void(text, redemptionOf(c, text)))
	claim := c.claim(text)
	c.run(claim)
	settlement := c.settle(text)
	c.run(settlement)
	g := c.newGift(present)
	given := g.give(2)
	c.clock.advance(time.Second)
	sales = append(sales, c.sale(g.presentedBy(2)))
	c.run(redeem(c.batch(sales[5])))
	// What was endorsed and found invalid is in the blocks too.
	c.commit([]*stubtest.Transaction{c.endorse(redeem(c.batch(c.sale(bearer.tender(9)))))}, valid)

	secrets := keySecrets()
	secrets["salt of the batch"] = b.Salt[:]
	secrets["batch record"] = []byte(text)
	secrets["transfer"], secrets["transfer's text"] = given.Bytes(), []byte(given.Text()[4:])
	secrets["new owner"], secrets["transfer's signature"] = given.NewOwner[:], given.Signature[:]
	claimSalt, settleSalt := claim.input.(coupon.ClaimInput).Salt, settlement.input.(coupon.SettleInput).Salt
	secrets["salt of the claim"], secrets["salt of the settlement"] = claimSalt[:], settleSalt[:]
	for i, s := range sales {
		saleSecrets(t, secrets, fmt.Sprintf("sale %d: ", i), s)
	}
	public := c.everythingPublic()
	for name, secret := range secrets {
		if found := find(public, secret); found != "" {
			t.Errorf("%s is in the blocks, %s", name, found)
		}
	}
	c.assertPlantedIsFound(t)
}

// keySecrets are the keys of both offers and all that derives from them.
func keySecrets() map[string][]byte {
	secrets := map[string][]byte{}
	add := func(name string, k coupon.Key) { secrets[name] = k[:] }
	add("k_IR", retailerKeyOf(retailer))
	for _, o := range []offer{bearer, bound} {
		add(o.campaign.ID+" k_M", o.key)
		add(o.campaign.ID+" k_F", coupon.DeriveFrameworkKey(o.key))
		add(o.campaign.ID+" k_S", coupon.DeriveSpentKey(o.key))
		add(o.campaign.ID+" k_ME", o.emitterKey())
		mac := o.mandate().MAC(coupon.DeriveFrameworkKey(o.key))
		secrets[o.campaign.ID+" mac_M"] = mac[:]
	}
	return secrets
}

// saleSecrets are a sale's coupons, signatures, basket, invoice and request.
func saleSecrets(t *testing.T, secrets map[string][]byte, name string, s coupon.Sale) {
	t.Helper()
	number := sha256.Sum256([]byte(s.Invoice.Number))
	secrets[name+"invoice number"] = []byte(s.Invoice.Number)
	secrets[name+"invoice number's hash"] = number[:]
	secrets[name+"request id"] = []byte(s.RequestID)
	secrets[name+"request's hash"] = s.Request[:]
	secrets[name+"basket"] = []byte(encode(t, s.Basket))
	secrets[name+"basket line"] = []byte(encode(t, s.Basket.Lines[0]))
	secrets[name+"article"] = []byte(s.Basket.Lines[0].GTIN + `","quantity`)
	for i, tendered := range s.Coupons {
		name := fmt.Sprintf("%scoupon %d's ", name, i)
		tender, err := coupon.ParseTender(tendered.Text)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(tendered.Text, ".")
		secrets[name+"text"] = []byte(body)
		secrets[name+"bytes"] = tender.Coupon.Bytes()
		secrets[name+"mac_E"] = tender.Coupon.EmitterMAC[:]
		if p := tender.Presentation; p != nil {
			secrets[name+"signature"] = p.Signature[:]
			secrets[name+"owner"] = tender.Coupon.Owner[:]
			secrets[name+"nonce and retailer"] = append(p.Nonce[:], "\x00\x0bRetailer"...)
		}
	}
}

// everythingPublic is all blocks, and all public state that they make.
func (c *consortium) everythingPublic() []byte {
	var all bytes.Buffer
	for _, block := range c.Blocks() {
		for _, tx := range block.Transactions {
			all.Write(tx.Bytes)
		}
		for _, event := range block.Events(namespace) {
			all.Write(event.Payload)
		}
	}
	for _, key := range c.Keys(namespace) {
		all.WriteString(key)
		all.Write(c.State(namespace, key))
	}
	return all.Bytes()
}

// find looks for a secret as it is, within JSON, in hexadecimal, and in base64
// at any offset; it says how it was found.
func find(public, secret []byte) string {
	escaped, _ := json.Marshal(string(secret)) // strings always encode
	forms := map[string][]byte{
		"as it is":    secret,
		"within JSON": escaped[1 : len(escaped)-1],
		"in hex":      []byte(hex.EncodeToString(secret)),
		"in HEX":      bytes.ToUpper([]byte(hex.EncodeToString(secret))),
	}
	for offset := range 3 {
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.URLEncoding} {
			// Only the characters that stand for the secret alone.
			text := encoding.EncodeToString(append(make([]byte, offset), secret...))
			first := (offset*8 + 5) / 6
			last := (offset + len(secret)) * 8 / 6
			forms[fmt.Sprintf("in %s at offset %d", name, offset)] = []byte(text[first:last])
		}
	}
	for name, form := range forms {
		if bytes.Contains(public, form) {
			return name
		}
	}
	return ""
}

// assertPlantedIsFound puts a value on the ledger in several disguises.
func (c *consortium) assertPlantedIsFound(t *testing.T) {
	t.Helper()
	planted := []byte("an invoice number \xff that was planted")
	if find(c.everythingPublic(), planted) != "" {
		t.Fatal("the planted value is there before it is planted")
	}
	for name, disguise := range map[string]string{
		"as it is":  string(planted),
		"hex":       hex.EncodeToString(planted),
		"HEX":       strings.ToUpper(hex.EncodeToString(planted)),
		"base64":    base64.StdEncoding.EncodeToString(planted),
		"offset 1":  base64.RawStdEncoding.EncodeToString(append([]byte("x"), planted...)),
		"offset 2":  base64.RawStdEncoding.EncodeToString(append([]byte("xy"), planted...)),
		"base64url": base64.RawURLEncoding.EncodeToString(append(planted, "more"...)),
	} {
		c.overwrite("planted", disguise)
		blocks := c.Blocks()
		last := blocks[len(blocks)-1].Transactions[0]
		if find(last.Bytes, planted) == "" {
			t.Errorf("what was planted as %s is not found in its block", name)
		}
	}
	if find(c.everythingPublic(), planted) == "" {
		t.Error("what was planted is not found in all blocks")
	}
}
