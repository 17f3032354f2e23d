// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"ecoupon/network/runner"
)

// healLimit bounds how long a proxy takes to let go of a toxic.
const healLimit = 5 * time.Second

// proxies stand before all processes: whoever calls one, another member's
// process, its own organisation's or a till, calls its proxy.
type proxies map[string]*toxiproxy.Proxy

// before puts a proxy before each process of the consortium and has it
// advertised. The proxies know their processes once aim was called.
func before(c *runner.Consortium) (proxies, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	all := proxies{}
	for i := range c.Organisations {
		o := &c.Organisations[i]
		o.Advertise = map[string]string{}
		for _, name := range o.Names() {
			proxy := toxiproxy.NewProxy(server, name, "127.0.0.1:0", "")
			if err := proxy.Start(); err != nil {
				all.close()
				return nil, fmt.Errorf("a proxy for %s: %w", name, err)
			}
			all[name] = proxy
			kind, _, _ := strings.Cut(name, ".")
			o.Advertise[kind] = proxy.Listen
		}
	}
	return all, nil
}

// aim tells the proxies where their processes listen.
func (a proxies) aim(n *runner.Network) error {
	for name, proxy := range a {
		address, err := n.Listens(name)
		if err != nil {
			return err
		}
		proxy.Lock()
		proxy.Upstream = address
		proxy.Unlock()
	}
	return nil
}

func (a proxies) close() {
	for _, proxy := range a {
		proxy.Stop()
	}
}

// cut drops all connections to a process and accepts none until healed.
func (a proxies) cut(name string) (heal func() error) {
	a[name].Stop()
	return a[name].Start
}

// delay has everything that goes to a process or comes from it on connections
// to it arrive later, by half to one and a half of the time given.
func (a proxies) delay(name string, by time.Duration) (heal func() error, err error) {
	milliseconds := by.Milliseconds()
	return a.add(name, fmt.Sprintf(`"type":"latency","attributes":{"latency":%d,"jitter":%d}`, milliseconds, milliseconds/2))
}

// silence lets nothing through, and keeps the connections open. Those that
// were open are closed when it is healed.
func (a proxies) silence(name string) (heal func() error, err error) {
	return a.add(name, `"type":"timeout","attributes":{"timeout":0}`)
}

// add puts a toxic in both ways.
func (a proxies) add(name, toxic string) (heal func() error, err error) {
	proxy := a[name]
	for _, way := range []string{"upstream", "downstream"} {
		text := fmt.Sprintf(`{"name":%q,"stream":%q,%s}`, way, way, toxic)
		if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
			return nil, fmt.Errorf("disturbing the connections of %s: %w", name, err)
		}
	}
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), healLimit)
		defer cancel()
		proxy.Toxics.ResetToxics(ctx)
		return nil
	}, nil
}
