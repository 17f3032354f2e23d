// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package timing sums up how long things took.
package timing

import "time"

// Percentile returns the least of the sorted values, of which there is at least
// one, that p per cent do not exceed, in milliseconds.
func Percentile(sorted []time.Duration, p int) float64 {
	return float64(sorted[max(0, (len(sorted)*p+99)/100-1)].Microseconds()) / 1000
}
