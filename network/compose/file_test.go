// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package compose tests the consortium in containers: docker-compose.yaml is
// compared with the consortium it is for. With the build tag compose, which
// needs a container engine, docs/operating.md is followed to the letter, the
// demo's day is played, members are cut off, containers are killed, and at the
// end the books must hold every redemption that was acknowledged, once.
package compose

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"ecoupon/network/runner"
)

// root is the project's directory.
var root, _ = filepath.Abs(filepath.Join("..", ".."))

// TestFile compares docker-compose.yaml with the consortium it is for: the
// same processes, and each published port one at which its process listens.
func TestFile(t *testing.T) {
	consortium, err := runner.Load(filepath.Join(root, "network", "compose.json"))
	if err != nil {
		t.Fatal(err)
	}
	network, err := runner.New(consortium, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	status, err := network.Status()
	if err != nil {
		t.Fatal(err)
	}
	services := read(t)
	for _, p := range status.Processes {
		s, ok := services[p.Name]
		if !ok {
			t.Errorf("%s has no container", p.Name)
			continue
		}
		delete(services, p.Name)
		_, port, _ := net.SplitHostPort(p.Address.Listen)
		text := strings.Join(append(s.Command, s.Environment["CHAINCODE_SERVER_ADDRESS"]), " ")
		switch kind, _, _ := strings.Cut(p.Name, "."); kind {
		case "orderer": // only its administration is published
		case "peer":
			text = strings.Join(s.Ports, " ")
		case "chaincode":
			if len(s.Ports) > 0 {
				t.Errorf("%s publishes %q", p.Name, s.Ports)
			}
		default:
			if !slices.Contains(s.Ports, "127.0.0.1:"+port+":"+port) {
				t.Errorf("%s publishes %q, want %s", p.Name, s.Ports, port)
			}
		}
		if !strings.Contains(text, ":"+port) && !strings.HasPrefix(p.Name, "orderer.") {
			t.Errorf("%s listens at %q, want port %s", p.Name, text, port)
		}
		if _, at, found := strings.Cut(p.Operations, ":"); found && s.Environment["HEALTH"] != "http://127.0.0.1:"+at+"/healthz" {
			t.Errorf("%s is asked for its health at %s, want %s", p.Name, s.Environment["HEALTH"], p.Operations)
		}
	}
	for name := range services {
		t.Errorf("the container %s is no process of the consortium", name)
	}
}

type service struct {
	Command     []string
	Ports       []string
	Environment map[string]string
}

func read(t *testing.T) map[string]service {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docker-compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Services map[string]service }
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}
