// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"ecoupon/network/bench/load"
	"ecoupon/network/bench/report"
)

const (
	// visitors is how many customers ask at a time on the advertiser's page, where
	// each that was served makes place for the next, and pages how many
	// connections they share.
	visitors, pages = 256, 64
	// inProcess is the benchmark of the advertiser's package that issues dynamic
	// coupons on one lane without a network, and the metric that counts.
	inProcess       = "^BenchmarkIssue$/^dynamic$/^callers=256$"
	inProcessMetric = "coupons/s"

	laneByItself = "one lane, in process"
)

// issueInProcess runs the advertiser's own benchmark: each coupon is on the disk
// before its caller has it.
func (b *bench) issueInProcess(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", inProcess, "-benchtime", b.times.rung.String(), "ecoupon/services/advertiser")
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("the benchmark of the advertiser: %w: %s", err, said)
	}
	metrics, err := metricsOf(string(said))
	if err != nil {
		return err
	}
	rate, found := metrics[inProcessMetric]
	if !found {
		return fmt.Errorf("the benchmark of the advertiser tells no %s: %s", inProcessMetric, said)
	}
	b.note(report.Load{
		Part: "lane", Name: laneByItself, Unit: "coupons", InFlight: visitors, Seconds: b.times.rung.Seconds(), PerSecond: rate,
		Cores: map[string]float64{"advertiser in process": rate * metrics["cpu-us/coupon"] / 1e6},
	})
	return nil
}

// metricsOf reads the last result line of a benchmark: value and unit in turn.
func metricsOf(said string) (map[string]float64, error) {
	metrics := make(map[string]float64)
	for line := range strings.Lines(said) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		clear(metrics)
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("reading a benchmark's result %q: %w", line, err)
			}
			metrics[fields[i+1]] = value
		}
	}
	if len(metrics) == 0 {
		return nil, fmt.Errorf("there is no result of a benchmark: %s", said)
	}
	return metrics, nil
}

// page is the advertiser's for customers, on connections that are kept.
type page struct {
	client *http.Client
	offers string // their URL
}

func (b *bench) page() (page, error) {
	d, err := b.sit("advertiser", "operator")
	if err != nil {
		return page{}, err
	}
	url, roots, err := d.Public(advertiser)
	if err != nil {
		return page{}, err
	}
	return page{offers: url + "/v1/offers/", client: &http.Client{Timeout: saleLimit, Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots},
		MaxIdleConnsPerHost: pages, MaxConnsPerHost: pages,
	}}}, nil
}

func (p page) close() { p.client.CloseIdleConnections() }

// issuePublicly measures how many dynamic coupons customers get from the
// advertiser's page.
func (b *bench) issuePublicly(ctx context.Context) error {
	page, err := b.page()
	if err != nil {
		return err
	}
	defer page.close()
	offer := func(ctx context.Context, name string, plan load.Plan, limit time.Duration) (report.Load, error) {
		s := new(counts)
		l := b.measure(ctx, measurement{part: "public", name: name, unit: "coupons", plan: plan, limit: limit, repeated: s,
			work: func(ctx context.Context, _ int) (int, error) { return 1, page.ask(ctx, b.frameworks[dynamic], s) }})
		return l, ctx.Err()
	}
	rate, err := b.search(ctx, offer, visitors)
	if err != nil {
		return err
	}
	_, err = b.hold(ctx, sustained, offer, load.Plan{Rate: rate, Lasts: b.times.side}, lower)
	return err
}

// ask gets one coupon, as a wallet does. Its errors are few.
func (p page) ask(ctx context.Context, framework string, repeated *counts) error {
	owner, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	body := []byte(`{"request_id":"` + uuid.NewString() + `","owner":"` + base64.StdEncoding.EncodeToString(owner) + `"}`)
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.offers+framework+"/coupons", bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := p.client.Do(request)
		if err != nil {
			return errors.New("no answer")
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		switch {
		case err != nil:
			return errors.New("half an answer")
		case response.StatusCode == http.StatusOK && bytes.Contains(text, []byte(`"ec1.`)):
			return nil
		case response.StatusCode != http.StatusServiceUnavailable && response.StatusCode != http.StatusTooManyRequests:
			return fmt.Errorf("status %d", response.StatusCode)
		}
		repeated.add(strconv.Itoa(response.StatusCode))
		if !rest(ctx) {
			return errors.New("never answered")
		}
	}
}
