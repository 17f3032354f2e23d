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

// height is the metric of a peer or an orderer that counts its blocks.
const height = "ledger_blockchain_height"

// AwaitPeers returns once all peers have the same number of blocks, and no block
// came for a second.
func (n *Network) AwaitPeers(ctx context.Context) error {
	return awaitSameHeight(ctx, n.peersOperations())
}

// AwaitSeen returns once all peers have the blocks that any of them had when it
// was called.
func (n *Network) AwaitSeen(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	most := 0.0
	for _, address := range n.peersOperations() {
		blocks, err := readMetric(ctx, address, height)
		if err != nil {
			return err
		}
		most = max(most, blocks)
	}
	return until(ctx, func(ctx context.Context) error {
		for _, address := range n.peersOperations() {
			if blocks, err := readMetric(ctx, address, height); err != nil || blocks < most {
				return errors.Join(err, fmt.Errorf("%s has %.0f blocks of %.0f", address, blocks, most))
			}
		}
		return nil
	})
}

// peersOperations are the operations addresses of all peers.
func (n *Network) peersOperations() []string {
	var addresses []string
	for _, o := range n.consortium.Organisations {
		for _, kind := range o.peers() {
			addresses = append(addresses, n.consortium.operationsAddress(o, kind))
		}
	}
	return addresses
}

// AwaitOrderers does so for the orderers. One that was away may lack the newest
// block until the next one comes.
func (n *Network) AwaitOrderers(ctx context.Context) error {
	var addresses []string
	for _, o := range n.consortium.Organisations {
		if o.HasOrderer() {
			addresses = append(addresses, n.consortium.local(o, portOrdererOperations))
		}
	}
	return awaitSameHeight(ctx, addresses)
}

func awaitSameHeight(ctx context.Context, addresses []string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return until(ctx, func(ctx context.Context) error {
		before, err := sameHeight(ctx, addresses)
		if err != nil {
			return err
		}
		// Blocks may be on their way while all are at the same.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		after, err := sameHeight(ctx, addresses)
		if err == nil && after != before {
			err = fmt.Errorf("%.0f blocks became %.0f", before, after)
		}
		return err
	})
}

func sameHeight(ctx context.Context, addresses []string) (float64, error) {
	common := -1.0
	for _, address := range addresses {
		blocks, err := readMetric(ctx, address, height)
		if err != nil {
			return 0, err
		}
		if common >= 0 && blocks != common {
			return 0, fmt.Errorf("%s has %.0f blocks, others have %.0f", address, blocks, common)
		}
		common = blocks
	}
	return common, nil
}
