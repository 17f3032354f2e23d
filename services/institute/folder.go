// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package institute

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/dial"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/sqlstore"
)

// Files in an institute's folder. Each customer has one of its own below
// customersFolder, which is handed to the customer.
const (
	signingFile     = "signing.pem" // its Ed25519 keys, the one in use first
	authorityFile   = "ca"          // and .pem, .key
	serverFile      = "tls"         // and .pem, .key
	storeFile       = "data/institute.db"
	customersFolder = "customers"

	serverName = "institute.example"
)

// mspForm is that of MSP ids, which name folders here.
var mspForm = regexp.MustCompile(`^[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*$`)

// Customer is who may call the institute, and for what.
type Customer struct {
	MSPID string
	// Kind is Merchant or Enquirer.
	Kind string
}

// Folder is where an institute keeps its keys, its authority and its store.
type Folder string

// Customer is the folder with a customer's credentials.
func (f Folder) Customer(c Customer) string {
	return filepath.Join(string(f), customersFolder, c.Kind+"-"+c.MSPID)
}

// SetUp makes what is missing in the folder: keys, authority, certificates, and
// the credentials of the customers, who call the institute by this name at the
// address. Nothing that is there is made anew but where the institute is called.
func (f Folder) SetUp(name, address string, customers ...Customer) error {
	if err := coupon.CheckID("name", name); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	for _, c := range customers {
		if !mspForm.MatchString(c.MSPID) || c.Kind != Merchant && c.Kind != Enquirer {
			return fmt.Errorf("%q is no %s or %s with an MSP id", c, Merchant, Enquirer)
		}
	}
	if _, err := os.Stat(f.path(signingFile)); errors.Is(err, fs.ErrNotExist) {
		if err := f.Rotate(); err != nil {
			return err
		}
	}
	authority, err := f.authority()
	if err != nil {
		return err
	}
	if err := authority.ensure(f.path(serverFile+".pem"), f.path(serverFile+".key"), holder{name: serverName, hosts: []string{serverName, host}}); err != nil {
		return err
	}
	about, err := json.MarshalIndent(dial.Institute{Name: name, Address: address, ServerName: serverName, CA: string(authority.pem)}, "", "  ")
	if err != nil {
		return err
	}
	if err := write(f.path(dial.InstituteFile), about); err != nil {
		return err
	}
	for _, c := range customers {
		folder := f.Customer(c)
		err := authority.ensure(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"), holder{name: c.MSPID, unit: c.Kind})
		if err != nil {
			return err
		}
		if err := write(filepath.Join(folder, dial.InstituteFile), about); err != nil {
			return err
		}
	}
	return nil
}

// Rotate makes a new key, which attests from the next start on. Register it
// before that.
func (f Folder) Rotate() error {
	former, err := os.ReadFile(f.path(signingFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	text, err := keyPEM(key)
	if err != nil {
		return err
	}
	return write(f.path(signingFile), append(text, former...))
}

// Serve runs the institute of the folder until ctx ends.
func (f Folder) Serve(ctx context.Context, listen Listeners, logger *slog.Logger) (err error) {
	var about dial.Institute
	if err := config.Load(f.path(dial.InstituteFile), &about); err != nil {
		return err
	}
	keys, err := f.signingKeys()
	if err != nil {
		return err
	}
	tables, err := Migrations()
	if err != nil {
		return err
	}
	// A store that is being made is not left half made.
	store, err := sqlstore.Open(context.WithoutCancel(ctx), sqlstore.Options{Path: f.path(storeFile), Migrations: tables})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	service, err := New(Options{Name: about.Name, Keys: keys, Store: store, Now: time.Now})
	if err != nil {
		return err
	}
	certificate, err := tls.LoadX509KeyPair(f.path(serverFile+".pem"), f.path(serverFile+".key"))
	if err != nil {
		return err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM([]byte(about.CA)) {
		return errors.New("the institute's authority cannot be read")
	}
	return Serve(ctx, service, certificate, authorities, listen, logger)
}

// Keys lists the public keys of the folder; the first attests from the next
// start on.
func (f Folder) Keys() ([]coupon.PublicKey, error) {
	keys, err := f.signingKeys()
	return publicKeys(keys), err
}

func (f Folder) signingKeys() ([]ed25519.PrivateKey, error) {
	rest, err := os.ReadFile(f.path(signingFile))
	if err != nil {
		return nil, err
	}
	var keys []ed25519.PrivateKey
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return keys, nil
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.path(signingFile), err)
		}
		key, is := parsed.(ed25519.PrivateKey)
		if !is {
			return nil, fmt.Errorf("%s: a key is not Ed25519", f.path(signingFile))
		}
		keys = append(keys, key)
	}
}

func (f Folder) path(name string) string { return filepath.Join(string(f), name) }

// write replaces a file that only the owner can read.
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
