// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	"ecoupon/chaincode/coupon"
	institutev1 "ecoupon/proto/gen/coupon/institute/v1"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/campaignfile"
	"ecoupon/services/money"
	"ecoupon/services/sales"
)

// saleFlags are what was bought and how it was paid.
type saleFlags struct {
	lines     []string
	basket    string
	currency  string
	sales     string
	sale      string
	invoice   string
	institute string
	amount    string
	paid      string
	payment   string
}

func (s *saleFlags) addBasket(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&s.lines, "line", nil, "GTIN:QUANTITY:PRICE of one line, as in 9521234543213:2:2.49; several times")
	flags.StringVar(&s.basket, "basket", "", "CSV file with the lines: gtin,quantity,unit_price_minor")
	flags.StringVar(&s.currency, "currency", "EUR", "currency of the prices")
	flags.StringVar(&s.sales, "sales", "", "CSV file with the sales of a day, of which --sale is one")
	flags.StringVar(&s.sale, "sale", "", "name of the basket in the file --sales")
}

func (s *saleFlags) addInvoice(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.invoice, "invoice", "", "number of the payment: its authorisation code")
	flags.StringVar(&s.institute, "institute", "", "payment institute")
	flags.StringVar(&s.amount, "amount", "", "what was paid, as in 12.50 (default: the price of the basket)")
	flags.StringVar(&s.paid, "paid", "now", "when it was paid, as in -10m or 2030-05-01T08:00:00Z")
	flags.StringVar(&s.payment, "payment", "", "JSON file with the payment as its institute answered, attestation included, in place of all these")
}

// readPayment returns the payment of the flags, or that of the file.
func (s *saleFlags) readPayment(flags coupon.Invoice) (*typev1.Invoice, error) {
	if s.payment == "" {
		if flags.Number == "" || flags.Institute == "" {
			return nil, usagef("a sale has a basket, --invoice and --institute, or --payment; or it is one of a file: --sales and --sale")
		}
		return sales.Invoice(flags), nil
	}
	if s.invoice+s.institute+s.amount != "" {
		return nil, usagef("the payment is in --payment, or in --invoice, --institute and --amount")
	}
	text, err := os.ReadFile(s.payment)
	if err != nil {
		return nil, usage(err)
	}
	var paid institutev1.PayResponse
	if err := protojson.Unmarshal(text, &paid); err != nil {
		return nil, usagef("--payment %s: %w", s.payment, err)
	}
	if paid.GetInvoice() == nil {
		return nil, usagef("--payment %s: has no invoice", s.payment)
	}
	return paid.GetInvoice(), nil
}

// read returns the basket, nil if none is given, and the payment.
func (s *saleFlags) read(now time.Time) (*coupon.Basket, coupon.Invoice, error) {
	invoice := coupon.Invoice{Institute: s.institute, Number: s.invoice}
	basket, err := s.readBasket(&invoice)
	if err != nil || basket == nil {
		return nil, invoice, err
	}
	invoice.Currency, invoice.Amount = basket.Currency, basket.Total
	if s.amount != "" {
		if invoice.Amount, err = money.Parse(basket.Currency, s.amount); err != nil {
			return nil, invoice, usagef("--amount: %w", err)
		}
	}
	paid, err := campaignfile.ParseTime(s.paid, now)
	if s.paid != "" && err != nil {
		return nil, invoice, usagef("--paid: %w", err)
	}
	invoice.PaidAt = paid.UnixMilli()
	return basket, invoice, nil
}

// readBasket takes the basket from the one place where it is; that of a day's
// sales comes with number and institute of its payment.
func (s *saleFlags) readBasket(invoice *coupon.Invoice) (*coupon.Basket, error) {
	places := 0
	for _, given := range []bool{len(s.lines) > 0, s.basket != "", s.sales != "" || s.sale != ""} {
		if given {
			places++
		}
	}
	switch {
	case places == 0:
		return nil, nil
	case places > 1:
		return nil, usagef("the basket is in --line, in --basket or in --sales and --sale")
	case s.basket != "":
		return s.fromFile()
	case len(s.lines) > 0:
		return s.fromLines()
	}
	day, err := sales.Load(s.sales)
	if err != nil {
		return nil, usage(err)
	}
	for _, sale := range day {
		if sale.ID == s.sale {
			if invoice.Number == "" {
				invoice.Number, invoice.Institute = sale.Invoice, sale.Institute
			}
			return &sale.Basket, nil
		}
	}
	return nil, usagef("%s has no basket %q", s.sales, s.sale)
}

func (s *saleFlags) fromFile() (*coupon.Basket, error) {
	file, err := os.Open(s.basket)
	if err != nil {
		return nil, usage(err)
	}
	defer func() { _ = file.Close() }()
	basket, err := sales.ReadBasket(s.basket, file, s.currency)
	if err != nil {
		return nil, usage(err)
	}
	return &basket, nil
}

func (s *saleFlags) fromLines() (*coupon.Basket, error) {
	basket := coupon.Basket{Currency: s.currency}
	for _, text := range s.lines {
		line, err := parseLine(text, s.currency)
		if err != nil {
			return nil, usagef("--line %s: %w", text, err)
		}
		basket.Lines = append(basket.Lines, line)
	}
	total, err := sales.Total(basket.Lines)
	if err != nil {
		return nil, usage(err)
	}
	basket.Total = total
	if err := basket.Check(); err != nil {
		return nil, usage(err)
	}
	return &basket, nil
}

func parseLine(text, currency string) (coupon.Line, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return coupon.Line{}, usagef("is not GTIN:QUANTITY:PRICE")
	}
	gtin, err := coupon.PadGTIN(parts[0])
	if err != nil {
		return coupon.Line{}, err
	}
	quantity, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return coupon.Line{}, usagef("%q is no count", parts[1])
	}
	price, err := money.Parse(currency, parts[2])
	return coupon.Line{GTIN: gtin, Quantity: quantity, UnitPrice: price}, err
}

// receiptPrefix tells a receipt from a coupon or a presentation.
const receiptPrefix = "er1."

// handed is what a customer shows: coupons or presentations, and receipts.
type handed struct {
	coupons  []string
	receipts []*retailerv1.Receipt
}

// tenders returns what is in the arguments; "-" stands for what is on standard
// input, one a line. A receipt follows the coupon that it is for.
func (a *app) tenders(args []string) (handed, error) {
	texts, err := a.texts(args)
	if err != nil {
		return handed{}, err
	}
	var h handed
	for _, text := range texts {
		if !strings.HasPrefix(text, receiptPrefix) {
			h.coupons = append(h.coupons, text)
			continue
		}
		if len(h.coupons) == 0 {
			return handed{}, usagef("a receipt follows the coupon that it is for")
		}
		h.receipts = append(h.receipts, &retailerv1.Receipt{Index: int32(len(h.coupons) - 1), Text: text})
	}
	if len(h.coupons) == 0 || len(h.coupons) > coupon.MaxCoupons {
		return handed{}, usagef("1 to %d coupons or presentations are needed", coupon.MaxCoupons)
	}
	return h, nil
}

func (a *app) texts(args []string) ([]string, error) {
	var texts []string
	for _, arg := range args {
		if arg != "-" {
			texts = append(texts, arg)
			continue
		}
		lines := bufio.NewScanner(a.env.In)
		for lines.Scan() {
			if text := strings.TrimSpace(lines.Text()); text != "" {
				texts = append(texts, text)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func basketMessage(b *coupon.Basket) *typev1.Basket {
	if b == nil {
		return nil
	}
	return sales.Basket(*b)
}
