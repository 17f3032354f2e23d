// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

//go:build compose

package compose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// engineDir holds all that the test's own engine writes.
const engineDir = "/var/lib/ecoupon-test-engine"

// cgroup is the parent of those of the test's own engine's containers.
const cgroup = "ecoupon-test"

// stage is, in the environment, which of its parts this program is to be.
const (
	stage  = "ECOUPON_TEST_STAGE"
	first  = "first"  // the first process in namespaces of its own
	inside = "inside" // the test, in these
)

// TestMain runs the tests with the engine that answers. Where none does, it
// runs them with one of its own, in namespaces of processes, network and
// mounts that hold nothing else: however a run ends, the kernel takes its
// processes, bridges, rules and mounts away. Files that it could not remove
// are removed by the next run.
func TestMain(m *testing.M) {
	var code int
	var err error
	switch os.Getenv(stage) {
	case first:
		code, err = asFirst()
	case inside:
		code, err = withEngine(m)
	default:
		code, err = begin(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func begin(m *testing.M) (int, error) {
	// Where Debian has engines and what they call, and not all users look.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		return 1, err
	}
	if err := answers(); err != nil {
		fmt.Println(err)
		if err := installEngine(); err != nil {
			return 1, err
		}
	}
	if err := installCompose(); err != nil {
		return 1, err
	}
	if answers() == nil {
		return m.Run(), nil
	}
	return isolate()
}

// answers asks for an engine.
func answers() error {
	out, err := exec.Command("docker", "version", "--format", "{{.Server.Version}}").CombinedOutput()
	if err != nil {
		return fmt.Errorf("no container engine answers: %w %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// isolate runs this program again as the first process of new namespaces.
func isolate() (code int, err error) {
	if os.Getuid() != 0 {
		return 1, errors.New("no container engine answers, and only root can start one")
	}
	if err := os.MkdirAll(engineDir, 0o700); err != nil {
		return 1, err
	}
	lock, err := os.Open(engineDir)
	if err != nil {
		return 1, err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return 1, fmt.Errorf("another run is at work in %s: %w", engineDir, err)
	}
	if err := removeIn(engineDir); err != nil {
		return 1, fmt.Errorf("removing what an earlier run has left: %w", err)
	}
	defer func() { err = errors.Join(err, removeCgroups(), os.RemoveAll(engineDir)) }()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// The namespaces end with the thread that began them.
	runtime.LockOSThread()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), stage+"="+first)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("making namespaces for an engine, which root may do on a machine or in a privileged container: %w", err)
	}
	err = cmd.Wait()
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) && ctx.Err() == nil {
		return max(ended.ExitCode(), 1), nil
	}
	return 0, err
}

// removeIn empties a directory. What an earlier run had mounted there is gone
// with its namespace.
func removeIn(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// removeCgroups removes those that are left of containers that were killed.
// One is busy until its last process has ended.
func removeCgroups() error {
	var err error
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(50 * time.Millisecond) {
		err = nil
		for _, pattern := range []string{"/sys/fs/cgroup/" + cgroup, "/sys/fs/cgroup/*/" + cgroup} {
			tops, _ := filepath.Glob(pattern)
			for _, top := range tops {
				err = errors.Join(err, removeDirs(top))
			}
		}
		if err == nil {
			return nil
		}
	}
	return err
}

// removeDirs removes directories that hold nothing else, the innermost first:
// a control group's files are not to be removed.
func removeDirs(top string) error {
	entries, err := os.ReadDir(top)
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, removeDirs(filepath.Join(top, e.Name())))
		}
	}
	return errors.Join(err, os.Remove(top))
}

// asFirst is what an engine expects of a machine: it provides the mounts and
// the loopback interface, starts the test, and collects all that ends.
func asFirst() (int, error) {
	if err := provide(); err != nil {
		return 1, err
	}
	if err := os.Setenv(stage, inside); err != nil {
		return 1, err
	}
	p, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return 1, err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, err
		case pid == p.Pid && status.Exited():
			return status.ExitStatus(), nil
		case pid == p.Pid:
			return 1, fmt.Errorf("the test was ended by %s", status.Signal())
		}
	}
}

func provide() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts to this run: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc for an engine: %w", err)
	}
	if err := provideCgroups(); err != nil {
		return err
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	loopback.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback); err != nil {
		return fmt.Errorf("setting up the loopback interface: %w", err)
	}
	return nil
}

// provideCgroups mounts what an engine needs where the machine has not: the
// old hierarchies if the kernel gives them, else the unified one.
func provideCgroups() error {
	const at = "/sys/fs/cgroup"
	if held, _ := filepath.Glob(at + "/*"); len(held) > 0 {
		return nil
	}
	if err := unix.Mount("cgroup", at, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting control groups for an engine: %w", err)
	}
	mounted := 0
	for _, controller := range []string{"devices", "memory", "pids", "freezer", "cpu", "cpuacct", "cpuset", "blkio"} {
		dir := filepath.Join(at, controller)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if unix.Mount("cgroup", dir, "cgroup", 0, controller) == nil {
			mounted++
			continue
		}
		if err := os.Remove(dir); err != nil {
			return err
		}
	}
	if mounted > 0 {
		return nil
	}
	if err := unix.Unmount(at, 0); err != nil {
		return err
	}
	if err := unix.Mount("cgroup2", at, "cgroup2", 0, ""); err != nil {
		return fmt.Errorf("this kernel gives no control groups, which an engine needs: %w", err)
	}
	return nil
}
