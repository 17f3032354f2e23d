// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// renewal is how long before its end a certificate is to be renewed.
const renewal = 30 * 24 * time.Hour

// people are the persons of an organisation whose credentials can be renewed.
var people = []string{"operator", "auditor"}

// errFixed says which certificates stand in the channel's configuration or in
// that of other processes.
var errFixed = errors.New("the certificates of orderers and administrators cannot be renewed: " +
	"the channel's configuration lists those of orderers, and orderers list their administrators'")

// Certificate is a certificate in the network's folders.
type Certificate struct {
	// File is its name below the folder of all organisations.
	File string    `json:"file"`
	Ends time.Time `json:"ends"`
}

// Renew gives a process, "peer.issuer", or a person, "operator.issuer", new
// keys and certificates of its organisation's authorities. A process is stopped
// for it and started again if it was running.
func (n *Network) Renew(ctx context.Context, name string) error {
	kind, owner, _ := strings.Cut(name, ".")
	if kind == kindOrderer || kind == "admin" {
		return fmt.Errorf("renewing %s: %w", name, errFixed)
	}
	if kind == kindInstitute {
		return fmt.Errorf("renewing %s: %w", name, errInstitute)
	}
	if slices.Contains(people, kind) {
		return n.lockedOrganisation(owner, func(o Organisation) error {
			return n.issue(o, func(i *issuance) { i.person(kind) })
		})
	}
	return n.locked(name, func(o Organisation, kind string) error {
		err := n.halted(ctx, o, kind, func() error {
			hosts := n.consortium.namesOf(o)
			return n.issue(o, func(i *issuance) {
				switch {
				case isPeer(kind):
					i.node(kind, hosts)
				case kind == kindChaincode:
					i.server(kind, kind, hosts)
				default:
					i.service(kind, hosts)
				}
			})
		})
		if err != nil {
			return fmt.Errorf("renewing %s: %w", name, err)
		}
		return nil
	})
}

// lockedOrganisation does something in an organisation's folder.
func (n *Network) lockedOrganisation(name string, do func(Organisation) error) error {
	for _, o := range n.consortium.Organisations {
		if o.Name != name {
			continue
		}
		unlock, err := n.state.lock()
		if err != nil {
			return err
		}
		defer unlock()
		return do(o)
	}
	return fmt.Errorf("there is no organisation %q", name)
}

// issue writes into an organisation's folder what its authorities make.
func (n *Network) issue(o Organisation, make func(*issuance)) error {
	i := &issuance{dir: n.state.organisation(o.Name), org: o}
	i.identity, i.identityPEM = i.known("identity")
	i.tls, i.tlsPEM = i.known("tls")
	i.tills, i.tillsPEM = i.known("tills")
	if i.err == nil {
		make(i)
	}
	return i.err
}

// known reads an authority that was made before.
func (i *issuance) known(name string) (*authority, []byte) {
	if i.err != nil {
		return nil, nil
	}
	cert, certPEM, err := readCertificate(filepath.Join(i.dir, "ca", name+".pem"))
	i.keep(err)
	text, err := os.ReadFile(filepath.Join(i.dir, "ca", name+".key"))
	i.keep(err)
	block, _ := pem.Decode(text)
	if i.err == nil && block == nil {
		i.keep(fmt.Errorf("the key of the authority %s is no PEM", name))
	}
	if i.err != nil {
		return nil, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	i.keep(err)
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		i.keep(fmt.Errorf("the key of the authority %s is not one of this network's", name))
	}
	return &authority{cert: cert, key: signer}, certPEM
}

func readCertificate(name string) (*x509.Certificate, []byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, fmt.Errorf("reading a certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, nil, fmt.Errorf("%s is no PEM", name)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return cert, text, nil
}

// leaves are the names under which certificates of processes, persons and tills
// are kept.
var leaves = []string{"cert.pem", "tls.pem", "identity.pem", "server.crt"}

// Ending lists the certificates that end within 30 days or have ended, first
// those that end first.
func (n *Network) Ending() ([]Certificate, error) {
	return endingBefore(n.state.path("organisations"), time.Now().Add(renewal))
}

func endingBefore(dir string, limit time.Time) ([]Certificate, error) {
	var found []Certificate
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it came and went
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "data" || strings.HasPrefix(d.Name(), "data.")):
			return fs.SkipDir
		case !slices.Contains(leaves, d.Name()):
			return nil
		}
		cert, _, err := readCertificate(path)
		if err != nil || cert.NotAfter.After(limit) {
			return err
		}
		name, err := filepath.Rel(dir, path)
		found = append(found, Certificate{File: name, Ends: cert.NotAfter})
		return err
	})
	slices.SortFunc(found, func(a, b Certificate) int { return a.Ends.Compare(b.Ends) })
	return found, err
}
