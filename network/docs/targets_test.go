// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// named is a target as the docs name it.
var named = regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)")

// Every target that a page names is in the Makefile.
func TestTargets(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range named.FindAllSubmatch(text, -1) {
			found++
			if !regexp.MustCompile(`(?m)^` + string(name[1]) + `:`).Match(makefile) {
				t.Errorf("%s: there is no target %s", filepath.Base(page), name[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("found only %d targets", found)
	}
}
