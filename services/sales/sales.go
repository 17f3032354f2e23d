// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package sales reads what was sold at the tills of a day from CSV, a row for
// each line of a basket:
//
//	till,time,basket,customer,coupons,institute,invoice,currency,gtin,quantity,unit_price_minor
//	till-1,08:03:12,b0001,c017,tea*1 cocoa*2,Girohaus,7F3A91C2,EUR,9521234543213,2,249
//	till-1,08:03:12,b0001,,,,,,9521234544012,1,199
//
// The rows of a basket follow one another. What belongs to the basket as a
// whole, from customer to currency, stands in its first row, and is empty or
// the same in the others. Prices are in minor units of the currency; article
// numbers are GTINs of any length. The column coupons says which the customer
// tries to use: campaigns, each with a number, separated by spaces.
//
// A basket alone is a CSV of gtin,quantity,unit_price_minor; see ReadBasket.
package sales

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"ecoupon/chaincode/coupon"
)

// maxSales bounds a file.
const maxSales = 100_000

var (
	saleColumns   = []string{"till", "time", "basket", "customer", "coupons", "institute", "invoice", "currency"}
	basketColumns = []string{"gtin", "quantity", "unit_price_minor"}
)

// Sale is one basket at a till.
type Sale struct {
	Till string
	// At is how long after the beginning of the day.
	At time.Duration
	// ID names the basket within its file.
	ID string
	// Customer tells wallets apart; empty for a customer without one.
	Customer string
	// Coupons are those that the customer tries to use.
	Coupons []Wish
	// Institute and Invoice name the payment.
	Institute string
	Invoice   string
	Basket    coupon.Basket
}

// Wish is a number of coupons of a campaign.
type Wish struct {
	Campaign string
	Count    int
}

// CouponCount returns how many coupons the customer tries to use.
func (s Sale) CouponCount() int {
	n := 0
	for _, w := range s.Coupons {
		n += w.Count
	}
	return n
}

// Payment returns the invoice of the sale if it was made on the day that begins
// then: the whole basket, paid at the time of the sale.
func (s Sale) Payment(day time.Time) coupon.Invoice {
	return coupon.Invoice{
		Institute: s.Institute, Number: s.Invoice, Currency: s.Basket.Currency,
		Amount: s.Basket.Total, PaidAt: day.Add(s.At).UnixMilli(),
	}
}

// Load reads the sales in a file; see Read.
func Load(path string) ([]Sale, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return Read(path, file)
}

// Read reads sales, and refuses the first row with a mistake; the error is
// "name:line: column: what is wrong". Sales are in the order of time, each with
// an id of its own.
func Read(name string, from io.Reader) ([]Sale, error) {
	t, err := newTable(name, from, slices.Concat(saleColumns, basketColumns))
	if err != nil {
		return nil, err
	}
	var read []Sale
	seen := make(map[string]bool)
	for t.next() {
		if n := len(read); n > 0 && t.value("basket") == read[n-1].ID {
			t.continueSale(&read[n-1])
			continue
		}
		s := t.sale()
		t.check("basket", seen[s.ID], "a basket's rows follow one another")
		t.check("time", len(read) > 0 && s.At < read[len(read)-1].At, "sales are in the order of time")
		t.check("basket", len(read) == maxSales, "a file has at most %d baskets", maxSales)
		seen[s.ID] = true
		read = append(read, s)
	}
	for i := range read {
		if t.err == nil {
			t.err = finish(name+": basket "+read[i].ID, &read[i].Basket)
		}
	}
	if t.err != nil {
		return nil, t.err
	}
	return read, nil
}

// ReadBasket reads the lines of one basket.
func ReadBasket(name string, from io.Reader, currency string) (coupon.Basket, error) {
	t, err := newTable(name, from, basketColumns)
	if err != nil {
		return coupon.Basket{}, err
	}
	b := coupon.Basket{Currency: currency}
	for t.next() {
		b.Lines = append(b.Lines, t.line())
	}
	if t.err != nil {
		return coupon.Basket{}, t.err
	}
	return b, finish(name, &b)
}

