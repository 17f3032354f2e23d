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
		number, next, err := n.ordererMetrics(ctx, o, "consensus_smartbft_view_number", "consensus_smartbft_viewchange_next_view")
		if err == nil {
			views[kindOrderer+"."+o.Name] = View{Number: number, Next: next}
		}
	}
	return views
}

// ordererMetrics reads two metrics of an organisation's orderer.
func (n *Network) ordererMetrics(ctx context.Context, o Organisation, one, other string) (int, int, error) {
	probe, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	address := n.consortium.local(o, portOrdererOperations)
	first, err := readMetric(probe, address, one)
	second, failed := readMetric(probe, address, other)
	return int(first), int(second), errors.Join(err, failed)
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
		blocks, transactions, err := n.ordererMetrics(ctx, o, "consensus_smartbft_view_count_batch_all", "consensus_smartbft_view_count_txs_all")
		if err == nil {
			return Ordered{Blocks: blocks, Transactions: transactions}, nil
		}
		failed = errors.Join(failed, err)
	}
	return Ordered{}, failed
}
