// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"ecoupon/chaincode/coupon"
	advertiserv1 "ecoupon/proto/gen/coupon/advertiser/v1"
	"ecoupon/services/internal/config"
)

// Advertisers asks the services of advertisers, with the issuer's certificate. It
// is safe for concurrent use.
type Advertisers struct {
	directory   *config.Directory
	certificate tls.Certificate

	mu    sync.Mutex
	conns map[string]*grpc.ClientConn
}

// NewAdvertisers connects to nobody before the first call. Close ends it.
func NewAdvertisers(directory *config.Directory, certificate tls.Certificate) *Advertisers {
	return &Advertisers{directory: directory, certificate: certificate, conns: make(map[string]*grpc.ClientConn)}
}

// Close ends all connections.
func (a *Advertisers) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for _, conn := range a.conns {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}

// Log implements Emitters.
func (a *Advertisers) Log(ctx context.Context, emitter string, ref coupon.FrameRef, most int64) ([]coupon.Entry, error) {
	conn, err := a.connection(emitter)
	if err != nil {
		return nil, err
	}
	client := advertiserv1.NewAdvertiserServiceClient(conn)
	request := &advertiserv1.GetLogRequest{
		FrameworkId: ref.Framework.String(), Lane: int32(ref.Lane), Frame: int64(ref.Frame),
	}
	var log []coupon.Entry
	for {
		page, err := client.GetLog(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, shown := range page.GetEntries() {
			entry, err := entryOf(ref.Lane, shown)
			if err != nil {
				return nil, err
			}
			if log = append(log, entry); int64(len(log)) > most {
				return log, nil
			}
		}
		request.PageToken = page.GetNextPageToken()
		if request.PageToken == "" || len(page.GetEntries()) == 0 {
			return log, nil
		}
	}
}

// Openings implements Emitters.
func (a *Advertisers) Openings(ctx context.Context, emitter string, ref coupon.FrameRef, most int64) ([]coupon.Opening, error) {
	conn, err := a.connection(emitter)
	if err != nil {
		return nil, err
	}
	client := advertiserv1.NewAdvertiserServiceClient(conn)
	request := &advertiserv1.GetOpeningsRequest{
		FrameworkId: ref.Framework.String(), Lane: int32(ref.Lane), Frame: int64(ref.Frame),
	}
	var all []coupon.Opening
	for {
		page, err := client.GetOpenings(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, shown := range page.GetOpenings() {
			opening, err := openingOf(ref, shown)
			if err != nil {
				return nil, err
			}
			if all = append(all, opening); int64(len(all)) == most {
				return all, nil
			}
		}
		request.PageToken = page.GetNextPageToken()
		if request.PageToken == "" || len(page.GetOpenings()) == 0 {
			return all, nil
		}
	}
}

// openingOf reads what an emitter shows, as entryOf does.
func openingOf(ref coupon.FrameRef, shown *advertiserv1.Opening) (coupon.Opening, error) {
	o := coupon.Opening{
		Framework: ref.Framework, Lane: ref.Lane, SN: shown.GetSn(), Product: shown.GetProductId(), Invoice: shown.GetInvoiceNumber(),
	}
	if len(shown.GetSalt()) != len(o.Salt) || coupon.CheckID("", o.Product) != nil || coupon.CheckID("", o.Invoice) != nil {
		return o, fmt.Errorf("the opening of number %d is not one of a sale", o.SN)
	}
	o.Salt = coupon.Nonce(shown.GetSalt())
	return o, nil
}

// entryOf reads what an emitter shows: anything can come.
func entryOf(lane uint16, shown *advertiserv1.LogEntry) (coupon.Entry, error) {
	e := coupon.Entry{Lane: lane, SN: shown.GetSn(), UData: shown.GetUData()}
	if len(shown.GetQ()) != len(e.Q) || len(e.UData) != 0 && len(e.UData) != len(coupon.Hash{}) || shown.GetReleaseTime().CheckValid() != nil {
		return e, fmt.Errorf("the entry of number %d is not one of a log", e.SN)
	}
	e.Q, e.Time = coupon.Hash(shown.GetQ()), shown.GetReleaseTime().AsTime().UnixMilli()
	return e, nil
}

func (a *Advertisers) connection(emitter string) (*grpc.ClientConn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if conn := a.conns[emitter]; conn != nil {
		return conn, nil
	}
	organisation, _ := a.directory.ByMSP(emitter)
	service, found := organisation.Services[config.RoleAdvertiser]
	if !found {
		return nil, fmt.Errorf("the directory has no advertiser's service of %s", emitter)
	}
	authority, err := config.ParseCertificate([]byte(organisation.TLSCA))
	if err != nil {
		return nil, fmt.Errorf("the TLS authority of %s: %w", emitter, err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	conn, err := grpc.NewClient(service.Address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: service.ServerName,
		Certificates: []tls.Certificate{a.certificate},
	})), grpc.WithDisableServiceConfig())
	if err == nil {
		a.conns[emitter] = conn
	}
	return conn, err
}
