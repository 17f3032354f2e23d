// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// stopGrace is how long a process may take to end by itself. Peers are
	// known to hang while they leave gossip.
	stopGrace = 5 * time.Second
	pollEvery = 20 * time.Millisecond
	// lastLines is how much of a log is shown when its process has died.
	lastLines = 15
)

// process is one program of the network as it is to be run.
type process struct {
	name    string // kind.organisation
	dir     string // working directory
	command []string
	env     []string
	address Address
	// ready returns nil once the process serves.
	ready func(context.Context) error
}

// record notes a started process for later runs of the runner.
type record struct {
	PID int `json:"pid"`
	// Start tells the process from another that got the same number later.
	Start   string   `json:"start"`
	Command []string `json:"command"`
	// Program tells a program from one that replaced it later.
	Program string  `json:"program"`
	Address Address `json:"address"`
}

// alive reports whether the noted process still runs.
func (r record) alive() bool {
	start, err := startOf(r.PID)
	return err == nil && start == r.Start
}

// runs reports whether the noted process still runs just what p would start.
func (r record) runs(p process) bool {
	return r.alive() && slices.Equal(r.Command, p.command) && r.Address == p.address && r.Program == stampOf(p.command[0])
}

// stampOf changes when a program is built anew.
func stampOf(program string) string {
	info, err := os.Stat(program)
	if err != nil {
		return ""
	}
	return info.ModTime().Format(time.RFC3339Nano)
}

// startOf identifies a running process by the machine's boot and its start
// time in it. One that has ended and was not waited for does not run.
func startOf(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	// The name in parentheses may hold anything; state, number of threads and start
	// time are the 1st, the 18th and the 20th field after it.
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	if fields[0] == "Z" || fields[0] == "X" {
		// Its ports are free when the last of its threads has ended.
		if threads := fields[17]; threads == "0" || threads == "1" {
			return "", fs.ErrNotExist
		}
	}
	return strings.TrimSpace(string(boot)) + " " + fields[19], nil
}

// start runs the program in a session of its own, so that it outlives the
// runner and its terminal, and notes it.
func (s state) start(ctx context.Context, p process) (record, error) {
	log, err := s.openLog(p.name)
	if err != nil {
		return record{}, err
	}
	defer log.Close()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), p.command[0], p.command[1:]...)
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return record{}, fmt.Errorf("starting %s: %w", p.name, err)
	}
	// It ends with the process; until then there is nothing to wait for.
	go func() { _ = cmd.Wait() }()
	start, err := startOf(cmd.Process.Pid)
	if err != nil {
		return record{}, s.died(p.name)
	}
	r := record{PID: cmd.Process.Pid, Start: start, Command: p.command, Program: stampOf(p.command[0]), Address: p.address}
	if err := s.writeRecord(p.name, r); err != nil {
		return record{}, errors.Join(err, cmd.Process.Kill())
	}
	return r, nil
}

// stop ends the noted process: by request, then by force. One that was not
// started here, or has ended, is left alone.
func (s state) stop(ctx context.Context, name string) error {
	r, err := s.readRecord(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ended := !r.alive()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if ended {
			break
		}
		if err := syscall.Kill(r.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stopping %s: %w", name, err)
		}
		grace, cancel := context.WithTimeout(ctx, stopGrace)
		err = until(grace, func(context.Context) error {
			if r.alive() {
				return fmt.Errorf("process %d still runs", r.PID)
			}
			return nil
		})
		cancel()
		ended = err == nil
	}
	if !ended {
		return fmt.Errorf("stopping %s: %w", name, err)
	}
	return s.removeRecord(name)
}

// kill ends the noted process without warning.
func (s state) kill(ctx context.Context, name string) error {
	r, err := s.readRecord(name)
	if err != nil {
		return fmt.Errorf("killing %s: %w", name, err)
	}
	if r.alive() {
		if err := syscall.Kill(r.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("killing %s: %w", name, err)
		}
	}
	return s.stop(ctx, name)
}

// died describes the end of a process by the last lines it wrote.
func (s state) died(name string) error {
	lines, err := s.tail(name, lastLines)
	return errors.Join(died(name, s.logFile(name), lines), err)
}

func died(name, log string, lines []string) error {
	if len(lines) == 0 {
		return fmt.Errorf("%s has died and left no log", name)
	}
	return fmt.Errorf("%s has died; the end of %s:\n  %s", name, log, strings.Join(lines, "\n  "))
}

// until repeats try until it succeeds or ctx ends; then it returns the last
// error of try.
func until(ctx context.Context, try func(context.Context) error) error {
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}

func (s state) writeRecord(name string, r record) error {
	data, err := json.Marshal(r)
	if err == nil {
		err = writeFile(s.recordFile(name), data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("noting %s: %w", name, err)
	}
	return nil
}

func (s state) readRecord(name string) (record, error) {
	var r record
	data, err := os.ReadFile(s.recordFile(name))
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return r, fmt.Errorf("reading what was noted of %s: %w", name, err)
	}
	return r, nil
}

func (s state) removeRecord(name string) error {
	if err := os.Remove(s.recordFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting %s: %w", name, err)
	}
	return nil
}

// noted lists the processes that have been started and not stopped.
func (s state) noted() ([]string, error) {
	files, err := filepath.Glob(s.recordFile("*"))
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(filepath.Base(f), ".json")
	}
	return names, nil
}
