// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package clearing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"google.golang.org/grpc"

	institutev1 "ecoupon/proto/gen/coupon/institute/v1"
	typev1 "ecoupon/proto/gen/coupon/type/v1"
	"ecoupon/services/dial"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/message"
)

// InstitutesFile is the file that says which payment institutes are asked. It is
// read anew in every run, so that an institute is added without a restart; while
// it is not there, none is asked.
type InstitutesFile string

// institutesFile is its content.
type institutesFile struct {
	// PerMille is how many of a thousand unattested payments are asked about.
	PerMille int `json:"sample_per_mille"`
	// Folders hold the credentials of each institute, as it gave them.
	Folders []string `json:"folders"`
}

// Validate checks the share.
func (f institutesFile) Validate() error {
	if f.PerMille < 0 || f.PerMille > maxPerMille {
		return fmt.Errorf("sample_per_mille: 0 to %d", maxPerMille)
	}
	return nil
}

// Sampling reads the file.
func (f InstitutesFile) Sampling() (Sampling, error) {
	content, err := f.read()
	if err != nil {
		return Sampling{}, err
	}
	sampling := Sampling{PerMille: content.PerMille}
	for _, folder := range content.Folders {
		about, connection, err := dial.OpenInstitute(folder)
		if err != nil {
			return Sampling{}, fmt.Errorf("%s: %w", f, err)
		}
		_ = connection.Close() // nothing was sent
		sampling.Institutes = append(sampling.Institutes, about.Name)
	}
	return sampling, nil
}

func (f InstitutesFile) read() (institutesFile, error) {
	var content institutesFile
	err := config.Load(string(f), &content)
	if f == "" || errors.Is(err, fs.ErrNotExist) {
		return institutesFile{}, nil
	}
	return content, err
}

// Confirm asks the institute of this name.
func (f InstitutesFile) Confirm(ctx context.Context, institute string, payments []Payment) ([]bool, error) {
	content, err := f.read()
	if err != nil {
		return nil, err
	}
	for _, folder := range content.Folders {
		about, connection, err := dial.OpenInstitute(folder)
		if err != nil {
			return nil, err
		}
		defer func() { _ = connection.Close() }()
		if about.Name == institute {
			return confirm(ctx, connection, payments)
		}
	}
	return nil, fmt.Errorf("%s has no institute %q", f, institute)
}

func confirm(ctx context.Context, connection grpc.ClientConnInterface, payments []Payment) ([]bool, error) {
	request := new(institutev1.ConfirmRequest)
	for _, p := range payments {
		request.Payments = append(request.Payments, &institutev1.Payment{Merchant: p.Merchant, Invoice: &typev1.Invoice{
			Number: p.Number, Institute: p.Institute, Amount: &typev1.Money{Currency: p.Currency, Minor: p.Amount},
			PaidTime: message.Time(p.PaidAt),
		}})
	}
	answer, err := institutev1.NewInstituteServiceClient(connection).Confirm(ctx, request)
	return answer.GetKnown(), err
}
