// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

//go:build compose

package compose

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ecoupon/network/runner"
)

// healthLimit bounds the wait for a container to be healthy.
const healthLimit = 90 * time.Second

// containers is the consortium as docs/operating.md tells to set it up.
type containers struct {
	manual  *manual
	network *runner.Network
	ids     map[string]string // of containers, by the name of their process
}

const (
	project = "ecoupon"
	stateIn = ".ecoupon-containers"
)

// start follows the docs' first block.
func start(t *testing.T) *containers {
	t.Helper()
	state := filepath.Join(root, stateIn)
	clearUp(t, state)
	c := &containers{manual: readManual(t)}
	t.Cleanup(func() { c.end(t, state) })
	c.manual.do(t, "make images")
	n, err := runner.Open(state, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	c.network = n
	c.find(t)
	return c
}

// find notes the containers' ids.
func (c *containers) find(t *testing.T) {
	t.Helper()
	c.ids = map[string]string{}
	for _, p := range c.processes(t) {
		c.ids[p] = strings.TrimSpace(compose(t, "ps", "-q", p))
	}
}

// clearUp removes what a run that was killed has left, marks the state as this
// run's, and refuses to touch anything that is not a test's.
func clearUp(t *testing.T, state string) {
	t.Helper()
	mark := func(state string) string { return filepath.Join(state, "made-by-test-compose") }
	if _, err := os.Stat(state); err == nil {
		if _, err := os.Stat(mark(state)); err != nil {
			t.Fatalf("%s is somebody's: stop its containers and purge it before", state)
		}
	}
	ofProject := "label=com.docker.compose.project=" + project
	for _, id := range strings.Fields(run(t, "docker", "ps", "-aq", "--filter", ofProject)) {
		dir := strings.TrimSpace(run(t, "docker", "inspect", "--format", `{{index .Config.Labels "com.docker.compose.project.working_dir"}}`, id))
		if _, err := os.Stat(mark(filepath.Join(dir, stateIn))); err != nil {
			t.Fatalf("this engine runs containers of %s, which have the names and ports of this test's: remove them before", dir)
		}
		run(t, "docker", "rm", "--force", "--volumes", id)
	}
	for _, id := range strings.Fields(run(t, "docker", "network", "ls", "-q", "--filter", ofProject)) {
		run(t, "docker", "network", "rm", id)
	}
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mark(state), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// end removes containers and state, unless that was done.
func (c *containers) end(t *testing.T, state string) {
	if _, err := os.Stat(state); err != nil {
		return
	}
	if _, err := os.Stat(filepath.Join(state, "containers.env")); err == nil {
		if t.Failed() {
			t.Log(compose(t, "ps"), compose(t, "--ansi", "never", "logs", "--tail", "10"))
		}
		compose(t, "down")
	}
	if err := os.RemoveAll(state); err != nil {
		t.Error(err)
	}
}

// compose runs a command of docker-compose that the docs do not have.
func compose(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, "docker-compose", append([]string{"--env-file", filepath.Join(stateIn, "containers.env")}, args...)...)
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
		c.manual.doFor(t, "network disconnect", "peer.retailer", kind+"."+organisation)
	}
}

// reconnect undoes cutOff.
func (c *containers) reconnect(t *testing.T, organisation string) {
	t.Helper()
	for _, kind := range []string{"orderer", "peer"} {
		c.manual.doFor(t, "network connect", "peer.retailer", kind+"."+organisation)
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
