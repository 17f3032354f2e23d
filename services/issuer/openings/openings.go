// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package openings judges purchase proofs by the sales that their emitters open
// to the issuer: what no till can see of a proof. It has pure functions only.
//
// A proof commits to its sale in a hash, and a product to its tag by a key that
// the issuer alone has. So what an emitter opens either is what it committed to,
// or is found here.
package openings

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"ecoupon/chaincode/coupon"
)

// PaymentTolerance is how long after its proof's frame was closed a sale may be
// paid, in milliseconds: for clocks, and for customers who look for their purse.
const PaymentTolerance = int64(10 * time.Minute / time.Millisecond)

// Kind is what is found.
type Kind string

// Findings.
const (
	// NotOpened: a proof was redeemed, and the emitter opens no sale of it.
	NotOpened Kind = "not_opened"
	// WrongSale: the sale that is opened is not the one that the proof commits to.
	WrongSale Kind = "wrong_sale"
	// WrongProduct: the proof has another product's tag than the opened sale.
	WrongProduct Kind = "wrong_product"
	// ProductTwice: another proof was released with a sale of the product.
	ProductTwice Kind = "product_twice"
	// OwnSale: the proof was redeemed with the very sale that it came with.
	OwnSale Kind = "own_sale"
	// OtherSale: the opened invoice is known from the emitter's tills, and was paid
	// later than the proof was released: it is another basket's.
	OtherSale Kind = "other_sale"
)

// Proof is a purchase proof that was redeemed, with the sale that it was redeemed
// with.
type Proof struct {
	Line     coupon.RedeemedCoupon
	Retailer string
	Invoice  coupon.Invoice
}

// Opening is a sale that an emitter opens, of a proof in a closed frame.
type Opening struct {
	coupon.Opening
	// Frame is the number of the frame; Closed is when that was closed, Unix
	// milliseconds.
	Frame  uint32
	Closed int64
}

// Payment is an invoice that coupons of the issuer were redeemed with.
type Payment struct {
	Retailer string
	Invoice  coupon.Invoice
}

// Case is what the issuer knows of the proofs of a campaign version.
type Case struct {
	// ProductKey is k_P of the campaign version.
	ProductKey coupon.Key
	// Emitters has the emitter of each framework.
	Emitters map[coupon.FrameworkID]string
	// Proofs are those that were redeemed and are in closed frames.
	Proofs   []Proof
	Openings []Opening
	Payments []Payment
}

// Finding is one thing that is wrong with a proof.
type Finding struct {
	coupon.FrameRef
	Kind Kind
	SN   int64
	// Detail is for people; it names no customer, but products and invoices.
	Detail string
}

// place names a proof.
type place struct {
	framework coupon.FrameworkID
	lane      uint16
	sn        int64
}

// Compare returns what is wrong, in the order of frameworks, lanes and serial
// numbers.
func Compare(c Case) []Finding {
	opened := make(map[place]Opening, len(c.Openings))
	for _, o := range c.Openings {
		opened[place{o.Framework, o.Lane, o.SN}] = o
	}
	found := append(c.twice(), c.paidLater()...)
	for _, p := range c.Proofs {
		if p.Line.Product == nil {
			continue
		}
		o, known := opened[place{p.Line.Framework, p.Line.Lane, p.Line.SN}]
		if !known {
			found = append(found, Finding{
				FrameRef: coupon.FrameRef{Framework: p.Line.Framework, Lane: p.Line.Lane, Frame: p.Line.Frame},
				Kind:     NotOpened, SN: p.Line.SN, Detail: "the emitter opens no sale of a proof that was redeemed",
			})
			continue
		}
		found = append(found, c.compare(p, o)...)
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(bytes.Compare(a.Framework[:], b.Framework[:]), cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.SN, b.SN), cmp.Compare(a.Kind, b.Kind))
	})
	return found
}

// compare judges a redeemed proof by its opening.
func (c Case) compare(p Proof, o Opening) (found []Finding) {
	if p.Line.Product.Sale != o.Digest() {
		found = append(found, o.finding(WrongSale, "product %q and invoice %q are not what the proof commits to", o.Product, o.Invoice))
	}
	if p.Line.Product.Tag != coupon.ProductTag(c.ProductKey, o.Product) {
		found = append(found, o.finding(WrongProduct, "the proof is of another product than %q", o.Product))
	}
	if p.Retailer == c.Emitters[o.Framework] && p.Invoice.Number == o.Invoice {
		found = append(found, o.finding(OwnSale, "the proof was redeemed with the sale %q that it came with", o.Invoice))
	}
	return found
}

// twice finds products that several proofs were released with.
func (c Case) twice() (found []Finding) {
	first := make(map[string]Opening, len(c.Openings))
	for _, o := range c.Openings {
		before, sold := first[o.Product]
		if !sold {
			first[o.Product] = o
			continue
		}
		found = append(found, o.finding(ProductTwice, "product %q: see number %d of lane %d of %s", o.Product, before.SN, before.Lane, before.Framework))
	}
	return found
}

// paidLater finds openings with an invoice of a sale that was made later.
func (c Case) paidLater() (found []Finding) {
	type sale struct{ retailer, number string }
	paid := make(map[sale]int64, len(c.Payments))
	for _, p := range c.Payments {
		key := sale{p.Retailer, p.Invoice.Number}
		if before, known := paid[key]; !known || p.Invoice.PaidAt < before {
			paid[key] = p.Invoice.PaidAt
		}
	}
	for _, o := range c.Openings {
		if at, known := paid[sale{c.Emitters[o.Framework], o.Invoice}]; known && at > o.Closed+PaymentTolerance {
			found = append(found, o.finding(OtherSale, "invoice %q was paid %s after the proof's frame was closed", o.Invoice, time.Duration(at-o.Closed)*time.Millisecond))
		}
	}
	return found
}

func (o Opening) finding(kind Kind, format string, a ...any) Finding {
	return Finding{
		FrameRef: coupon.FrameRef{Framework: o.Framework, Lane: o.Lane, Frame: o.Frame},
		Kind:     kind, SN: o.SN, Detail: fmt.Sprintf(format, a...),
	}
}
