// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/advertiser"
	"ecoupon/services/internal/campaigntest"
)

// callers are the customers who ask at the same time.
const callers = 256

// benchOffers are the offers whose coupons are issued: lanes are not used up.
var benchOffers = []struct {
	name   string
	offer  campaigntest.Options
	issued func(f coupon.Framework) advertiser.IssueRequest
}{
	{
		name:  "static",
		offer: campaigntest.Options{ID: "static", Quotas: []int64{1 << 40}},
		issued: func(f coupon.Framework) advertiser.IssueRequest {
			return advertiser.IssueRequest{ID: uuid.NewString(), Framework: f.ID}
		},
	},
	{
		name: "dynamic",
		offer: campaigntest.Options{
			ID: "dynamic", Kind: coupon.KindDynamic, Terms: scheduled(decay), MaxFrameAge: frameAge, Quotas: []int64{1 << 40},
		},
		issued: func(f coupon.Framework) advertiser.IssueRequest {
			return advertiser.IssueRequest{ID: uuid.NewString(), Framework: f.ID, UData: newUData()}
		},
	},
}

// benchStand runs a service whose limits nobody reaches, with one offer. Its log
// is written as in production, to nowhere.
func benchStand(b *testing.B, of campaigntest.Options) (stand, coupon.Framework) {
	b.Helper()
	c := newConsortium(b)
	const unlimited = 1e9
	s := runChanged(b, c, filepath.Join(b.TempDir(), "advertiser.db"), func(o *advertiser.Options) {
		o.Limits = advertiser.Limits{
			AddressRate: unlimited, AddressBurst: unlimited, OfferRate: unlimited, OfferBurst: unlimited,
		}
		o.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil))
	})
	f := campaigntest.Publish(b, c, of).Framework
	s.offered(b, f)
	return s, f
}

// measure has as many callers as given call until b.N calls are made, and reports calls per
// second, how long one took, and the processor time of one, that of whoever calls included.
func measure(b *testing.B, callers int, call func() error) {
	b.Helper()
	var next atomic.Int64
	took := make([][]time.Duration, callers)
	used, began := processorTime(b), time.Now()
	b.ResetTimer()
	var calling sync.WaitGroup
	for i := range callers {
		calling.Go(func() {
			for next.Add(1) <= int64(b.N) {
				start := time.Now()
				if err := call(); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	calling.Wait()
	b.StopTimer()
	elapsed := time.Since(began)
	used = processorTime(b) - used
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "coupons/s")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/coupon")
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op") // says nothing with many callers
}

// processorTime is what the process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkIssue is issuing in process: each coupon is on the disk before its
// caller has it.
func BenchmarkIssue(b *testing.B) {
	for _, of := range benchOffers {
		for _, callers := range []int{1, callers} {
			b.Run(fmt.Sprintf("%s/callers=%d", of.name, callers), func(b *testing.B) {
				s, f := benchStand(b, of.offer)
				measure(b, callers, func() error {
					_, err := s.emitter.Issue(context.Background(), of.issued(f))
					return err
				})
			})
		}
	}
}

// BenchmarkPublic is issuing through the public side, with TLS on connections
// that are kept. The clients are part of the same process.
func BenchmarkPublic(b *testing.B) {
	for _, of := range benchOffers {
		for _, connections := range []int{64, callers} {
			b.Run(fmt.Sprintf("%s/connections=%d", of.name, connections), func(b *testing.B) {
				s, f := benchStand(b, of.offer)
				client := keepingClient(s, connections)
				defer client.CloseIdleConnections()
				measure(b, connections, func() error {
					return post(client, s.PublicURL+couponsOf(f), of.issued(f))
				})
			})
		}
	}
}

// keepingClient keeps its connections, as a browser or a proxy does.
func keepingClient(s stand, connections int) *http.Client {
	transport := s.HTTP().Transport.(*http.Transport)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: transport.TLSClientConfig.RootCAs},
		MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
	}}
}

func post(client *http.Client, url string, request advertiser.IssueRequest) error {
	body := `{"request_id":"` + request.ID + `"}`
	if request.UData != nil {
		body = `{"request_id":"` + request.ID + `","u_data":"` + encode(request.UData) + `"}`
	}
	asked, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	asked.Header.Set("Content-Type", "application/json")
	response, err := client.Do(asked)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, text)
	}
	return err
}
