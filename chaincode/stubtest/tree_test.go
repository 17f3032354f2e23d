// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTreeAgainstMap plays random changes in many blocks and compares every
// snapshot that was taken on the way, which later blocks must not touch.
func TestTreeAgainstMap(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var root *node
	model := map[string]uint64{}
	type taken struct {
		root  *node
		model map[string]uint64
	}
	var snapshots []taken
	for block := uint64(1); block <= 200; block++ {
		e := &edit{}
		for tx := uint64(0); tx < 50; tx++ {
			key := fmt.Sprintf("%x", r.IntN(300))
			if _, exists := model[key]; exists && r.IntN(2) == 0 {
				root = e.remove(root, key)
				delete(model, key)
			} else {
				root = e.put(root, entry{key: key, ver: version{block, tx}})
				model[key] = block<<32 | tx
			}
		}
		snapshots = append(snapshots, taken{root, maps.Clone(model)})
	}
	for i, s := range snapshots {
		start := fmt.Sprintf("%x", r.IntN(300))
		want := slices.DeleteFunc(slices.Sorted(maps.Keys(s.model)), func(k string) bool { return k < start })
		var got []string
		c := s.root.seek(start)
		for peek := c.peek(); ; peek = c.peek() {
			item, ok := c.next()
			if !ok {
				break
			}
			if peek != item.key || s.model[item.key] != item.ver.block<<32|item.ver.tx {
				t.Fatalf("snapshot %d: key %s (announced as %s) has version %v", i, item.key, peek, item.ver)
			}
			got = append(got, item.key)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("snapshot %d from %s: %v, want %v", i, start, got, want)
		}
		for key := range s.model {
			if _, ok := s.root.find(key); !ok {
				t.Fatalf("snapshot %d: %s not found", i, key)
			}
		}
		if _, ok := s.root.find("none"); ok {
			t.Fatal("an absent key was found")
		}
	}
}
