// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSizesAreMeasured(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, size := range map[string]int{"one": 1000, filepath.Join("in", "two"): 500} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if size, err := sizeOf(folder); err != nil || size != 1500 {
		t.Errorf("%d bytes, want 1500: %v", size, err)
	}
	if size, err := sizeOf(filepath.Join(folder, "none")); err != nil || size != 0 {
		t.Errorf("a folder that is not there has %d bytes: %v", size, err)
	}
	if memory, err := memoryOf(os.Getpid()); err != nil || memory < 1<<20 {
		t.Errorf("this test has %d bytes of memory: %v", memory, err)
	}
	if n := readGoroutines(strings.NewReader("# HELP go_goroutines Number\ngo_goroutines 41\nother 2\n")); n != 41 {
		t.Errorf("%d goroutines, want 41", n)
	}
	if n := readGoroutines(strings.NewReader("other 2\n")); n >= 0 {
		t.Errorf("%d goroutines where nothing says so", n)
	}
}
