// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A test's own program plays the processes, as this variable says.
const playVariable = "RUNNER_TEST_PLAYS"

func TestMain(m *testing.M) {
	switch os.Getenv(playVariable) {
	case "":
		os.Exit(m.Run())
	case "obedient":
		fmt.Println("ready")
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
	case "dying":
		fmt.Println("first line\nthe reason why")
		os.Exit(3)
	}
	time.Sleep(time.Hour)
}

func play(part string) process {
	return process{
		name: part + ".test", dir: os.TempDir(), command: []string{os.Args[0]},
		env: []string{playVariable + "=" + part},
	}
}

// started starts a part and waits until it plays.
func started(t *testing.T, s state, part string) record {
	t.Helper()
	r, err := s.start(t.Context(), play(part))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.kill(context.Background(), part+".test") })
	awaitLine(t, s, part+".test", "ready")
	return r
}

func awaitLine(t *testing.T, s state, name, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := until(ctx, func(context.Context) error {
		lines, err := s.tail(name, lastLines)
		if err == nil && !strings.Contains(strings.Join(lines, "\n"), want) {
			err = fmt.Errorf("the log is %q", lines)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestProcessesAreStopped(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"obedient", "deaf"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			s := state(t.TempDir())
			r := started(t, s, part)
			if !r.alive() {
				t.Fatal("does not run after its start")
			}
			if group, err := syscall.Getpgid(r.PID); err != nil || group != r.PID {
				t.Errorf("belongs to the group %d (%v), and would end with it", group, err)
			}
			if err := s.stop(t.Context(), part+".test"); err != nil {
				t.Fatal(err)
			}
			if r.alive() {
				t.Error("still runs")
			}
			if names, err := s.noted(); err != nil || len(names) > 0 {
				t.Errorf("still noted: %q (%v)", names, err)
			}
		})
	}
}

func TestProcessWithAReusedNumberIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := state(t.TempDir())
	r := started(t, s, "obedient")
	old := r
	old.Start = "another boot 1"
	if err := s.writeRecord("peer.old", old); err != nil {
		t.Fatal(err)
	}
	if old.alive() {
		t.Error("taken for the process that had its number before")
	}
	if err := errors.Join(s.stop(t.Context(), "peer.old"), s.stop(t.Context(), "peer.unknown")); err != nil {
		t.Fatal(err)
	}
	if !r.alive() {
		t.Error("a process that was not noted was stopped")
	}
}

func TestDeadProcessIsNamedWithItsLastWords(t *testing.T) {
	t.Parallel()
	c := Default()
	c.StateDir = t.TempDir()
	n, err := New(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	p := play("dying")
	p.name = "peer.issuer"
	p.ready = func(context.Context) error { return errors.New("not ready") }
	err = n.ensure(t.Context(), p)
	if err == nil || !strings.Contains(err.Error(), "peer.issuer has died") || !strings.Contains(err.Error(), "the reason why") {
		t.Errorf("error %v does not say who died and why", err)
	}
	status, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	if err := status.Died(); err == nil || !strings.Contains(err.Error(), "the reason why") {
		t.Errorf("the status says %v", err)
	}
	if err := n.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, err = n.Status(); err != nil || status.Died() != nil {
		t.Errorf("after Down: %v, %v", err, status.Died())
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cause := errors.New("not yet")
	err := until(ctx, func(context.Context) error { cancel(); return cause })
	if !errors.Is(err, cause) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v names neither what was waited for nor why it ended", err)
	}
}

func TestOneRunnerAtATime(t *testing.T) {
	t.Parallel()
	s := state(t.TempDir())
	unlock, err := s.lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.lock(); err == nil {
		t.Error("a second runner was let in")
	}
	unlock()
	again, err := s.lock()
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestPurgeLeavesOtherDirectoriesAlone(t *testing.T) {
	t.Parallel()
	c := Default()
	c.StateDir = t.TempDir()
	keep := state(c.StateDir).path("precious")
	if err := os.WriteFile(keep, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := New(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(keep); err != nil {
		t.Error(err)
	}
	if _, err := Open(c.StateDir, t.Output()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory without a network opens: %v", err)
	}
}
