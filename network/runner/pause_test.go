// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	c := Default()
	c.StateDir = t.TempDir()
	n, err := New(c, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	const name = "peer.issuer"
	if err := n.Pause(t.Context(), name); err == nil {
		t.Error("a process that was never started was paused")
	}
	part := play("obedient")
	part.name = name
	r, err := n.state.start(t.Context(), part)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.state.kill(context.Background(), name) })
	for _, step := range []struct {
		do   func(context.Context, string) error
		want string
	}{{n.Pause, "T"}, {n.Resume, "S"}, {n.Resume, "S"}} {
		if err := step.do(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		awaitState(t, r.PID, step.want)
		if !r.alive() {
			t.Error("a process that is halted or goes on counts as ended")
		}
	}
	if err := n.Kill(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := n.Pause(t.Context(), name); err == nil {
		t.Error("a process that has ended was paused")
	}
}

// awaitState waits until the system shows a process in a state.
func awaitState(t *testing.T, pid int, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := until(ctx, func(context.Context) error {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err == nil && !strings.Contains(string(status), "State:\t"+want) {
			err = fmt.Errorf("the process is not in state %s", want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestReadMetric(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# HELP blocks How many.\nblocks_more{channel=\"c\"} 7\nblocks{channel=\"c\"} 12\nplain 3.5\n")
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	for name, want := range map[string]float64{"blocks": 12, "plain": 3.5} {
		if got, err := readMetric(t.Context(), address, name); err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := readMetric(t.Context(), address, "absent"); err == nil {
		t.Error("a metric that is not there was read")
	}
}
