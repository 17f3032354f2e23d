// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

const (
	labelStatic  = "ecoupon/v1/static"
	labelDynamic = "ecoupon/v1/dynamic"
	labelProof   = "ecoupon/v1/proof"
	labelSpent   = "ecoupon/v1/spent"
	labelProduct = "ecoupon/v1/product"
	labelSale    = "ecoupon/v1/sale"
)

// MAC returns mac_E, the coupon's own MAC under its emitter's key. Beacon is
// that of the coupon's frame, see NewBeacon; it is not looked at for a static
// coupon. It covers m_data, lane, SN and
//
//   - of a static coupon its owner, or nothing: Blundo, Cimato, De Bonis 2002,
//     section 5.1;
//   - of a dynamic one frame, beacon, time, u_data and q_SN: section 5.2, with
//     the beacon, which nobody has before the frame opens;
//   - of a purchase proof the product's tag and the sale too: section 5.3.
func (c Coupon) MAC(kME Key, mData []byte, beacon Hash) MAC {
	code := c.code()
	if code == kindStaticBearer || code == kindStaticBound {
		e := newEnc(labelStatic).bytes(mData).int(int64(c.Lane)).int(c.SN)
		if code == kindStaticBearer {
			return e.bytes(nil).mac16(kME)
		}
		return e.bytes(c.Owner[:]).mac16(kME)
	}
	label := labelDynamic
	if code == kindProof {
		label = labelProof
	}
	e := newEnc(label).bytes(mData).int(int64(c.Lane)).int(c.SN).
		int(int64(c.Release.Frame)).bytes(beacon[:]).int(c.Release.Time).
		bytes(c.Owner[:]).bytes(c.Release.Q[:])
	if code == kindProof {
		e = e.bytes(c.Product.Tag[:]).bytes(c.Product.Sale[:])
	}
	return e.mac16(kME)
}

// CheckMACs refuses with WRONG_MAC a coupon whose MACs are not those of its
// framework: mandateMAC and mData as the issuer stored them, kME the emitter's
// key, beacon that of the coupon's frame. Both are compared in constant time,
// and the answer does not tell which one is wrong.
func (c Coupon) CheckMACs(kME Key, mData []byte, mandateMAC MAC, beacon Hash) error {
	mandateOK, emitterOK := c.MandateMAC.Equal(mandateMAC), c.EmitterMAC.Equal(c.MAC(kME, mData, beacon))
	if !mandateOK || !emitterOK {
		return Refuse(ReasonWrongMAC, "", "the coupon is not one that its emitter made")
	}
	return nil
}

// SpentTag returns the name under which the ledger knows the coupon once it is
// spent. Only the issuer can compute it, so a tag on the ledger does not tell
// an emitter which of its coupons was redeemed.
func (c Coupon) SpentTag(kS Key) Tag {
	return newEnc(labelSpent).bytes(c.Framework[:]).int(int64(c.Lane)).int(c.SN).mac16(kS)
}

// ProductTag returns the name under which the ledger knows an instance of a
// product, as in "09521234543213.S0001", a GTIN and a serial number. Only the
// issuer can compute it, so that a tag does not tell what was bought.
func ProductTag(kP Key, product string) Tag {
	return newEnc(labelProduct).text(product).mac16(kP)
}

// SaleDigest commits to the sale that a purchase proof was released with; salt,
// product and invoice number are shown to the issuer only.
func SaleDigest(salt Nonce, product, invoice string) Hash {
	return newEnc(labelSale).bytes(salt[:]).text(product).text(invoice).hash()
}
