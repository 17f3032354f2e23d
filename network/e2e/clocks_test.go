// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/status"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
	"ecoupon/network/runner"
	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
)

// A clock that is somewhat wrong is told of, and one that is very wrong stops
// the work with a reason that names it: whether the contract notices it, or
// the peer before.
func TestWrongClocksAreNamed(t *testing.T) {
	const service, server = "retailer.retailer", "chaincode.retailer"
	o := launch(t, coupon.HolderBearer, nil)
	for _, tt := range []struct {
		process string
		offset  time.Duration
		refused string // part of what an operator is told; empty if the sale goes through
	}{
		{service, 3 * time.Second, ""},
		{service, time.Minute, "ahead of the clock of "},
		{service, 2 * time.Minute, "ahead of the clock of "},
		{service, -time.Minute, "behind the clock of "},
		{server, time.Minute, "behind the clock of " + retailer},
	} {
		t.Run(tt.process+" "+tt.offset.String(), func(t *testing.T) {
			t.Cleanup(func() { putClock(t, tt.process, 0) })
			written := putClock(t, tt.process, tt.offset)
			loud := written("the clock is put wrong on purpose")
			if tt.process == service {
				measured := gauge(t, service, "ecoupon_clock_offset_seconds")
				t.Logf("%s, measured %.3f s", loud, measured)
				if math.Abs(measured-tt.offset.Seconds()) > 1.5 {
					t.Errorf("the metric says %.3f s", measured)
				}
				written("the clock differs from the peer's")
			}
			if tt.refused == "" {
				redeem(t, request(o.show(t, retailer)))
				return
			}
			said := refusedForClock(t, "operator", o.show(t, retailer), "CLOCK_SKEW")
			if !strings.Contains(said, tt.refused) {
				t.Errorf("the operator is told: %s", said)
			}
			t.Log(said)
			if said := refusedForClock(t, "till-1", o.show(t, retailer), "TRY_AGAIN"); strings.Contains(said, "clock") {
				t.Errorf("the till is told: %s", said)
			}
		})
	}
	redeem(t, request(o.show(t, retailer)))
}

// putClock restarts a process with a clock that is wrong by the offset. The
// result waits for a line of the log written since, and returns it. A service
// that is refused for its clock does not become ready, but it answers.
func putClock(t *testing.T, process string, offset time.Duration) func(part string) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := consortium.Stop(ctx, process); err != nil {
		t.Fatal(err)
	}
	log := processOf(t, process).Log
	before, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	consortium.SetClock(process, offset)
	limited, cancel := context.WithTimeout(ctx, patience)
	if offset.Abs() > 30*time.Second && !strings.HasPrefix(process, "chaincode.") {
		cancel()
		limited, cancel = context.WithTimeout(ctx, 2*time.Second)
	}
	defer cancel()
	if err := consortium.Start(limited, process); err != nil && limited.Err() == nil || processOf(t, process).State != runner.Running {
		t.Fatalf("%s does not run: %v", process, err)
	}
	return func(part string) (line string) {
		t.Helper()
		eventually(t, "the log says that "+part, func() bool {
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			for line = range strings.Lines(string(text[before.Size():])) {
				if strings.Contains(line, part) && strings.Contains(line, `"level":"WARN"`) {
					line = strings.TrimSpace(line)
					return true
				}
			}
			return false
		})
		return line
	}
}

func processOf(t *testing.T, name string) runner.ProcessStatus {
	t.Helper()
	all := must[runner.Status](t)(consortium.Status())
	i := slices.IndexFunc(all.Processes, func(p runner.ProcessStatus) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("there is no process %s", name)
	}
	return all.Processes[i]
}

// gauge waits for a metric of a service that is not 0, and returns it.
func gauge(t *testing.T, process, name string) float64 {
	t.Helper()
	var value float64
	eventually(t, process+" has the metric "+name, func() bool {
		text, err := metrics(t.Context(), processOf(t, process).Operations)
		if err != nil {
			return false
		}
		lines := bufio.NewScanner(strings.NewReader(text))
		for lines.Scan() {
			if number, found := strings.CutPrefix(lines.Text(), name+" "); found {
				value, err = strconv.ParseFloat(number, 64)
				return err == nil && value != 0
			}
		}
		return false
	})
	return value
}

func metrics(ctx context.Context, address string) (string, error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", answer.StatusCode)
	}
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

// refusedForClock redeems a coupon, which must be refused with the reason as
// soon as the service answers, and returns the text.
func refusedForClock(t *testing.T, as, shown, reason string) (said string) {
	t.Helper()
	at := must[retailerv1.RetailerServiceClient](t)(sit(t, "retailer", as).Retailer(retailer))
	sale := request(shown)
	eventually(t, "the sale is refused with "+reason, func() bool {
		_, err := at.Redeem(t.Context(), sale)
		if err == nil {
			t.Fatal("the sale was not refused")
		}
		said = status.Convert(err).Message()
		return slices.Equal(desk.Reasons(err), []string{reason})
	})
	return said
}
