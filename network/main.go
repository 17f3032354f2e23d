// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command network runs a consortium's network on this machine.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"ecoupon/network/runner"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	n, err := runner.New(runner.Default(), os.Stderr)
	if err == nil {
		switch os.Args[1] {
		case "up":
			err = n.Up(ctx, runner.UpOptions{OnlyFabric: true})
		case "down":
			err = n.Down(ctx)
		case "purge":
			err = n.Purge(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "network:", err)
		os.Exit(1)
	}
}
