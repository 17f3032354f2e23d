// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
)

// View is what an orderer says of its consensus.
type View struct {
	// Number counts the leaders that there were: it grows by one or more with
	// each change of leader.
	Number int
	// Next is the latest view that the orderer has voted for: it grows when it
	// gives up its leader, whether or not the others do.
	Next int
}

// Views asks every orderer, by the name of its process; one that does not
// answer is left out.
func (n *Network) Views(ctx context.Context) map[string]View {
	views := make(map[string]View)
	for _, o := range n.consortium.Organisations {
		if !o.HasOrderer() {
			continue
		}
		probe, cancel := context.WithTimeout(ctx, probeLimit)
		address := n.consortium.local(o, portOrdererOperations)
		number, err := readMetric(probe, address, "consensus_smartbft_view_number")
		next, failed := readMetric(probe, address, "consensus_smartbft_viewchange_next_view")
		cancel()
		if err == nil && failed == nil {
			views[kindOrderer+"."+o.Name] = View{Number: int(number), Next: int(next)}
		}
	}
	return views
}

// Ordered is how much the orderers have agreed on since they began.
type Ordered struct{ Blocks, Transactions int }

// Ordered asks the first orderer that answers.
func (n *Network) Ordered(ctx context.Context) (Ordered, error) {
	var failed error
	for _, o := range n.consortium.Organisations {
		if !o.HasOrderer() {
			continue
		}
		probe, cancel := context.WithTimeout(ctx, probeLimit)
		address := n.consortium.local(o, portOrdererOperations)
		blocks, err := readMetric(probe, address, "consensus_smartbft_view_count_batch_all")
		transactions, none := readMetric(probe, address, "consensus_smartbft_view_count_txs_all")
		cancel()
		if err = errors.Join(err, none); err == nil {
			return Ordered{Blocks: int(blocks), Transactions: int(transactions)}, nil
		}
		failed = errors.Join(failed, err)
	}
	return Ordered{}, failed
}
