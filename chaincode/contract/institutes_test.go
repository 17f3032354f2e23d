// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	"ecoupon/chaincode/stubtest"
)

// institute is the one that attests the tests' payments.
const institute = "Example Pay"

// attested is an offer whose redemptions need an attestation.
var attested = makeOffer("attested", coupon.HolderBearer).with(func(k *coupon.Campaign) { k.AttestationRequired = true })

// instituteKey is a key that is always good: the institute's n-th signs with
// wallet(100 + n).
func instituteKey(n int) coupon.InstituteKey {
	var cp coupon.Coupon
	ownedBy(wallet(100 + n))(&cp)
	return coupon.InstituteKey{Key: cp.Owner}
}

func register(keys ...coupon.InstituteKey) call {
	if keys == nil {
		keys = []coupon.InstituteKey{}
	}
	return call{
		function: "RegisterInstitute", argument: coupon.Institute{Institute: institute, Keys: keys},
		by: clearing, endorsers: []string{issuer, clearing},
	}
}

// attest has the institute's n-th key attest the payment of a sale.
func attest(s *coupon.Sale, n int, merchant string) {
	signature := s.Invoice.Attest(wallet(100+n), merchant)
	s.Attestation = &signature
}

// attestedSale has one coupon of the attested offer, and its payment attested.
func (c *consortium) attestedSale(sn int64) coupon.Sale {
	s := c.sale(attested.tender(sn))
	attest(&s, 1, retailer)
	return s
}

func TestAttestedSalesAreRedeemed(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(attested)
	c.run(register(instituteKey(1)))
	s := c.attestedSale(1)
	s.Invoice.Amount = 2400 // the goods' 2500 less the coupon
	attest(&s, 1, retailer)
	var result coupon.CheckResult
	c.evaluate(check(checked(s)), &result)
	if len(result.Sales[0].Refused) != 0 || result.Sales[0].Coupons[0].Value != 100 {
		t.Fatalf("Check: %+v", result.Sales[0])
	}
	record := decodeRecord(t, c.record(c.run(redeem(c.batch(s)))))
	if got := record.Redemptions[0].Attestation; got == nil || *got != *s.Attestation {
		t.Errorf("the record has the attestation %v, want %v", got, s.Attestation)
	}
	plain := decodeRecord(t, c.record(c.run(redeem(c.batch(c.sale(bearer.tender(1)))))))
	if got := plain.Redemptions[0].Attestation; got != nil {
		t.Errorf("a sale without attestation has %v on record", got)
	}
	// Without invoice nothing is sold, and nothing needs to be attested.
	looked := checked(c.sale(attested.tender(2)))
	looked.Invoice = nil
	c.evaluate(check(looked), &result)
	if len(result.Sales[0].Refused) != 0 {
		t.Errorf("coupons that are looked at: %+v", result.Sales[0].Refused)
	}
}

