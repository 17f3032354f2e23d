// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ecoupon/network/config"

	"google.golang.org/grpc/connectivity"
)

// probeLimit bounds one question whether a process serves.
const probeLimit = time.Second

func (n *Network) startOrderer(ctx context.Context, o Organisation) error {
	if err := n.equipOrderer(o); err != nil {
		return err
	}
	dir := n.Folder(o.Name, kindOrderer)
	err := n.ensure(ctx, process{
		name: kindOrderer + "." + o.Name, dir: dir, address: n.consortium.address(o, kindOrderer),
		command: []string{n.binaries.tool("orderer")},
		env:     n.environment(dir),
		ready:   all(healthy(n.consortium.local(o, portOrdererOperations)), n.accepts(o, kindOrderer)),
	})
	if err != nil {
		return err
	}
	return n.joinOrderer(ctx, o)
}

// equipOrderer writes the orderer's settings.
func (n *Network) equipOrderer(o Organisation) error {
	dir := n.Folder(o.Name, kindOrderer)
	host, port, err := splitAddress(n.consortium.address(o, kindOrderer).Listen)
	if err != nil {
		return err
	}
	settings, err := config.Orderer{
		MSPID: o.MSPID, ListenHost: host, ListenPort: port,
		Admin:      n.consortium.at(o, portOrdererAdmin),
		Operations: n.consortium.local(o, portOrdererOperations),
		WAL:        filepath.Join(n.seen(dir), "data", "wal"),
		Snapshots:  filepath.Join(n.seen(dir), "data", "snapshots"),
	}.Render()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "orderer.yaml"), settings, 0o600); err != nil {
		return fmt.Errorf("writing the settings of an orderer: %w", err)
	}
	return nil
}

// startChaincode starts the organisation's chaincode server: the project's
// program, or another if one is named.
func (n *Network) startChaincode(ctx context.Context, o Organisation, packageID string) error {
	program := n.binaries.own(kindChaincode)
	for _, other := range []string{n.consortium.Chaincode.Program, n.options.Chaincode[o.MSPID]} {
		if other != "" {
			program = other
		}
	}
	dir := filepath.Join(n.state.organisation(o.Name), kindChaincode)
	address := n.consortium.address(o, kindChaincode)
	return n.ensure(ctx, process{
		name: kindChaincode + "." + o.Name, dir: dir, address: address,
		command: []string{program},
		env: []string{
			"CHAINCODE_SERVER_ADDRESS=" + address.Listen,
			"CORE_CHAINCODE_ID_NAME=" + packageID,
			"CORE_PEER_LOCALMSPID=" + o.MSPID,
			"CHAINCODE_TLS_CERT=" + filepath.Join("tls", "server.crt"),
			"CHAINCODE_TLS_KEY=" + filepath.Join("tls", "server.key"),
			"CHAINCODE_TLS_CLIENT_CA=" + filepath.Join("tls", "ca.crt"),
			"CHAINCODE_CLOCK_OFFSET=" + n.clocks[kindChaincode+"."+o.Name].String(),
		},
		// Nobody but the organisation's peer gets an answer.
		ready: func(ctx context.Context) error { return n.serves(ctx, o, kindChaincode, asPeer) },
	})
}

// startPeer starts one of the organisation's peers, takes it into the channel
// and gives it the chaincode package.
func (n *Network) startPeer(ctx context.Context, o Organisation, kind string, pkg installable) error {
	if err := n.equipPeer(o, kind); err != nil {
		return err
	}
	dir := n.Folder(o.Name, kind)
	err := n.ensure(ctx, process{
		name: kind + "." + o.Name, dir: dir, address: n.consortium.address(o, kind),
		command: []string{n.binaries.tool("peer"), "node", "start"},
		env:     append(n.environment(dir), "CHAINCODE_CONNECTION="+filepath.Join(dir, "builder", "connection.json")),
		ready:   all(healthy(n.consortium.operationsAddress(o, kind)), n.accepts(o, kind)),
	})
	if err != nil {
		return err
	}
	return n.enlist(ctx, o, kind, pkg)
}

// equipPeer writes the peer's settings, the members' authorities and the
// external builder into its folder.
func (n *Network) equipPeer(o Organisation, kind string) error {
	dir := n.Folder(o.Name, kind)
	address := n.consortium.address(o, kind)
	var siblings []string
	for _, k := range o.peers() {
		siblings = append(siblings, n.consortium.address(o, k).Advertise)
	}
	settings, err := config.Peer{
		ID: o.serverName(kind), MSPID: o.MSPID, Listen: address.Listen, Advertise: address.Advertise,
		Bootstrap:  siblings,
		Operations: n.consortium.operationsAddress(o, kind),
		Builder:    filepath.Join(n.seen(dir), "builder"),
		Snapshots:  filepath.Join(n.seen(dir), "data", "snapshots"),
		Reconnect:  n.reconnectInterval(o, kind).String(),
	}.Render()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "core.yaml"), settings, 0o600); err != nil {
		return fmt.Errorf("writing the settings of a peer: %w", err)
	}
	if err := n.writeMembers(filepath.Join(dir, "tls", "members.crt")); err != nil {
		return err
	}
	if err := n.equipBuilder(dir); err != nil {
		return fmt.Errorf("equipping a peer's builder: %w", err)
	}
	return n.writeConnection(o, dir)
}

