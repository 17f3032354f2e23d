// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command healthcheck asks a process in the same container whether it serves,
// for images in which there is no other program to ask with, and whether there
// is room for the temporary files that processes write.
//
// HEALTH in the environment says how: http://host:port/path wants the status
// 200; tls://host:port a handshake that ends well for the caller, with a
// certificate that the authorities in SSL_CERT_FILE vouch for.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"
)

// limit bounds one check; it is below the limit that the images set.
const limit = 2 * time.Second

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	err := check(ctx, os.Getenv("HEALTH"))
	cancel()
	if err == nil {
		err = writeTemporary()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "healthcheck:", err)
		os.Exit(1)
	}
}

func check(ctx context.Context, target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("reading HEALTH: %w", err)
	}
	switch u.Scheme {
	case "http":
		return get(ctx, target)
	case "tls":
		return shakeHands(ctx, u.Host)
	}
	return fmt.Errorf("HEALTH is %q and begins neither with http:// nor with tls://", target)
}

// writeTemporary makes a temporary file and removes it.
func writeTemporary() error {
	f, err := os.CreateTemp("", "healthcheck-")
	if err != nil {
		return err
	}
	_, err = f.WriteString("x")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

func get(ctx context.Context, target string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil) //nolint:gosec // the container names its own address
	if err != nil {
		return fmt.Errorf("asking for health: %w", err)
	}
	answer, err := http.DefaultClient.Do(request) //nolint:gosec // likewise
	if err != nil {
		return fmt.Errorf("asking for health: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("asking for health: %s", answer.Status)
	}
	return nil
}

// shakeHands has no certificate to show. A server that demands one says so
// only after the handshake has ended on this side.
func shakeHands(ctx context.Context, address string) error {
	d := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("shaking hands: %w", err)
	}
	return conn.Close()
}
