// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/anishathalye/porcupine"
)

// checkLimit bounds the check of one coupon's operations. They are few, and
// take microseconds.
const checkLimit = time.Minute

// Result is what a check has found.
type Result struct {
	Shares
	// Wrong has the operations of each coupon whose history is impossible, in
	// the order of their calls.
	Wrong [][]Operation
	// Unchecked is how many coupons took too long to check.
	Unchecked int
}

// Check looks for an order in which each coupon's operations could have been
// done one after the other, each at some moment between its call and its
// return.
func Check(operations []Operation) Result {
	r := Result{Shares: SharesOf(operations)}
	for _, list := range byCoupon(operations) {
		switch porcupine.CheckOperationsTimeout(model, calls(list), checkLimit) {
		case porcupine.Illegal:
			r.Wrong = append(r.Wrong, list)
		case porcupine.Unknown:
			r.Unchecked++
		}
	}
	return r
}

// calls turns a coupon's operations into porcupine's. What may yet have an
// effect returns after everything else. Of several such calls for the same only
// the first is left: a redemption holds the coupon once, and is voided once, and
// whenever the others could have had the effect, the first could have had it.
func calls(list []Operation) []porcupine.Operation {
	type effect struct {
		kind    Kind
		request int
	}
	seen := map[effect]bool{}
	end := time.Duration(0)
	clients := map[int]int{}
	for _, o := range list {
		end = max(end, o.Call, o.Return)
		if _, known := clients[o.Client]; !known {
			clients[o.Client] = len(clients)
		}
	}
	var all []porcupine.Operation
	for _, o := range list {
		returned := o.Return
		if o.open() {
			of := effect{o.Kind, o.Request}
			if seen[of] {
				continue
			}
			seen[of] = true
			returned = end + 1
		}
		all = append(all, porcupine.Operation{
			ClientId: clients[o.Client], Input: o, Call: int64(o.Call), Return: int64(returned),
		})
	}
	return all
}

// Draw writes one coupon's operations to an HTML file in a folder, which is
// made: a picture of who asked when and was told what, with the longest orders
// that are possible. It returns the file's name.
func Draw(list []Operation, folder string) (string, error) {
	if len(list) == 0 {
		return "", fmt.Errorf("drawing a history: it is empty")
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", fmt.Errorf("drawing a history: %w", err)
	}
	name := filepath.Join(folder, fmt.Sprintf("coupon-%d.html", list[0].Coupon))
	_, info := porcupine.CheckOperationsVerbose(model, calls(list), checkLimit)
	if err := porcupine.VisualizePath(model, info, name); err != nil {
		return "", fmt.Errorf("drawing a history: %w", err)
	}
	return name, nil
}
