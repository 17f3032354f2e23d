// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package desk

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	institutev1 "ecoupon/proto/gen/coupon/institute/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/dial"
)

// Institute is a payment institute, as one of its merchants sees it.
type Institute struct {
	// Name is what invoices call it.
	Name string
	conn *grpc.ClientConn
}

// OpenInstitute connects with a folder of credentials that the institute gave;
// Close it after use.
func OpenInstitute(folder string) (*Institute, error) {
	about, conn, err := dial.OpenInstitute(folder)
	if err != nil {
		return nil, err
	}
	return &Institute{Name: about.Name, conn: conn}, nil
}

// Close ends the connection.
func (i *Institute) Close() error { return i.conn.Close() }

// Pay has the amount of an invoice paid to this merchant, and puts the payment's
// number, time and attestation into it.
func (i *Institute) Pay(ctx context.Context, invoice *typev1.Invoice) error {
	paid, err := institutev1.NewInstituteServiceClient(i.conn).Pay(ctx, &institutev1.PayRequest{
		RequestId: uuid.NewString(), Amount: invoice.GetAmount(),
	})
	if err != nil {
		return fmt.Errorf("paying by %s: %w", i.Name, err)
	}
	proto.Reset(invoice)
	proto.Merge(invoice, paid.GetInvoice())
	return nil
}