// finish adds up the basket and refuses one that is not well formed.
func finish(name string, b *coupon.Basket) error {
	total, err := Total(b.Lines)
	if err == nil {
		b.Total = total
		err = b.Check()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Total returns the price of all lines.
func Total(lines []coupon.Line) (int64, error) {
	total := int64(0)
	for _, l := range lines {
		price, err := coupon.MulMinor(l.Quantity, l.UnitPrice)
		if err != nil {
			return 0, err
		}
		if total, err = coupon.AddMinor(total, price); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// table reads rows until the first mistake, which it keeps.
type table struct {
	name    string
	rows    *csv.Reader
	columns []string
	row     []string
	err     error
}

func newTable(name string, from io.Reader, columns []string) (*table, error) {
	t := &table{name: name, rows: csv.NewReader(from), columns: columns}
	t.rows.FieldsPerRecord = len(columns)
	t.rows.Comment = '#'
	head, err := t.rows.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: the file is empty", name)
	case err != nil && !errors.Is(err, csv.ErrFieldCount):
		return nil, fmt.Errorf("%s: %w", name, err)
	case !slices.Equal(head, columns):
		return nil, fmt.Errorf("%s:1: the columns are %s", name, strings.Join(columns, ","))
	}
	return t, nil
}

func (t *table) next() bool {
	if t.err != nil {
		return false
	}
	row, err := t.rows.Read()
	if errors.Is(err, io.EOF) {
		return false
	}
	if err != nil {
		t.err = fmt.Errorf("%s: %w", t.name, err)
		return false
	}
	t.row = row
	return true
}

func (t *table) value(column string) string {
	return t.row[slices.Index(t.columns, column)]
}

func (t *table) check(column string, wrong bool, format string, a ...any) {
	if wrong && t.err == nil {
		line, _ := t.rows.FieldPos(0)
		t.err = fmt.Errorf("%s:%d: %s: %s", t.name, line, column, fmt.Sprintf(format, a...))
	}
}

func (t *table) sale() Sale {
	at, err := time.Parse(time.TimeOnly, t.value("time"))
	t.check("time", err != nil, "%q is no time of the day such as 08:03:12", t.value("time"))
	s := Sale{
		Till:      t.id("till"),
		At:        time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second,
		ID:        t.id("basket"),
		Customer:  t.value("customer"),
		Coupons:   t.coupons(),
		Institute: t.id("institute"),
		Invoice:   t.id("invoice"),
		Basket:    coupon.Basket{Currency: t.value("currency"), Lines: []coupon.Line{t.line()}},
	}
	t.check("currency", coupon.CheckCurrency("", s.Basket.Currency) != nil, "a currency is three upper-case letters")
	return s
}

// continueSale adds a row to the sale of the row before.
func (t *table) continueSale(s *Sale) {
	s.Basket.Lines = append(s.Basket.Lines, t.line())
	first := map[string]string{
		"till": s.Till, "time": clock(s.At), "customer": s.Customer, "coupons": s.wishes(),
		"institute": s.Institute, "invoice": s.Invoice, "currency": s.Basket.Currency,
	}
	for _, column := range saleColumns {
		want, compared := first[column]
		got := t.value(column)
		t.check(column, compared && got != "" && got != want, "%q differs from the basket's first row", got)
	}
}

func (t *table) id(column string) string {
	value := t.value(column)
	t.check(column, coupon.CheckID(column, value) != nil, "is 1 to %d printable ASCII characters", coupon.MaxIDLength)
	return value
}

func (t *table) coupons() []Wish {
	var wishes []Wish
	for _, field := range strings.Fields(t.value("coupons")) {
		campaign, count, found := strings.Cut(field, "*")
		n, err := strconv.Atoi(count)
		wrong := !found || campaign == "" || err != nil || n < 1 || n > coupon.MaxCoupons
		t.check("coupons", wrong, "%q is not campaign*number", field)
		wishes = append(wishes, Wish{Campaign: campaign, Count: n})
	}
	return wishes
}

func (t *table) line() coupon.Line {
	gtin, err := coupon.PadGTIN(t.value("gtin"))
	t.check("gtin", err != nil, "%q is no GTIN with a valid check digit", t.value("gtin"))
	quantity, err := strconv.ParseInt(t.value("quantity"), 10, 64)
	t.check("quantity", err != nil || quantity < 1 || quantity > coupon.MaxQuantity, "is a count from 1 to %d", coupon.MaxQuantity)
	price, err := strconv.ParseInt(t.value("unit_price_minor"), 10, 64)
	t.check("unit_price_minor", err != nil || price < 0 || price > coupon.MaxMinor, "is an amount in minor units")
	return coupon.Line{GTIN: gtin, Quantity: quantity, UnitPrice: price}
}

func clock(at time.Duration) string {
	return time.Time{}.Add(at).Format(time.TimeOnly)
}

func (s Sale) wishes() string {
	texts := make([]string, len(s.Coupons))
	for i, w := range s.Coupons {
		texts[i] = w.Campaign + "*" + strconv.Itoa(w.Count)
	}
	return strings.Join(texts, " ")
}
