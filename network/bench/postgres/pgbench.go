// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"time"
)

var rate = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// Bench runs a script of one transaction with pgbench, with so many clients for
// so long, and returns how often it was done in a second.
func (s *Server) Bench(ctx context.Context, script string, clients int, lasts time.Duration) (float64, error) {
	file := filepath.Join(s.dir, "script.sql")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil { //nolint:gosec // another user reads it
		return 0, err
	}
	said, err := s.output(ctx, "pgbench", "-n", "-M", "prepared", "-h", s.dir, "-p", strconv.Itoa(s.port), "-U", "bench",
		"-c", strconv.Itoa(clients), "-j", strconv.Itoa(runtime.NumCPU()), "-T", strconv.Itoa(max(1, int(lasts.Seconds()))), "-f", file, "postgres")
	if err != nil {
		return 0, err
	}
	found := rate.FindStringSubmatch(said)
	if found == nil {
		return 0, fmt.Errorf("pgbench names no rate: %s", said)
	}
	return strconv.ParseFloat(found[1], 64)
}
