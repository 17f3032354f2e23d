// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package advertiser_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

// timing is how long calls took, all together and one by one.
type timing struct {
	Calls                int
	All, Median, Percent time.Duration
}

// many has as many callers as given call until all calls are made.
func many(calls, callers int, call func() error) (timing, error) {
	var next atomic.Int64
	took, failed := make([][]time.Duration, callers), make([]error, callers)
	began := time.Now()
	var calling sync.WaitGroup
	for i := range callers {
		calling.Go(func() {
			for next.Add(1) <= int64(calls) && failed[i] == nil {
				start := time.Now()
				failed[i] = call()
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	calling.Wait()
	result := timing{Calls: calls, All: time.Since(began)}
	all := slices.Concat(took...)
	slices.Sort(all)
	result.Median, result.Percent = all[len(all)/2], all[len(all)*99/100]
	return result, errors.Join(failed...)
}

func (r timing) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(r.Calls)/r.All.Seconds(), "coupons/s")
	b.ReportMetric(float64(r.Median.Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(r.Percent.Microseconds())/1000, "p99-ms")
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
				used := processorTime(b)
				b.ResetTimer()
				result, err := many(b.N, callers, func() error {
					_, err := s.emitter.Issue(context.Background(), of.issued(f))
					return err
				})
				b.StopTimer()
				if err != nil {
					b.Fatal(err)
				}
				used = processorTime(b) - used
				result.report(b)
				b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/coupon")
			})
		}
	}
}

// BenchmarkPublic is issuing through the public side, with TLS on connections
// that are kept. The clients are a process of their own; the processor time is the
// service's alone.
func BenchmarkPublic(b *testing.B) {
	for _, of := range benchOffers {
		for _, connections := range []int{64, callers} {
			b.Run(fmt.Sprintf("%s/connections=%d", of.name, connections), func(b *testing.B) {
				s, f := benchStand(b, of.offer)
				task := visit{
					URL: s.PublicURL + couponsOf(f), Authority: s.authority(b), Offer: of.name, Framework: f.ID,
					Requests: b.N, Connections: connections,
				}
				used := processorTime(b)
				b.ResetTimer()
				result := task.send(b)
				b.StopTimer()
				used = processorTime(b) - used
				result.report(b)
				b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/coupon")
			})
		}
	}
}

// authority is the certificate, in PEM, that vouches for the public side.
func (s stand) authority(b *testing.B) []byte {
	b.Helper()
	answer, err := s.HTTP().Get(s.PublicURL + "/v1/offers")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	chain := answer.TLS.VerifiedChains[0]
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw})
}

// visit is what a process of clients is to do.
type visit struct {
	URL                   string
	Authority             []byte
	Offer                 string
	Framework             coupon.FrameworkID
	Requests, Connections int
}

// clients is set for a process that reads a visit from its standard input.
const clients = "ECOUPON_BENCH_CLIENTS"

// send has a process do it.
func (v visit) send(b *testing.B) (result timing) {
	b.Helper()
	task, err := json.Marshal(v)
	if err != nil {
		b.Fatal(err)
	}
	process := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestVisit$")
	process.Env = append(os.Environ(), clients+"=1")
	process.Stdin, process.Stderr = bytes.NewReader(task), os.Stderr
	told, err := process.Output()
	if err != nil {
		b.Fatalf("%v: %s", err, told)
	}
	line, _, _ := bytes.Cut(told, []byte("\n"))
	if err := json.Unmarshal(line, &result); err != nil {
		b.Fatalf("%v: %s", err, told)
	}
	return result
}

// TestVisit is the process of clients of BenchmarkPublic.
func TestVisit(t *testing.T) {
	if os.Getenv(clients) == "" {
		return // it is run by the benchmark
	}
	var v visit
	if err := json.NewDecoder(os.Stdin).Decode(&v); err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(v.Authority)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: authorities},
		MaxIdleConnsPerHost: v.Connections, MaxConnsPerHost: v.Connections,
	}}
	result, err := many(v.Requests, v.Connections, func() error { return v.post(client) })
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		t.Fatal(err)
	}
}

func (v visit) post(client *http.Client) error {
	body := `{"request_id":"` + uuid.NewString() + `"}`
	if v.Offer == "dynamic" {
		body = `{"request_id":"` + uuid.NewString() + `","u_data":"` + encode(newUData()) + `"}`
	}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, v.URL, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
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
