// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

// ProductQuery asks Check for the tag of one instance of a product, which goes
// into a purchase proof. Only the emitter of the framework is answered.
type ProductQuery struct {
	Framework FrameworkID `json:"framework_id"`
	// Product names the instance: 1 to 64 printable ASCII characters, compared
	// byte for byte. An article number and a serial number are usual, as GS1
	// writes them: "(01)09521234543213(21)S0001".
	Product string `json:"product_id"`
}

// Check refuses a product id that is out of its form.
func (q ProductQuery) Check() error { return CheckID("product_id", q.Product) }

// ProductAnswer is what Check says of a product.
type ProductAnswer struct {
	// Tag is the product's; see ProductTag.
	Tag Tag `json:"tag"`
	// Used says that a purchase proof of the product is redeemed.
	Used bool `json:"used,omitempty"`
}

// Opening shows which sale a purchase proof was released with. The emitter keeps
// it and shows it to the issuer only.
type Opening struct {
	Framework FrameworkID `json:"framework_id"`
	Lane      uint16      `json:"lane"`
	SN        int64       `json:"sn"`
	Salt      Nonce       `json:"salt"`
	Product   string      `json:"product_id"`
	// Invoice is the number of the sale's invoice.
	Invoice string `json:"invoice"`
}

// Digest returns what the proof commits to the sale with; see SaleDigest.
func (o Opening) Digest() Hash { return SaleDigest(o.Salt, o.Product, o.Invoice) }