func TestWrongAttestationsAreRefused(t *testing.T) {
	t.Parallel()
	wrong := one(-1, coupon.ReasonWrongAttestation, "invoice.attestation")
	tooSmall := one(-1, coupon.ReasonPaymentTooSmall, "invoice.amount")
	// altered changes the sale after its payment was attested.
	altered := func(change func(s *coupon.Sale)) func(*consortium, *coupon.BatchInput) {
		return func(c *consortium, b *coupon.BatchInput) {
			c.open(attested)
			c.run(register(instituteKey(1)))
			b.Sales[0] = c.attestedSale(1)
			change(&b.Sales[0])
		}
	}
	// with has other keys registered.
	with := func(keys ...coupon.InstituteKey) func(*consortium, *coupon.BatchInput) {
		return func(c *consortium, b *coupon.BatchInput) {
			altered(func(*coupon.Sale) {})(c, b)
			c.run(register(keys...))
		}
	}
	until := func(from, until int64) func(*consortium, *coupon.BatchInput) {
		return func(c *consortium, b *coupon.BatchInput) {
			paid := c.clock.ms.Load() - 1000
			key := instituteKey(1)
			key.From, key.Until = paid+from, paid+until
			with(key)(c, b)
		}
	}
	testBadBatches(t, []badBatch{
		{name: "none", want: one(0, coupon.ReasonAttestationRequired, "invoice.attestation"),
			spoil: altered(func(s *coupon.Sale) { s.Attestation = nil })},
		{name: "none of a basket with other coupons", want: one(1, coupon.ReasonAttestationRequired, "invoice.attestation"),
			spoil: func(c *consortium, b *coupon.BatchInput) {
				c.open(attested)
				b.Sales[0] = c.sale(bearer.tender(1), attested.tender(1))
			}},
		{name: "signature", want: wrong, spoil: altered(func(s *coupon.Sale) { s.Attestation[3] ^= 1 })},
		{name: "another institute's name", want: wrong, spoil: altered(func(s *coupon.Sale) { s.Invoice.Institute = "Example Bank" })},
		{name: "another number", want: wrong, spoil: altered(func(s *coupon.Sale) { s.Invoice.Number += "1" })},
		{name: "another amount", want: wrong, spoil: altered(func(s *coupon.Sale) { s.Invoice.Amount++ })},
		{name: "another currency", want: append(wrong, one(0, coupon.ReasonCurrencyMismatch, "")...),
			spoil: altered(func(s *coupon.Sale) { s.Invoice.Currency, s.Basket.Currency = "USD", "USD" })},
		{name: "another time", want: wrong, spoil: altered(func(s *coupon.Sale) { s.Invoice.PaidAt-- })},
		{name: "another merchant", want: wrong, spoil: altered(func(s *coupon.Sale) { attest(s, 1, retailer2) })},
		{name: "another key", want: wrong, spoil: altered(func(s *coupon.Sale) { attest(s, 2, retailer) })},
		{name: "institute that was never registered", want: wrong, spoil: func(c *consortium, b *coupon.BatchInput) {
			c.open(attested)
			b.Sales[0] = c.attestedSale(1)
		}},
		{name: "institute that was withdrawn", want: wrong, spoil: with()},
		{name: "key that was replaced", want: wrong, spoil: with(instituteKey(2))},
		{name: "key that was not yet in use", want: wrong, spoil: until(1, 1000)},
		{name: "key that was no longer in use", want: wrong, spoil: until(-1000, 0)},
		{name: "given where none is needed", want: wrong, spoil: func(_ *consortium, b *coupon.BatchInput) {
			b.Sales[0].Attestation = &coupon.Signature{1}
		}},
		{name: "payment of a cent", want: tooSmall, spoil: altered(func(s *coupon.Sale) {
			s.Invoice.Amount = 1
			attest(s, 1, retailer)
		})},
		{name: "payment below the goods after the coupon", want: tooSmall, spoil: altered(func(s *coupon.Sale) {
			s.Invoice.Amount = 2399
			attest(s, 1, retailer)
		})},
	})
}

// TestKeysOfAnInstituteFollowEachOther: while two are registered, payments
// attested with either are good, each in its time.
func TestKeysOfAnInstituteFollowEachOther(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(attested)
	first, second := instituteKey(1), instituteKey(2)
	first.Until = c.clock.ms.Load()
	second.From = first.Until
	c.run(register(first))
	c.run(register(first, second))
	c.clock.advance(time.Second)
	old, fresh := c.attestedSale(1), c.sale(attested.tender(2))
	old.Invoice.PaidAt, fresh.Invoice.PaidAt = first.Until-1, second.From
	attest(&old, 1, retailer)
	attest(&fresh, 2, retailer)
	c.run(redeem(c.batch(old, fresh)))
	late := c.attestedSale(3)
	late.Invoice.PaidAt = second.From
	attest(&late, 1, retailer)
	c.assertRefusals(t, issuer, c.refusal(redeem(c.batch(late))), one(-1, coupon.ReasonWrongAttestation, "invoice.attestation"))
}

// TestAWithdrawnKeyIsNotUsedLater: what was endorsed before a key was withdrawn
// and held back is invalid after.
func TestAWithdrawnKeyIsNotUsedLater(t *testing.T) {
	t.Parallel()
	c := founded(t)
	c.open(attested)
	c.run(register(instituteKey(1)))
	heldBack := c.endorse(redeem(c.batch(c.attestedSale(1))))
	c.run(register())
	c.commit([]*stubtest.Transaction{heldBack}, conflict)
}

