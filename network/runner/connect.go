// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Limits of the runner's own calls to a peer.
const (
	callLimit   = 10 * time.Second
	commitLimit = 20 * time.Second
	maxMessage  = 100 << 20
)

// signer is an identity of the channel with its signature.
type signer struct {
	*identity.X509Identity
	sign identity.Sign
}

// readSigner reads a certificate and its key.
func readSigner(mspID, certFile, keyFile string) (signer, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return signer{}, fmt.Errorf("reading an identity: %w", err)
	}
	cert, err := identity.CertificateFromPEM(certPEM)
	if err != nil {
		return signer{}, fmt.Errorf("reading the identity %s: %w", certFile, err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return signer{}, fmt.Errorf("reading an identity: %w", err)
	}
	key, err := identity.PrivateKeyFromPEM(keyPEM)
	if err != nil {
		return signer{}, fmt.Errorf("reading the identity %s: %w", keyFile, err)
	}
	id, err := identity.NewX509Identity(mspID, cert)
	if err != nil {
		return signer{}, fmt.Errorf("reading the identity %s: %w", certFile, err)
	}
	sign, err := identity.NewPrivateKeySign(key)
	if err != nil {
		return signer{}, fmt.Errorf("reading the identity %s: %w", keyFile, err)
	}
	return signer{X509Identity: id, sign: sign}, nil
}

// identityOf reads one of an organisation's identities: a role stands for that
// of its service, any other name for a folder such as admin or operator.
func (n *Network) identityOf(o Organisation, name string) (signer, error) {
	dir := n.state.organisation(o.Name)
	if slices.Contains(roles, name) {
		dir = filepath.Join(dir, "services", name)
		return readSigner(o.MSPID, filepath.Join(dir, "identity.pem"), filepath.Join(dir, "identity.key"))
	}
	return readSigner(o.MSPID, filepath.Join(dir, name, "cert.pem"), filepath.Join(dir, name, "key.pem"))
}

// clientTLS is what a client of the organisation's own process presents and
// expects. Pair names the files of the certificate and its key.
func (n *Network) clientTLS(o Organisation, kind string, pair [2]string) (*tls.Config, error) {
	dir := n.state.organisation(o.Name)
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, pair[0]), filepath.Join(dir, pair[1]))
	if err != nil {
		return nil, fmt.Errorf("reading a TLS certificate of %s: %w", o.Name, err)
	}
	pem, err := os.ReadFile(filepath.Join(dir, "ca", "tls.pem"))
	if err != nil {
		return nil, fmt.Errorf("reading the TLS authority of %s: %w", o.Name, err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		RootCAs:    pool,
		ServerName: o.serverName(kind),
		// Given whatever the server asks for: an orderer's administration
		// trusts one certificate and not its authority.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil },
	}, nil
}

// The certificates with which the runner calls an organisation's processes.
var (
	asAdmin    = [2]string{filepath.Join("admin", "tls.pem"), filepath.Join("admin", "tls.key")}
	asOperator = [2]string{filepath.Join("operator", "cert.pem"), filepath.Join("operator", "key.pem")}
	asPeer     = [2]string{filepath.Join(kindPeer, "tls", "server.crt"), filepath.Join(kindPeer, "tls", "server.key")}
)

// dial connects to a process of the organisation where it listens, whatever
// address it advertises.
func (n *Network) dial(o Organisation, kind string, pair [2]string) (*grpc.ClientConn, error) {
	config, err := n.clientTLS(o, kind, pair)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient("passthrough:///"+reachable(n.consortium.address(o, kind).Listen),
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("connecting to %s of %s: %w", kind, o.Name, err)
	}
	return conn, nil
}

// reachable turns an address to listen on into one to call.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

// Connection is a gateway to one organisation's peer; Close it after use.
type Connection struct {
	*client.Gateway
	// MSPID is the organisation whose identity and peer are used.
	MSPID string
	conn  *grpc.ClientConn
}

// Close ends the connection to the peer.
func (c *Connection) Close() error {
	return errors.Join(c.Gateway.Close(), c.conn.Close())
}

// Connect opens a gateway to the first peer of the named organisation, with one of
// its identities: a role stands for that of the role's service, else admin,
// operator or auditor.
func (n *Network) Connect(organisation, as string) (*Connection, error) {
	i := slices.IndexFunc(n.consortium.Organisations, func(o Organisation) bool { return o.Name == organisation })
	if i < 0 {
		return nil, fmt.Errorf("there is no organisation %q", organisation)
	}
	return n.connect(n.consortium.Organisations[i], kindPeer, as)
}

// ConnectPeer opens a gateway to one peer of an organisation, by the name of
// its process; the identity as in Connect.
func (n *Network) ConnectPeer(name, as string) (*Connection, error) {
	o, kind, err := n.find(name)
	if err != nil {
		return nil, err
	}
	if !isPeer(kind) {
		return nil, fmt.Errorf("%s is no peer", name)
	}
	return n.connect(o, kind, as)
}

func (n *Network) connect(o Organisation, kind, as string) (*Connection, error) {
	id, err := n.identityOf(o, as)
	if err != nil {
		return nil, err
	}
	conn, err := n.dial(o, kind, asAdmin)
	if err != nil {
		return nil, err
	}
	binding, err := n.tlsBinding(o, asAdmin)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	gateway, err := client.Connect(id, client.WithSign(id.sign), client.WithHash(hash.SHA256),
		client.WithClientConnection(conn), client.WithTLSClientCertificateHash(binding),
		client.WithEvaluateTimeout(callLimit), client.WithEndorseTimeout(callLimit),
		client.WithSubmitTimeout(callLimit), client.WithCommitStatusTimeout(commitLimit))
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("connecting to the gateway of %s: %w", o.Name, err)
	}
	return &Connection{Gateway: gateway, MSPID: o.MSPID, conn: conn}, nil
}

// tlsBinding is the hash of the client certificate, without which a peer that
// demands one delivers no blocks.
func (n *Network) tlsBinding(o Organisation, pair [2]string) ([]byte, error) {
	dir := n.state.organisation(o.Name)
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, pair[0]), filepath.Join(dir, pair[1]))
	if err != nil {
		return nil, fmt.Errorf("reading a TLS certificate of %s: %w", o.Name, err)
	}
	sum := sha256.Sum256(cert.Certificate[0])
	return sum[:], nil
}
