// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The text that a patch replaces is in the version that is pinned.
func TestPatchesFitThePinnedVersions(t *testing.T) {
	t.Parallel()
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, err := patched(t.Context(), filepath.Join(root, "network", "fabric"), dir, patches)
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range patches {
		sources := filepath.Join(dir, fmt.Sprintf("patched-%d", i))
		for _, e := range p.edits {
			text, err := os.ReadFile(filepath.Join(sources, e.file))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), e.new) {
				t.Errorf("%s of %s is not patched", e.file, p.module)
			}
		}
		if !strings.Contains(string(module), "replace "+p.module+" => "+sources+"\n") {
			t.Errorf("%s is built from its originals", p.module)
		}
	}
}

func TestPatchOfOtherText(t *testing.T) {
	t.Parallel()
	e := edit{old: "a", new: "b"}
	for _, source := range []string{"", "c", "aa"} {
		if _, err := e.apply([]byte(source)); err == nil {
			t.Errorf("%q was patched", source)
		}
	}
}
