// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Free ranges are sought between these, below the ports that systems hand out
// to outgoing calls and above the default consortium's.
const (
	firstFree = 18000
	lastFree  = 32000
	pickTries = 200
)

// claims is where a user's networks on this machine note the ranges they took. A range
// is noted before its ports are in use, and stays so while the network rests.
func claims() string { return filepath.Join(os.TempDir(), "ecoupon-ports-"+strconv.Itoa(os.Getuid())) }

// pickPorts finds count free ports in a row and claims them for the state
// directory, so that two networks started at once do not choose the same.
func pickPorts(ctx context.Context, count int, listenHost, stateDir string) (int, error) {
	if err := os.MkdirAll(claims(), 0o750); err != nil {
		return 0, fmt.Errorf("claiming ports: %w", err)
	}
	slots := (lastFree - firstFree) / slotSize(count)
	for range pickTries {
		//nolint:gosec // any range will do
		base := firstFree + rand.IntN(slots)*slotSize(count)
		if ok, err := claim(base, count, stateDir); err != nil || !ok {
			if err != nil {
				return 0, err
			}
			continue
		}
		if allFree(ctx, base, count, listenHost) {
			return base, nil
		}
		release(base, count, stateDir)
	}
	return 0, fmt.Errorf("no %d free ports in a row between %d and %d", count, firstFree, lastFree)
}

// claimUnit is the number of ports one claim file stands for.
const claimUnit = PortsPerOrganisation

func slotSize(count int) int { return (count + claimUnit - 1) / claimUnit * claimUnit }

// claim notes all units of the range or none.
func claim(base, count int, stateDir string) (bool, error) {
	for p := base; p < base+count; p += claimUnit {
		ok, err := claimOne(p, stateDir)
		if err != nil || !ok {
			release(base, p-base, stateDir)
			return false, err
		}
	}
	return true, nil
}

func claimOne(port int, stateDir string) (bool, error) {
	name := filepath.Join(claims(), strconv.Itoa(port))
	if holder, err := os.ReadFile(name); err == nil && stale(string(holder)) {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("claiming ports: %w", err)
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claiming ports: %w", err)
	}
	_, err = f.WriteString(stateDir)
	return err == nil, errors.Join(err, f.Close())
}

// stale reports that the claiming network is gone.
func stale(stateDir string) bool {
	if stateDir == "" {
		return false // being written
	}
	_, err := os.Stat(stateDir)
	return errors.Is(err, fs.ErrNotExist)
}

// release gives back what the state directory holds of the range.
func release(base, count int, stateDir string) {
	for p := base; p < base+count; p += claimUnit {
		name := filepath.Join(claims(), strconv.Itoa(p))
		if holder, err := os.ReadFile(name); err == nil && strings.TrimSpace(string(holder)) == stateDir {
			_ = os.Remove(name)
		}
	}
}

func allFree(ctx context.Context, base, count int, listenHost string) bool {
	for p := base; p < base+count; p++ {
		if !isFree(ctx, net.JoinHostPort(listenHost, strconv.Itoa(p))) {
			return false
		}
	}
	return true
}

func isFree(ctx context.Context, address string) bool {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return false
	}
	return l.Close() == nil
}
