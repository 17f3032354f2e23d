// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
)

// Defaults of Config. Each limit is below the peer's own (30 s) so that the error is ours, and says which step it was.
const (
	defaultEvaluate = 5 * time.Second
	defaultEndorse  = 10 * time.Second
	defaultSubmit   = 5 * time.Second
	defaultCommit   = 20 * time.Second
	defaultAttempts = 6
	maxAttempts     = 50
)

// Config is the ledger part of a service's configuration. Zero values mean the defaults.
type Config struct {
	// Certificate and Key are the files of the identity that signs: role service of the own organisation.
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	// TLSCertificate and TLSKey are the files that show the own peer who connects.
	TLSCertificate string `json:"tls_certificate"`
	TLSKey         string `json:"tls_key"`

	EvaluateTimeout config.Duration `json:"evaluate_timeout"`
	EndorseTimeout  config.Duration `json:"endorse_timeout"`
	SubmitTimeout   config.Duration `json:"submit_timeout"`
	// CommitTimeout is how long the status of a transaction is waited for before its outcome counts as unknown.
	CommitTimeout config.Duration `json:"commit_timeout"`
	// ClockOffset is added to the time of every proposal: that of a service whose clock is put wrong by its command
	// line.
	ClockOffset time.Duration `json:"-"`
	// Attempts bounds how often a call is proposed because of conflicts or peers that are behind.
	Attempts int `json:"attempts"`
}

// Validate checks the section by itself; errors name the field.
func (c Config) Validate() error {
	for _, file := range []struct{ field, path string }{
		{"certificate", c.Certificate}, {"key", c.Key}, {"tls_certificate", c.TLSCertificate}, {"tls_key", c.TLSKey},
	} {
		if file.path == "" {
			return fmt.Errorf("ledger.%s is empty", file.field)
		}
	}
	if c.Attempts < 0 || c.Attempts > maxAttempts {
		return fmt.Errorf("ledger.attempts is not between 0 and %d", maxAttempts)
	}
	return nil
}

// Options are what a Client is made of.
type Options struct {
	// Config's files are not read by New; its limits are used.
	Config Config
	// Conn leads to the gateway of the own organisation's peer, or of one of its peers. The client does not close it.
	Conn    grpc.ClientConnInterface
	Channel string
	// MSPID, Certificate and Key are the identity that calls.
	MSPID       string
	Certificate *x509.Certificate
	Key         crypto.PrivateKey
	Journal     Journal
	Logger      *slog.Logger
}

// Client calls contracts in the name of one identity. It is safe for concurrent use.
type Client struct {
	config  Config
	channel string
	mspID   string
	creator []byte
	sign    identity.Sign
	gateway *client.Gateway
	network *client.Network
	raw     gateway.GatewayClient
	journal Journal
	logger  *slog.Logger
	peers   *peers // nil if the connection was given
}

// Open makes a client of the organisation's service identity, from the files that the configuration names. Of several
// peers of the organisation it uses one, and another when that one is gone. It does not wait for them. The caller must
// Close it.
func Open(cfg Config, directory *config.Directory, mspID string, journal Journal, logger *slog.Logger) (*Client, error) {
	organisation, found := directory.ByMSP(mspID)
	if !found {
		return nil, fmt.Errorf("the directory has no organisation %s", mspID)
	}
	certificate, key, err := readIdentity(cfg)
	if err != nil {
		return nil, err
	}
	all, err := dialPeers(cfg, organisation, logger)
	if err != nil {
		return nil, err
	}
	opened, err := New(Options{
		Config: cfg, Conn: all, Channel: directory.Channel,
		MSPID: mspID, Certificate: certificate, Key: key, Journal: journal, Logger: logger,
	})
	if err != nil {
		return nil, errors.Join(err, all.Close())
	}
	opened.peers = all
	all.watch(opened.height)
	return opened, nil
}

func readIdentity(cfg Config) (*x509.Certificate, crypto.PrivateKey, error) {
	text, err := os.ReadFile(cfg.Certificate)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := config.ParseCertificate(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", cfg.Certificate, err)
	}
	text, err = os.ReadFile(cfg.Key)
	if err != nil {
		return nil, nil, err
	}
	key, err := identity.PrivateKeyFromPEM(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", cfg.Key, err)
	}
	return certificate, key, nil
}

