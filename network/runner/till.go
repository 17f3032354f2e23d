// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// tillName is what a till may be called.
var tillName = regexp.MustCompile(`^till-[a-z0-9-]{1,40}$`)

// Till makes a folder with the credentials of an organisation's till and
// returns its name. Where there is one of this name, it gets new credentials,
// and its former certificate is withdrawn.
func (n *Network) Till(organisation, name string) (folder string, err error) {
	if !tillName.MatchString(name) {
		return "", fmt.Errorf("%q is no name of a till, such as till-3", name)
	}
	folder = n.Folder(organisation, name)
	err = n.lockedOrganisation(organisation, func(o Organisation) error {
		former, _, err := readCertificate(filepath.Join(folder, "cert.pem"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err = n.issue(o, func(i *issuance) {
			i.till(name)
			if former != nil {
				i.withdraw(former)
			}
		})
		if err != nil {
			return err
		}
		return n.writeDirectory()
	})
	if err != nil {
		return "", fmt.Errorf("making %s of %s: %w", name, organisation, err)
	}
	return folder, nil
}

// WithdrawTill takes a till's certificate back: the organisation's service
// believes it no longer than another second, also on connections that are open.
// The till's folder is removed.
func (n *Network) WithdrawTill(organisation, name string) error {
	if !tillName.MatchString(name) {
		return fmt.Errorf("%q is no name of a till, such as till-3", name)
	}
	folder := n.Folder(organisation, name)
	err := n.lockedOrganisation(organisation, func(o Organisation) error {
		cert, _, err := readCertificate(filepath.Join(folder, "cert.pem"))
		if err != nil {
			return err
		}
		if err := n.issue(o, func(i *issuance) { i.withdraw(cert) }); err != nil {
			return err
		}
		return os.RemoveAll(folder)
	})
	if err != nil {
		return fmt.Errorf("withdrawing %s of %s: %w", name, organisation, err)
	}
	return nil
}

// tillsOf lists an organisation's tills.
func (n *Network) tillsOf(o Organisation) []string {
	folders, _ := filepath.Glob(n.Folder(o.Name, "till-*")) // the pattern is good
	for i, folder := range folders {
		folders[i] = filepath.Base(folder)
	}
	return folders
}

// tillsList is the file with the list of withdrawn certificates of tills, in
// the authority's folder and in that of the service which reads it.
const tillsList = "tills.crl"

// ensureList writes an empty list where there is none, for the service does not
// start without one.
func (i *issuance) ensureList() {
	_, err := os.Stat(filepath.Join(i.dir, "services", Retailer, tillsList))
	if i.err == nil && i.org.HasRole(Retailer) && errors.Is(err, fs.ErrNotExist) {
		i.withdraw()
	}
}

// withdraw adds certificates to the list.
func (i *issuance) withdraw(certificates ...*x509.Certificate) {
	if i.err != nil {
		return
	}
	list, err := readList(filepath.Join(i.dir, "ca", tillsList))
	i.keep(err)
	for _, c := range certificates {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: time.Now()})
	}
	number := new(big.Int).Add(list.Number, big.NewInt(1))
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: number, RevokedCertificateEntries: list.RevokedCertificateEntries,
		ThisUpdate: time.Now(), NextUpdate: i.tills.cert.NotAfter,
	}, i.tills.cert, i.tills.key)
	i.keep(err)
	text := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
	i.write(filepath.Join("ca", tillsList), text, 0o644)
	if slices.Contains(i.org.Roles, Retailer) {
		i.write(filepath.Join("services", Retailer, tillsList), text, 0o644)
	}
}

// readList is empty, with the number 0, where there is none.
func readList(name string) (*x509.RevocationList, error) {
	empty := &x509.RevocationList{Number: new(big.Int)}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return empty, fmt.Errorf("reading what is withdrawn: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return empty, fmt.Errorf("%s is no PEM", name)
	}
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		return empty, fmt.Errorf("reading %s: %w", name, err)
	}
	return list, nil
}
