// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ecoupon/services/advertiser"
	"ecoupon/services/clearing"
	"ecoupon/services/issuer"
	"ecoupon/services/retailer"
)

// TestEverySettingIsDocumented: docs/operating.md has a row for each setting of
// the services, and for nothing else.
func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Settings of the services\n")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := make(map[string]bool) // setting: whether it is one
	for _, line := range strings.Split(section, "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, name := range strings.Split(strings.Split(line, "|")[1], ",") {
			documented[strings.Trim(name, " `")] = false
		}
	}
	documented["institutes"] = false // in the text
	for role, cfg := range map[string]any{
		"issuer": issuer.Config{}, "advertiser": advertiser.Config{}, "retailer": retailer.Config{}, "clearing": clearing.Config{},
	} {
		for _, name := range settings(reflect.TypeOf(cfg), "") {
			if _, known := documented[name]; !known {
				t.Errorf("docs/operating.md lacks %s of the %s's service", name, role)
			}
			documented[name] = true
		}
	}
	for name, known := range documented {
		if !known {
			t.Errorf("docs/operating.md has %s, which no service has", name)
		}
	}
}

// settings are the names of a configuration's fields, each behind its section's.
func settings(of reflect.Type, section string) []string {
	var names []string
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "" || name == "-":
		case field.Type.Kind() == reflect.Struct:
			names = append(names, settings(field.Type, section+name+".")...)
		default:
			names = append(names, section+name)
		}
	}
	return names
}
