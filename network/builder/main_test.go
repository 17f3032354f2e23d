// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyServersAreDetected(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		metadata string
		accepted bool
	}{
		"server":   {`{"type":"ccaas","label":"coupon"}`, true},
		"Go code":  {`{"type":"golang","label":"coupon"}`, false},
		"no type":  {`{}`, false},
		"not JSON": {`ccaas`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "metadata.json"), c.metadata)
			if err := run("detect", []string{t.TempDir(), dir}, ""); (err == nil) != c.accepted {
				t.Errorf("error %v, want accepted %v", err, c.accepted)
			}
		})
	}
	if err := run("detect", []string{t.TempDir(), t.TempDir()}, ""); err == nil {
		t.Error("a package without metadata is accepted")
	}
}

func TestConnectionIsHandedToThePeer(t *testing.T) {
	t.Parallel()
	file, out := writeConnection(t, whole()), t.TempDir()
	if err := run("build", []string{"", "", ""}, file); err != nil {
		t.Fatal(err)
	}
	if err := run("release", []string{"", out}, file); err != nil {
		t.Fatal(err)
	}
	released := filepath.Join(out, "chaincode", "server", "connection.json")
	got, err := os.ReadFile(released)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(file); err != nil || string(got) != string(want) {
		t.Errorf("released %s, want %s (%v)", got, want, err)
	}
	if info, err := os.Stat(released); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is readable by others: %v, %v", info.Mode(), err)
	}
}

func TestConnectionWithoutMutualTLSIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]any{
		"no TLS":             {"tls_required": false},
		"no client's side":   {"client_auth_required": false},
		"text for a bool":    {"tls_required": "true"},
		"no key":             {"client_key": ""},
		"no certificate":     {"client_cert": ""},
		"no authority":       {"root_cert": ""},
		"no address":         {"address": ""},
		"no server name":     {"domain": ""},
		"no timeout":         {"dial_timeout": ""},
		"something unknown":  {"tls": true},
		"timeout as a count": {"dial_timeout": 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := whole()
			maps.Copy(c, change)
			out := t.TempDir()
			if err := run("release", []string{"", out}, writeConnection(t, c)); err == nil {
				t.Error("released")
			}
			if entries, err := os.ReadDir(out); err != nil || len(entries) > 0 {
				t.Errorf("something was released: %v, %v", entries, err)
			}
		})
	}
}

func TestUnknownCallsAreRefused(t *testing.T) {
	t.Parallel()
	file := writeConnection(t, whole())
	for name, c := range map[string]struct {
		step string
		args []string
		file string
	}{
		"unknown step":    {"run", []string{"", ""}, file},
		"too few":         {"release", []string{""}, file},
		"too many":        {"build", []string{"", "", "", ""}, file},
		"no connection":   {"release", []string{"", t.TempDir()}, ""},
		"connection gone": {"release", []string{"", t.TempDir()}, file + ".gone"},
	} {
		if err := run(c.step, c.args, c.file); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func whole() map[string]any {
	return map[string]any{
		"address": "127.0.0.1:1", "domain": "chaincode.test", "dial_timeout": "3s", "tls_required": true,
		"client_auth_required": true, "client_key": "key", "client_cert": "cert", "root_cert": "root",
	}
}

func writeConnection(t *testing.T, c map[string]any) string {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "connection.json")
	write(t, file, string(data))
	return file
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(strings.TrimSpace(content)), 0o600); err != nil {
		t.Fatal(err)
	}
}
