// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/ed25519"
	"encoding/hex"
	"math"
)

// The frameworks of the vectors that release coupons in frames.
const (
	staticFramework  = 0
	dynamicFramework = 4
	proofFramework   = 5
)

const firstRelease = 1_899_999_000_000

// releases is all that the lanes of the vectors released.
type releases struct {
	m       vectorMaker
	frames  []frameVector
	chain   []chainVector
	coupons []Coupon
	vectors []couponVector

	closings []closingVector
	receipts []receiptVector
}

// laneMaker is one lane: where its frame and its chain stand.
type laneMaker struct {
	*releases
	f      int
	lane   uint16
	frame  uint32
	sn     int64
	beacon Hash
	q      Hash
	// logged are the coupons of the open frame; closedSN is where the one before
	// ended.
	logged   []Coupon
	closedSN int64
}

// release plays a dynamic framework with two lanes, one of which has an empty
// frame, one that emits purchase proofs, and a static one, whose lanes have
// frames too. All frames are closed, but for one that holds a static chain.
func (m vectorMaker) release() *releases {
	r := &releases{m: m}
	first := &laneMaker{releases: r, f: dynamicFramework}
	first.next()
	first.issue(publicOf(wallet(15)), nil)
	first.issue(PublicKey(secretOf("u_data 1")), nil)
	first.issue(publicOf(wallet(17)), nil)
	first.next()
	first.issue(publicOf(wallet(18)), nil)
	first.next()
	first.next()
	// The key of a bearer coupon is any 32 bytes, those of order 4 included.
	first.issue(PublicKey{}, nil)
	first.close()
	second := &laneMaker{releases: r, f: dynamicFramework, lane: math.MaxUint16}
	second.next()
	second.issue(publicOf(wallet(19)), nil)
	second.close()
	proofs := &laneMaker{releases: r, f: proofFramework}
	proofs.next()
	proofs.issue(publicOf(wallet(16)), &saleOfTea{"09521234543213.S0001", "A-2030-000123"})
	proofs.next()
	proofs.issue(publicOf(wallet(20)), &saleOfTea{"09521234543213.S0002", "A-2030-000123"})
	proofs.issue(PublicKey(secretOf("u_data 2")), &saleOfTea{"~", "~"})
	proofs.close()
	counted := &laneMaker{releases: r, f: staticFramework}
	counted.close()
	counted.frame, counted.sn = 1, 2
	counted.close()
	static := &laneMaker{releases: r, f: staticFramework, lane: 1}
	static.next()
	static.link(nil)
	static.link(wallet(0).Public().(ed25519.PublicKey))
	return r
}

type saleOfTea struct{ product, invoice string }

// next closes the lane's frame and opens another.
func (l *laneMaker) next() {
	id := l.m.mandates[l.f].ID()
	l.close()
	l.frame++
	last := l.q
	l.beacon = NewBeacon(DeriveBeaconKey(l.m.kM), id, l.lane, l.frame, last)
	l.q = FirstLink(last, l.beacon)
	l.frames = append(l.frames, frameVector{
		FrameworkID: id.String(), Lane: int64(l.lane), N: int64(l.frame),
		QLastBefore: last.String(), Beacon: l.beacon.String(), Q0: l.q.String(),
	})
}

// link adds what a customer chose to the chain.
func (l *laneMaker) link(uData []byte) {
	before := l.q
	l.sn++
	l.q = NextLink(before, uData)
	l.chain = append(l.chain, chainVector{
		FrameworkID: l.m.mandates[l.f].ID().String(), Lane: int64(l.lane), SN: l.sn,
		QBefore: before.String(), UData: hex.EncodeToString(uData), Q: l.q.String(),
	})
}

