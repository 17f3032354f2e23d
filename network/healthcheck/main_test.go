// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestCheck(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", authority)
	for _, test := range []struct {
		name, target string
		well         bool
	}{
		{"serves", plain.URL + "/healthz", true},
		{"unwell", plain.URL + "/other", false},
		{"handshake", "tls://" + secure.Listener.Addr().String(), true},
		{"no TLS there", "tls://" + plain.Listener.Addr().String(), false},
		{"nobody there", "http://127.0.0.1:1/healthz", false},
		{"not set", "", false},
		{"other scheme", "ftp://127.0.0.1/", false},
		{"no address", "http://%", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := check(t.Context(), test.target); (err == nil) != test.well {
				t.Errorf("check(%q) = %v, want well %t", test.target, err, test.well)
			}
		})
	}
}

func TestWriteTemporary(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	if err := writeTemporary(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "none"))
	if writeTemporary() == nil {
		t.Error("well without a directory for temporary files")
	}
}
