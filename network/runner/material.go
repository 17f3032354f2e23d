// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// nodeOUs lets Fabric tell administrators, clients, peers and orderers by the
// organisational unit in their certificates.
const nodeOUs = `NodeOUs:
  Enable: true
  ClientOUIdentifier:
    Certificate: cacerts/ca.pem
    OrganizationalUnitIdentifier: client
  PeerOUIdentifier:
    Certificate: cacerts/ca.pem
    OrganizationalUnitIdentifier: peer
  AdminOUIdentifier:
    Certificate: cacerts/ca.pem
    OrganizationalUnitIdentifier: admin
  OrdererOUIdentifier:
    Certificate: cacerts/ca.pem
    OrganizationalUnitIdentifier: orderer
`

// tills is the number of tills each organisation is given certificates for.
const tills = 2

// issuance writes the folder of one organisation. The first error is kept and
// makes the rest do nothing.
type issuance struct {
	dir string
	org Organisation
	err error

	identity, tls, tills          *authority
	identityPEM, tlsPEM, tillsPEM []byte
}

// makeOrganisation writes all keys and certificates of an organisation into
// dir, which appears complete or not at all. One that exists is left as it is.
func makeOrganisation(dir string, o Organisation, advertisedHosts []string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for the organisation %s: %w", o.Name, err)
	}
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("making the organisation %s: %w", o.Name, err)
	}
	i := &issuance{dir: part, org: o}
	i.authorities()
	i.people()
	i.nodes(advertisedHosts)
	i.services(advertisedHosts)
	if i.err != nil {
		return fmt.Errorf("making the organisation %s: %w", o.Name, i.err)
	}
	if err := os.Rename(part, dir); err != nil {
		return fmt.Errorf("making the organisation %s: %w", o.Name, err)
	}
	return nil
}

// authorities makes the three authorities. That of the tills is none of the
// channel's: a till's certificate means nothing to the ledger.
func (i *issuance) authorities() {
	i.identity, i.identityPEM = i.authority("identity")
	i.tls, i.tlsPEM = i.authority("tls")
	i.tills, i.tillsPEM = i.authority("tills")
	i.msp("msp", credential{})
}

func (i *issuance) authority(name string) (*authority, []byte) {
	if i.err != nil {
		return nil, nil
	}
	a, made, err := newAuthority(i.org.MSPID, name+"-ca."+i.org.Name+".example")
	i.keep(err)
	i.write(filepath.Join("ca", name+".pem"), made.cert, 0o644)
	i.write(filepath.Join("ca", name+".key"), made.key, 0o600)
	return a, made.cert
}

// people makes the credentials that persons and tills hold.
func (i *issuance) people() {
	i.pair("admin", "cert.pem", "key.pem", i.leaf(i.identity, subject{unit: "admin", name: "admin"}))
	i.pair("admin", "tls.pem", "tls.key", i.leaf(i.tls, subject{unit: "admin", name: "admin", client: true}))
	for _, role := range people {
		i.person(role)
	}
	for n := range tills {
		i.till(fmt.Sprintf("till-%d", n+1))
	}
}

// person makes an identity and what its holder shows to the organisation's peers.
func (i *issuance) person(role string) {
	i.pair(role, "tls.pem", "tls.key", i.leaf(i.tls, subject{unit: "client", name: role, client: true}))
	i.pair(role, "cert.pem", "key.pem", i.leaf(i.identity, subject{unit: "client", name: role, role: role}))
}

func (i *issuance) till(name string) {
	i.pair(name, "cert.pem", "key.pem", i.leaf(i.tills, subject{unit: "till", name: name, role: "till", client: true}))
}

func (i *issuance) nodes(hosts []string) {
	kinds := i.org.peers()
	if i.org.HasOrderer() {
		kinds = append(kinds, kindOrderer)
	}
	for _, kind := range kinds {
		i.node(kind, hosts)
		i.mkdir(filepath.Join(kind, "tmp"))
	}
	i.server(kindChaincode, kindChaincode, hosts)
	if i.org.HasOrderer() {
		i.copy(filepath.Join("admin", "tls.pem"), filepath.Join(kindOrderer, "tls", "admin.crt"))
	}
}

