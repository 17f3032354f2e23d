// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// chaincodeLabel begins the ids of all packages.
const chaincodeLabel = "coupon"

// installable is a chaincode package with the id that peers give it.
type installable struct {
	id, version string
	data        []byte
}

// chaincodePackage makes the package that every organisation installs. It
// depends on nothing but label and version, so all get the same id, and holds
// no address and no key: each peer's builder adds its own.
func chaincodePackage(version string) (installable, error) {
	code, err := archive(file{"chaincode.json", fmt.Sprintf(`{"name":%q,"version":%q}`, chaincodeLabel, version)})
	if err != nil {
		return installable{}, err
	}
	data, err := archive(
		file{"metadata.json", fmt.Sprintf(`{"type":"ccaas","label":%q}`, chaincodeLabel)},
		file{"code.tar.gz", string(code)},
	)
	if err != nil {
		return installable{}, err
	}
	sum := sha256.Sum256(data)
	return installable{id: chaincodeLabel + ":" + hex.EncodeToString(sum[:]), version: version, data: data}, nil
}

type file struct{ name, content string }

// archive makes a tar.gz with no time, owner or name of its maker in it.
func archive(files ...file) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for _, f := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: 0o644, Size: int64(len(f.content)), Format: tar.FormatUSTAR}
		if err := t.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.name, err)
		}
		if _, err := t.Write([]byte(f.content)); err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.name, err)
		}
	}
	if err := t.Close(); err != nil {
		return nil, fmt.Errorf("packing chaincode: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("packing chaincode: %w", err)
	}
	return b.Bytes(), nil
}
