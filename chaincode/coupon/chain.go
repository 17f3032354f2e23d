// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

const (
	labelChain  = "ecoupon/v1/chain"
	labelBeacon = "ecoupon/v1/beacon"
	labelFrame  = "ecoupon/v1/frame"
	labelLeaf   = "ecoupon/v1/leaf"
	labelRandom = "ecoupon/v1/random"
)

// Each lane of a framework has a dependence chain: every coupon has a q value
// that depends on all coupons that the lane released before it and on what its
// own customer chose (Blundo, Cimato, De Bonis 2002, section 5.2). The chain is
// cut into frames. A frame opens with a beacon that is not known to the emitter
// before the frame before it is closed on the ledger, so that no coupon of a
// frame was made before the frame opened.

// NextLink returns q_SN, from the q value before and u_data of the coupon: 32
// bytes, or none for a static bearer coupon.
func NextLink(q Hash, uData []byte) Hash {
	return newEnc(labelChain).bytes(q[:]).bytes(uData).hash()
}

// NewBeacon returns the beacon of frame n, from 1, of a lane, under the issuer's
// k_B; last is the last q value of the frame before, 32 zero bytes for frame 1.
func NewBeacon(kB Key, framework FrameworkID, lane uint16, n uint32, last Hash) Hash {
	return newEnc(labelBeacon).bytes(framework[:]).int(int64(lane)).int(int64(n)).bytes(last[:]).mac(kB)
}

// FirstLink returns q_0 of a frame, from the last q value of the frame before
// and the frame's beacon.
func FirstLink(last, beacon Hash) Hash {
	return newEnc(labelFrame).bytes(last[:]).bytes(beacon[:]).hash()
}

// Entry is what a lane's log says of one coupon.
type Entry struct {
	Lane uint16
	SN   int64
	// Time of release by the emitter's clock, Unix milliseconds.
	Time int64
	// UData is what the customer chose: 32 bytes, or none for a static bearer
	// coupon.
	UData []byte
	Q     Hash
}

// Leaf returns the entry's leaf hash in its frame's Merkle tree (RFC 6962,
// section 2.1), over its encoding with label "ecoupon/v1/leaf".
func (e Entry) Leaf() Hash { return leafHash(e.Encoded()) }

// Encoded returns what the leaf is the hash of, for trees that hash by
// themselves.
func (e Entry) Encoded() []byte {
	return newEnc(labelLeaf).int(int64(e.Lane)).int(e.SN).int(e.Time).bytes(e.UData).bytes(e.Q[:])
}

// Entry returns what the log must say of a dynamic coupon or a purchase proof.
func (c Coupon) Entry() Entry {
	return Entry{Lane: c.Lane, SN: c.SN, Time: c.Release.Time, UData: c.Owner[:], Q: c.Release.Q}
}
