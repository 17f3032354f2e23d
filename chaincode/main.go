// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command chaincode serves the coupon rules to the peers of one organisation.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"ecoupon/chaincode/contract"
	"ecoupon/chaincode/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := server.Run(ctx, os.Getenv, os.Stderr, contract.New); err != nil {
		fmt.Fprintln(os.Stderr, "chaincode:", err)
		os.Exit(1)
	}
}
