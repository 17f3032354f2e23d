// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// engineStop bounds the end of the test's own engine.
const engineStop = time.Minute

// needEngine makes docker answer: if none does it starts an engine for this
// test alone, installed from Debian's packages where there is none. It returns
// the compose command.
func needEngine(t *testing.T) []string {
	t.Helper()
	if !succeeds(t, "docker", "info") {
		if !found("dockerd") {
			install(t, "docker.io", "iptables")
		}
		if !succeeds(t, "docker", "info") {
			startEngine(t)
		}
	}
	if succeeds(t, "docker", "compose", "version") {
		return []string{"docker", "compose"}
	}
	if !found("docker-compose") {
		install(t, "docker-compose")
	}
	return []string{"docker-compose"}
}

func found(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func install(t *testing.T, packages ...string) {
	t.Helper()
	if os.Getuid() != 0 || !found("apt-get") {
		t.Fatalf("no container engine answers, and only root on Debian can install %s", strings.Join(packages, ", "))
	}
	t.Setenv("DEBIAN_FRONTEND", "noninteractive")
	run(t, "apt-get", "-q", "update")
	run(t, "apt-get", append([]string{"-q", "-y", "--no-install-recommends", "install"}, packages...)...)
}

// startEngine runs dockerd with all its state in a directory of the test's,
// and ends it with the test.
func startEngine(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("no container engine answers, and only root can start one")
	}
	dir, err := os.MkdirTemp("", "ecoupon-engine-")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	host := "unix://" + filepath.Join(dir, "docker.sock")
	engine := exec.Command("dockerd", "--host", host, "--bridge", "none",
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"))
	engine.Stdout, engine.Stderr = log, log
	// Should the test be killed, the engine ends with the thread that began it.
	runtime.LockOSThread()
	engine.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- engine.Wait() }()
	t.Cleanup(func() { stopEngine(t, engine.Process, ended, dir) })
	t.Setenv("DOCKER_HOST", host)
	eventually(t, "the engine answers", time.Minute, func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the engine has ended: %v\n%s", err, tail(log.Name()))
		default:
		}
		return succeeds(t, "docker", "info")
	})
}

func stopEngine(t *testing.T, engine *os.Process, ended <-chan error, dir string) {
	_ = engine.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(engineStop):
		t.Errorf("the engine does not end\n%s", tail(filepath.Join(dir, "log")))
		_ = engine.Kill()
		<-ended
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Errorf("removing the engine's state: %v", err)
	}
}

// tail returns the end of a log.
func tail(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		_, _ = f.Seek(max(0, info.Size()-4096), io.SeekStart)
	}
	data, _ := io.ReadAll(f)
	return string(data)
}

// run runs a program that must succeed, and returns what it printed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := command(context.WithoutCancel(t.Context()), program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

func succeeds(t *testing.T, program string, args ...string) bool {
	_, err := command(t.Context(), program, args...)
	return err == nil
}

// command runs a program in the project's directory. Its warnings are part of
// what is returned only if it fails.
func command(ctx context.Context, program string, args ...string) (string, error) {
	var out, said strings.Builder
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = root
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.String() + said.String(), err
	}
	return out.String(), nil
}

// eventually polls a condition that must become true.
func eventually(t *testing.T, what string, within time.Duration, condition func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !condition() {
		if time.Since(began) > within {
			t.Fatalf("%s: not within %s", what, within)
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, t.Context().Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return time.Since(began)
}
