// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"strconv"

	"ecoupon/chaincode/coupon"
)

func frameKey(ref coupon.FrameRef) string {
	return "frame/" + ref.Framework.String() + "/" + strconv.Itoa(int(ref.Lane)) + "/" + number(int64(ref.Frame))
}

// Frame reads the record of a closed frame.
func (w World) Frame(ref coupon.FrameRef) (coupon.Frame, bool, error) {
	var f coupon.Frame
	found, err := w.readJSON(frameKey(ref), &f)
	return f, found, err
}

// Frames reads the records of closed frames in one call; those that are not
// closed are missing in the answer.
func (w World) Frames(refs []coupon.FrameRef) (map[coupon.FrameRef]coupon.Frame, error) {
	keys := make([]string, len(refs))
	for i, ref := range refs {
		keys[i] = frameKey(ref)
	}
	values, err := w.states(keys)
	if err != nil {
		return nil, err
	}
	frames := make(map[coupon.FrameRef]coupon.Frame, len(refs))
	for i, ref := range refs {
		var f coupon.Frame
		found, err := decode(keys[i], values[i], &f)
		if err != nil {
			return nil, err
		}
		if found {
			frames[ref] = f
		}
	}
	return frames, nil
}

// PutFrame writes a frame's public record, and what its two parties keep of it:
// both must endorse.
func (w World) PutFrame(f coupon.Frame, content coupon.FrameContent, parties ...string) error {
	f.Format = 1
	summary := coupon.FrameSummary{Format: 1, FrameRef: f.FrameRef, FrameContent: content}
	if err := w.putPrivateJSON(frameKey(f.FrameRef), summary, parties...); err != nil {
		return err
	}
	return w.putJSON(frameKey(f.FrameRef), f)
}

// FrameSummary returns what an organisation keeps of a frame: on its own peer
// the summary, elsewhere only whether there is one.
func (w World) FrameSummary(owner string, ref coupon.FrameRef) (coupon.FrameSummary, bool, error) {
	var s coupon.FrameSummary
	key := frameKey(ref)
	value, present, err := w.private(owner, key)
	if err != nil || value == nil {
		return s, present, err
	}
	_, err = decode(key, value, &s)
	return s, true, err
}