// New makes a client of its parts. All are required.
func New(o Options) (*Client, error) {
	if o.Conn == nil || o.Certificate == nil || o.Key == nil || o.Journal == nil || o.Logger == nil {
		return nil, errors.New("connection, certificate, key, journal and logger of a ledger client are required")
	}
	sign, err := identity.NewPrivateKeySign(o.Key)
	if err != nil {
		return nil, err
	}
	id, err := identity.NewX509Identity(o.MSPID, o.Certificate)
	if err != nil {
		return nil, err
	}
	creator, err := creatorOf(id)
	if err != nil {
		return nil, err
	}
	connected, err := client.Connect(id, client.WithSign(sign), client.WithClientConnection(o.Conn))
	if err != nil {
		return nil, err
	}
	return &Client{
		config: o.Config, channel: o.Channel, mspID: o.MSPID, creator: creator, sign: sign,
		gateway: connected, network: connected.GetNetwork(o.Channel), raw: gateway.NewGatewayClient(o.Conn),
		journal: o.Journal, logger: o.Logger,
	}, nil
}

// Close releases the connections if Open made them.
func (c *Client) Close() error {
	err := c.gateway.Close()
	if c.peers != nil {
		err = errors.Join(err, c.peers.Close())
	}
	return err
}

// MSPID is the organisation in whose name the client calls.
func (c *Client) MSPID() string {
	return c.mspID
}

// Evaluate runs the function on one peer, submits nothing, and decodes the JSON result into out, which may be nil.
// It returns a *coupon.Error or *BatchRefusal if the contract refuses, and ErrUnavailable if no peer answered.
func (c *Client) Evaluate(ctx context.Context, call Call, out any) error {
	result, err := retry(ctx, c.attempts(), call, func() ([]byte, error) { return c.evaluate(ctx, call) })
	if err != nil {
		return fmt.Errorf("evaluating %s in %s: %w", call.Function, call.Namespace, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(result, out); err != nil {
		return fmt.Errorf("reading the result of %s in %s: %w", call.Function, call.Namespace, err)
	}
	return nil
}

func (c *Client) evaluate(ctx context.Context, call Call) ([]byte, error) {
	if len(call.Endorsers) == 0 {
		// A gateway that is free to choose asks another organisation's peer when the own one fails.
		call.Endorsers = []string{c.mspID}
	}
	proposal, err := c.proposal(call)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, call.limit(c.config.EvaluateTimeout.Or(defaultEvaluate)))
	defer cancel()
	result, err := proposal.EvaluateWithContext(ctx)
	if err != nil {
		return nil, classify(issuerOf(call.Namespace), err)
	}
	return result, nil
}

func (c *Client) proposal(call Call) (*client.Proposal, error) {
	var options []client.ProposalOption
	if call.Argument != nil {
		argument, err := json.Marshal(call.Argument)
		if err != nil {
			return nil, fmt.Errorf("encoding the argument of %s: %w", call.Function, err)
		}
		options = append(options, client.WithBytesArguments(argument))
	}
	if call.Input != nil {
		input, err := json.Marshal(call.Input)
		if err != nil {
			return nil, fmt.Errorf("encoding the input of %s: %w", call.Function, err)
		}
		options = append(options, client.WithTransient(map[string][]byte{coupon.TransientKey: input}))
	}
	if len(call.Endorsers) > 0 {
		options = append(options, client.WithEndorsingOrganizations(call.Endorsers...))
	}
	proposal, err := c.network.GetContract(call.Namespace).NewProposal(call.Function, options...)
	if err != nil || c.config.ClockOffset == 0 {
		return proposal, err
	}
	return c.shifted(proposal)
}

func (c *Client) attempts() int {
	if c.config.Attempts == 0 {
		return defaultAttempts
	}
	return c.config.Attempts
}

func issuerOf(namespace string) string {
	return strings.TrimPrefix(namespace, config.Namespace(""))
}