// node makes the identity of a peer or an orderer, and its server's certificate.
func (i *issuance) node(kind string, hosts []string) {
	name, unit := i.org.serverName(kind), kind
	if isPeer(kind) {
		unit = kindPeer
	}
	i.msp(filepath.Join(kind, "msp"), i.leaf(i.identity, subject{unit: unit, name: name}))
	i.server(kind, unit, hosts)
}

// server makes tls/server.crt, server.key and ca.crt of a process.
func (i *issuance) server(kind, unit string, hosts []string) {
	tls := filepath.Join(kind, "tls")
	i.pair(tls, "server.crt", "server.key", i.leaf(i.tls, i.serverSubject(kind, unit, hosts)))
	i.write(filepath.Join(tls, "ca.crt"), i.tlsPEM, 0o644)
}

func (i *issuance) serverSubject(kind, unit string, hosts []string) subject {
	names := append([]string{i.org.serverName(kind), "localhost", "127.0.0.1"}, hosts...)
	slices.Sort(names)
	return subject{unit: unit, name: i.org.serverName(kind), hosts: slices.Compact(names), client: true}
}

func (i *issuance) services(hosts []string) {
	for _, role := range i.org.Roles {
		i.service(role, hosts)
		i.mkdir(filepath.Join("services", role, "data"))
	}
	i.ensureList()
}

func (i *issuance) service(role string, hosts []string) {
	dir := filepath.Join("services", role)
	name := i.org.serverName(role)
	i.pair(dir, "identity.pem", "identity.key", i.leaf(i.identity, subject{unit: "client", name: name, role: "service"}))
	i.pair(dir, "tls.pem", "tls.key", i.leaf(i.tls, i.serverSubject(role, "service", hosts)))
}

// msp writes a membership folder; without a holder's credential a public one.
func (i *issuance) msp(dir string, holder credential) {
	i.write(filepath.Join(dir, "config.yaml"), []byte(nodeOUs), 0o644)
	i.write(filepath.Join(dir, "cacerts", "ca.pem"), i.identityPEM, 0o644)
	i.write(filepath.Join(dir, "tlscacerts", "ca.pem"), i.tlsPEM, 0o644)
	if holder.cert != nil {
		i.write(filepath.Join(dir, "signcerts", "cert.pem"), holder.cert, 0o644)
		i.write(filepath.Join(dir, "keystore", "key.pem"), holder.key, 0o600)
	}
}

func (i *issuance) leaf(a *authority, s subject) credential {
	if i.err != nil {
		return credential{}
	}
	s.mspID = i.org.MSPID
	made, err := a.issue(s)
	i.keep(err)
	return made
}

func (i *issuance) pair(dir, cert, key string, c credential) {
	i.write(filepath.Join(dir, cert), c.cert, 0o644)
	i.write(filepath.Join(dir, key), c.key, 0o600)
}

func (i *issuance) copy(from, to string) {
	if i.err != nil {
		return
	}
	data, err := os.ReadFile(filepath.Join(i.dir, from))
	i.keep(err)
	i.write(to, data, 0o644)
}

func (i *issuance) write(name string, data []byte, mode fs.FileMode) {
	if i.err == nil {
		i.keep(writeFile(filepath.Join(i.dir, name), data, mode))
	}
}

func (i *issuance) mkdir(name string) {
	if i.err == nil {
		i.keep(os.MkdirAll(filepath.Join(i.dir, name), 0o700))
	}
}

func (i *issuance) keep(err error) {
	if i.err == nil {
		i.err = err
	}
}

// writeFile replaces the file at once, so that no reader sees half of it, and
// makes the folders above for their owner alone.
func writeFile(name string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	part := name + ".part"
	if err := os.WriteFile(part, data, mode); err != nil {
		return err
	}
	return os.Rename(part, name)
}
