// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// Configure changes settings of all services of a role, from their next start on:
// the fields that are named, in sections as in the role's file; what is not named
// stays as the file has it. It is for those who measure, and for tests that cannot
// wait for hours; everything else runs the files as they are. Calling it again starts from the file again.
func (n *Network) Configure(role string, changes map[string]any) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(configurationOf(root, role))
	if err != nil {
		return fmt.Errorf("reading the settings of %s: %w", role, err)
	}
	settings := make(map[string]any)
	if err := json.Unmarshal(data, &settings); err != nil {
		return fmt.Errorf("reading the settings of %s: %w", role, err)
	}
	if data, err = json.MarshalIndent(overlay(settings, changes), "", "  "); err != nil {
		return fmt.Errorf("writing the settings of %s: %w", role, err)
	}
	path := filepath.Join(string(n.state), "settings", role+".json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing the settings of %s: %w", role, err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("writing the settings of %s: %w", role, err)
	}
	if n.settings == nil {
		n.settings = make(map[string]string)
	}
	n.settings[role] = path
	return nil
}

// overlay returns the settings with the changes; sections are changed field by
// field.
func overlay(settings, changes map[string]any) map[string]any {
	changed := maps.Clone(settings)
	if changed == nil {
		changed = make(map[string]any)
	}
	for name, change := range changes {
		section, isSection := change.(map[string]any)
		if !isSection {
			changed[name] = change
			continue
		}
		old, _ := changed[name].(map[string]any)
		changed[name] = overlay(old, section)
	}
	return changed
}
