// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

//go:build compose

package compose

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// calm is how long tills sell before the first fault.
const calm = 10 * time.Second

// outage is how long a member stays cut off.
const outage = 8 * time.Second

// rejoin is how long orderers may call one that was cut off at the address it
// had: the next must not go before.
const rejoin = 20 * time.Second

// recovery bounds the wait for redemptions to go on after a fault.
const recovery = 90 * time.Second

// servicesLimit is what the four services' images may take together.
const servicesLimit = 150_000_000

func TestContainers(t *testing.T) {
	c := start(t)
	l := &load{network: c.network}
	for _, step := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"images", c.images},
		{"confined", c.confined},
		{"day", func(t *testing.T) { c.manual.do(t, "bin/demo") }},
		{"healthy", c.awaitHealth},
		{"open", l.open},
		{"faults", func(t *testing.T) { c.faults(t, l) }},
		{"restarted", func(t *testing.T) { c.restart(t, l) }},
		{"made anew", func(t *testing.T) { c.makeAnew(t, l) }},
		{"books", l.books},
		{"removed", c.removed},
		{"followed", c.manual.followed},
	} {
		if !t.Run(step.name, step.do) {
			return
		}
	}
	l.close()
}

// images bounds the services' sizes.
func (c *containers) images(t *testing.T) {
	total := 0
	for _, role := range []string{"issuer", "advertiser", "retailer", "clearing"} {
		size, err := strconv.Atoi(strings.TrimSpace(run(t, "docker", "image", "inspect", "--format", "{{.Size}}", "ecoupon/"+role)))
		if err != nil {
			t.Fatal(err)
		}
		total += size
	}
	if total > servicesLimit {
		t.Errorf("the services' images take %d bytes together, more than %d", total, servicesLimit)
	}
}

// confined looks at what each container may do, see and reach.
func (c *containers) confined(t *testing.T) {
	for p, id := range c.ids {
		kind, organisation, _ := strings.Cut(p, ".")
		i := c.inspect(t, p)
		if user, _, _ := strings.Cut(i.Config.User, ":"); user == "" || user == "0" || user == "root" {
			t.Errorf("%s runs as %q", p, i.Config.User)
		}
		if !i.HostConfig.ReadonlyRootfs || !slices.Equal(i.HostConfig.CapDrop, []string{"ALL"}) || i.HostConfig.RestartPolicy.Name != "unless-stopped" {
			t.Errorf("%s is not confined: %+v", p, i.HostConfig)
		}
		for port, bindings := range i.HostConfig.PortBindings {
			if len(bindings) != 1 || bindings[0].HostIp != "127.0.0.1" {
				t.Errorf("%s publishes %s to %v", p, port, bindings)
			}
		}
		c.checkMounts(t, p, i)
		want := []string{"ecoupon_" + organisation}
		// An issuer's service asks emitters' for their logs.
		if slices.Contains([]string{"peer", "orderer", "issuer", "advertiser"}, kind) {
			want = []string{"ecoupon_consortium", "ecoupon_" + organisation}
		}
		// The clearing house asks the payment institute.
		if kind == "clearing" {
			want = []string{"ecoupon_clearing", "ecoupon_girohaus"}
		}
		var networks []string
		for name := range i.NetworkSettings.Networks {
			networks = append(networks, name)
		}
		slices.Sort(want)
		if slices.Sort(networks); !slices.Equal(networks, want) {
			t.Errorf("%s is on the networks %q, want %q", p, networks, want)
		}
		if succeeds(t, "docker", "exec", id, "/bin/sh", "-c", "exit 0") {
			t.Errorf("%s has a shell", p)
		}
	}
	c.checkReach(t)
}

// checkMounts wants nothing from the host but the process' own folder and, of
// a service, its settings; nothing to be written but data.
func (c *containers) checkMounts(t *testing.T, p string, i inspected) {
	t.Helper()
	kind, organisation, _ := strings.Cut(p, ".")
	own := c.network.Folder(organisation, kind)
	switch {
	case kind == "institute":
		own = filepath.Join(c.network.StateDir(), "institutes", organisation)
	case !slices.Contains([]string{"peer", "orderer", "chaincode"}, kind):
		own = c.network.Folder(organisation, "services", kind)
	}
	settings := filepath.Join(root, "services", "config", kind+".json")
	for _, m := range i.Mounts {
		inside := m.Source == own || m.Source == filepath.Join(own, "data") || m.Source == settings
		if !inside || m.RW != (m.Destination == "/ecoupon/data") {
			t.Errorf("%s has %s mounted at %s, to be written: %t", p, m.Source, m.Destination, m.RW)
		}
	}
}

