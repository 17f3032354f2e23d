// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Pause halts one process where it stands: its connections stay open and
// nothing answers, as on a machine that hangs. A process that has ended is an
// error.
func (n *Network) Pause(ctx context.Context, name string) error {
	return n.signal(ctx, name, syscall.SIGSTOP)
}

// Resume lets a paused process go on; one that was not paused is left alone.
func (n *Network) Resume(ctx context.Context, name string) error {
	return n.signal(ctx, name, syscall.SIGCONT)
}

func (n *Network) signal(ctx context.Context, name string, signal syscall.Signal) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return n.locked(name, func(Organisation, string) error {
		r, err := n.state.readRecord(name)
		if err != nil {
			return err
		}
		if !r.alive() {
			return n.state.died(name)
		}
		if err := syscall.Kill(r.PID, signal); err != nil {
			return fmt.Errorf("sending %s to %s: %w", signal, name, err)
		}
		return nil
	})
}

// ErrNoLeader says that too few orderers agree on who leads.
var ErrNoLeader = errors.New("the orderers name no leader")

// Leader waits until most orderers name the same leader, and returns the name
// of its process.
func (n *Network) Leader(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var orderers []Organisation
	for _, o := range n.consortium.Organisations {
		if o.HasOrderer() {
			orderers = append(orderers, o)
		}
	}
	leader := 0
	err := until(ctx, func(ctx context.Context) error {
		votes := make(map[int]int)
		for _, o := range orderers {
			probe, cancel := context.WithTimeout(ctx, probeLimit)
			id, err := readMetric(probe, n.consortium.local(o, portOrdererOperations), "consensus_BFT_leader_id")
			cancel()
			if err != nil {
				continue // it may be the one that is gone
			}
			if votes[int(id)]++; votes[int(id)] > len(orderers)/2 {
				leader = int(id)
			}
		}
		if leader < 1 || leader > len(orderers) {
			leader = 0
			return ErrNoLeader
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	// Consenters are numbered from 1, in the order of the organisations.
	return kindOrderer + "." + orderers[leader-1].Name, nil
}

// AwaitSameHeight returns once the peers of all organisations have committed
// the same number of blocks.
func (n *Network) AwaitSameHeight(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return until(ctx, func(ctx context.Context) error {
		first := 0.0
		for i, o := range n.consortium.Organisations {
			height, err := readMetric(ctx, n.consortium.local(o, portPeerOperations), "ledger_blockchain_height")
			if err != nil {
				return err
			}
			if i == 0 {
				first = height
			}
			if height != first {
				return fmt.Errorf("the peer of %s is at %.0f blocks, the first at %.0f", o.Name, height, first)
			}
		}
		// Blocks may be on their way while all are at the same.
		return quiet(ctx, func() (float64, error) {
			return readMetric(ctx, n.consortium.local(n.consortium.Organisations[0], portPeerOperations), "ledger_blockchain_height")
		})
	})
}

// quiet is an error if the value changes within a second.
func quiet(ctx context.Context, value func() (float64, error)) error {
	before, err := value()
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Second):
	}
	after, err := value()
	if err == nil && after != before {
		err = fmt.Errorf("%.0f became %.0f", before, after)
	}
	return err
}
