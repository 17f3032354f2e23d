// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// directory is what every member knows of all: addresses and authorities, and
// no secret. Services and command line read it as consortium.json.
type directory struct {
	Channel       string   `json:"channel"`
	Organisations []member `json:"organisations"`
}

type member struct {
	Name       string              `json:"name"`
	MSPID      string              `json:"msp_id"`
	Roles      []string            `json:"roles"`
	IdentityCA string              `json:"identity_ca"`
	TLSCA      string              `json:"tls_ca"`
	TillsCA    string              `json:"tills_ca"`
	Peers      []endpoint          `json:"peers"`
	Services   map[string]endpoint `json:"services"`
}

type endpoint struct {
	Address    string  `json:"address"`
	ServerName string  `json:"server_name"`
	PublicURL  *string `json:"public_url,omitempty"`
}

// writeDirectory puts consortium.json where services and people look for it.
// People are outside of containers and get the addresses that are published.
func (n *Network) writeDirectory() error {
	for _, outside := range []bool{false, true} {
		d := directory{Channel: n.consortium.Channel}
		for _, o := range n.consortium.Organisations {
			m, err := n.member(o, outside)
			if err != nil {
				return err
			}
			d.Organisations = append(d.Organisations, m)
		}
		data, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return fmt.Errorf("writing the directory: %w", err)
		}
		for _, o := range n.consortium.Organisations {
			for _, folder := range n.holders(o, outside) {
				name := n.Folder(o.Name, folder, "consortium.json")
				if err := writeFile(name, append(data, '\n'), 0o644); err != nil {
					return fmt.Errorf("writing the directory: %w", err)
				}
			}
		}
	}
	return nil
}

// holders lists the folders of an organisation's people and tills, or else
// those of its services.
func (n *Network) holders(o Organisation, persons bool) []string {
	var folders []string
	if persons {
		return append(append([]string{"admin"}, people...), n.tillsOf(o)...)
	}
	for _, role := range o.Roles {
		folders = append(folders, filepath.Join("services", role))
	}
	return folders
}

func (n *Network) member(o Organisation, outside bool) (member, error) {
	at := func(a Address) string {
		if outside && n.consortium.Containers {
			return reachable(a.Listen)
		}
		return a.Advertise
	}
	m := member{
		Name: o.Name, MSPID: o.MSPID, Roles: o.Roles, Services: map[string]endpoint{},
	}
	for _, kind := range o.peers() {
		m.Peers = append(m.Peers, endpoint{Address: at(n.consortium.address(o, kind)), ServerName: o.serverName(kind)})
	}
	for name, to := range map[string]*string{"identity": &m.IdentityCA, "tls": &m.TLSCA, "tills": &m.TillsCA} {
		pem, err := os.ReadFile(filepath.Join(n.state.organisation(o.Name), "ca", name+".pem"))
		if err != nil {
			return m, fmt.Errorf("reading an authority of %s: %w", o.Name, err)
		}
		*to = string(pem)
	}
	for _, role := range o.Roles {
		url := ""
		if role == Advertiser {
			url = "https://" + at(n.consortium.publicAddress(o))
		}
		m.Services[role] = endpoint{
			Address: at(n.consortium.address(o, role)), ServerName: o.serverName(role), PublicURL: &url,
		}
	}
	return m, nil
}
