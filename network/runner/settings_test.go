// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestConfigure(t *testing.T) {
	t.Parallel()
	c := Default()
	c.StateDir = filepath.Join(t.TempDir(), "state")
	n, err := New(c, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	n.binaries.root = root
	file := n.configuration(Retailer)
	for _, size := range []float64{1, 7} {
		if err := n.Configure(Retailer, map[string]any{"batch": map[string]any{"coupons": size}, "store": "other.db"}); err != nil {
			t.Fatal(err)
		}
		changed, original := read(t, n.configuration(Retailer)), read(t, file)
		batch, old := changed["batch"].(map[string]any), original["batch"].(map[string]any)
		if batch["coupons"] != size || batch["window"] != old["window"] || changed["store"] != "other.db" {
			t.Errorf("got %v", changed)
		}
		if old["coupons"] == size || original["store"] == "other.db" {
			t.Errorf("the file itself is changed: %v", original)
		}
	}
	if n.configuration(Advertiser) != filepath.Join(root, "services", "config", "advertiser.json") {
		t.Error("another role has other settings")
	}
	if err := n.Configure("nobody", nil); err == nil {
		t.Error("a role that does not exist has settings")
	}
}

func read(t *testing.T, path string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	settings := make(map[string]any)
	if err := json.Unmarshal(data, &settings); err != nil {
		t.Fatal(err)
	}
	return settings
}
