// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ecoupon/network/runner"
)

// root is the project's directory.
var root, _ = filepath.Abs(filepath.Join("..", ".."))

// healthLimit bounds the wait for a container to be healthy.
const healthLimit = 90 * time.Second

// containers is the consortium as docker-compose.yaml describes it.
type containers struct {
	network *runner.Network
	compose []string
	ids     map[string]string // of containers, by the name of their process
	shared  string            // id of the members' common network
}

// start builds the images and brings up all containers.
func start(t *testing.T, compose []string) *containers {
	t.Helper()
	network := filepath.Join(root, "bin", "network")
	t.Logf("images\n%s", run(t, network, "images"))
	state := t.TempDir()
	t.Log(run(t, network, "prepare", "--consortium", filepath.Join("network", "compose.json"), "--state", state))
	n, err := runner.Open(state, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	c := &containers{
		network: n, ids: map[string]string{},
		compose: append(compose, "--env-file", filepath.Join(state, "containers.env")),
	}
	t.Cleanup(func() { c.end(t) })
	c.do(t, "up", "-d")
	for _, p := range c.processes(t) {
		c.ids[p] = strings.TrimSpace(c.do(t, "ps", "-q", p))
	}
	c.shared = strings.TrimSpace(run(t, "docker", "network", "ls", "-q",
		"--filter", "label=com.docker.compose.project=ecoupon", "--filter", "label=com.docker.compose.network=consortium"))
	t.Log(run(t, network, "define", "--state", state))
	return c
}

// end removes the containers, unless that was done.
func (c *containers) end(t *testing.T) {
	if _, err := os.Stat(c.network.StateDir()); err != nil {
		return
	}
	if t.Failed() {
		logs := append(c.compose[1:len(c.compose):len(c.compose)], "logs", "--tail", "10")
		out, _ := command(context.Background(), c.compose[0], logs...)
		t.Log(out)
	}
	c.do(t, "down")
}

// do runs a command of compose.
func (c *containers) do(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, c.compose[0], append(c.compose[1:len(c.compose):len(c.compose)], args...)...)
}

// processes lists the network's processes by name.
func (c *containers) processes(t *testing.T) []string {
	t.Helper()
	status, err := c.network.Status()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range status.Processes {
		names = append(names, p.Name)
	}
	return names
}

// inspected is what the test looks at in an engine's description of a container.
type inspected struct {
	State struct {
		Running bool
		Pid     int
		Health  struct{ Status string }
	}
	RestartCount int
	Config       struct{ User string }
	HostConfig   struct {
		ReadonlyRootfs bool
		CapDrop        []string
		RestartPolicy  struct{ Name string }
		PortBindings   map[string][]struct{ HostIp string } //nolint:revive // the engine's spelling
	}
	Mounts []struct {
		Source, Destination string
		RW                  bool
	}
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
}

func (c *containers) inspect(t *testing.T, process string) inspected {
	t.Helper()
	var list []inspected
	if err := json.Unmarshal([]byte(run(t, "docker", "inspect", c.ids[process])), &list); err != nil || len(list) != 1 {
		t.Fatalf("reading the description of %s: %d, %v", process, len(list), err)
	}
	return list[0]
}

// awaitHealth waits until all containers say that they are well.
func (c *containers) awaitHealth(t *testing.T) {
	t.Helper()
	for p := range c.ids {
		eventually(t, p+" is healthy", healthLimit, func() bool { return c.inspect(t, p).State.Health.Status == "healthy" })
	}
}

// cutOff takes an organisation off the network that the members share.
func (c *containers) cutOff(t *testing.T, organisation string) {
	t.Helper()
	for _, kind := range []string{"orderer", "peer"} {
		run(t, "docker", "network", "disconnect", c.shared, c.ids[kind+"."+organisation])
	}
}

// reconnect undoes cutOff.
func (c *containers) reconnect(t *testing.T, organisation string) {
	t.Helper()
	for _, kind := range []string{"orderer", "peer"} {
		name := kind + "." + organisation
		run(t, "docker", "network", "connect", "--alias", name, c.shared, c.ids[name])
	}
}

// crash ends a process behind the engine's back, so that the restart policy
// applies, and waits until the engine has started it again.
func (c *containers) crash(t *testing.T, process string) {
	t.Helper()
	before := c.inspect(t, process)
	if before.State.Pid <= 0 {
		t.Fatalf("%s does not run", process)
	}
	if err := syscall.Kill(before.State.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, process+" is started again", healthLimit, func() bool {
		i := c.inspect(t, process)
		return i.RestartCount > before.RestartCount && i.State.Running
	})
}

// kill ends a process without warning, and starts it again.
func (c *containers) kill(t *testing.T, process string) {
	t.Helper()
	run(t, "docker", "kill", c.ids[process])
	run(t, "docker", "start", c.ids[process])
}
