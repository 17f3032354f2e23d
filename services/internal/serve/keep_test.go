// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ecoupon/services/internal/sqlstore"
)

func TestStoresAreBackedUpAndRestored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, copied, configuration := filepath.Join(dir, "data.db"), filepath.Join(dir, "copy.db"), filepath.Join(dir, "retailer.json")
	if err := os.WriteFile(configuration, fmt.Appendf(nil, `{"serve": {}, "store": %q}`, path), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) error { return keepers[args[0]](t.Context(), args[1:], io.Discard) }
	if err := do("backup", "--config", configuration, copied); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := do("restore", "--config", configuration, "--lanes-from", "2", copied); err != nil {
		t.Fatal(err)
	}
	if store, err = sqlstore.Open(t.Context(), sqlstore.Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	if o, err := store.Origin(t.Context()); err != nil || o.Whole || o.LanesFrom != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, test := range []struct {
		want string
		args []string
	}{
		{"in use", []string{"restore", "--config", configuration, copied}},
		{"in use", []string{"restore", "--config", configuration, "--lost"}},
		{"or --lost", []string{"restore", "--config", configuration}},
		{"or --lost", []string{"restore", "--config", configuration, "--lost", copied}},
		{"there already", []string{"backup", "--config", configuration, copied}},
		{"the file to write", []string{"backup", "--config", configuration}},
		{"no such file", []string{"backup", copied}},
		{"names no store", []string{"backup", "--config", copied, copied}},
	} {
		if err := do(test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want %s", test.args, err, test.want)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := do("restore", "--config", configuration, "--lost"); err != nil {
		t.Error(err)
	}
}