func TestInstitutesAreShown(t *testing.T) {
	t.Parallel()
	c := founded(t)
	get := call{function: "GetInstitute", argument: coupon.InstituteQuery{Institute: institute}, by: retailer, endorsers: []string{retailer}}
	c.refused(get, coupon.ReasonNotFound)
	keys := []coupon.InstituteKey{instituteKey(1), instituteKey(2)}
	c.run(register(keys...))
	var event coupon.InstituteEvent
	c.lastEvent("InstituteRegistered", &event)
	var got coupon.Institute
	c.evaluate(get, &got)
	want := coupon.Institute{Format: 1, Institute: institute, Keys: keys}
	if diff := cmp.Diff(want, got); diff != "" || event.Institute != institute {
		t.Errorf("event of %q; institute (-want +got):\n%s", event.Institute, diff)
	}
	get.argument = coupon.InstituteQuery{}
	c.refused(get, invalid)
}

func TestRegistrationsAreRefused(t *testing.T) {
	t.Parallel()
	bad := coupon.ReasonBadInstituteKey
	keys := func(change func(k *coupon.InstituteKey)) func(*consortium) call {
		return func(*consortium) call {
			second := instituteKey(2)
			change(&second)
			return register(instituteKey(1), second)
		}
	}
	named := func(name string) func(*consortium) call {
		return func(*consortium) call {
			k := register(instituteKey(1))
			k.argument = coupon.Institute{Institute: name, Keys: []coupon.InstituteKey{instituteKey(1)}}
			return k
		}
	}
	many := make([]coupon.InstituteKey, coupon.MaxInstituteKeys+1)
	for n := range many {
		many[n] = instituteKey(n)
	}
	testRefusals(t, []refusal{
		{name: "no name", want: invalid, field: "institute", prepare: named("")},
		{name: "name with a line break", want: invalid, field: "institute", prepare: named("Example\nPay")},
		{name: "format", want: invalid, field: "format", prepare: func(*consortium) call {
			k := register()
			k.argument = coupon.Institute{Format: 1, Institute: institute, Keys: []coupon.InstituteKey{instituteKey(1)}}
			return k
		}},
		{name: "too many keys", want: tooMany, field: "keys", prepare: func(*consortium) call { return register(many...) }},
		{name: "key of zeros", want: bad, field: "keys[1].key", prepare: keys(func(k *coupon.InstituteKey) { k.Key = coupon.PublicKey{} })},
		{name: "key of small order", want: bad, field: "keys[1].key", prepare: keys(func(k *coupon.InstituteKey) { k.Key = coupon.PublicKey{1} })},
		{name: "key twice", want: bad, field: "keys[1].key", prepare: keys(func(k *coupon.InstituteKey) { k.Key = instituteKey(1).Key })},
		{name: "from before 1970", want: invalid, field: "keys[1].from", prepare: keys(func(k *coupon.InstituteKey) { k.From = -1 })},
		{name: "no duration", want: invalid, field: "keys[1].until", prepare: keys(func(k *coupon.InstituteKey) { k.From, k.Until = 5, 5 })},
		{name: "nothing new", want: exists, field: "keys", prepare: func(c *consortium) call {
			c.run(register(instituteKey(1)))
			return register(instituteKey(1))
		}},
		{name: "withdrawal of one that is not there", want: coupon.ReasonNotFound, field: "institute", prepare: func(*consortium) call { return register() }},
		{name: "peer of a third organisation", want: coupon.ReasonWrongPeer, seenBy: retailer, prepare: func(*consortium) call {
			k := register(instituteKey(1))
			k.endorsers = []string{issuer, clearing, retailer}
			return k
		}},
	})
}

// TestOnlyTheClearingHouseRegisters: not the issuer for itself, nor a retailer.
func TestOnlyTheClearingHouseRegisters(t *testing.T) {
	t.Parallel()
	c := founded(t)
	for _, by := range []string{issuer, retailer, advertiser, outsider} {
		k := register(instituteKey(1))
		k.by = by
		c.refused(k, coupon.ReasonWrongOrganisation)
	}
	if c.State(namespace, fmt.Sprintf("institute/%x", institute)) != nil {
		t.Error("the institute was registered")
	}
}
