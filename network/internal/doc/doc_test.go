// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package doc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const page = "# Page\n\n" +
	"## One\n\n```sh\nbin/a b\nc\n```\n\n```json\n## no section\nbin/z\n```\n\n" +
	"| to | do |\n|---|---|\n| see | `bin/x y`, and `start` |\n\n" +
	"## Two\n\nWords with `bin/not this`.\n\n```\nnor this\n```\n\n```sh\nfalse\n```\n"

func TestCommandsAreFoundWithTheirSections(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Commands(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []Command{
		{"One", 6, "bin/a b\nc\n"},
		{"One", 17, "bin/x y\n"},
		{"Two", 28, "false\n"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestACommandRunsInItsPlaceAndSaysWhereItFailed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := (Command{Text: "pwd; echo $WHAT\n"}).Run(t.Context(), dir, "WHAT=that"); err != nil || !strings.HasSuffix(out, "\nthat\n") || !strings.HasPrefix(out, dir) {
		t.Errorf("printed %q, %v", out, err)
	}
	if _, err := (Command{Line: 7, Text: "false\necho on\n"}).Run(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "line 7") {
		t.Errorf("got %v", err)
	}
}