func (l *laneMaker) issue(uData PublicKey, sale *saleOfTea) {
	l.link(uData[:])
	c := Coupon{
		Lane: l.lane, SN: l.sn, Owner: uData,
		Release: Release{Frame: l.frame, Time: firstRelease + 10_000*int64(l.frame) + l.sn, Q: l.q},
	}
	v := couponVector{Frame: int64(l.frame), Beacon: l.beacon.String(), Time: c.Release.Time, UData: uData.String(), Q: l.q.String()}
	if sale != nil {
		secret := secretOf("salt %d", l.sn)
		salt := Nonce(secret[:16])
		c.Product = Product{
			Tag: ProductTag(DeriveProductKey(l.m.kM), sale.product), Sale: SaleDigest(salt, sale.product, sale.invoice),
		}
		v.ProductID, v.Salt, v.Invoice = sale.product, salt.String(), sale.invoice
		v.ProductTag, v.Sale = c.Product.Tag.String(), c.Product.Sale.String()
	}
	c = l.m.seal(l.f, c, l.beacon)
	v.Kind, v.FrameworkID, v.Lane, v.SN = string(c.Kind), c.Framework.String(), int64(c.Lane), c.SN
	v.SpentTag, v.Bytes, v.Text = c.SpentTag(DeriveSpentKey(l.m.kM)).String(), hex.EncodeToString(c.Bytes()), c.Text()
	l.coupons, l.vectors, l.logged = append(l.coupons, c), append(l.vectors, v), append(l.logged, c)
}

// seal makes a coupon one of the f-th framework's and puts its MACs on it, as
// its emitter does.
func (m vectorMaker) seal(f int, c Coupon, beacon Hash) Coupon {
	mandate := m.mandates[f]
	c.Kind, c.Framework, c.MandateMAC = mandate.Kind, mandate.ID(), mandate.MAC(DeriveFrameworkKey(m.kM))
	c.EmitterMAC = c.MAC(m.emitterKey(f), mandate.Data(), beacon)
	return c
}

// dynamicCoupon is the first of lane 0, wallet 15's.
func (m vectorMaker) dynamicCoupon() Coupon { return m.release().coupons[0] }

// proofCoupon is the first purchase proof, wallet 16's.
func (m vectorMaker) proofCoupon() Coupon {
	made := m.release().coupons
	for made[0].Kind != KindProof {
		made = made[1:]
	}
	return made[0]
}

// beacon is that of a frame of lane 0.
func (m vectorMaker) beacon(f int, frame uint32) (beacon Hash) {
	for _, v := range m.release().frames {
		if v.FrameworkID == m.mandates[f].ID().String() && v.Lane == 0 && v.N == int64(frame) {
			copy(beacon[:], unhex(m.t, v.Beacon))
		}
	}
	return beacon
}

// makeTransfers hands a dynamic coupon on twice, and a static one.
func (m vectorMaker) makeTransfers() []transferVector {
	var made []transferVector
	for n, x := range []struct {
		coupon   Coupon
		step     int64
		from, to int
	}{
		{m.dynamicCoupon(), 1, 15, 30}, {m.dynamicCoupon(), 2, 30, 31}, {m.coupon(0, 1, 2, 0), 1, 0, 32}, {m.proofCoupon(), MaxTransfers, 16, 33},
	} {
		secret := secretOf("nonce of transfer %d", n)
		transfer := Transfer{
			Coupon: x.coupon, Step: x.step, NewOwner: publicOf(wallet(x.to)), At: 1_900_000_000_000 + int64(n), Nonce: Nonce(secret[:16]),
		}
		transfer.Sign(wallet(x.from))
		made = append(made, transferVector{
			Coupon: x.coupon.Text(), Step: x.step, NewOwner: transfer.NewOwner.String(), At: transfer.At, Nonce: transfer.Nonce.String(),
			PrivateKey: hex.EncodeToString(wallet(x.from).Seed()), Signature: transfer.Signature.String(),
			Bytes: hex.EncodeToString(transfer.Bytes()), Text: transfer.Text(),
			TransferTag:  x.coupon.TransferTag(DeriveSpentKey(m.kM), x.step-1).String(),
			OwnershipMAC: x.coupon.OwnedBy(DeriveSpentKey(m.kM), x.step, transfer.NewOwner, transfer.At).MAC.String(),
		})
	}
	return made
}
