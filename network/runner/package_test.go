// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestChaincodePackageIsTheSameForAll(t *testing.T) {
	t.Parallel()
	one, err := chaincodePackage("1")
	if err != nil {
		t.Fatal(err)
	}
	other, err := chaincodePackage("1")
	if err != nil {
		t.Fatal(err)
	}
	// A changed id makes every organisation approve the chaincode anew.
	const want = "coupon:378df6d112ace899e4c0672d06dd5c120a07dca436a89014731dd7f3b1b0cd7e"
	if one.id != want || !bytes.Equal(one.data, other.data) {
		t.Errorf("id %s, want %s", one.id, want)
	}
}

func TestChaincodePackageHoldsNoSecret(t *testing.T) {
	t.Parallel()
	pkg, err := chaincodePackage("1")
	if err != nil {
		t.Fatal(err)
	}
	files := unpack(t, pkg.data)
	for name, content := range unpack(t, []byte(files["code.tar.gz"])) {
		files[name] = content
	}
	for _, want := range []string{"metadata.json", "code.tar.gz", "chaincode.json"} {
		if files[want] == "" {
			t.Errorf("%s is missing", want)
		}
	}
	for name, content := range files {
		if strings.Contains(content, "-----BEGIN") || strings.Contains(content, "127.0.0.1") {
			t.Errorf("%s holds a key, a certificate or an address", name)
		}
	}
}

func unpack(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = string(content)
	}
}
