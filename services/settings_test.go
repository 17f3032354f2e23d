// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"fmt"
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
// the services, and for nothing else, with the value that the files give.
func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Settings of the services\n")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := make(map[string]bool) // setting: whether it is one
	defaults := make(map[string]string)
	for _, line := range strings.Split(section, "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(line, "|")
		for _, name := range strings.Split(cells[1], ",") {
			name = strings.Trim(name, " `")
			documented[name], defaults[name] = false, cells[2]
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
		for name, value := range given(t, role) {
			if row := defaults[name]; !strings.Contains(row, "required") && !strings.Contains(row, "none") && !strings.Contains(row, value) {
				t.Errorf("%s is %s in the %s's file, and docs/operating.md says%s", name, value, role, row)
			}
		}
	}
	for name, known := range documented {
		if !known {
			t.Errorf("docs/operating.md has %s, which no service has", name)
		}
	}
}

// given are the plain values in a role's file, each under its setting's name.
func given(t *testing.T, role string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("config", role+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	var add func(section string, content map[string]any)
	add = func(section string, content map[string]any) {
		for name, value := range content {
			switch v := value.(type) {
			case map[string]any:
				add(section+name+".", v)
			case float64, bool, string:
				values[section+name] = fmt.Sprint(v)
			}
		}
	}
	add("", file)
	for name := range values {
		if strings.HasPrefix(name, "serve.allow.") || strings.HasPrefix(name, "audit.suspend_after.") || name == "institutes" {
			delete(values, name)
		}
	}
	return values
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
