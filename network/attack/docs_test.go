// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocsNameWhatThereIs looks for every test and every attack that
// docs/security.md names. An attack's name may be cut off with an ellipsis, and
// one line may stand for several.
func TestDocsNameWhatThereIs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := declaredTests(t, "../..")
	for _, named := range regexp.MustCompile("`(Test[A-Z]\\w*)`").FindAllStringSubmatch(string(text), -1) {
		if !tests[named[1]] {
			t.Errorf("there is no test %s", named[1])
		}
	}
	text, _, _ = bytes.Cut(text, []byte("## What remains"))
	italics := regexp.MustCompile(`\*([^*\n|]+)\*`).FindAllStringSubmatch(string(text), -1)
	if len(italics) < 50 {
		t.Errorf("only %d attacks are named", len(italics))
	}
	for _, named := range italics {
		parts := strings.Split(named[1], "…")
		known := slices.ContainsFunc(attacks(), func(k attack) bool {
			return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(k.name, strings.TrimSpace(part)) })
		})
		if !known && named[1] != "italics" {
			t.Errorf("there is no attack %q", named[1])
		}
	}
}

// declaredTests are the names of all test functions below a folder.
func declaredTests(t *testing.T, root string) map[string]bool {
	t.Helper()
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, name := range declaration.FindAllSubmatch(source, -1) {
			found[string(name[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
