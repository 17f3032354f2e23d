// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// action is what is done to a process.
type action string

const (
	kill      action = "kill"    // SIGKILL, started again after a while
	pause     action = "pause"   // SIGSTOP, later SIGCONT
	restart   action = "restart" // stopped by request and started
	loseStore action = "lose the store of"
)

// victim is a kind of process and those that are of it.
type victim struct {
	name    string
	targets []string
}

// leading stands for the orderer that leads when the episode begins.
const leading = "leader"

var victims = []victim{
	{"the leading orderer", []string{leading}},
	{"an orderer", []string{"orderer.issuer", "orderer.advertiser", "orderer.retailer", "orderer.clearing"}},
	{"the issuer's peer", []string{"peer.issuer"}},
	{"a retailer's peer", []string{"peer.retailer", "peer.shop"}},
	{"another peer", []string{"peer.advertiser", "peer.clearing"}},
	{"a chaincode server", []string{
		"chaincode.issuer", "chaincode.advertiser", "chaincode.retailer", "chaincode.shop", "chaincode.clearing",
	}},
	{"the issuer's service", []string{"issuer.issuer"}},
	{"the advertiser's service", []string{"advertiser.advertiser"}},
	{"a retailer's service", retailerServices},
	{"the clearing service", []string{"clearing.clearing"}},
}

var retailerServices = []string{"retailer.retailer", "retailer.shop"}

// episode is one fault.
type episode struct {
	action action
	victim string
	target string
	// calm is how long the load runs before the fault, down how long the
	// process is gone, beside the time it takes to start.
	calm, down time.Duration
}

// fault names the row of the table that the episode belongs to.
func (e episode) fault() string { return string(e.action) + " " + e.victim }

func (e episode) String() string {
	return fmt.Sprintf("%s (%s), %s", e.fault(), e.target, e.down.Round(time.Millisecond))
}

// schedule is the same for the same seed; a longer one begins with a shorter
// one. Every fault comes once before any comes again.
func schedule(seed uint64, episodes int) []episode {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a schedule is to be replayed
	var list []episode
	for len(list) < episodes {
		deck := deal(random)
		random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		list = append(list, deck...)
	}
	return list[:episodes]
}

// deal returns each fault once.
func deal(random *rand.Rand) []episode {
	longest := map[action]time.Duration{kill: 2 * time.Second, pause: 5 * time.Second, restart: time.Second, loseStore: time.Second}
	draw := func(a action, victim string, targets []string) episode {
		return episode{
			action: a, victim: victim, target: targets[random.IntN(len(targets))],
			calm: time.Duration(random.Int64N(int64(time.Second))),
			down: time.Duration(random.Int64N(int64(longest[a]))),
		}
	}
	var deck []episode
	for _, v := range victims {
		for _, a := range []action{kill, pause, restart} {
			deck = append(deck, draw(a, v.name, v.targets))
		}
	}
	return append(deck, draw(loseStore, "a retailer's service", retailerServices))
}