// checkReach calls a chaincode server, whose name and address are known, from
// peers, which are on the most networks: only that of the same organisation
// gets there.
func (c *containers) checkReach(t *testing.T) {
	t.Helper()
	address := c.inspect(t, "chaincode.issuer").NetworkSettings.Networks["ecoupon_issuer"].IPAddress
	for p, id := range c.ids {
		kind, organisation, _ := strings.Cut(p, ".")
		if kind != "peer" {
			continue
		}
		for _, host := range []string{"chaincode.issuer", address} {
			out, err := command(t.Context(), "docker", "exec", "-e", "HEALTH=tls://"+net.JoinHostPort(host, "17206"), id, "/bin/healthcheck")
			// A peer's health check does not know the authority, or the
			// address: to say so, it must have reached the server.
			reached := err == nil || strings.Contains(out, "tls: ")
			if reached != (organisation == "issuer") {
				t.Errorf("%s reaches the issuer's chaincode server at %s: %t\n%s", p, host, reached, out)
			}
		}
	}
}

// faults cuts members off and ends processes while the tills go on selling.
func (c *containers) faults(t *testing.T, l *load) {
	stop := l.start(t)
	defer stop()
	l.goesOn(t, "at first")
	l.undisturbed(t)
	for _, o := range []string{"clearing", "advertiser", "issuer", "retailer"} {
		c.cutOff(t, o)
		before := l.acknowledged()
		l.wait(t, outage)
		during := l.acknowledged() - before
		t.Logf("%-24s cut off for %s: %d redeemed meanwhile", o, outage, during)
		if o == "clearing" || o == "advertiser" { // redemptions need neither
			l.goesOn(t, "without "+o)
		} else if during > tills {
			t.Errorf("%d were redeemed while %s was cut off, which has to endorse: more than were under way", during, o)
		}
		c.reconnect(t, o)
		t.Logf("%-24s back: going on %.1f s after", o, l.goesOn(t, o+" is back").Seconds())
		l.wait(t, rejoin)
	}
	for _, p := range []string{"retailer.retailer", "issuer.issuer", "advertiser.advertiser", "chaincode.issuer", "chaincode.retailer"} {
		c.crash(t, p)
		t.Logf("%-24s crashed and restarted by the engine: going on %.1f s after", p, l.goesOn(t, p+" crashed").Seconds())
	}
	for _, p := range []string{"peer.retailer", "peer.issuer", "peer.clearing", "orderer.issuer", "orderer.advertiser", "orderer.retailer", "orderer.clearing", "retailer.retailer"} {
		c.kill(t, p)
		t.Logf("%-24s killed and started: going on %.1f s after", p, l.goesOn(t, p+" was killed").Seconds())
	}
}

// restart stops everything, starts it again, and sees that a till can sell.
// What was defined stays so.
func (c *containers) restart(t *testing.T, l *load) {
	c.manual.do(t, " stop\n")
	began := time.Now()
	c.manual.do(t, " start\n")
	c.sells(t, l, began)
}

// makeAnew removes the containers and sets them up as at first: the ledger
// stays.
func (c *containers) makeAnew(t *testing.T, l *load) {
	c.manual.do(t, " down\n")
	if left := run(t, "docker", "ps", "-aq", "--filter", "label=com.docker.compose.project="+project); left != "" {
		t.Errorf("containers are left: %s", left)
	}
	began := time.Now()
	c.manual.do(t, "make images")
	c.find(t)
	c.sells(t, l, began)
}

func (c *containers) sells(t *testing.T, l *load, began time.Time) {
	t.Helper()
	stop := l.start(t)
	defer stop()
	l.goesOn(t, "all were restarted")
	t.Logf("selling again after %.1f s", time.Since(began).Seconds())
	c.awaitHealth(t)
}

// removed takes away the containers, and then what they left.
func (c *containers) removed(t *testing.T) {
	if list := c.manual.do(t, " ps\n"); !strings.Contains(list, "peer.issuer") {
		t.Errorf("the containers are\n%s", list)
	}
	if c.manual.do(t, "logs peer.issuer") == "" {
		t.Error("a peer has logged nothing")
	}
	c.manual.do(t, " down\n")
	c.manual.do(t, "network purge")
	if _, err := os.Stat(c.network.StateDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state is left: %v", err)
	}
}
