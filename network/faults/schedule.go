// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// action is what is done to a process.
type action string

const (
	kill      action = "kill"    // SIGKILL, started again after a while
	pause     action = "pause"   // SIGSTOP, later SIGCONT
	restart   action = "restart" // stopped by request and started
	loseStore action = "lose the store of"
	// Connections to a process: dropped and refused, late, or open and silent.
	cut     action = "cut off"
	delay   action = "delay"
	silence action = "silence"
	// A small disk in the place of its data that is full, and then is not.
	fill action = "fill the disk of"
	// A clock that is wrong from a restart to the next.
	wrongClock action = "put wrong the clock of"
	// A store as it was some time ago, by the restore of the runner.
	oldCopy action = "restore an old copy of"
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

const advertiserService = "advertiser.advertiser"

// keepers are the services that go back to old copies.
var keepers = []string{"retailer.retailer", "retailer.shop", "issuer.issuer", advertiserService, "clearing.clearing"}

// others are the faults that not every kind of process has.
var others = map[action][]victim{
	loseStore:  {of("a retailer's service")},
	cut:        {of("the leading orderer"), of("an orderer"), of("the issuer's peer"), of("a retailer's peer"), of("a chaincode server"), of("a retailer's service"), of("the advertiser's service")},
	delay:      {of("the leading orderer"), of("an orderer"), of("the issuer's peer"), of("a retailer's peer"), of("a chaincode server"), of("a retailer's service")},
	silence:    {of("an orderer"), of("the issuer's peer"), of("a retailer's service")},
	fill:       {of("an orderer"), of("the issuer's peer"), of("a retailer's peer"), of("a retailer's service"), of("the advertiser's service")},
	wrongClock: {of("a retailer's service"), of("the issuer's service"), of("the clearing service"), of("a chaincode server")},
	oldCopy:    {of("a retailer's service"), of("the issuer's service"), of("the advertiser's service"), of("the clearing service")},
}

// pairs are how many episodes of a deck have two faults at once.
const pairs = 4

func of(name string) victim {
	for _, v := range victims {
		if v.name == name {
			return v
		}
	}
	panic("there is no " + name) // a test deals a deck
}

// offsets are what clocks are wrong by. Endorsers bear 5 s ahead and 30 s
// behind.
var offsets = []time.Duration{-time.Minute, -20 * time.Second, -3 * time.Second, 3 * time.Second, time.Minute}

// episode is one fault, or two at once.
type episode struct {
	action action
	victim string
	target string
	// by is the delay, or what the clock is wrong by.
	by time.Duration
	// also is the second fault; its times count for nothing.
	also *episode
	// calm is how long the load runs before the fault, down how long the
	// process is gone, beside the time it takes to start.
	calm, down time.Duration
}

// fault names the row of the table that the episode belongs to.
func (e episode) fault() string {
	if e.also != nil {
		return "two at once"
	}
	return string(e.action) + " " + e.victim
}

func (e episode) String() string {
	return fmt.Sprintf("%s, %s", e.what(), e.down.Round(time.Millisecond))
}

func (e episode) what() string {
	text := fmt.Sprintf("%s %s (%s)", e.action, e.victim, e.target)
	if e.by != 0 {
		text += " by " + e.by.String()
	}
	if e.also != nil {
		text += " and " + e.also.what()
	}
	return text
}

// schedule is the same for the same seed; a longer one begins with a shorter
// one. Every fault comes once before any comes again. Only those are taken whose
// row has one of the texts in it; none means all.
func schedule(seed uint64, episodes int, only ...string) []episode {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a schedule is to be replayed
	var list []episode
	for len(list) < episodes {
		deck := deal(random)
		random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		deck = slices.DeleteFunc(deck, func(e episode) bool {
			return len(only) > 0 && !slices.ContainsFunc(only, func(part string) bool { return strings.Contains(e.fault(), part) })
		})
		if len(deck) == 0 {
			return nil
		}
		list = append(list, deck...)
	}
	return list[:episodes]
}

// deal returns each fault once, and some pairs.
func deal(random *rand.Rand) []episode {
	var deck []episode
	for _, v := range victims {
		for _, a := range []action{kill, pause, restart} {
			deck = append(deck, draw(random, a, v))
		}
	}
	for _, a := range slices.Sorted(maps.Keys(others)) {
		for _, v := range others[a] {
			deck = append(deck, draw(random, a, v))
		}
	}
	return append(deck, drawPairs(random, deck)...)
}

// longest is how long a fault lasts at most, beside the time that it takes to
// stop and to start a process.
var longest = map[action]time.Duration{
	kill: 2 * time.Second, pause: 5 * time.Second, restart: time.Second, loseStore: time.Second,
	cut: 4 * time.Second, delay: 5 * time.Second, silence: 4 * time.Second,
	fill: 4 * time.Second, wrongClock: 4 * time.Second, oldCopy: time.Second,
}

// fillTime is what a disk takes to be full and its process to notice, at least.
const fillTime = 2 * time.Second

func draw(random *rand.Rand, a action, v victim) episode {
	e := episode{
		action: a, victim: v.name, target: v.targets[random.IntN(len(v.targets))],
		calm: time.Duration(random.Int64N(int64(time.Second))),
		down: time.Duration(random.Int64N(int64(longest[a]))),
	}
	switch a {
	case fill:
		e.down += fillTime
	case delay:
		e.by = time.Duration(20+random.IntN(280)) * time.Millisecond
	case wrongClock:
		e.by = offsets[random.IntN(len(offsets))]
	}
	return e
}

// paired are the actions of pairs: a start that is part of the others would
// wait for what the first fault took away.
var paired = []action{kill, pause, restart, loseStore, cut, delay, silence}

// drawPairs joins faults of the deck. One orderer of four may fail, so no pair
// has two; and a process fails in one way at a time.
func drawPairs(random *rand.Rand, deck []episode) []episode {
	var list []episode
	for len(list) < pairs {
		one, other := deck[random.IntN(len(deck))], deck[random.IntN(len(deck))]
		if one.target == other.target || one.ofOrderer() && other.ofOrderer() ||
			!slices.Contains(paired, one.action) || !slices.Contains(paired, other.action) {
			continue
		}
		one.also = &other
		list = append(list, one)
	}
	return list
}

func (e episode) ofOrderer() bool {
	return e.target == leading || strings.HasPrefix(e.target, "orderer.")
}

// rank orders what is undone: what needs no start first, then as a network is
// started.
func (e episode) rank() int {
	kind, _, _ := strings.Cut(e.target, ".")
	switch {
	case e.action != kill && e.action != restart && e.action != loseStore:
		return 0
	case e.ofOrderer():
		return 1
	case kind == "chaincode":
		return 2
	case kind == "peer":
		return 3
	default:
		return 4
	}
}
