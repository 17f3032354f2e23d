// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package wallettest

import (
	"crypto/sha256"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
)

// Schedules that an offer of 50 cents off may have: Decaying is worth less with
// each minute, EarlyBird more for the first and so asks for receipts.
const (
	Decaying  = `{"type":"linear","from":"release","end":3600000,"to":10}`
	EarlyBird = `{"type":"early_bird","first":1,"to":200}`
)

// Dynamic adds an offer of a campaign of dynamic coupons with a schedule.
func (a *Advertiser) Dynamic(campaign, schedule string, holder typev1.Holder, begin time.Time) {
	terms := Terms[:len(Terms)-2] + `,"schedule":` + schedule + `}}`
	a.offerOf(coupon.KindDynamic, terms, campaign, holder, begin, nil)
}

// lane is the one lane of a framework.
type lane struct {
	frames [][]coupon.Entry // the last one is open
	closed []time.Time
}

// CloseFrames closes the open frame of every offer.
func (a *Advertiser) CloseFrames() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.lanes {
		l.frames, l.closed = append(l.frames, nil), append(l.closed, a.Now())
	}
}

// release makes a dynamic coupon of what a static one has.
func (a *Advertiser) release(c coupon.Coupon, uData []byte) string {
	l := a.lanes[c.Framework]
	if l == nil {
		l = &lane{frames: make([][]coupon.Entry, 1)}
		a.lanes[c.Framework] = l
	}
	c.Kind, c.Bound = coupon.KindDynamic, false
	copy(c.Owner[:], uData)
	if a.conduct.Owner != nil {
		c.Owner = *a.conduct.Owner
	}
	if a.conduct.Framework != nil {
		c.Framework = *a.conduct.Framework
	}
	c.Release = coupon.Release{
		Frame: uint32(len(l.frames)), Time: a.Now().Add(a.conduct.Late).UnixMilli(),
		Q: sha256.Sum256([]byte(strconv.FormatInt(c.SN, 10))),
	}
	open := &l.frames[len(l.frames)-1]
	*open = append(*open, c.Entry())
	c.EmitterMAC = c.MAC(a.keys, nil, coupon.Hash{})
	return c.Text()
}

func (a *Advertiser) receipt(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.note(r)
	var framework coupon.FrameworkID
	_ = framework.UnmarshalText([]byte(r.PathValue("framework_id")))
	l := a.lanes[framework]
	if l == nil || r.PathValue("lane") != "0" {
		refuse(w, http.StatusNotFound, coupon.ReasonNotFound)
		return
	}
	for frame, log := range l.frames {
		for i, e := range log {
			switch {
			case strconv.FormatInt(e.SN, 10) != r.PathValue("sn"):
			case frame == len(l.closed):
				refuse(w, http.StatusConflict, coupon.ReasonFrameNotClosed)
				return
			default:
				a.show(w, &advertiserv1.Frame{
					FrameworkId: framework.String(), Frame: int64(frame) + 1, ClosedTime: timestamppb.New(l.closed[frame]),
				}, log, i)
				return
			}
		}
	}
	refuse(w, http.StatusNotFound, coupon.ReasonNotFound)
}

// show answers with the receipt of one entry of a log.
func (a *Advertiser) show(w http.ResponseWriter, frame *advertiserv1.Frame, log []coupon.Entry, i int) {
	leaves := make([]coupon.Hash, len(log))
	for n, e := range log {
		leaves[n] = e.Leaf()
	}
	root, path := tree(leaves, i)
	digest := coupon.LogDigest(root, int64(len(log)))
	frame.LogSha256 = digest[:]
	shown := &advertiserv1.GetReceiptResponse{
		Receipt: coupon.Receipt{Size: int64(len(log)), Index: int64(i), Path: path}.Text(), Frame: frame,
	}
	if a.conduct.Receipt != nil {
		a.conduct.Receipt(shown)
	}
	answer(w, shown)
}

// tree returns root and path of the i-th leaf, as RFC 6962 describes them.
func tree(leaves []coupon.Hash, i int) (root coupon.Hash, path []coupon.Hash) {
	if len(leaves) == 1 {
		return leaves[0], nil
	}
	half := 1
	for 2*half < len(leaves) {
		half *= 2
	}
	left, leftPath := tree(leaves[:half], min(i, half-1))
	right, rightPath := tree(leaves[half:], max(i-half, 0))
	root = sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	if i < half {
		return root, append(leftPath, right)
	}
	return root, append(rightPath, left)
}
