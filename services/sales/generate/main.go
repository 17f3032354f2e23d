// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Command generate writes the example of a day's sales, always the same one:
//
//	go run ./sales/generate > ../examples/sales.csv
//
// Of every hundred baskets about 38 hold cocoa and a coupon for each of one or
// two tins, 20 tea and its coupon, 8 both; 3 try a coupon without its goods, 2
// without the minimum spend, and the rest none.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
)

const (
	baskets   = 300
	customers = 160
	opens     = 8 * 3600
	closes    = 20 * 3600
	cocoa     = "nordlicht-cocoa-50"
	tea       = "brezelhof-tea-20"
	header    = "till,time,basket,customer,coupons,institute,invoice,currency,gtin,quantity,unit_price_minor\n"
)

// article is something on the shelves, with its price in cents.
type article struct {
	gtin  string
	price int
}

var (
	cocoas = []article{{"9521234543213", 249}, {"9521234543220", 329}}
	teas   = []article{{"9521234544012", 199}, {"9521234544029", 249}, {"9521234544036", 449}}
	// Bread, milk, butter, apples by weight, coffee, pasta, rice, soap.
	others = []article{
		{"9521234545019", 329}, {"9521234545026", 119}, {"9521234545033", 229}, {"9521234545040", 287},
		{"9521234545057", 699}, {"9521234545064", 149}, {"9521234545071", 259}, {"9521234545088", 99},
	}
	// Of Girohaus the local network runs a sandbox.
	institutes = []string{"Girohaus"}
)

// line is a row of the basket being made.
type line struct {
	article
	quantity int
}

// source is a generator whose numbers no release of Go changes: it does not use
// the derived distributions.
type source struct{ pcg *rand.PCG }

func (s source) below(n int) int { return int(s.pcg.Uint64() % uint64(n)) }

func main() {
	if _, err := os.Stdout.WriteString(day()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// day returns the file.
func day() string {
	s := source{rand.NewPCG(952, 2002)}
	times := make([]int, baskets)
	for i := range times {
		times[i] = opens + s.below(closes-opens)
	}
	sort.Ints(times)
	var out strings.Builder
	out.WriteString(header)
	for i, at := range times {
		lines, coupons := s.basket()
		customer := ""
		if coupons != "" {
			customer = fmt.Sprintf("c%03d", 1+s.below(customers))
		}
		start := fmt.Sprintf("till-%d,%02d:%02d:%02d,b%04d", 1+s.below(2), at/3600, at/60%60, at%60, i+1)
		whole := fmt.Sprintf("%s,%s,%s,%08X,EUR", customer, coupons, institutes[s.below(len(institutes))], uint32(s.pcg.Uint64()))
		for _, l := range lines {
			fmt.Fprintf(&out, "%s,%s,%s,%d,%d\n", start, whole, l.gtin, l.quantity, l.price)
			whole = ",,,,"
		}
	}
	return out.String()
}

// basket makes the lines of a basket and the coupons that are tried with it.
func (s source) basket() (lines []line, coupons string) {
	switch dice := s.below(100); {
	case dice < 38:
		tins := 1 + s.below(3)
		lines = append(s.others(1+s.below(3)), line{cocoas[s.below(2)], tins})
		return lines, fmt.Sprintf("%s*%d", cocoa, min(tins, 1+s.below(2)))
	case dice < 58:
		return append(s.expensive(), line{teas[s.below(3)], 2 + s.below(2)}), tea + "*1"
	case dice < 66:
		lines = append(s.expensive(), line{teas[s.below(3)], 2}, line{cocoas[s.below(2)], 1})
		return lines, fmt.Sprintf("%s*1 %s*1", cocoa, tea)
	case dice < 69:
		return s.others(2), cocoa + "*1"
	case dice < 71:
		return []line{{teas[0], 2}, {others[7], 1}}, tea + "*1"
	default:
		return s.others(1 + s.below(4)), ""
	}
}

// expensive makes lines that alone cost more than the tea's minimum spend.
func (s source) expensive() []line {
	return append(s.others(1+s.below(2)), line{article{"9521234545057", 699}, 2})
}

// others makes lines of different articles without coupons; the one for coffee
// is left to expensive.
func (s source) others(n int) []line {
	var lines []line
	from := s.below(len(others))
	for i := 0; len(lines) < n; i++ {
		a := others[(from+i)%len(others)]
		if a.gtin != "9521234545057" {
			lines = append(lines, line{a, 1 + s.below(2)})
		}
	}
	return lines
}
