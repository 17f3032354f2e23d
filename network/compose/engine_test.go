// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

//go:build compose

package compose

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// engineStart and engineStop bound start and end of the test's own engine.
	engineStart = 2 * time.Minute
	engineStop  = time.Minute
	// installTries bounds how often packages are tried to be installed.
	installTries = 3
)

func installEngine() error {
	if !found("dockerd") || !found("iptables") {
		if err := install("docker.io", "iptables"); err != nil {
			return err
		}
	}
	if !found("docker") { // Debian has it in a package of its own after version 12
		return install("docker-cli")
	}
	return nil
}

// installCompose makes docker-compose a command, if need be one that calls
// docker's own.
func installCompose() error {
	switch {
	case found("docker-compose"):
		return nil
	case exec.Command("docker", "compose", "version").Run() != nil:
		return install("docker-compose")
	}
	return prefer("docker-compose", "#!/bin/sh\nexec docker compose \"$@\"\n")
}

// prefer puts a script in front of all programs of the same name.
func prefer(name, script string) error {
	dir := filepath.Join(root, ".cache", "compose", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
		return err
	}
	return os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func found(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// install takes packages from Debian, some times if need be: mirrors fail.
func install(packages ...string) error {
	what := strings.Join(packages, ", ")
	if os.Getuid() != 0 || !found("apt-get") {
		return fmt.Errorf("only root on Debian can install %s", what)
	}
	var err error
	for try := range installTries {
		fmt.Printf("installing %s\n", what)
		if err = aptGet("update"); err == nil {
			err = aptGet(append([]string{"-y", "--no-install-recommends", "install"}, packages...)...)
		}
		if err == nil {
			return nil
		}
		fmt.Println(err)
		time.Sleep(time.Duration(5*try) * time.Second)
	}
	return fmt.Errorf("installing %s: %w", what, err)
}

func aptGet(args ...string) error {
	options := []string{"-q", "-o", "Acquire::Retries=3", "-o", "Acquire::http::Timeout=30", "-o", "DPkg::Lock::Timeout=300"}
	cmd := exec.Command("apt-get", append(options, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// engine is the test's own.
type engine struct {
	process *os.Process
	ended   chan error
	log     string
}

// withEngine runs the tests with an engine that has all its state in
// engineDir.
func withEngine(m *testing.M) (int, error) {
	e, err := startEngine()
	if err != nil {
		return 1, err
	}
	return m.Run(), e.stop()
}

func startEngine() (*engine, error) {
	if err := chooseTables(); err != nil {
		return nil, err
	}
	e := &engine{ended: make(chan error, 1), log: filepath.Join(engineDir, "log")}
	log, err := os.Create(e.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	in := func(name string) string { return filepath.Join(engineDir, name) }
	host := "unix://" + in("docker.sock")
	cmd := exec.Command("dockerd", "--host", host, "--bridge", "none", "--cgroup-parent", "/"+cgroup,
		"--exec-opt", "native.cgroupdriver=cgroupfs", "--data-root", in("data"), "--exec-root", in("exec"), "--pidfile", in("pid"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting an engine: %w", err)
	}
	e.process = cmd.Process
	go func() { e.ended <- cmd.Wait() }()
	if err := os.Setenv("DOCKER_HOST", host); err != nil {
		return nil, err
	}
	for began := time.Now(); answers() != nil; {
		select {
		case err := <-e.ended:
			return nil, fmt.Errorf("the engine has ended: %w\n%s", err, tail(e.log))
		case <-time.After(100 * time.Millisecond):
		}
		if time.Since(began) > engineStart {
			return nil, fmt.Errorf("the engine does not answer within %s\n%s", engineStart, tail(e.log))
		}
	}
	out, err := exec.Command("docker", "info", "--format",
		"an engine of this run's own: version {{.ServerVersion}}, storage {{.Driver}}, control groups {{.CgroupVersion}}").Output()
	fmt.Print(string(out))
	return e, err
}

// stop ends the engine.
func (e *engine) stop() error {
	if err := e.process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-e.ended:
		return nil
	case <-time.After(engineStop):
		return fmt.Errorf("the engine does not end\n%s", tail(e.log))
	}
}

// chooseTables puts the iptables that this kernel understands where the engine
// looks first: most kernels have both kinds, some only one.
func chooseTables() error {
	var all error
	for _, program := range []string{"iptables", "iptables-nft", "iptables-legacy"} {
		file, err := exec.LookPath(program)
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		if out, err := exec.Command(file, "-t", "nat", "-S").CombinedOutput(); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w %s", program, err, out))
			continue
		}
		return prefer("iptables", "#!/bin/sh\nexec "+file+" \"$@\"\n")
	}
	return fmt.Errorf("an engine needs address translation, which this kernel has neither in nf_tables nor in ip_tables: %w", all)
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
