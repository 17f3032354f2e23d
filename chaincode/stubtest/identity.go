// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/attrmgr"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// validity is how long certificates are good; long enough for any test clock.
const validity = 10 * 365 * 24 * time.Hour

// Identity is somebody who can make proposals.
type Identity struct {
	MSPID       string
	Role        string
	Serialized  []byte // what GetCreator returns: a SerializedIdentity
	Certificate *x509.Certificate
	Key         *ecdsa.PrivateKey
}

// authority is a certificate authority of one organisation.
type authority struct {
	mspID string
	now   func() time.Time
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
}

func newAuthority(mspID, name string, now func() time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	a := &authority{mspID: mspID, now: now, key: key}
	template := a.template(pkix.Name{Organization: []string{mspID}, CommonName: name})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	if a.cert, err = sign(template, template, key, key); err != nil {
		return nil, err
	}
	return a, nil
}

// issue makes an identity with the attribute "role" and the organisational
// unit that tells clients, peers and administrators apart.
func (a *authority) issue(role, unit string) (Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, fmt.Errorf("making a key: %w", err)
	}
	template := a.template(pkix.Name{
		Organization: []string{a.mspID}, OrganizationalUnit: []string{unit},
		CommonName: role + "." + a.mspID,
	})
	attributes, err := json.Marshal(attrmgr.Attributes{Attrs: map[string]string{"role": role}})
	if err != nil {
		return Identity{}, fmt.Errorf("encoding attributes: %w", err)
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtraExtensions = []pkix.Extension{{Id: attrmgr.AttrOID, Value: attributes}}
	cert, err := sign(template, a.cert, key, a.key)
	if err != nil {
		return Identity{}, err
	}
	data, err := proto.Marshal(&msp.SerializedIdentity{
		Mspid:   a.mspID,
		IdBytes: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}),
	})
	if err != nil {
		return Identity{}, fmt.Errorf("encoding an identity: %w", err)
	}
	return Identity{MSPID: a.mspID, Role: role, Serialized: data, Certificate: cert, Key: key}, nil
}

// revoke makes a list of certificates that are not good any more.
func (a *authority) revoke(revoked []Identity) ([]byte, error) {
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: a.now(), NextUpdate: a.now().Add(validity)}
	for _, id := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: id.Certificate.SerialNumber, RevocationTime: a.now(),
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		return nil, fmt.Errorf("making a revocation list: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}

func (a *authority) template(subject pkix.Name) *x509.Certificate {
	serial := make([]byte, 16)
	_, _ = rand.Read(serial) // never fails
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      subject,
		NotBefore:    a.now().Add(-24 * time.Hour),
		NotAfter:     a.now().Add(validity),
	}
}

func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// member returns the organisation that a serialised identity belongs to, or an
// error when its certificate is not one of that organisation's MSP.
func (n *Network) member(id []byte) (string, error) {
	if mspID, ok := n.members.Load(string(id)); ok {
		return mspID.(string), nil
	}
	var parts msp.SerializedIdentity
	if err := proto.Unmarshal(id, &parts); err != nil {
		return "", fmt.Errorf("access denied: creator is malformed: %w", err)
	}
	org, err := n.organisation(parts.Mspid)
	if err != nil {
		return "", fmt.Errorf("access denied: %w", err)
	}
	block, _ := pem.Decode(parts.IdBytes)
	if block == nil {
		return "", fmt.Errorf("access denied: creator of %s has no certificate", parts.Mspid)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("access denied: certificate of a creator of %s: %w", parts.Mspid, err)
	}
	if err := cert.CheckSignatureFrom(org.msp.cert); err != nil {
		return "", fmt.Errorf("access denied: creator is not of %s: %w", parts.Mspid, err)
	}
	n.members.Store(string(id), parts.Mspid)
	return parts.Mspid, nil
}
