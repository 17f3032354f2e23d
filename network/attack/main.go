// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command attack plays every known attack on a network of its own and prints how
// each ended: refused with which reason, by whom and after how long. Attacks that
// are marked residual may succeed, within the bounds that are printed with them;
// if any other does, or is refused for another reason than it should be, the
// exit code is 1.
//
// Issuer, advertiser, retailer and shop run altered chaincode beside the real
// rules, so that they can cheat. At last it has an advertiser that rules its own
// clock, service and log date coupons later than they are made, a thousand
// times, and prints how much that gained.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"ecoupon/network/internal/command"
)

func main() { command.Main("attack", run) }

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("attack", flag.ContinueOnError)
	only := flags.String("run", "", "attacks whose name matches this expression")
	trials := flags.Int("trials", 1000, "trials of the post-dating; 0 for none")
	lanes := flags.Int("lanes", 100, "lanes of the post-dating")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	a, err := newArena(ctx, os.Stderr)
	if a != nil {
		defer a.close()
	}
	if err != nil {
		return err
	}
	wrong := playAll(ctx, a, wanted, out)
	if *trials > 0 {
		report, err := postDate(ctx, a, *trials, *lanes)
		if err != nil {
			return fmt.Errorf("post-dating: %w", err)
		}
		report.print(out)
		if report.largest() > maxGain {
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d attacks ended otherwise than they should", wrong)
	}
	return nil
}

// playAll plays the attacks and prints a line about each. It returns how many
// ended otherwise than they should.
func playAll(ctx context.Context, a *arena, wanted *regexp.Regexp, out io.Writer) int {
	var chosen []attack
	for _, k := range attacks() {
		if wanted.MatchString(k.name) {
			chosen = append(chosen, k)
		}
	}
	began, wrong, residual := time.Now(), 0, 0
	a.playEach(ctx, chosen, func(k attack, o outcome) {
		line, ok := k.judge(o)
		fmt.Fprintln(out, line)
		switch {
		case !ok:
			wrong++
		case o.with == accepted:
			residual++
		}
	})
	fmt.Fprintf(out, "%d attacks in %.0f s: %d refused, %d residual, %d otherwise\n",
		len(chosen), time.Since(began).Seconds(), len(chosen)-residual-wrong, residual, wrong)
	return wrong
}

// playEach plays the attacks one after the other. Those that wait for minutes
// run beside the others, and are told last.
func (a *arena) playEach(ctx context.Context, chosen []attack, tell func(attack, outcome)) {
	waiting := map[string]chan outcome{}
	for _, k := range chosen {
		if k.waits {
			ended := make(chan outcome, 1)
			waiting[k.name] = ended
			go func() { ended <- k.play(ctx, a) }()
		}
	}
	for _, k := range chosen {
		if !k.waits {
			tell(k, k.play(ctx, a))
		}
	}
	for _, k := range chosen {
		if k.waits {
			tell(k, <-waiting[k.name])
		}
	}
}
