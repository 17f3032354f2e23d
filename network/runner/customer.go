// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// customer is an organisation as an institute knows it.
type customer struct {
	mspID, kind string
	// folders are to have its credentials, with the address at which the
	// institute is called from there.
	folders map[string]string
}

// CustomerFolder holds the credentials with which an organisation's people and
// tills call a payment institute: as a Merchant, to take payments, or as an
// Enquirer, to ask about them.
func (n *Network) CustomerFolder(organisation, institute, kind string) string {
	return n.Folder(organisation, "institutes", institute, kind)
}

// customers lists those of an institute. A clearing house's service has a folder
// of its own.
func (n *Network) customers(x Institute) []customer {
	at := n.consortium.instituteAddress(x)
	outside := at.Advertise
	if n.consortium.Containers {
		outside = reachable(at.Listen)
	}
	var all []customer
	for _, o := range n.with(Retailer) {
		all = append(all, customer{mspID: o.MSPID, kind: Merchant, folders: map[string]string{
			n.CustomerFolder(o.Name, x.Name, Merchant): outside,
		}})
	}
	for _, o := range n.with(Clearing) {
		all = append(all, customer{mspID: o.MSPID, kind: Enquirer, folders: map[string]string{
			n.CustomerFolder(o.Name, x.Name, Enquirer):                        outside,
			n.Folder(o.Name, "services", Clearing, kindInstitute+"s", x.Name): at.Advertise,
		}})
	}
	return all
}

// served reports whether it has its credentials.
func (c customer) served() bool {
	for folder := range c.folders {
		if _, err := os.Stat(folder); err != nil {
			return false
		}
	}
	return true
}

// receive takes the credentials out of the institute's folder, which has no
// business with its customers' keys.
func (c customer) receive(institute string) error {
	from := filepath.Join(institute, "customers", c.kind+"-"+c.mspID)
	for folder, address := range c.folders {
		if err := copyCredentials(from, folder, address); err != nil {
			return err
		}
	}
	return os.RemoveAll(from)
}

// copyCredentials makes a folder of credentials for an institute that is called
// at an address. It appears complete or not at all; one that exists stays.
func copyCredentials(from, to, address string) error {
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	part := to + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	for name, mode := range map[string]fs.FileMode{"cert.pem": 0o644, "key.pem": 0o600, "institute.json": 0o644} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err == nil && name == "institute.json" {
			data, err = called(data, address)
		}
		if err == nil {
			err = writeFile(filepath.Join(part, name), data, mode)
		}
		if err != nil {
			return err
		}
	}
	return os.Rename(part, to)
}

// called puts another address into what an institute tells of itself.
func called(about []byte, address string) ([]byte, error) {
	var fields map[string]string
	if err := json.Unmarshal(about, &fields); err != nil {
		return nil, err
	}
	fields["address"] = address
	data, err := json.MarshalIndent(fields, "", "  ")
	return append(data, '\n'), err
}
