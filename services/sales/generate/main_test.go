// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"
)

func TestTheExampleIsWhatIsGenerated(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../../../examples/sales.csv")
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != day() {
		t.Error("examples/sales.csv is out of date; run go run ./sales/generate > ../examples/sales.csv")
	}
}
