// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package config holds the settings of the Fabric processes as templates, and
// the consortium that is started when no other is named.
package config

import (
	"bytes"
	"embed"
	"fmt"
	"strconv"
	"text/template"
)

//go:embed consortium.json
var consortium []byte

//go:embed configtx.yaml core.yaml orderer.yaml
var files embed.FS

// Consortium is the default consortium file.
func Consortium() []byte { return bytes.Clone(consortium) }

// Channel fills configtx.yaml, the channel's first configuration.
type Channel struct {
	BlockInterval   string
	MaxMessageCount int
	RequestPoolSize int
	// Raft is the ordering service instead of BFT.
	Raft          bool
	Organisations []Organisation
	Consenters    []Consenter
}

// Organisation is a member of the channel. OrdererEndpoint is empty for one
// without an orderer.
type Organisation struct {
	Anchor          string // name of the YAML anchor
	MSPID           string
	MSPDir          string
	OrdererEndpoint string
	Peers           []Anchor
}

// Anchor is where the peers of others reach one of the organisation's.
type Anchor struct {
	Host string
	Port int
}

// Consenter is an orderer that takes part in consensus.
type Consenter struct {
	ID       int
	Host     string
	Port     int
	MSPID    string
	Identity string // file with its signing certificate
	TLSCert  string // file with its TLS certificate
}

// Peer fills core.yaml.
type Peer struct {
	ID         string
	MSPID      string
	Listen     string
	Advertise  string
	Bootstrap  []string // where the organisation's peers are called, this one too
	Operations string
	Builder    string // absolute, holds bin/detect and so on
	Snapshots  string // absolute
	Reconnect  string // how long gossip waits between calls to a peer that is away
}

// Orderer fills orderer.yaml.
type Orderer struct {
	MSPID      string
	ListenHost string
	ListenPort int
	Admin      string
	Operations string
	WAL        string // absolute
	Snapshots  string // absolute; used with Raft
}

// Render returns configtx.yaml.
func (c Channel) Render() ([]byte, error) { return render("configtx.yaml", c) }

// Render returns core.yaml.
func (p Peer) Render() ([]byte, error) { return render("core.yaml", p) }

// Render returns orderer.yaml.
func (o Orderer) Render() ([]byte, error) { return render("orderer.yaml", o) }

func render(name string, data any) ([]byte, error) {
	t, err := template.New(name).Funcs(template.FuncMap{"quote": strconv.Quote}).ParseFS(files, name)
	if err != nil {
		return nil, fmt.Errorf("parsing the template %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("filling the template %s: %w", name, err)
	}
	return b.Bytes(), nil
}