// reconnectInterval differs between all peers.
func (n *Network) reconnectInterval(o Organisation, kind string) time.Duration {
	i := slices.IndexFunc(n.consortium.Organisations, func(x Organisation) bool { return x.Name == o.Name })
	return 600*time.Millisecond + time.Duration(i)*170*time.Millisecond + time.Duration(slices.Index(o.peers(), kind))*50*time.Millisecond
}

// writeMembers writes the TLS authorities of all organisations into one file.
func (n *Network) writeMembers(name string) error {
	var members []byte
	for _, o := range n.consortium.Organisations {
		pem, err := os.ReadFile(filepath.Join(n.state.organisation(o.Name), "ca", "tls.pem"))
		if err != nil {
			return fmt.Errorf("reading the TLS authority of %s: %w", o.Name, err)
		}
		members = append(members, pem...)
	}
	if err := writeFile(name, members, 0o644); err != nil {
		return fmt.Errorf("writing the members' TLS authorities: %w", err)
	}
	return nil
}

// enlist takes the peer into the channel and gives it the package.
func (n *Network) enlist(ctx context.Context, o Organisation, kind string, pkg installable) error {
	admin, err := n.identityOf(o, "admin")
	if err != nil {
		return err
	}
	conn, err := n.dial(o, kind, asAdmin)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := n.joinPeer(ctx, conn, admin); err != nil {
		return err
	}
	return install(ctx, conn, admin, pkg)
}

// equipBuilder puts the external builder into the peer's folder, under the
// name of each of its steps.
func (n *Network) equipBuilder(dir string) error {
	program, err := os.ReadFile(n.binaries.own("builder"))
	if err != nil {
		return err
	}
	bin := filepath.Join(dir, "builder", "bin")
	if err := writeFile(filepath.Join(bin, "builder"), program, 0o700); err != nil {
		return err
	}
	for _, step := range []string{"detect", "build", "release"} {
		link := filepath.Join(bin, step)
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Symlink("builder", link); err != nil {
			return err
		}
	}
	return nil
}

// writeConnection writes the connection file that the builder hands on.
func (n *Network) writeConnection(o Organisation, dir string) error {
	var parts [3]string
	for i, name := range []string{"server.key", "server.crt", "ca.crt"} {
		data, err := os.ReadFile(filepath.Join(dir, "tls", name))
		if err != nil {
			return fmt.Errorf("reading a peer's credentials: %w", err)
		}
		parts[i] = string(data)
	}
	connection, err := json.Marshal(map[string]any{
		"address":              n.consortium.address(o, kindChaincode).Advertise,
		"domain":               o.serverName(kindChaincode),
		"dial_timeout":         "3s",
		"tls_required":         true,
		"client_auth_required": true,
		"client_key":           parts[0],
		"client_cert":          parts[1],
		"root_cert":            parts[2],
	})
	if err == nil {
		err = writeFile(filepath.Join(dir, "builder", "connection.json"), connection, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing a peer's connection to its chaincode: %w", err)
	}
	return nil
}

// environment is all that Fabric's programs see of the runner's own.
func (n *Network) environment(dir string) []string {
	return []string{
		"FABRIC_CFG_PATH=" + dir,
		"FABRIC_LOGGING_SPEC=" + n.consortium.LogLevel,
		"FABRIC_LOGGING_FORMAT=%{time:2006-01-02T15:04:05.000Z07:00} %{level} [%{module}] %{message}",
		"HOME=" + dir,
		"PATH=" + os.Getenv("PATH"),
		"TMPDIR=" + filepath.Join(dir, "tmp"),
	}
}

// all joins conditions that are met one after the other.
func all(conditions ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, c := range conditions {
			if err := c(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// healthy asks the operations or debugging side of a process.
func healthy(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, probeLimit)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
		if err != nil {
			return fmt.Errorf("asking for health: %w", err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("asking for health: %w", err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("asking for health: %s", answer.Status)
		}
		return nil
	}
}

// accepts connects to the main side of a process as the administrator.
func (n *Network) accepts(o Organisation, kind string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := n.dial(o, kind, asAdmin)
		if err != nil {
			return err
		}
		defer conn.Close()
		ctx, cancel := context.WithTimeout(ctx, probeLimit)
		defer cancel()
		conn.Connect()
		for s := conn.GetState(); s != connectivity.Ready; s = conn.GetState() {
			if s == connectivity.TransientFailure || !conn.WaitForStateChange(ctx, s) {
				return fmt.Errorf("connecting to %s.%s: %s", kind, o.Name, s)
			}
		}
		return nil
	}
}
