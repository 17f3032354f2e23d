// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"ecoupon/network/config"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

const (
	// maxBatch is the most transactions in a block.
	maxBatch = 500
	// poolSize is the most transactions that an orderer holds; it must be at
	// least twice a block.
	poolSize = 20 * maxBatch
)

// makeGenesis writes the channel's first block unless it is there.
func (n *Network) makeGenesis(ctx context.Context) error {
	if _, err := os.Stat(n.state.genesis()); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for the first block: %w", err)
	}
	return n.makeBlock(ctx, n.state.path("channel"), n.state.genesis())
}

// makeBlock writes the first block of a channel of all organisations. The
// settings it is made from stay in dir.
func (n *Network) makeBlock(ctx context.Context, dir, to string) error {
	settings, err := n.channelConfig()
	if err != nil {
		return err
	}
	text, err := settings.Render()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "configtx.yaml"), text, 0o644); err != nil {
		return fmt.Errorf("writing the channel's settings: %w", err)
	}
	part := to + ".part"
	cmd := exec.CommandContext(ctx, n.binaries.tool("configtxgen"), "-configPath", dir,
		"-profile", "Channel", "-channelID", n.consortium.Channel, "-outputBlock", part)
	cmd.Env = append(os.Environ(), "FABRIC_LOGGING_SPEC=warn")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making the first block: %w\n%s", err, said)
	}
	return os.Rename(part, to)
}

func (n *Network) channelConfig() (config.Channel, error) {
	c := config.Channel{
		BlockInterval:   n.consortium.BlockInterval,
		MaxMessageCount: maxBatch,
		RequestPoolSize: poolSize,
		Raft:            n.consortium.Raft,
	}
	for i, o := range n.consortium.Organisations {
		dir := n.state.organisation(o.Name)
		member := config.Organisation{
			Anchor: "org" + strconv.Itoa(i+1), MSPID: o.MSPID, MSPDir: filepath.Join(dir, "msp"),
		}
		for _, kind := range o.peers() {
			host, port, err := splitAddress(n.consortium.address(o, kind).Advertise)
			if err != nil {
				return c, err
			}
			member.Peers = append(member.Peers, config.Anchor{Host: host, Port: port})
		}
		if o.HasOrderer() {
			member.OrdererEndpoint = n.consortium.address(o, kindOrderer).Advertise
			host, port, err := splitAddress(member.OrdererEndpoint)
			if err != nil {
				return c, err
			}
			c.Consenters = append(c.Consenters, config.Consenter{
				ID: len(c.Consenters) + 1, Host: host, Port: port, MSPID: o.MSPID,
				Identity: filepath.Join(dir, kindOrderer, "msp", "signcerts", "cert.pem"),
				TLSCert:  filepath.Join(dir, kindOrderer, "tls", "server.crt"),
			})
		}
		c.Organisations = append(c.Organisations, member)
	}
	return c, nil
}

func splitAddress(address string) (string, int, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("reading the address %q: %w", address, err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return "", 0, fmt.Errorf("reading the address %q: %w", address, err)
	}
	return host, port, nil
}

// joinOrderer makes the orderer a consenter of the channel and waits until it is.
func (n *Network) joinOrderer(ctx context.Context, o Organisation) error {
	admin, err := n.ordererAdmin(o)
	if err != nil {
		return err
	}
	defer admin.client.CloseIdleConnections()
	return n.await(ctx, kindOrderer+"."+o.Name, func(ctx context.Context) error {
		err := admin.active(ctx)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := admin.join(ctx, n.state.genesis()); err != nil {
			return err
		}
		return admin.active(ctx)
	})
}

// ordererAdmin calls the side of an orderer that takes it into channels.
type ordererAdmin struct {
	client  *http.Client
	url     string // of the collection of channels
	channel string
}

func (n *Network) ordererAdmin(o Organisation) (ordererAdmin, error) {
	tls, err := n.clientTLS(o, kindOrderer, asAdmin)
	if err != nil {
		return ordererAdmin{}, err
	}
	return ordererAdmin{
		client:  &http.Client{Timeout: callLimit, Transport: &http.Transport{TLSClientConfig: tls}},
		url:     "https://" + reachable(n.consortium.at(o, portOrdererAdmin)) + "/participation/v1/channels",
		channel: n.consortium.Channel,
	}, nil
}

// active is nil once the orderer takes part in consensus.
func (a ordererAdmin) active(ctx context.Context) error {
	info, err := a.participation(ctx)
	if err == nil && (info.Status != "active" || info.ConsensusRelation != "consenter") {
		err = fmt.Errorf("the orderer is %s %s in %s", info.Status, info.ConsensusRelation, a.channel)
	}
	return err
}

// participation is what an orderer says of itself in the channel.
type participation struct {
	Status            string
	ConsensusRelation string
	Height            uint64
}

func (a ordererAdmin) participation(ctx context.Context) (info participation, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/"+a.channel, nil)
	if err != nil {
		return info, fmt.Errorf("asking an orderer: %w", err)
	}
	body, err := a.call(request, http.StatusOK)
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(body, &info); err != nil {
		return info, fmt.Errorf("reading an orderer's answer: %w", err)
	}
	return info, nil
}

func (a ordererAdmin) join(ctx context.Context, blockFile string) error {
	block, err := os.ReadFile(blockFile)
	if err != nil {
		return fmt.Errorf("reading the first block: %w", err)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("config-block", "config.block")
	if err != nil {
		return fmt.Errorf("joining an orderer: %w", err)
	}
	if _, err := part.Write(block); err != nil {
		return fmt.Errorf("joining an orderer: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("joining an orderer: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, &form)
	if err != nil {
		return fmt.Errorf("joining an orderer: %w", err)
	}
	request.Header.Set("Content-Type", w.FormDataContentType())
	_, err = a.call(request, http.StatusCreated)
	return err
}

func (a ordererAdmin) call(request *http.Request, want int) ([]byte, error) {
	response, err := a.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("calling an orderer: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxMessage))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading an orderer's answer: %w", err)
	case response.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("the channel: %w", fs.ErrNotExist)
	case response.StatusCode != want:
		return nil, fmt.Errorf("an orderer answers %s: %s", response.Status, body)
	}
	return body, nil
}

// joinPeer takes the peer into the channel unless it is in.
func (n *Network) joinPeer(ctx context.Context, conn *grpc.ClientConn, admin signer) error {
	listed, err := askPeer(ctx, conn, admin, "cscc", "GetChannels")
	if err != nil {
		return err
	}
	var channels peer.ChannelQueryResponse
	if err := proto.Unmarshal(listed, &channels); err != nil {
		return fmt.Errorf("reading a peer's channels: %w", err)
	}
	for _, c := range channels.GetChannels() {
		if c.GetChannelId() == n.consortium.Channel {
			return nil
		}
	}
	block, err := os.ReadFile(n.state.genesis())
	if err != nil {
		return fmt.Errorf("reading the first block: %w", err)
	}
	_, err = askPeer(ctx, conn, admin, "cscc", "JoinChain", block)
	return err
}
