// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// unit is what a certificate says that its holder is within the organisation.
type unit string

const (
	unitClient  unit = "client"
	unitPeer    unit = "peer"
	unitAdmin   unit = "admin"
	unitOrderer unit = "orderer"
)

// attributesOID is where Fabric keeps the attributes of an identity.
var attributesOID = asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1}

// member is somebody who signed, as the channel's configuration of that time
// judges the certificate.
type member struct {
	mspID string
	unit  unit
	// role is the certificate's attribute "role"; empty if it has none.
	role string
	cert *x509.Certificate
	// raw is the serialised identity.
	raw []byte
}

// organisation is a membership service provider of the channel.
type organisation struct {
	mspID                string
	roots, intermediates *x509.CertPool
	authorities          []*x509.Certificate
	admins               [][]byte
	revoked              []*x509.RevocationList
	nodeOUs              bool
	units                map[unit]unitRule
}

// unitRule is one of the organisational units that tell kinds of members apart.
type unitRule struct {
	name string
	// authority must have issued the certificate; nil for any of the organisation's.
	authority *x509.Certificate
}

func newOrganisation(config []byte) (*organisation, error) {
	var outer msp.MSPConfig
	var inner msp.FabricMSPConfig
	if err := errors.Join(proto.Unmarshal(config, &outer), proto.Unmarshal(outer.GetConfig(), &inner)); err != nil {
		return nil, fmt.Errorf("reading a membership provider: %w", err)
	}
	if outer.GetType() != 0 {
		return nil, fmt.Errorf("membership provider %s is not of X.509 certificates", inner.GetName())
	}
	o := &organisation{
		mspID: inner.GetName(), roots: x509.NewCertPool(), intermediates: x509.NewCertPool(),
		nodeOUs: inner.GetFabricNodeOus().GetEnable(), units: map[unit]unitRule{},
	}
	for _, text := range inner.GetRootCerts() {
		if err := o.trust(text, o.roots); err != nil {
			return nil, err
		}
	}
	for _, text := range inner.GetIntermediateCerts() {
		if err := o.trust(text, o.intermediates); err != nil {
			return nil, err
		}
	}
	for _, text := range inner.GetAdmins() {
		if cert, err := parseCertificate(text); err == nil {
			o.admins = append(o.admins, cert.Raw)
		}
	}
	for _, text := range inner.GetRevocationList() {
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("a revocation list of %s is no PEM", o.mspID)
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("a revocation list of %s: %w", o.mspID, err)
		}
		o.revoked = append(o.revoked, list)
	}
	return o, o.addUnits(inner.GetFabricNodeOus())
}

func (o *organisation) trust(text []byte, pool *x509.CertPool) error {
	cert, err := parseCertificate(text)
	if err != nil {
		return fmt.Errorf("an authority of %s: %w", o.mspID, err)
	}
	pool.AddCert(cert)
	o.authorities = append(o.authorities, cert)
	return nil
}

func (o *organisation) addUnits(ous *msp.FabricNodeOUs) error {
	for kind, id := range map[unit]*msp.FabricOUIdentifier{
		unitClient: ous.GetClientOuIdentifier(), unitPeer: ous.GetPeerOuIdentifier(),
		unitAdmin: ous.GetAdminOuIdentifier(), unitOrderer: ous.GetOrdererOuIdentifier(),
	} {
		if id == nil {
			continue
		}
		rule := unitRule{name: id.GetOrganizationalUnitIdentifier()}
		if len(id.GetCertificate()) > 0 {
			cert, err := parseCertificate(id.GetCertificate())
			if err != nil {
				return fmt.Errorf("the authority of unit %s of %s: %w", kind, o.mspID, err)
			}
			rule.authority = cert
		}
		o.units[kind] = rule
	}
	return nil
}

// judge checks that a certificate is one of the organisation's: the chain to
// an authority, revocation, and the organisational unit. Like peers it does so
// as of the beginning of the certificate's life: whether it had ended is
// another question.
func (o *organisation) judge(cert *x509.Certificate) (unit, error) {
	if cert.IsCA {
		return "", errors.New("the certificate is an authority's")
	}
	chains, err := cert.Verify(x509.VerifyOptions{
		Roots: o.roots, Intermediates: o.intermediates, CurrentTime: cert.NotBefore.Add(time.Second),
	})
	if err != nil {
		return "", fmt.Errorf("the certificate is not of %s: %w", o.mspID, err)
	}
	if len(chains) != 1 || len(chains[0]) < 2 {
		return "", fmt.Errorf("the certificate has %d chains to authorities of %s", len(chains), o.mspID)
	}
	issuer := chains[0][1]
	for _, list := range o.revoked {
		if list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		for _, entry := range list.RevokedCertificateEntries {
			if entry.SerialNumber.Cmp(cert.SerialNumber) == 0 {
				return "", fmt.Errorf("%s has revoked the certificate", o.mspID)
			}
		}
	}
	return o.unitOf(cert, issuer)
}

func (o *organisation) unitOf(cert, issuer *x509.Certificate) (unit, error) {
	if !o.nodeOUs {
		if slices.ContainsFunc(o.admins, func(raw []byte) bool { return bytes.Equal(raw, cert.Raw) }) {
			return unitAdmin, nil
		}
		return "", nil
	}
	var found []unit
	for kind, rule := range o.units {
		if slices.Contains(cert.Subject.OrganizationalUnit, rule.name) &&
			(rule.authority == nil || rule.authority.Equal(issuer)) {
			found = append(found, kind)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the certificate is of %d kinds of members of %s, not of one", len(found), o.mspID)
	}
	return found[0], nil
}

// roleOf reads the attribute "role"; a certificate without a readable one has
// none.
func roleOf(cert *x509.Certificate) string {
	var attributes struct {
		Attrs map[string]string `json:"attrs"`
	}
	for _, extension := range cert.Extensions {
		if extension.Id.Equal(attributesOID) && json.Unmarshal(extension.Value, &attributes) == nil {
			return attributes.Attrs["role"]
		}
	}
	return ""
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the certificate is no PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// verify checks a signature as peers do: over the SHA-256 for ECDSA, whose S
// must be the smaller of the two, and over the message itself for Ed25519.
func verify(cert *x509.Certificate, message, signature []byte) error {
	switch key := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		var v struct{ R, S *big.Int }
		if rest, err := asn1.Unmarshal(signature, &v); err != nil || len(rest) > 0 {
			return errors.New("the signature is not two integers")
		}
		if v.S.Cmp(new(big.Int).Rsh(key.Params().N, 1)) > 0 {
			return errors.New("the signature is not the smaller of the two")
		}
		digest := sha256.Sum256(message)
		if !ecdsa.VerifyASN1(key, digest[:], signature) {
			return errors.New("the signature is not over this")
		}
	case ed25519.PublicKey:
		if !ed25519.Verify(key, message, signature) {
			return errors.New("the signature is not over this")
		}
	default:
		return errors.New("the key is neither ECDSA nor Ed25519")
	}
	return nil
}
