// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package central

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// line is a reason's in the table of reasons: the reason, its code, and what a till
// sees in its place.
var line = regexp.MustCompile("(?m)^\\| `([A-Z0-9_]+)` \\| ([A-Za-z]+) \\| (?:`([A-Z_]+)`|the same) \\|")

// A till sees the classes and codes that the consortium's own services answer.
func TestClasses(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range line.FindAllStringSubmatch(string(text), -1) {
		for reason, p := range classes {
			if string(reason) != m[1] {
				continue
			}
			found++
			if string(p.class) != m[3] || p.code.String() != m[2] {
				t.Errorf("%s is %s %s, in the table %s %s", reason, p.class, p.code, m[3], m[2])
			}
		}
	}
	if found != len(classes) {
		t.Errorf("the table has %d of %d reasons", found, len(classes))
	}
}
