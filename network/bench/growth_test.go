// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLevels(t *testing.T) {
	t.Parallel()
	if levels, err := parseLevels("0,1000,2000"); err != nil || !slices.Equal(levels, []int{0, 1000, 2000}) {
		t.Errorf("got %v %v", levels, err)
	}
	for _, bad := range []string{"", "x", "-1", "5,5", "5,4", "1,"} {
		if levels, err := parseLevels(bad); err == nil {
			t.Errorf("%q is %v", bad, levels)
		}
	}
}

func TestDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, size := range map[string]int{
		"organisations/issuer/peer/data/a": 3, "organisations/retailer/peer/data/deep/b": 4,
		"organisations/issuer/orderer/c": 5, "organisations/issuer/msp/d": 6, "other/peer/e": 7, "organisations/x": 8,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sizes := make(map[string]int64)
	if err := diskOf(dir, sizes); err != nil || len(sizes) != 2 || sizes["peer"] != 7 || sizes["orderer"] != 5 {
		t.Errorf("got %v %v", sizes, err)
	}
}
