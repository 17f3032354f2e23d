// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package settle_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/clearing/settle"
)

func id(n byte) coupon.BatchID { return coupon.BatchID{n} }

func batch(n byte, coupons int64, amounts ...coupon.Money) coupon.SettledBatch {
	return coupon.SettledBatch{ID: id(n), Coupons: coupons, Amounts: amounts}
}

func euro(minor int64) coupon.Money   { return coupon.Money{Currency: "EUR", Minor: minor} }
func kronor(minor int64) coupon.Money { return coupon.Money{Currency: "SEK", Minor: minor} }

func TestPositionsAndNets(t *testing.T) {
	t.Parallel()
	records := []coupon.SettlementRecord{
		{Issuer: "I1", Retailer: "R1", Transaction: "t1", Batches: []coupon.SettledBatch{batch(1, 2, euro(200)), batch(2, 3, euro(50), kronor(70))}},
		{Issuer: "I1", Retailer: "R1", Transaction: "t2", Batches: []coupon.SettledBatch{batch(3, 1, euro(100)), batch(4, 0)}},
		{Issuer: "I2", Retailer: "R1", Transaction: "t3", Batches: []coupon.SettledBatch{batch(5, 1, euro(0))}},
		// An organisation that is both pays and receives.
		{Issuer: "R1", Retailer: "R2", Transaction: "t4", Batches: []coupon.SettledBatch{batch(6, 1, euro(30))}},
	}
	positions, err := settle.Positions(records)
	if err != nil {
		t.Fatal(err)
	}
	want := []settle.Position{
		{Issuer: "I1", Retailer: "R1", Amount: euro(350), Coupons: 6, Batches: []coupon.BatchID{id(1), id(2), id(3)}, Transactions: []string{"t1", "t2"}},
		{Issuer: "I1", Retailer: "R1", Amount: kronor(70), Coupons: 3, Batches: []coupon.BatchID{id(2)}, Transactions: []string{"t1"}},
		{Issuer: "R1", Retailer: "R2", Amount: euro(30), Coupons: 1, Batches: []coupon.BatchID{id(6)}, Transactions: []string{"t4"}},
	}
	if diff := cmp.Diff(want, positions); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
	nets, err := settle.Nets(positions)
	if err != nil {
		t.Fatal(err)
	}
	wantNets := []settle.Net{
		{Organisation: "I1", Amount: euro(-350)}, {Organisation: "R1", Amount: euro(320)}, {Organisation: "R2", Amount: euro(30)},
		{Organisation: "I1", Amount: kronor(-70)}, {Organisation: "R1", Amount: kronor(70)},
	}
	if diff := cmp.Diff(wantNets, nets); diff != "" {
		t.Errorf("nets (-want +got):\n%s", diff)
	}
}

func TestOverflowIsRefused(t *testing.T) {
	t.Parallel()
	const most = 1<<63 - 1
	_, err := settle.Positions([]coupon.SettlementRecord{
		{Issuer: "I", Retailer: "R", Batches: []coupon.SettledBatch{batch(1, 1, euro(most)), batch(2, 1, euro(1))}},
	})
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonAmountOverflow {
		t.Errorf("positions: %v", err)
	}
	_, err = settle.Nets([]settle.Position{
		{Issuer: "I", Retailer: "R", Amount: euro(most)}, {Issuer: "J", Retailer: "R", Amount: euro(1)},
	})
	if reason, _ := coupon.ReasonOf(err); reason != coupon.ReasonAmountOverflow {
		t.Errorf("nets: %v", err)
	}
}

// Whatever is settled, each currency's net positions sum to zero, and they do
// not depend on the order of the records.
func FuzzNetsSumToZero(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 1, 0, 100, 1, 0, 1, 200, 2, 2, 0, 7})
	f.Add([]byte{0, 0, 0, 255, 255, 255, 255, 255, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, data []byte) {
		var records []coupon.SettlementRecord
		for n := 0; len(data) >= 6 && n < 100; n++ {
			amount := coupon.Money{
				Currency: []string{"EUR", "SEK", "USD"}[data[2]%3],
				Minor:    int64(data[3])*int64(binary.BigEndian.Uint16(data[4:6])) - 1000,
			}
			records = append(records, coupon.SettlementRecord{
				Issuer: fmt.Sprint("org", data[0]%5), Retailer: fmt.Sprint("org", data[1]%5), Transaction: fmt.Sprint(n),
				Batches: []coupon.SettledBatch{{ID: id(byte(n)), Coupons: 1, Amounts: []coupon.Money{amount}}},
			})
			data = data[6:]
		}
		nets := netsOf(t, records)
		sums := make(map[string]int64)
		for _, n := range nets {
			sums[n.Amount.Currency] += n.Amount.Minor
		}
		for currency, sum := range sums {
			if sum != 0 {
				t.Errorf("%s sums to %d", currency, sum)
			}
		}
		for i, j := 0, len(records)-1; i < j; i, j = i+1, j-1 {
			records[i], records[j] = records[j], records[i]
		}
		if diff := cmp.Diff(nets, netsOf(t, records)); diff != "" {
			t.Errorf("nets in another order of records (-one +other):\n%s", diff)
		}
	})
}

func netsOf(t *testing.T, records []coupon.SettlementRecord) []settle.Net {
	t.Helper()
	positions, err := settle.Positions(records)
	if err != nil {
		t.Fatal(err)
	}
	nets, err := settle.Nets(positions)
	if err != nil {
		t.Fatal(err)
	}
	return nets
}

// Parts loses no batch, keeps the order, and fills no transaction above its
// limit unless a single batch does.
func FuzzParts(f *testing.F) {
	f.Add([]byte{3, 4, 5, 200, 1}, uint8(10))
	f.Fuzz(func(t *testing.T, sizes []byte, limit uint8) {
		var batches, joined []settle.Batch
		for i, size := range sizes {
			batches = append(batches, settle.Batch{ID: id(byte(i)), Coupons: int(size)})
		}
		for _, part := range settle.Parts(batches, int(limit)) {
			sum := 0
			for _, b := range part {
				sum += b.Coupons
			}
			if len(part) == 0 || sum > int(limit) && len(part) > 1 {
				t.Errorf("a part of %d batches with %d coupons", len(part), sum)
			}
			joined = append(joined, part...)
		}
		if diff := cmp.Diff(batches, joined); diff != "" {
			t.Errorf("batches (-given +parted):\n%s", diff)
		}
	})
}
