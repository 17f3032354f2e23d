// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package postgres runs a throw-away PostgreSQL: a cluster of its own in a
// directory of its own, which is removed at the end. Whatever it says is
// committed is durable.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settings are those of a database that has the machine's memory to itself, and
// nothing that would make a commit less than durable.
var settings = []string{
	"fsync=on", "synchronous_commit=on", "full_page_writes=on",
	"shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=15min", "max_connections=300", "listen_addresses=127.0.0.1",
}

const (
	// stopLimit bounds the end.
	stopLimit = 30 * time.Second
	// installTries bounds how often the package is tried to be installed.
	installTries = 3
	// debian is where Debian has the programs, by version.
	debian = "/usr/lib/postgresql"
	// noCluster keeps Debian's package from starting a server of its own.
	noClusterFile, noCluster = "/etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n"
)

// Server is one that runs.
type Server struct {
	bin, dir string
	port     int
	// as is the user that it runs as; nil for the own one.
	as *syscall.Credential
}

// Start makes a cluster and starts it. Where PostgreSQL is not installed, it is
// installed from Debian's packages, as far as root runs this on Debian.
func Start(ctx context.Context) (*Server, error) {
	bin, err := programs(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin}
	if s.as, err = unprivileged(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "ecoupon-postgres-"); err != nil {
		return nil, err
	}
	if s.as != nil {
		err = os.Chown(s.dir, int(s.as.Uid), int(s.as.Gid))
	}
	if err == nil {
		s.port, err = freePort(ctx)
	}
	if err == nil {
		err = s.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if err := s.run(ctx, "initdb", "-D", s.data(), "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C"); err != nil {
		return err
	}
	options := "-p " + strconv.Itoa(s.port) + " -k " + s.dir
	for _, setting := range settings {
		options += " -c " + setting
	}
	return s.run(ctx, "pg_ctl", "-D", s.data(), "-l", filepath.Join(s.dir, "log"), "-w", "-o", options, "start")
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Stop ends the server and removes all that it wrote.
func (s *Server) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	var err error
	if _, running := os.Stat(filepath.Join(s.data(), "postmaster.pid")); running == nil {
		err = s.run(ctx, "pg_ctl", "-D", s.data(), "-m", "immediate", "-w", "stop")
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// Address is the server's for clients, over its socket.
func (s *Server) Address() string {
	return fmt.Sprintf("host=%s port=%d user=bench dbname=postgres", s.dir, s.port)
}

// PID is the number of the server's first process; 0 if it cannot be read.
func (s *Server) PID() int {
	content, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, _ := strconv.Atoi(first)
	return pid
}

// run runs one of PostgreSQL's programs. What it starts keeps no pipe of this
// process open.
func (s *Server) run(ctx context.Context, program string, args ...string) error {
	_, err := s.output(ctx, program, args...)
	return err
}

func (s *Server) output(ctx context.Context, program string, args ...string) (string, error) {
	path := filepath.Join(s.dir, program+".out")
	out, err := os.Create(path) //nolint:gosec // in the own directory
	if err != nil {
		return "", err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setsid: true}
	err = cmd.Run()
	text, _ := os.ReadFile(path) //nolint:gosec // likewise
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", program, err, text)
	}
	return string(text), nil
}

// unprivileged is whom a server runs as that root starts, which refuses to run as
// root: Debian's user for it, or nobody.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(found.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(found.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("there is no user for PostgreSQL, which does not run as root")
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// programs returns the directory of the newest PostgreSQL's programs.
func programs(ctx context.Context) (string, error) {
	if bin := installed(); bin != "" {
		return bin, nil
	}
	if err := install(ctx); err != nil {
		return "", fmt.Errorf("PostgreSQL is not installed: %w", err)
	}
	if bin := installed(); bin != "" {
		return bin, nil
	}
	return "", errors.New("PostgreSQL was installed and is not found")
}

func installed() string {
	found, _ := filepath.Glob(filepath.Join(debian, "*", "bin", "initdb"))
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	for _, path := range found {
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			bin := filepath.Dir(resolved)
			if _, err := os.Stat(filepath.Join(bin, "pgbench")); err == nil {
				return bin
			}
		}
	}
	return ""
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// install takes the package from Debian, some times if need be: mirrors fail.
func install(ctx context.Context) error {
	if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
		return errors.New("only root on Debian can install it: the package is postgresql")
	}
	if _, err := os.Stat(noClusterFile); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(noClusterFile), 0o755); err != nil { //nolint:gosec // as Debian has it
			return err
		}
		if err := os.WriteFile(noClusterFile, []byte(noCluster), 0o644); err != nil { //nolint:gosec // as Debian has it
			return err
		}
	}
	var err error
	for range installTries {
		fmt.Fprintln(os.Stderr, "installing postgresql")
		if err = aptGet(ctx, "update"); err == nil {
			err = aptGet(ctx, "-y", "--no-install-recommends", "install", "postgresql")
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func aptGet(ctx context.Context, args ...string) error {
	options := []string{"-q", "-o", "Acquire::Retries=3", "-o", "Acquire::http::Timeout=30", "-o", "DPkg::Lock::Timeout=300"}
	cmd := exec.CommandContext(ctx, "apt-get", append(options, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w: %s", strings.Join(args, " "), err, text)
	}
	return nil
}
