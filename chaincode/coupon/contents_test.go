// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/sha256"
	"testing"
)

// TestDigestsOfFramesCoverEverything changes each field.
func TestDigestsOfFramesCoverEverything(t *testing.T) {
	t.Parallel()
	base := FrameContent{Salt: Hash{1}, Last: Hash{2}, LastSN: 3, Count: 4, Root: Hash{5}}
	want := sha256.Sum256(encode("ecoupon/v1/frame-content", base.Salt[:], base.Last[:], int64(3), int64(4), base.Root[:]))
	if got := base.Digest(); got != want {
		t.Errorf("the digest is %s, want %x", got, want)
	}
	seen := map[Hash]bool{base.Digest(): true}
	for _, change := range []func(*FrameContent){
		func(f *FrameContent) { f.Salt[31]++ }, func(f *FrameContent) { f.Last[31]++ },
		func(f *FrameContent) { f.LastSN++ }, func(f *FrameContent) { f.Count++ },
		func(f *FrameContent) { f.Root[31]++ },
	} {
		f := base
		change(&f)
		if seen[f.Digest()] {
			t.Errorf("%+v has the digest of another", f)
		}
		seen[f.Digest()] = true
	}
}
