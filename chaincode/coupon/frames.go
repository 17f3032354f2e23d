// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

// MaxFrameAge bounds the time, in milliseconds, that a campaign allows between
// the opening of a frame and the release of its last coupon.
const MaxFrameAge = 24 * 3_600_000

// EmptyRoot is the root of a Merkle tree without leaves: the SHA-256 of nothing
// (RFC 6962, section 2.1).
var EmptyRoot = Hash{
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
	0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
}

// FrameRef names a frame of a lane. Frame 0 is the lane's opening.
type FrameRef struct {
	Framework FrameworkID `json:"framework_id"`
	Lane      uint16      `json:"lane"`
	Frame     uint32      `json:"frame"`
}

// Before names the frame before, whose closing opened this one.
func (r FrameRef) Before() FrameRef {
	r.Frame--
	return r
}

// Next names the frame after.
func (r FrameRef) Next() FrameRef {
	r.Frame++
	return r
}

// FrameOf names the frame of a dynamic coupon or a purchase proof.
func FrameOf(c Coupon) FrameRef {
	return FrameRef{Framework: c.Framework, Lane: c.Lane, Frame: c.Release.Frame}
}

// Beacon returns the beacon of the frame under the issuer's k_B; before is the
// record of the frame before it.
func (r FrameRef) Beacon(kB Key, before Frame) Hash {
	return NewBeacon(kB, r.Framework, r.Lane, r.Frame, before.Last)
}

// Frame is the public record of a closed frame.
type Frame struct {
	Format int `json:"format"`
	FrameRef
	// Time is the ledger's time of closing, Unix milliseconds: the next frame
	// opened then.
	Time int64 `json:"time"`
	// Last is the last q value of the frame.
	Last Hash `json:"q_last"`
	// Log is LogDigest of the frame's log.
	Log Hash `json:"log_sha256"`
	// Content is FrameContent.Digest.
	Content Hash `json:"content_sha256"`
}

// FrameSummary is what issuer and emitter keep of a closed frame in their
// collections.
type FrameSummary struct {
	Format int `json:"format"`
	FrameRef
	FrameContent
}

// FrameContent is the private input of CloseFrame.
type FrameContent struct {
	// Salt is random, so that the hash of the record tells nothing.
	Salt Hash `json:"salt"`
	// Last is the last q value of the frame; see Frame.
	Last Hash `json:"q_last"`
	// LastSN is the lane's last serial number at the closing, Count the number
	// of coupons in the frame, Root the root of their Merkle tree. Static coupons
	// are counted only: their chain stands still and their tree is empty.
	LastSN int64 `json:"last_sn"`
	Count  int64 `json:"count"`
	Root   Hash  `json:"root"`
}

// LaneRequest is the argument of OpenLane.
type LaneRequest struct {
	Framework FrameworkID `json:"framework_id"`
	Lane      uint16      `json:"lane"`
}

// BeaconResult answers Beacon.
type BeaconResult struct {
	Beacon Hash `json:"beacon"`
	// Before is the record of the frame before, whose closing opened this one.
	Before Frame `json:"before"`
}
